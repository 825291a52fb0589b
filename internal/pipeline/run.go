package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"sluice"
	"sluice/internal/event"
	"sluice/internal/ledger"
	"sluice/internal/store"
)

// RunOptions say what Run looks at.
type RunOptions struct {
	Bucket  string
	Prefix  string // of the source keys
	Workers int    // large objects processed at once; see Flight
	DryRun  bool   // only say what would be processed

	// Judge says what a listed object is: one to process, one to skip by a
	// rule, or one that is left out, which somebody must be told.
	Judge func(store.Info) event.Record

	// Keys, if there are any, are all that is looked at.
	Keys []string

	// Held, if not nil, is compared with the files that the ledger names.
	Held *Held

	// SinkMoved says that the ledger was made for another sink. What stands in
	// that one is then not missing in this one, but elsewhere.
	SinkMoved bool

	// Listed and Done are told of each object, by several goroutines. size is
	// that of the listing, 0 for a deleted one.
	Listed func(size int64)
	Done   func(key string, size int64, r Result, err error)
}

// Summary counts what Run did, and what it found that it leaves alone.
type Summary struct {
	Objects map[Disposition]int64 // and Failed
	Stats   sluice.Stats          // of what was processed now
	Findings

	Written   bool // of one object at least; see Result
	Verifying bool // all that the listings show to be behind was sent to be processed
}

// Findings are what listings and ledger tell beside what is processed. Only
// the first three keep the tables from being complete.
type Findings struct {
	Elsewhere   int64 // objects whose rows stand only where an earlier configuration wanted them
	Unaccounted int64 // outputs that no ledger entry names
	Damaged     int64 // ledger entries that cannot be read, of objects that are gone

	OtherMapping int64 // settled objects that were made with another mapping
	Dropped      int64 // objects with rows in outputs that the configuration does not name
	Kept         int64 // deleted objects whose rows stand, though those of deleted ones are to be removed
	Outside      int64 // objects that the source names no more, whose rows stand

	Source  int64     // objects of the source
	Behind  int64     // of them newer than their ledger entry, or without one
	Oldest  time.Time // when the first of those was written
	Changed int64     // objects whose outputs are not those that the ledger names
	Torn    int64     // objects whose tables show different states
	Doubled int64     // objects with outputs of several names
	Unheld  int64     // objects whose quarantined records or report are not in the quarantine
	Foreign int64     // objects in the sink that are no output
	Swept   int       // uploads of dead workers that were removed before
}

// Complete reports whether nothing was found that is missing in the tables, or
// too much.
func (f *Findings) Complete() bool { return f.Elsewhere == 0 && f.Unaccounted == 0 && f.Damaged == 0 }

// DidFail counts the objects whose processing failed.
const DidFail Disposition = "failed"

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

