// Package runs is the ledger of a table: which source keys it shows, in which state,
// and where their rows are. It is a part of the table: a snapshot names a root, a root
// names runs, and a run has entries. Neither is ever changed, so what a snapshot says
// of its keys is as fixed as its rows.
package runs

import (
	"cmp"
	"strings"
	"time"

	"sluice/internal/ledger"
)

// Key is a source key.
type Key struct{ Bucket, Key string }

// Compare is the order of a run: by key, as a source is listed, then by bucket.
func (k Key) Compare(other Key) int {
	return cmp.Or(strings.Compare(k.Key, other.Key), strings.Compare(k.Bucket, other.Bucket))
}

// Entry is what is known of a source key.
type Entry struct {
	Key
	// FirstSeen is the time of the source version that was seen first. It is part of
	// the ID of the key's rows, so it never changes.
	FirstSeen time.Time `json:"first_seen"`
	// Fence is the batch that wrote the entry: whoever read the entry, and finds
	// another fence later, has not seen what happened to the key since.
	Fence string `json:"fence"`
	// State is the source state that was last seen, and its outcome.
	State ledger.State `json:"state"`
	// Shown is the state whose rows the table has. It is older than State if that was
	// rejected.
	Shown Shown `json:"shown"`
}

// Unknown is the identity of a state of which only its rows are known: the ledger was
// made anew of the table. It is that of no source. What is shown then are all rows of the
// key, also if they are of several states.
const Unknown = "unknown"

// Shown is a state of a source that a table shows.
type Shown struct {
	Identity string      `json:"identity"`       // empty: the table has no rows of the key
	Mapping  string      `json:"mapping_sha256"` // SHA-256
	Sequence int64       `json:"sequence"`       // of the snapshot that brought the rows
	Rows     int64       `json:"rows"`
	Files    []FileRange `json:"files"` // where the rows were put; others may have moved them since. Of an Unknown state it may be empty
}

// FileRange is rows of a data file.
type FileRange struct {
	Path  string `json:"path"` // URI
	First int64  `json:"first"`
	Rows  int64  `json:"rows"`
}
