package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/store"
)

// RunOptions say what Run looks at.
type RunOptions struct {
	Bucket  string
	Prefix  string                // of the source keys
	Allowed func(key string) bool // whether a key is an object to process
	Workers int                   // objects processed at once; of small ones more, as they mostly wait
	DryRun  bool                  // only say what would be processed

	// Listed and Done are told of each object, by several goroutines. size is
	// that of the listing, 0 for a deleted one.
	Listed func(size int64)
	Done   func(key string, size int64, r Result, err error)
}

// Summary counts what Run did.
type Summary struct {
	Objects      map[Disposition]int64 // and Failed
	Stats        sluice.Stats          // of what was processed now
	OtherMapping int64                 // objects settled with another mapping
	Written      bool                  // of one object at least; see Result
	Verifying    bool                  // all that the listings show to be behind was sent to be processed
}

// DidFail counts the objects whose processing failed.
const DidFail Disposition = "failed"

// Run processes what the ledger lacks: it lists the source, compares each
// state with the ledger, and processes what differs, deleted keys too.
// Backfill, repair of lost events and the first load are this one verb. A
// failed object does not keep the others from being processed; the error is
// that of the listing, or of the context.
func (p *Pipeline) Run(ctx context.Context, o RunOptions) (Summary, error) {
	src, err := p.Source(o.Bucket)
	if err != nil {
		return Summary{}, err
	}
	r := &run{p: p, o: o, sum: NewSummary(), large: make(chan struct{}, max(o.Workers, 1))}
	r.names = sync.OnceValues(func() (map[uint64][]time.Time, error) {
		names := map[uint64][]time.Time{}
		err := p.outputs(ctx, func(id uint64, times []time.Time) { names[id] = times })
		return names, err
	})
	keys := make(chan store.Info)
	var workers sync.WaitGroup
	for range cap(r.large) * smallEach {
		workers.Go(func() {
			for info := range keys {
				r.look(ctx, info)
			}
		})
	}
	err = r.list(ctx, src, keys)
	close(keys)
	workers.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return *r.sum, err
}

// A small object is a matter of some ten waits for the store, and of next to no
// memory or computing.
const (
	small     = 256 << 10 // bytes, as they are stored
	smallEach = 4         // small objects in the place of a large one
)

// NewSummary counts nothing yet.
func NewSummary() *Summary {
	s := &Summary{Objects: map[Disposition]int64{}}
	s.Stats.Add(sluice.Stats{}) // maps, not nil
	return s
}

// Add counts an object. Of one that failed nothing stands, so nothing of it
// counts as read or written.
func (s *Summary) Add(r Result, err error) {
	if err != nil {
		s.Objects[DidFail]++
		return
	}
	s.Objects[r.Disposition]++
	s.Stats.Add(r.Stats)
	s.Written = s.Written || r.Written
}

type run struct {
	p     *Pipeline
	o     RunOptions
	names func() (map[uint64][]time.Time, error) // see claim
	large chan struct{}                          // room for objects that are not small

	mu  sync.Mutex
	sum *Summary
}

