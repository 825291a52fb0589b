package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sluice/internal/store"
)

// What stands beside the entries has a name that begins with "_", which Athena
// leaves out (https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html).
const (
	cacheKey = "_index"
	ownerKey = "_owner.json"
)

// maxCache is the size from which on a cache is not used: some 6 million entries.
const maxCache = 256 << 20

// Cache reads what PutCache has written; nil if there is none. Its content must
// prove itself: it can be old, or of another configuration.
func (l *Ledger) Cache(ctx context.Context) ([]byte, error) {
	data, info, err := store.Get(ctx, l.store, l.prefix+cacheKey, maxCache)
	if errors.Is(err, store.ErrNotFound) || info.Size > maxCache {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read index of the ledger: %w", err)
	}
	return data, nil
}

// PutCache replaces the cache. One that would be too large is not written.
func (l *Ledger) PutCache(ctx context.Context, data []byte) error {
	if len(data) > maxCache {
		return nil
	}
	if _, err := store.Put(ctx, l.store, l.prefix+cacheKey, data, store.CreateOptions{}, store.Unconditional()); err != nil {
		return fmt.Errorf("write index of the ledger: %w", err)
	}
	return nil
}

// Owner is whose a ledger is: the places of one configuration. The ID of a
// source key is made of the name it has there, so a second name of the same
// place would give every object a second output.
type Owner struct {
	Version int   `json:"version"`
	Source  Place `json:"source"`
	Sink    Place `json:"sink"`
}

// Place is a folder, and how keys are named in it.
type Place struct {
	// At is where it is, with a slash at its end: s3://bucket/prefix/, or the
	// path from the folder of the ledger, which moves with it.
	At     string `json:"at"`
	Bucket string `json:"bucket"` // of the source: as entries name it, empty for a folder
	Prefix string `json:"prefix"` // of the keys; the end of At
}

const maxOwner = 64 << 10

// OwnerError says that ledger or sink belong to another source: to go on would
// mix the rows of two.
type OwnerError struct{ Text string }

func (e *OwnerError) Error() string { return e.Text }

// MarkPrefix begins the names of marks. A mark is an object that says whose a
// sink is, by its name, and has no content: crawlers and readers of the table
// pass by an empty object of such a name, as they do by Spark's _SUCCESS.
const MarkPrefix = "_owner_"

// Mark is the name of the mark of the ledger at this place, for a source.
func Mark(ledger, source string) string {
	sum := sha256.Sum256([]byte(ledger + "\n" + source))
	return MarkPrefix + hex.EncodeToString(sum[:8])
}

// IsMark reports whether that is the name of a mark.
func IsMark(name string) bool {
	return strings.HasPrefix(name, MarkPrefix) && len(name) == len(Mark("", ""))
}

// CheckMark fails for a mark under a sink that is in a folder of it: the table
// of the outer sink has the rows of both.
func CheckMark(sink, key string) error {
	folder := key[:strings.LastIndexByte(key, '/')+1]
	if folder == sink || !IsMark(key[len(folder):]) {
		return nil
	}
	return &OwnerError{fmt.Sprintf("%s in the sink is the sink of another pipeline, whose rows would be in both tables: give each a sink of its own, and move that folder away", strconv.Quote(folder))}
}

// Owner reads whose the ledger is, and the ETag to replace that by; the error
// wraps store.ErrNotFound if nobody has claimed it.
func (l *Ledger) Owner(ctx context.Context) (Owner, string, error) {
	data, info, err := store.Get(ctx, l.store, l.prefix+ownerKey, maxOwner)
	if err != nil {
		return Owner{}, "", fmt.Errorf("read owner of the ledger: %w", err)
	}
	var o Owner
	if json.Unmarshal(data, &o) != nil || o.Version < 1 || o.Source.At == "" || o.Sink.At == "" {
		return Owner{}, "", fmt.Errorf("read owner of the ledger: %s%s is damaged; delete it, and the next run writes it anew", l.prefix, ownerKey)
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