// all sends what differs of the source, and then of the keys that only the
// ledger has. Objects that are newer than their entry, or have none, come first:
// they are what was lost, and there may not be time to verify all others. The
// sink is listed before an object is read: that it has no output of a key is a
// fence.
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
		return r.compare(item{info, entry})
	})
	if err != nil {
		return err
	}
	r.sum.Verifying = true
	if unread {
		err = r.source(ctx, func(info store.Info) error {
			if entry := r.audit.find(info.Key); entry != nil && !entry.seen {
				return r.compare(item{info, entry})
			}
			return nil // a new one is the next run's
		})
		if err != nil {
			return err
		}
	}
	for i := range r.audit.entries {
		if entry := &r.audit.entries[i]; !entry.seen {
			if err := r.compare(item{entry: entry}); err != nil {
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

// compare sends what is not settled by what the listings and the index tell.
func (r *run) compare(it item) error {
	if e := it.entry; e != nil {
		e.seen = true
		switch {
		case !e.isRead:
		case e.Flags&outside == 0:
			if r.settled(e.record, it.info, r.audit.agrees(e.record)) {
				return nil
			}
		case it.info.Key == "" && r.isLeft(e.record):
			return nil
		}
	}
	return r.send(it)
}

// settled reports whether an entry describes the source as it is listed; agrees
// says that the sink has the outputs that the entry names. What is settled is
// counted.
func (r *run) settled(entry record, info store.Info, agrees bool) bool {
	listed := ledger.Absent
	if info.ETag != "" {
		listed = info.State()
	}
	f := entry.Flags
	switch {
	case f&(claimed|isTorn) != 0, entry.Listed != digest(listed), r.p.Redo == RedoAll,
		r.p.Redo == RedoChanged && f.outdated(r.p),
		!agrees && !(r.o.SinkMoved && r.p.Redo == RedoNothing):
		return false
	}
	r.note(entry, agrees)
	r.done(info, Result{Disposition: DidDuplicate, Written: f&current != 0}, nil)
	return true
}

// isLeft reports whether nothing is done about an object that the source does
// not name any more, and counts it if its rows stand. For RedoChanged it is one
// that was deleted.
func (r *run) isLeft(entry record) bool {
	if entry.Flags&rowsStand == 0 {
		return true
	}
	if r.p.Redo == RedoChanged && r.p.RemoveDeleted {
		return false
	}
	r.count(&r.sum.Outside, 1)
	return true
}

// note counts what an entry lacks that is left as it is.
func (r *run) note(entry record, agrees bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range []struct {
		when  bool
		count *int64
	}{
		{entry.Flags&otherMapping != 0, &r.sum.OtherMapping},
		{entry.Flags&elsewhere != 0 || !agrees && (entry.Flags&absent == 0 || entry.Flags&kept != 0), &r.sum.Elsewhere},
		{entry.Flags&dropped != 0, &r.sum.Dropped},
		{entry.Flags&kept != 0 && r.p.RemoveDeleted, &r.sum.Kept},
	} {
		if c.when {
			*c.count++
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

// look processes a key, if its entry does not describe what is listed.
func (r *run) look(ctx context.Context, it item) {
	var first *claim
	var err error
	switch {
	case r.audit == nil:
	case it.entry == nil && !r.o.DryRun:
		first, err = r.claim(ctx, it.info)
	case it.entry != nil:
		var isSettled bool
		if first, isSettled, err = r.read(ctx, &it); isSettled {
			return
		}
	}
	res := Result{Disposition: DidCommit}
	if err == nil && !r.o.DryRun {
		p := r.p
		if it.entry != nil && it.entry.Flags&outside != 0 {
			p = p.withoutSource()
		}
		if res, err = p.process(ctx, r.o.Bucket, it.info.Key, first); res.etag != "" && r.audit != nil {
			r.note(r.audit.account(it.entry, &res), true)
		}
	}
	r.done(it.info, res, err)
}

// read reads the entry of a key, and compares it with what is listed.
func (r *run) read(ctx context.Context, it *item) (c *claim, isSettled bool, err error) {
	e, etag, err := r.p.Ledger.Read(ctx, it.entry.id)
	switch {
	case errors.Is(err, ledger.ErrDamaged) && it.info.Key == "":
		r.count(&r.sum.Damaged, 1)
		return nil, true, nil
	case errors.Is(err, ledger.ErrDamaged), errors.Is(err, store.ErrNotFound):
		return nil, it.info.Key == "", nil // Process makes it anew
	case err != nil:
		return nil, false, err
	}
	isOutside := e.Bucket != r.o.Bucket || !strings.HasPrefix(e.Key, r.o.Prefix) || r.o.Judge(store.Info{Key: e.Key}).Action != event.Process
	entry := r.audit.update(it.entry, &e, etag, isOutside)
	it.info.Key = e.Key
	r.p.place(&e)
	if isOutside {
		return &claim{entry: e, etag: etag}, e.Bucket != r.o.Bucket || r.isLeft(entry), nil
	}
	differs, extra := r.p.compare(&e, r.audit.sink)
	r.count(&r.sum.Unaccounted, extra)
	if differs && !r.o.SinkMoved {
		r.count(&r.sum.Changed, 1)
	}
	if entry.Flags&isTorn != 0 {
		r.count(&r.sum.Torn, 1)
	}
	return &claim{entry: e, etag: etag}, r.settled(entry, it.info, !differs), nil
}

// withoutSource is the pipeline for a key that counts as deleted.
func (p *Pipeline) withoutSource() *Pipeline {
	then := *p
	then.Source = func(bucket string) (store.Store, error) {
		src, err := p.Source(bucket)
		return deleted{src}, err
	}
	return &then
}

// deleted is a source that has no objects any more.
type deleted struct{ store.Store }

func (deleted) Open(context.Context, string) (store.Object, error) { return nil, store.ErrNotFound }

func (r *run) count(counter *int64, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*counter += n
}

// claim creates the ledger entry of a listed key that has none. If it had one
// that was deleted, its outputs stand in the sink, and the entry takes on their
// names again. It is nil if another was faster: Process reads what there is.
func (r *run) claim(ctx context.Context, info store.Info) (*claim, error) {
	e, err := r.p.adopted(ctx, r.o.Bucket, info.Key, r.audit.sink)
	if err != nil {
		return nil, err
	}
	fresh := e.FirstSeen.IsZero()
	if fresh {
		e.FirstSeen = info.Modified.UTC()
	}
	r.p.place(&e)
	etag, err := r.p.Ledger.Put(ctx, &e, store.IfNoneMatch())
	if store.IsRace(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &claim{entry: e, etag: etag, fresh: fresh}, nil
}
