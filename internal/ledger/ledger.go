package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/internal/store"
)

// maxEntry bounds what is read of an entry.
const maxEntry = 1 << 20

// ErrDamaged says that an entry is there but cannot be read: it is to be
// rebuilt from the outputs, and is never taken for a key not seen before.
var ErrDamaged = errors.New("the ledger entry is damaged")

// ErrNewer says that an entry was written by a newer version of sluice.
var ErrNewer = errors.New("the ledger entry was written by a newer version of sluice; update this one")

// Ledger is the folder of entries in a store.
type Ledger struct {
	store  store.Store
	prefix string // ends with a slash
}

// New keeps entries in s, under prefix.
func New(s store.Store, prefix string) *Ledger { return &Ledger{s, prefix} }

func (l *Ledger) key(bucket, key string) string { return l.prefix + ID(bucket, key) + ".json" }

// Get reads the entry of a source key and the ETag to replace it by. The
// error wraps store.ErrNotFound, [ErrDamaged] (the ETag is then valid) or
// [ErrNewer].
func (l *Ledger) Get(ctx context.Context, bucket, key string) (Entry, string, error) {
	data, info, err := store.Get(ctx, l.store, l.key(bucket, key), maxEntry)
	if err != nil && info.ETag != "" && info.Size > maxEntry {
		return Entry{}, info.ETag, fmt.Errorf("read ledger entry: %w", ErrDamaged)
	}
	if err != nil {
		return Entry{}, "", fmt.Errorf("read ledger entry: %w", err)
	}
	var e Entry
	if err := json.Unmarshal(data, &e); err != nil || e.Version < 1 || e.Bucket != bucket || e.Key != key || e.FirstSeen.IsZero() {
		return Entry{}, info.ETag, fmt.Errorf("read ledger entry: %w", ErrDamaged)
	}
	if e.Version > Version {
		return Entry{}, info.ETag, fmt.Errorf("read ledger entry: version %d: %w", e.Version, ErrNewer)
	}
	return e, info.ETag, nil
}

// Put writes an entry if the precondition holds: IfNoneMatch to claim,
// IfMatch to account. The error wraps store.ErrPrecondition or
// store.ErrConflict if somebody was faster.
func (l *Ledger) Put(ctx context.Context, e Entry, p store.Precondition) (etag string, err error) {
	e.Version = Version
	data, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("write ledger entry: %w", err)
	}
	info, err := store.Put(ctx, l.store, l.key(e.Bucket, e.Key), append(data, '\n'), store.CreateOptions{ContentType: "application/json"}, p)
	if err != nil {
		return "", fmt.Errorf("write ledger entry: %w", err)
	}
	return info.ETag, nil
}

// List calls fn with the ID of every entry, when it was written, and a function
// that reads it.
func (l *Ledger) List(ctx context.Context, fn func(id string, written time.Time, read func() (Entry, error)) error) error {
	err := l.store.List(ctx, l.prefix, func(info store.Info) error {
		id, ok := strings.CutSuffix(strings.TrimPrefix(info.Key, l.prefix), ".json")
		if !ok || len(id) != sha256.Size*2 {
			return nil
		}
		return fn(id, info.Modified, func() (Entry, error) {
			data, _, err := store.Get(ctx, l.store, info.Key, maxEntry)
			if err != nil {
				return Entry{}, fmt.Errorf("read ledger entry: %w", err)
			}
			var e Entry
			if json.Unmarshal(data, &e) != nil || e.Version < 1 {
				return Entry{}, fmt.Errorf("read ledger entry: %w", ErrDamaged)
			}
			if e.Version > Version {
				return Entry{}, fmt.Errorf("read ledger entry: version %d: %w", e.Version, ErrNewer)
			}
			return e, nil
		})
	})
	if err != nil {
		return fmt.Errorf("list ledger: %w", err)
	}
	return nil
}
