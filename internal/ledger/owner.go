package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"sluice/internal/store"
)

// Owner says to which configuration a ledger belongs: the names of its places. The
// ID of a source key is made of these names, so a second name for the same place
// would give every object a second output.
type Owner struct {
	Version int   `json:"version"`
	Source  Place `json:"source"`
	Sink    Place `json:"sink"`
	// Table is the format of tables whose files objects share, such as iceberg; empty:
	// each object has a file of its own.
	Table string `json:"table,omitempty"`
	// Taken is where the ledger of the tables is that have taken the files of the sink,
	// as seen from this ledger; empty: none. Nothing may be written to the sink then.
	Taken string `json:"taken,omitempty"`
}

// Place is a folder, and the form of the keys in it.
type Place struct {
	// At is its location, with a slash at its end: s3://bucket/prefix/, or the
	// path from the ledger's folder, so that both can be moved together.
	At     string `json:"at"`
	Bucket string `json:"bucket"` // of the source: as entries name it, empty for a folder
	Prefix string `json:"prefix"` // of the keys; the end of At
}

// OwnerError says that ledger or sink belong to another source: going on would
// mix the rows of the two.
type OwnerError struct{ Text string }

func (e *OwnerError) Error() string { return e.Text }

// ownerKey begins with "_" for the same reason as indexKey.
const ownerKey = "_owner.json"

const maxOwner = 64 << 10

// Owner reads the owner of the ledger, and the ETag for replacing it. The error
// wraps store.ErrNotFound if nobody has claimed the ledger.
func (l *Ledger) Owner(ctx context.Context) (Owner, string, error) {
	data, info, err := store.Get(ctx, l.store, l.prefix+ownerKey, maxOwner)
	if err != nil {
		return Owner{}, "", fmt.Errorf("read owner of the ledger: %w", err)
	}
	var o Owner
	if json.Unmarshal(data, &o) != nil || o.Version < 1 || o.Source.At == "" || o.Sink.At == "" {
		return Owner{}, "", fmt.Errorf("read owner of the ledger: %s%s is damaged; delete it, and the next run writes it again", l.prefix, ownerKey)
	}
	if o.Version > Version {
		return Owner{}, "", fmt.Errorf("read owner of the ledger: version %d: %w", o.Version, ErrNewer)
	}
	return o, info.ETag, nil
}

// PutOwner claims the ledger, with IfNoneMatch, or changes the owner, with
// IfMatch.
func (l *Ledger) PutOwner(ctx context.Context, o Owner, p store.Precondition) (etag string, err error) {
	o.Version = Version
	data, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("write owner of the ledger: %w", err)
	}
	info, err := store.Put(ctx, l.store, l.prefix+ownerKey, append(data, '\n'), store.CreateOptions{ContentType: "application/json"}, p)
	if err != nil {
		return "", fmt.Errorf("write owner of the ledger: %w", err)
	}
	return info.ETag, nil
}
