// Package ledger keeps one small JSON object for each source key: which output
// it has, what was last seen of it and what came of that. An entry is created
// once, to claim the names of the outputs, and then only replaced by
// compare-and-set. docs/ledger.md describes the JSON, which is a contract: the
// entries are there to be queried.
package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
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
	// part of the outputs' names, which never change.
	FirstSeen time.Time `json:"first_seen"`
	// Outputs are those of the tables of the mapping, in its order, and after
	// them those that an earlier configuration had made.
	Outputs []Output `json:"outputs"`
	// State is the source state that was last accounted for; null after the claim.
	State *State `json:"state"`
}

// Output is the object of one table made from the source key.
type Output struct {
	Table string `json:"table"`
	Key   string `json:"key"`
	ETag  string `json:"etag"` // of what stands there; empty: nothing was published yet
	// Identity of the source state that was published: an older one than
	// State.Identity if that was rejected.
	Identity string `json:"identity"`
	Mapping  string `json:"mapping_sha256"` // that it was made with
	Columns  string `json:"columns_sha256"` // that it has; empty before 2026-12
	SHA256   string `json:"sha256"`         // of the content
}

// HasRows reports whether rows of a source state may stand in the output.
func (o Output) HasRows() bool { return o.ETag != "" && o.Identity != Absent }

// State is a source state and what came of it.
type State struct {
	Identity string `json:"identity"` // see store.Info.Identity; "absent" if the key was deleted
	Listed   string `json:"listed"`   // the same as listings know it: see store.Info.State
	// Stats are the counts and sums; Outcome is [Absent] for a deleted key.
	sluice.Stats
	Mapping    string `json:"mapping_sha256"`
	Software   string `json:"sluice_version"`
	Quarantine string `json:"quarantine"` // key of the quarantined records, or empty
	Report     string `json:"report"`     // key of the report, or empty
}

// Absent is the identity and the outcome of a key that was deleted.
const Absent = "absent"

// ID is the name of a source key in all places: SHA-256 of bucket, line feed
// and key, in hex.
func ID(bucket, key string) string {
	sum := sha256.Sum256([]byte(bucket + "\n" + key))
	return hex.EncodeToString(sum[:])
}

// OutputName is the name of the output objects of a source key whose first
// version was of the time firstSeen.
func OutputName(bucket, key string, firstSeen time.Time) string {
	return firstSeen.UTC().Format(outputTime) + ID(bucket, key)[:outputID] + outputEnd
}

const (
	outputTime = "orders_20060102T150405.000Z_"
	outputID   = 12 // digits of the ID in the name
	outputEnd  = ".parquet"
)

// ParseOutputName takes the name of an output apart; false if it is none.
func ParseOutputName(name string) (id string, firstSeen time.Time, ok bool) {
	stem, ok := strings.CutSuffix(name, outputEnd)
	if !ok || len(stem) != len(outputTime)+outputID {
		return "", time.Time{}, false
	}
	id = stem[len(outputTime):]
	firstSeen, err := time.Parse(outputTime, stem[:len(outputTime)])
	return id, firstSeen, err == nil && strings.Trim(id, "0123456789abcdef") == ""
}

// Output is the entry's output of a table, or nil.
func (e *Entry) Output(table string) *Output {
	for i := range e.Outputs {
		if e.Outputs[i].Table == table {
			return &e.Outputs[i]
		}
	}
	return nil
}
