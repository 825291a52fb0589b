package documents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"sluice/internal/jsonscan"
	"sluice/internal/quarantine"
	"sluice/mapping"
	"sluice/reason"
)

const (
	quarantinedBytes   = 16 << 20 // of the records of one preview
	quarantinedRecord  = 4 << 20  // bytes of one of them
	quarantinedRecords = 1000
)

// Quarantined is what a mapping makes of records that are in quarantine.
type Quarantined struct {
	Preview
	Records []Record
	More    bool // there are more records than one preview takes
}

// Record says whether a record fits. Its JSON names are a contract.
type Record struct {
	Record int64       `json:"record"` // ordinal in its source
	OK     bool        `json:"ok"`
	Reason reason.Code `json:"reason"` // of the first thing that does not fit
	Path   string      `json:"path"`
	Detail string      `json:"detail"` // what to do about it
	Fault  int64       `json:"fault"`  // byte offset of the fault in the record; -1: not known
}

// PreviewQuarantine converts records of a quarantine file: those with these ordinals,
// or, without any, the first ones.
func PreviewQuarantine(ctx context.Context, m *mapping.Mapping, file io.Reader, records []int64, opts PreviewOptions) (*Quarantined, error) {
	q := &Quarantined{}
	chosen, err := q.choose(ctx, file, records)
	if err != nil || chosen.Len() == 0 {
		return q, err
	}
	return q, q.make(ctx, m, chosen, opts)
}

// PreviewRejected converts the first records of a document that was rejected: it has
// no quarantine file.
func PreviewRejected(ctx context.Context, m *mapping.Mapping, src io.Reader, opts PreviewOptions) (*Quarantined, error) {
	q := &Quarantined{}
	return q, q.make(ctx, m, src, opts)
}

// choose copies records of a quarantine file.
func (q *Quarantined) choose(ctx context.Context, file io.Reader, records []int64) (*bytes.Buffer, error) {
	var chosen bytes.Buffer
	w, r := quarantine.NewWriter(&chosen), quarantine.NewReader(jsonscan.NewWindow(ctx, file), quarantinedRecord)
	missing := slices.Clone(records)
	tooLarge := false
	for {
		e, raw, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			if tooLarge {
				q.tooLarge(missing)
			}
			return &chosen, nil
		case errors.Is(err, quarantine.ErrTooLarge):
			tooLarge = true
			err = r.Discard(func([]byte) error { return nil })
		case err == nil && records != nil && !slices.Contains(records, e.Record):
		case err == nil && (chosen.Len()+len(raw) > quarantinedBytes || len(q.Records) == quarantinedRecords):
			q.More = true
			if records == nil {
				return &chosen, nil
			}
		case err == nil:
			missing = slices.DeleteFunc(missing, func(n int64) bool { return n == e.Record })
			q.Records = append(q.Records, Record{Record: e.Record, OK: true, Fault: -1})
			err = w.Write(e, raw)
		}
		if err != nil {
			return nil, fmt.Errorf("read quarantine: %w", err)
		}
	}
}

// tooLarge says of records that they were not tried.
func (q *Quarantined) tooLarge(records []int64) {
	q.More = q.More || records == nil
	for _, n := range records {
		q.Records = append(q.Records, Record{Record: n, Reason: reason.RecordTooLarge, Path: "$", Detail: "too large for a preview; a replay tries it", Fault: -1})
	}
}

// make makes the preview, and says of each record whether it fits.
func (q *Quarantined) make(ctx context.Context, m *mapping.Mapping, src io.Reader, opts PreviewOptions) error {
	p, err := MakePreview(ctx, m, src, opts)
	if err != nil {
		return err
	}
	q.Preview = *p
	if q.Records == nil {
		for n := range p.Stats.RecordsRead {
			q.Records = append(q.Records, Record{Record: n, OK: true, Fault: -1})
		}
	}
	at := map[int64]*Record{}
	for i := range q.Records {
		at[q.Records[i].Record] = &q.Records[i]
	}
	r := quarantine.NewReader(jsonscan.NewWindow(ctx, bytes.NewReader(p.Quarantine)), len(p.Quarantine))
	for len(p.Quarantine) > 0 {
		e, _, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the quarantine of the preview: %w", err)
		}
		if x := at[e.Record]; x != nil {
			x.OK, x.Reason, x.Path, x.Fault, x.Detail = false, e.Reason, e.Path, e.ErrorOffset-e.Offset, p.adviceFor(&e)
		}
	}
	return nil
}

var ordinals = regexp.MustCompile(`\[\d+\]`)

// adviceFor is what to do about what does not fit in a record.
func (p *Preview) adviceFor(e *quarantine.Entry) string {
	path := ordinals.ReplaceAllString(e.Path, "[*]")
	for _, f := range p.Faults.Faults {
		if f.Reason == e.Reason && (f.Path == path || f.Path == e.Path) {
			return f.Advice
		}
	}
	return ""
}
