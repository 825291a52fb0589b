package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice"
	"sluice/internal/store"
)

// driftKey begins with "_" for the same reason as indexKey.
const driftKey = "_drift.json"

const maxDrift = 4 << 20

// Drift is what is known of paths that differ from what the mapping expects: each
// that some object had, and the first object that did. A path that is known is not
// news.
type Drift struct {
	Version int           `json:"version"`
	Paths   []DriftedPath `json:"paths"`
}

// DriftedPath is a path of Drift.
type DriftedPath struct {
	sluice.DriftPath           // in the object in which it was seen first
	Bucket           string    `json:"bucket"`
	Key              string    `json:"key"`
	Mapping          string    `json:"mapping_sha256"` // that did not expect it
	Since            time.Time `json:"since"`
	// Tried is when a worker began to announce the path; Announced says that the
	// event was accepted, or that there was nobody to tell.
	Tried     time.Time `json:"tried"`
	Announced bool      `json:"announced"`
}

// Drift reads the known paths, and the ETag for replacing them, which is empty if
// there are none yet.
func (l *Ledger) Drift(ctx context.Context) (Drift, string, error) {
	data, info, err := store.Get(ctx, l.store, l.prefix+driftKey, maxDrift)
	if errors.Is(err, store.ErrNotFound) {
		return Drift{}, "", nil
	}
	if err != nil {
		return Drift{}, "", fmt.Errorf("read drift of the ledger: %w", err)
	}
	var d Drift
	if json.Unmarshal(data, &d) != nil || d.Version < 1 {
		return Drift{}, "", fmt.Errorf("read drift of the ledger: %s%s is damaged; delete it, and its paths are new again", l.prefix, driftKey)
	}
	if d.Version > Version {
		return Drift{}, "", fmt.Errorf("read drift of the ledger: version %d: %w", d.Version, ErrNewer)
	}
	return d, info.ETag, nil
}

// PutDrift replaces the known paths that have this ETag. store.IsRace is true of
// the error if another worker was faster.
func (l *Ledger) PutDrift(ctx context.Context, d Drift, etag string) (string, error) {
	p := store.IfNoneMatch()
	if etag != "" {
		p = store.IfMatch(etag)
	}
	d.Version = Version
	data, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("write drift of the ledger: %w", err)
	}
	info, err := store.Put(ctx, l.store, l.prefix+driftKey, append(data, '\n'), store.CreateOptions{ContentType: "application/json"}, p)
	if err != nil {
		return "", fmt.Errorf("write drift of the ledger: %w", err)
	}
	return info.ETag, nil
}
