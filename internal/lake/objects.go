package lake

import (
	"time"

	"sluice"
)

// Object is a source object as its ledger entry shows it.
type Object struct {
	ID   string `json:"id"`
	Key  string `json:"key"`
	Size int64  `json:"size"` // as it was read, so compressed; 0 if it was deleted
	// State is "done"; "failed" if the entry cannot be read; "waiting" after a claim
	// without a result. Who processes the object knows better.
	State              string           `json:"state"`
	Outcome            string           `json:"outcome"` // accept, quarantine, reject, absent, or empty
	RecordsRead        int64            `json:"records_read"`
	RecordsCommitted   int64            `json:"records_committed"`
	RecordsQuarantined int64            `json:"records_quarantined"`
	RecordsSkipped     int64            `json:"records_skipped"`
	Rows               int64            `json:"rows"` // of the state that was recorded last
	Duplicate          bool             `json:"duplicate"`
	Seconds            float64          `json:"seconds"`
	MBPerSecond        float64          `json:"mb_per_second"`
	Written            time.Time        `json:"written"` // the ledger entry
	Mapping            string           `json:"mapping_sha256"`
	Reasons            map[string]int64 `json:"reasons"` // records by the code of their reason; the code of a reject with 0
	Error              string           `json:"error"`
}

// The states of an Object.
const (
	Waiting = "waiting"
	Working = "working"
	Done    = "done"
	Failed  = "failed"
)

// Object is what the entry says of its object.
func (e *Entry) Object() Object {
	o := Object{ID: e.ID.String(), Key: e.Key, State: Done, Written: e.Written.UTC(), Reasons: map[string]int64{}}
	switch {
	case e.Err != nil:
		o.State, o.Error = Failed, e.Err.Error()
	case e.Entry.State == nil:
		o.State = Waiting
	default:
		s := e.Entry.State
		o.Size, o.Outcome = s.BytesRead, string(s.Outcome)
		o.RecordsRead, o.RecordsCommitted, o.RecordsQuarantined, o.RecordsSkipped = s.RecordsRead, s.RecordsCommitted, s.RecordsQuarantined, s.RecordsSkipped
		o.Rows, o.Mapping = s.RowsWritten, s.Mapping
		for code, n := range s.Reasons {
			o.Reasons[string(code)] = n
		}
		if s.Outcome == sluice.Reject {
			o.Reasons[string(s.Reason)] += 0
		}
	}
	return o
}
