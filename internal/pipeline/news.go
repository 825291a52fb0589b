package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/store"
	"sluice/mapping"
)

// Announce tells of paths that are new. It may be called twice for a path, but only
// if nobody knows whether the first call succeeded.
type Announce func(ctx context.Context, paths []ledger.DriftedPath) error

// News keeps the paths at which objects differ from what the mapping expects, and
// announces each once. The paths are in one object of the ledger, which is replaced
// by compare-and-set: only the worker that added a path announces it. An object
// whose paths are all known costs no request; News keeps what it has read.
type News struct {
	ledger   *ledger.Ledger
	announce Announce // nil: nobody is told
	now      func() time.Time

	mu   sync.Mutex
	read bool // the following is what the ledger said
	seen ledger.Drift
	etag string
}

// NewNews keeps the paths in l. now is the clock.
func NewNews(l *ledger.Ledger, announce Announce, now func() time.Time) *News {
	return &News{ledger: l, announce: announce, now: now}
}

const (
	// maxKnown is how many paths are kept; there is no news after that.
	maxKnown = 1000
	// maxBeside is how many unknown members of one object are kept by name. If
	// there are more, their names are data, and .* stands for all of them.
	maxBeside = 50
	// fewRecords is how many records say nothing about a column without a value.
	fewRecords = 10
	// patience is after how long the worker that added a path, and did not say that
	// it was announced, counts as dead.
	patience = 15 * time.Minute
)

// AnnounceError says that paths could not be announced. They are in the ledger, and
// a later object with drift tries again.
type AnnounceError struct{ Err error }

func (e *AnnounceError) Error() string { return "announce drift: " + e.Err.Error() }
func (e *AnnounceError) Unwrap() error { return e.Err }

// note keeps what differs in an object, and announces what is new. It returns how
// many paths are new.
func (n *News) note(ctx context.Context, e *ledger.Entry) (added int, err error) {
	drift := telling(e)
	if drift == nil {
		return 0, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for range maxAttempts {
		if !n.read {
			if n.seen, n.etag, err = n.ledger.Drift(ctx); err != nil {
				return 0, err
			}
			n.read = true
		}
		next, tell := n.with(e, drift)
		if len(tell) == 0 {
			return 0, nil
		}
		err = n.put(ctx, next)
		if err == nil {
			added = len(next.Paths) - len(n.seen.Paths)
			n.seen = next
			return added, n.tell(ctx, tell)
		}
		if !store.IsRace(err) && !errors.Is(err, store.ErrNotFound) {
			return 0, err
		}
	}
	return 0, fmt.Errorf("note drift: gave up after %d attempts: %w", maxAttempts, err)
}

// put replaces what the ledger has. After an error it must be read again.
func (n *News) put(ctx context.Context, d ledger.Drift) (err error) {
	n.etag, err = n.ledger.PutDrift(ctx, d, n.etag)
	n.read = err == nil
	return err
}

// telling are the paths of an object that may be news.
func telling(e *ledger.Entry) (paths []sluice.DriftPath) {
	if e.State == nil {
		return nil
	}
	for _, p := range e.State.Drift {
		if p.Kind != sluice.DriftMissing || p.Reason != "" || e.State.RecordsRead > fewRecords {
			paths = append(paths, p)
		}
	}
	return paths
}

// with is what is known with the paths of an object, and the indexes of those to
// announce: new ones, those whose worker has died, and those that an earlier look at
// this object may have added, if it did not end.
func (n *News) with(e *ledger.Entry, drift []sluice.DriftPath) (next ledger.Drift, tell []int) {
	now := n.now().UTC()
	next.Paths = slices.Clone(n.seen.Paths)
	for i := range next.Paths {
		if p := &next.Paths[i]; !p.Announced && (now.Sub(p.Tried) > patience || p.Bucket == e.Bucket && p.Key == e.Key) {
			p.Tried = now
			tell = append(tell, i)
		}
	}
	for _, p := range drift {
		if len(next.Paths) >= maxKnown || !isNew(next.Paths, &p) {
			continue
		}
		tell = append(tell, len(next.Paths))
		next.Paths = append(next.Paths, ledger.DriftedPath{DriftPath: p, Bucket: e.Bucket, Key: e.Key, Mapping: e.State.Mapping, Since: now, Tried: now, Announced: n.announce == nil})
	}
	return next, tell
}

// isNew reports whether a path is new. Of an unknown member beside many others it
// makes the path of all of them.
func isNew(known []ledger.DriftedPath, p *sluice.DriftPath) bool {
	has := func(path string) bool {
		return slices.ContainsFunc(known, func(q ledger.DriftedPath) bool { return q.Kind == p.Kind && q.Path == path && q.Reason == p.Reason })
	}
	if has(p.Path) {
		return false
	}
	if p.Kind != sluice.DriftUnknown {
		return true
	}
	around := objectAround(p.Path)
	if has(around + ".*") {
		return false
	}
	beside := 0
	for _, q := range known {
		if q.Kind == p.Kind && objectAround(q.Path) == around {
			beside++
		}
	}
	if beside >= maxBeside {
		p.Path = around + ".*"
	}
	return true
}

// objectAround is the path of the object that a member is in.
func objectAround(path string) string {
	record, isBeside := strings.CutPrefix(path, "$$")
	if isBeside {
		record = "$" + record
	}
	steps, err := mapping.ParsePath(record)
	if err != nil || len(steps) == 0 {
		return path
	}
	around := steps[:len(steps)-1].String()
	if isBeside {
		around = "$" + around
	}
	return around
}

// tell announces the paths with these indexes, and keeps that they were announced.
func (n *News) tell(ctx context.Context, tell []int) error {
	if n.announce == nil {
		return nil
	}
	var paths []ledger.DriftedPath
	for _, i := range tell {
		paths = append(paths, n.seen.Paths[i])
	}
	if err := n.announce(ctx, paths); err != nil {
		return &AnnounceError{err}
	}
	// Another worker may have added paths meanwhile.
	for range maxAttempts {
		next := ledger.Drift{Paths: slices.Clone(n.seen.Paths)}
		for i := range next.Paths {
			q := &next.Paths[i]
			q.Announced = q.Announced || slices.ContainsFunc(paths, func(p ledger.DriftedPath) bool {
				return p.Kind == q.Kind && p.Path == q.Path && p.Reason == q.Reason
			})
		}
		err := n.put(ctx, next)
		if err == nil {
			n.seen = next
			return nil
		}
		if !store.IsRace(err) && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if n.seen, n.etag, err = n.ledger.Drift(ctx); err != nil {
			return err
		}
	}
	return nil // it will be announced again
}
