package pipeline

import (
	"context"
	"encoding/json"
	"fmt"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// Report says why an object was rejected, or that records of it are in
// quarantine. It holds no value of the object.
type Report struct {
	Version  int    `json:"version"`
	Bucket   string `json:"bucket"`
	Key      string `json:"key"`
	Identity string `json:"identity"` // of the source state
	sluice.Stats
	Offset      int64  `json:"offset"` // of a reject, in the decompressed bytes
	Detail      string `json:"detail"` // of a reject
	Quarantine  string `json:"quarantine"`
	MappingName string `json:"mapping"`
	Mapping     string `json:"mapping_sha256"`
	Software    string `json:"sluice_version"`
}

// base is the name of the quarantine and report of a source state. It contains the
// state and the mapping, so writing them again changes nothing.
func (p *Pipeline) base(bucket, key string, s *ledger.State) string {
	return p.QuarantinePrefix + ledger.IDOf(bucket, key).String() + "/" + stateID(s)
}

// stateID is a short name of a source state that was converted with a mapping.
func stateID(s *ledger.State) string { return tables.StateID(s.Identity, s.Mapping) }

func (p *Pipeline) quarantineKey(bucket, key string, s *ledger.State) string {
	return p.base(bucket, key, s) + ".records.ndjson"
}

// quarantineOf is the file of a state's quarantined records, not yet created.
func (p *Pipeline) quarantineOf(ctx context.Context, bucket, key string, s *ledger.State) *lazyWriter {
	return &lazyWriter{create: func() (store.Writer, error) {
		return p.Quarantine.Create(ctx, p.quarantineKey(bucket, key, s), store.CreateOptions{ContentType: "application/x-ndjson"})
	}}
}

// explain stores the quarantined records of a state and the report, and notes in the
// state where. Both must be stored before anything that lacks these records is visible.
func (p *Pipeline) explain(ctx context.Context, bucket, key string, s *ledger.State, reject *sluice.RejectError, quarantined *lazyWriter) error {
	if reject == nil && s.RecordsQuarantined == 0 {
		return nil
	}
	r := Report{
		Version: 1, Bucket: bucket, Key: key, Identity: s.Identity,
		Stats: s.Stats, MappingName: s.MappingName, Mapping: s.Mapping, Software: s.Software,
	}
	if reject != nil {
		r.Offset, r.Detail = reject.Offset, reject.Detail
		s.Detail = reject.Detail
	} else {
		if _, err := quarantined.w.Commit(ctx, store.Unconditional()); err != nil {
			return fmt.Errorf("store quarantined records: %w", err)
		}
		s.Quarantine = p.quarantineKey(bucket, key, s)
		r.Quarantine = s.Quarantine
	}
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("store report: %w", err)
	}
	s.Report = p.base(bucket, key, s) + ".report.json"
	if _, err := store.Put(ctx, p.Quarantine, s.Report, append(data, '\n'), store.CreateOptions{ContentType: "application/json"}, store.Unconditional()); err != nil {
		return fmt.Errorf("store report: %w", err)
	}
	return nil
}
