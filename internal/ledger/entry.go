// Package ledger keeps one small JSON object, the entry, for each source key:
// which outputs it has, which state of it was last seen, and the outcome. An entry
// is created once, to claim the names of the outputs, and after that only replaced
// by compare-and-set. docs/ledger.md describes the JSON, which is a contract:
// users may query the entries.
package ledger

import (
	"time"

	"sluice"
)

// Version of the JSON that this code reads and writes.
const Version = 1

// Entry is what is known of a source key.
type Entry struct {
	Version int `json:"version"`
	// Revision counts the writes of the entry. Each write has another number,
	// so no two have the same bytes, and no ETag is used twice, even where
	// ETags are computed from the content: a worker that read an older entry
	// cannot replace a newer one.
	Revision int64  `json:"revision"` // before 2026-12 there was none
	Bucket   string `json:"bucket"`
	Key      string `json:"key"`
	// FirstSeen is the time of the source version that was seen first. It is
	// part of the outputs' names, so these never change.
	FirstSeen time.Time `json:"first_seen"`
	// Outputs are first those of the mapping's tables, in its order, then those
	// that an earlier configuration made.
	Outputs []Output `json:"outputs"`
	// State is the source state that was last accounted for; null after the claim.
	State *State `json:"state"`
}

// Output is the object of one table made from the source key.
type Output struct {
	Table string `json:"table"`
	Key   string `json:"key"`
	ETag  string `json:"etag"` // of the published object; empty: nothing was published yet
	// Identity of the source state that was published. It is older than
	// State.Identity if that state was rejected.
	Identity string `json:"identity"`
	Mapping  string `json:"mapping_sha256"` // the mapping it was made with
	Columns  string `json:"columns_sha256"` // the columns it has; empty before 2026-12
	SHA256   string `json:"sha256"`         // of the content
}

// HasRows reports whether the output may have rows of a source state.
func (o Output) HasRows() bool { return o.ETag != "" && o.Identity != Absent }

// State is a source state and its outcome.
type State struct {
	Identity string `json:"identity"` // see store.Info.Identity; "absent" if the key was deleted
	Listed   string `json:"listed"`   // the same state as listings show it: see store.Info.State
	// Stats are the counts and sums; Outcome is [Absent] for a deleted key.
	sluice.Stats
	Detail      string `json:"detail"`  // of a reject, else empty; never a value of the object
	MappingName string `json:"mapping"` // as the configuration names it
	Mapping     string `json:"mapping_sha256"`
	Software    string `json:"sluice_version"`
	Quarantine  string `json:"quarantine"` // key of the quarantined records, or empty
	Report      string `json:"report"`     // key of the report, or empty
}

// Absent is the identity and the outcome of a key that was deleted.
const Absent = "absent"

// ID is the ID of the source key.
func (e *Entry) ID() ID { return IDOf(e.Bucket, e.Key) }

// Output is the entry's output of a table, or nil.
func (e *Entry) Output(table string) *Output {
	for i := range e.Outputs {
		if e.Outputs[i].Table == table {
			return &e.Outputs[i]
		}
	}
	return nil
}
