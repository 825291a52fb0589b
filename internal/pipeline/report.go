package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"sluice"
	"sluice/internal/store"
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
func (w *work) base() string {
	sum := sha256.Sum256([]byte(w.state.Identity + "\n" + w.state.Mapping))
	return w.p.QuarantinePrefix + w.entry.ID().String() + "/" + hex.EncodeToString(sum[:8])
}

func (w *work) quarantineKey() string { return w.base() + ".records.ndjson" }

// explain stores the quarantined records and the report. Both must be stored before
// anything that lacks these records is visible.
func (w *work) explain(ctx context.Context, reject *sluice.RejectError, outs *attemptFiles) error {
	if reject == nil && w.state.RecordsQuarantined == 0 {
		return nil
	}
	r := Report{
		Version: 1, Bucket: w.entry.Bucket, Key: w.entry.Key, Identity: w.state.Identity,
		Stats: w.state.Stats, MappingName: w.state.MappingName, Mapping: w.state.Mapping, Software: w.state.Software,
	}
	if reject != nil {
		r.Offset, r.Detail = reject.Offset, reject.Detail
		w.state.Detail = reject.Detail
	} else {
		if _, err := outs.quarantine.w.Commit(ctx, store.Unconditional()); err != nil {
			return fmt.Errorf("store quarantined records: %w", err)
		}
		w.state.Quarantine, r.Quarantine = w.quarantineKey(), w.quarantineKey()
	}
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("store report: %w", err)
	}
	w.state.Report = w.base() + ".report.json"
	if _, err := store.Put(ctx, w.p.Quarantine, w.state.Report, append(data, '\n'), store.CreateOptions{ContentType: "application/json"}, store.Unconditional()); err != nil {
		return fmt.Errorf("store report: %w", err)
	}
	return nil
}
