package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/internal/store"
)

// maxEntry bounds an entry: a mapping of 100,000 columns fits.
const maxEntry = 16 << 20

// ErrDamaged says that an entry exists but cannot be read. It must be rebuilt from
// the outputs; its key must not count as new.
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

func (l *Ledger) key(id ID) string { return l.prefix + id.String() + ".json" }

// Get reads the entry of a source key and the ETag for replacing it. The error
// wraps store.ErrNotFound, [ErrDamaged] (the ETag is then valid) or [ErrNewer].
func (l *Ledger) Get(ctx context.Context, bucket, key string) (Entry, string, error) {
	data, info, err := store.Get(ctx, l.store, l.key(IDOf(bucket, key)), maxEntry)
	if err != nil && info.ETag != "" && info.Size > maxEntry {
		return Entry{}, info.ETag, fmt.Errorf("read ledger entry: %w", ErrDamaged)
	}
	if err != nil {
		return Entry{}, "", fmt.Errorf("read ledger entry: %w", err)
	}
	e, err := decode(data)
	if err == nil && (e.Bucket != bucket || e.Key != key) {
		err = ErrDamaged
	}
	if err != nil {
		return Entry{}, info.ETag, fmt.Errorf("read ledger entry: %w", err)
	}
	return e, info.ETag, nil
}

func decode(data []byte) (Entry, error) {
	var e Entry
	err := json.Unmarshal(data, &e)
	if err == nil && e.Version > Version {
		return Entry{}, fmt.Errorf("version %d: %w", e.Version, ErrNewer)
	}
	if err != nil || e.Version < 1 || e.FirstSeen.IsZero() {
		return Entry{}, ErrDamaged
	}
	for i := range e.Outputs {
		if o := &e.Outputs[i]; o.Mapping == "" && o.ETag != "" && e.State != nil {
			o.Mapping = e.State.Mapping // before 2026-12 only the state said so
		}
	}
	return e, nil
}

// Put writes the next revision of an entry if the precondition holds:
// IfNoneMatch to claim, IfMatch to account. store.IsRace is true of the error if
// another writer was faster.
func (l *Ledger) Put(ctx context.Context, e *Entry, p store.Precondition) (etag string, err error) {
	e.Version = Version
	e.Revision++
	data, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("write ledger entry: %w", err)
	}
	if len(data) >= maxEntry {
		return "", fmt.Errorf("write ledger entry: it has %d bytes, at most %d are allowed: the mapping has too many columns", len(data)+1, maxEntry)
	}
	info, err := store.Put(ctx, l.store, l.key(e.ID()), append(data, '\n'), store.CreateOptions{ContentType: "application/json"}, p)
	if err != nil {
		return "", fmt.Errorf("write ledger entry: %w", err)
	}
	return info.ETag, nil
}

// Listed is an entry as a listing shows it.
type Listed struct {
	ID      ID
	ETag    string
	Written time.Time
}

// List calls fn with every entry, in the order of the IDs.
func (l *Ledger) List(ctx context.Context, fn func(Listed) error) error {
	err := l.store.List(ctx, l.prefix, func(info store.Info) error {
		name, _ := strings.CutSuffix(strings.TrimPrefix(info.Key, l.prefix), ".json")
		id, ok := ParseID(name)
		if !ok || l.key(id) != info.Key {
			return nil
		}
		return fn(Listed{id, info.ETag, info.Modified})
	})
	if err != nil {
		return fmt.Errorf("list ledger: %w", err)
	}
	return nil
}

// Read is Get for an entry of which only the ID is known.
func (l *Ledger) Read(ctx context.Context, id ID) (Entry, string, error) {
	data, info, err := store.Get(ctx, l.store, l.key(id), maxEntry)
	if err != nil && info.ETag != "" && info.Size > maxEntry {
		err = ErrDamaged
	}
	var e Entry
	if err == nil {
		e, err = decode(data)
	}
	if err == nil && e.ID() != id {
		err = ErrDamaged
	}
	if err != nil {
		return Entry{}, info.ETag, fmt.Errorf("read ledger entry: %w", err)
	}
	return e, info.ETag, nil
}