// list sends the states of the source, and then the keys of the ledger that
// the source has no more. Objects that the listings show to be newer than their
// entry, or to have none, come first: they are what was lost, and there may not
// be time to verify all others.
func (r *run) list(ctx context.Context, src store.Store, keys chan<- store.Info) error {
	send := func(info store.Info) error {
		if r.o.Listed != nil {
			r.o.Listed(info.Size)
		}
		select {
		case keys <- info:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	entries, err := r.p.entryTimes(ctx)
	if err != nil {
		return err
	}
	sent := map[uint64]bool{} // false: seen, and to be verified
	pass := func(wanted func(id uint64, info store.Info) bool) error {
		err := src.List(ctx, r.o.Prefix, func(info store.Info) error {
			if !r.o.Allowed(info.Key) {
				return nil
			}
			id := short(ledger.ID(r.o.Bucket, info.Key))
			if sent[id] {
				return nil
			}
			if sent[id] = wanted(id, info); !sent[id] {
				return nil
			}
			return send(info)
		})
		if err != nil {
			return fmt.Errorf("list source: %w", err)
		}
		return nil
	}
	if err := pass(entries.behind); err != nil {
		return err
	}
	r.sum.Verifying = true
	if len(entries) > 0 {
		if err := pass(func(uint64, store.Info) bool { return true }); err != nil {
			return err
		}
	}
	return r.p.Ledger.List(ctx, func(id string, _ time.Time, read func() (ledger.Entry, error)) error {
		if _, ok := sent[short(id)]; ok {
			return nil
		}
		e, err := read()
		if err != nil || e.Bucket != r.o.Bucket || !strings.HasPrefix(e.Key, r.o.Prefix) || !r.o.Allowed(e.Key) {
			return nil // damaged ones are repaired when their source is looked at
		}
		return send(store.Info{Key: e.Key})
	})
}

// short is the beginning of an ID as a number.
func short(id string) uint64 { return digits(id, 16) }

// named is as much of an ID as the names of outputs have.
func named(id string) uint64 { return digits(id, 12) }

func digits(id string, n int) uint64 {
	u, err := strconv.ParseUint(id[:min(len(id), n)], 16, 64)
	if err != nil {
		return 0
	}
	return u
}

// look processes a key, if the ledger does not describe its listed state.
func (r *run) look(ctx context.Context, info store.Info) {
	if info.Size > small {
		r.large <- struct{}{}
		defer func() { <-r.large }()
	}
	res, err := r.process(ctx, info)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Add(res, err)
	if r.o.Done != nil {
		r.o.Done(info.Key, info.Size, res, err)
	}
}

func (r *run) process(ctx context.Context, info store.Info) (Result, error) {
	e, _, err := r.p.Ledger.Get(ctx, r.o.Bucket, info.Key)
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, ledger.ErrDamaged) {
		return Result{}, err
	}
	if err == nil && e.State != nil {
		listed := ledger.Absent
		if info.ETag != "" {
			listed = info.State()
		}
		other := e.State.Mapping != r.p.Mapping.Hash()
		if other && e.State.Listed == listed && listed != ledger.Absent {
			r.mu.Lock()
			r.sum.OtherMapping++
			r.mu.Unlock()
		}
		if e.State.Listed == listed && !(other && r.p.Reprocess) {
			return Result{Disposition: DidDuplicate, Written: !other && e.State.Outcome != sluice.Reject && e.State.RecordsCommitted > 0}, nil
		}
	}
	if r.o.DryRun {
		return Result{Disposition: DidCommit}, nil
	}
	if errors.Is(err, store.ErrNotFound) && info.ETag != "" {
		if err := r.claim(ctx, info); err != nil {
			return Result{}, err
		}
	}
	return r.p.Process(ctx, r.o.Bucket, info.Key)
}

// claim creates the ledger entry of a listed key that has none. If it had one
// that was deleted, its output stands in the sink, and the entry takes on its
// name again: the sink is listed when the first such key is met.
func (r *run) claim(ctx context.Context, info store.Info) error {
	names, err := r.names()
	if err != nil {
		return err
	}
	id := ledger.ID(r.o.Bucket, info.Key)
	at, err := r.p.standing(ctx, r.o.Bucket, info.Key, names[named(id)])
	if err != nil {
		return err
	}
	if at.IsZero() {
		at = info.Modified.UTC()
	}
	e := ledger.Entry{Bucket: r.o.Bucket, Key: info.Key, FirstSeen: at}
	r.p.addTables(&e)
	_, err = r.p.Ledger.Put(ctx, e, store.IfNoneMatch())
	if errors.Is(err, store.ErrPrecondition) || errors.Is(err, store.ErrConflict) {
		return nil // another was faster; Process reads what there is
	}
	return err
}
