package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"sluice/internal/event"
	"sluice/internal/store"
)

// What a run looks at, and in which order.

// RunOptions say what Run looks at.
type RunOptions struct {
	Bucket  string
	Prefix  string // of the source keys
	Workers int    // large objects processed at once; see Flight
	DryRun  bool   // only say what would be processed

	// Judge says what to do about a listed object: process it, skip it by a rule,
	// or leave it out and report it to a person.
	Judge func(store.Info) event.Record

	// Keys, if not empty, are the only keys that are looked at.
	Keys []string

	// Held, if not nil, is compared with the quarantine files that the ledger names.
	Held *Held

	// SinkMoved says that the ledger was made for another sink. Outputs in that
	// sink then count as elsewhere, not as missing.
	SinkMoved bool

	// Listed and Done are called for each object, by several goroutines. size is
	// the size in the listing, 0 for a deleted object.
	Listed func(size int64)
	Done   func(key string, size int64, r Result, err error)
}

type run struct {
	p      *Pipeline
	o      RunOptions
	src    store.Store
	flight *Flight
	audit  *audit // nil: only some keys are looked at
	send   func(item) error

	mu  sync.Mutex
	sum *Summary
}

// item is a source key to look at.
type item struct {
	info  store.Info // without an ETag: the source has it no more, or it was not listed
	entry *known     // nil: the ledger has none, or it was not listed
}

// Run processes what the ledger lacks: it lists the source, the sink and the
// ledger, and processes what differs, deleted keys too. Backfill, repair of
// lost events and of lost outputs, and the first load are this one verb. A
// failed object does not keep the others from being processed; the error is
// that of a listing, or of the context.
func (p *Pipeline) Run(ctx context.Context, o RunOptions) (Summary, error) {
	r := &run{p: p, o: o, sum: NewSummary(), flight: NewFlight(o.Workers)}
	var err error
	if r.src, err = p.Source(o.Bucket); err != nil {
		return *r.sum, err
	}
	wait := r.start(ctx)
	if len(o.Keys) > 0 {
		err = r.named()
	} else {
		err = r.all(ctx)
	}
	wait()
	if err == nil {
		err = ctx.Err()
	}
	if r.audit == nil {
		return *r.sum, err
	}
	r.audit.unnamed(&r.sum.Findings)
	if o.Held != nil {
		r.audit.unheld(o.Held, &r.sum.Findings)
	}
	if !o.DryRun {
		err = errors.Join(err, r.audit.save(ctx))
	}
	return *r.sum, err
}

// start starts the workers that look at what is sent; wait ends that.
func (r *run) start(ctx context.Context) (wait func()) {
	if r.p.alone {
		r.send = func(it item) error { r.look(ctx, it); return ctx.Err() }
		return func() {}
	}
	work := make(chan item)
	var workers sync.WaitGroup
	for range SmallAtOnce {
		workers.Go(func() {
			for it := range work {
				leave := r.flight.Enter(it.info.Size)
				r.look(ctx, it)
				leave()
			}
		})
	}
	r.send = func(it item) error {
		select {
		case work <- it:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return func() { close(work); workers.Wait() }
}

// named sends the keys that were named.
func (r *run) named() error {
	for _, key := range r.o.Keys {
		if err := r.send(item{info: store.Info{Key: key}}); err != nil {
			return err
		}
	}
	return nil
}

// all sends the keys of the source that differ, and then those that only the ledger
// has. Objects that are newer than their entry, or have none, come first: their
// events were lost, and there may not be time to verify all others. The sink is
// listed before any object is read: that it has no output of a key is a fence.
func (r *run) all(ctx context.Context) error {
	var err error
	if r.audit, err = r.p.newAudit(ctx, &r.o); err != nil {
		return err
	}
	r.sum.Foreign = r.audit.sink.foreign
	unread := false
	err = r.source(ctx, func(info store.Info) error {
		entry := r.audit.find(info.Key)
		isBehind := entry == nil || entry.written < info.Modified.UnixNano()
		r.see(info, isBehind)
		if entry != nil && !entry.isRead && !isBehind {
			unread = true
			return nil
		}
		return r.sendUnsettled(item{info, entry})
	})
	if err != nil {
		return err
	}
	r.sum.Verifying = true
	if unread {
		err = r.source(ctx, func(info store.Info) error {
			if entry := r.audit.find(info.Key); entry != nil && !entry.seen {
				return r.sendUnsettled(item{info, entry})
			}
			return nil // a new one is the next run's
		})
		if err != nil {
			return err
		}
	}
	for i := range r.audit.entries {
		if entry := &r.audit.entries[i]; !entry.seen {
			if err := r.sendUnsettled(item{entry: entry}); err != nil {
				return err
			}
		}
	}
	return nil
}

// source lists the objects of the source.
func (r *run) source(ctx context.Context, fn func(store.Info) error) error {
	again := r.sum.Verifying
	err := r.src.List(ctx, r.o.Prefix, func(info store.Info) error {
		switch judged := r.o.Judge(info); {
		case judged.Action == event.Process:
			return fn(info)
		case again:
		case judged.Action == event.Skip:
			r.done(info, Result{Disposition: DidSkip}, nil)
		default:
			r.done(info, Result{}, fmt.Errorf("object %q is left out: %s: %s", info.Key, judged.Reason, judged.Detail))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list source: %w", err)
	}
	return nil
}

// see counts an object of the source.
func (r *run) see(info store.Info, isBehind bool) {
	if r.o.Listed != nil {
		r.o.Listed(info.Size)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Source++
	if isBehind {
		r.sum.Behind++
		if r.sum.Oldest.IsZero() || info.Modified.Before(r.sum.Oldest) {
			r.sum.Oldest = info.Modified
		}
	}
}

// done counts an object.
func (r *run) done(info store.Info, res Result, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Add(res, err)
	if r.o.Done != nil {
		r.o.Done(info.Key, info.Size, res, err)
	}
}

func (r *run) count(counter *int64, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*counter += n
}
