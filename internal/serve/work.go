package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sluice/internal/arrivals"
	"sluice/internal/event"
	"sluice/internal/lake"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
	"sluice/internal/store"
)

const (
	smallInFolder = 8 // small objects in work at once; their conversions are fewer
	mostInBatch   = 1000
	firstWait     = time.Second
	longestWait   = time.Minute // between two tries of an object that fails
	fullWait      = 10 * time.Second

	// A look at all of source, sink and ledger finds what notifications have missed.
	scanFolder = 10 * time.Minute
	scanBucket = 30 * time.Second
	scanShare  = 20 // it may take one part in this many of all time

	tellTime = 10 * time.Second // between two lines at the terminal while there is work
)

// work processes what has arrived, object by object, as a run does: through
// [pipeline.Pipeline]. So what it was doing when it died, or what another worker does
// at the same time, is no matter of this package.
type work struct {
	s        *Server
	queue    *queue
	arrivals atomic.Pointer[arrivals.Arrivals] // nil: the source is in a bucket
	catalog  chan struct{}                     // tables have to be told to the catalog
	idle     chan struct{}                     // the queue may be empty

	leftOut map[string]bool // keys that no scan takes; only for keep

	mu      sync.Mutex
	sum     *pipeline.Summary // since the last line at the terminal
	first   error             // of the failures since then
	news    bool              // something was processed since a run looked at everything
	written bool              // files with the columns of all tables are known to exist
}

func newWork(s *Server) *work {
	w := &work{s: s, catalog: make(chan struct{}, 1), idle: make(chan struct{}, 1), news: true, sum: pipeline.NewSummary()}
	w.queue = newQueue(w.waits)
	return w
}

// run works until ctx ends. An error says that this lake is another's.
func (w *work) run(ctx context.Context) error {
	if err := w.own(ctx); err != nil {
		return err
	}
	at := w.s.Setup()
	var all sync.WaitGroup
	defer all.Wait()
	ready := make(chan struct{})
	if folder := at.SourceFolder(); folder != "" {
		src, err := at.Pipeline.Source(at.Config.Source.Bucket)
		if err != nil {
			return err
		}
		a := arrivals.New(arrivals.Options{Source: src, Prefix: at.Config.Source.Prefix, Folder: folder, Arrived: func(keys []string) { w.arrived(ctx, keys) }, Warn: w.s.o.Warn})
		w.arrivals.Store(a)
		all.Go(func() { a.Run(ctx, func() { close(ready) }) })
	} else {
		close(ready)
	}
	small := smallInFolder
	if w.arrivals.Load() == nil {
		small = pipeline.SmallAtOnce
	}
	if w.batches(at) {
		small = 1 // small objects go in batches
	}
	for range small {
		all.Go(func() { w.lane(ctx, false) })
	}
	all.Go(func() { w.lane(ctx, true) })
	all.Go(func() { w.refreshCatalog(ctx) })
	select {
	case <-ready:
		w.keep(ctx)
	case <-ctx.Done():
	}
	return nil
}

// own makes sure that the lake belongs to this configuration, as soon as that can be
// found out, and removes what dead workers left.
func (w *work) own(ctx context.Context) error {
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		err := w.s.Setup().Own(ctx)
		if owner := new(ledger.OwnerError); ctx.Err() != nil || errors.As(err, &owner) {
			return err
		}
		w.s.problem("work", err)
		if err == nil {
			break
		}
		if !sleep(ctx, wait) {
			return nil
		}
	}
	if _, err := w.s.Setup().Sweep(ctx); err != nil && ctx.Err() == nil {
		w.s.o.Warn(fmt.Errorf("remove uploads of dead workers: %w; the next start tries again", err))
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// keep looks at everything, at the start and from time to time, and again when all
// that this look has found is done.
func (w *work) keep(ctx context.Context) {
	every := time.Duration(scanFolder)
	if w.arrivals.Load() == nil {
		every = cmp.Or(w.s.o.Poll, scanBucket)
	}
	looks := time.NewTimer(0)
	defer looks.Stop()
	lines := time.NewTicker(tellTime)
	defer lines.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-looks.C:
			started := time.Now()
			w.failing(ctx, w.scan(ctx))
			looks.Reset(max(every, scanShare*time.Since(started)))
		case <-lines.C:
			w.tell()
			continue
		case <-w.idle:
		}
		if !w.queue.isEmpty() {
			continue
		}
		w.tell()
		switch {
		case w.queue.overflowed():
			looks.Reset(0)
		case w.hasNews():
			w.failing(ctx, w.settle(ctx))
		}
	}
}

// failing shows why a look at everything failed.
func (w *work) failing(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		err = fmt.Errorf("look for what is new: %w", err)
	}
	w.s.problem("work", err)
}

// hasNews reports whether something was processed since the last call, and at the
// first call.
func (w *work) hasNews() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	news := w.news
	w.news = false
	return news
}

// scan compares source, sink and ledger, and queues what differs.
func (w *work) scan(ctx context.Context) error {
	at := w.s.Setup()
	bucket := at.Config.Source.Bucket
	leftOut := map[string]bool{}
	o := at.Run()
	o.DryRun = true
	o.Done = func(key string, size int64, r pipeline.Result, err error) {
		switch {
		case ctx.Err() != nil || key == "":
		case err != nil:
			leftOut[key] = true
			w.s.objects.change(bucket, key, func(k *known) bool {
				changed := k.State != stateFailed || k.Error != err.Error()
				k.State, k.Size, k.Error = stateFailed, size, err.Error()
				return changed
			})
		case r.Disposition == pipeline.DidCommit:
			w.queue.add(task{key: key, size: size})
		}
	}
	_, err := at.Target.Run(ctx, o)
	if err != nil {
		return err
	}
	for key := range w.leftOut {
		if !leftOut[key] && w.isUnknown(ctx, at, key) {
			w.s.objects.forget(ledger.IDOf(bucket, key))
		}
	}
	w.leftOut = leftOut
	return nil
}

// settle is a run over everything after the queue is empty. It finds next to nothing
// to do, and writes the index of the ledger, which makes the next look cheap.
func (w *work) settle(ctx context.Context) error {
	at := w.s.Setup()
	o := at.Run()
	o.Workers = 1
	o.Done = func(key string, size int64, r pipeline.Result, err error) {
		if ctx.Err() != nil {
			return
		}
		if r.Disposition == pipeline.DidDuplicate || r.Disposition == pipeline.DidSkip {
			id := ledger.IDOf(at.Config.Source.Bucket, key)
			if o, _, ok := w.s.objects.get(id); !ok || o.State != stateWorking {
				return // most objects: nothing has changed
			}
		}
		w.finish(ctx, at, &task{key: key, size: size}, time.Now(), r, err)
	}
	_, err := w.target(at, pipeline.RedoNothing).Run(ctx, o)
	return err
}

// arrived queues keys that came, changed or went.
func (w *work) arrived(ctx context.Context, keys []string) {
	at := w.s.Setup()
	src, err := at.Pipeline.Source(at.Config.Source.Bucket)
	for _, key := range keys {
		if err != nil || at.Listed(store.Info{Key: key}).Action != event.Process {
			continue
		}
		info, err := src.Head(ctx, key)
		if err == nil || errors.Is(err, store.ErrNotFound) {
			w.queue.add(task{key: key, size: info.Size})
		}
	}
}

// again has objects processed again that were made with another mapping than the one
// at work, and says for how many there was room.
func (s *Server) again(keys []string) (taken int) {
	at := s.Setup()
	for _, key := range keys {
		size := int64(0)
		if o, _, ok := s.objects.get(ledger.IDOf(at.Config.Source.Bucket, key)); ok {
			size = o.Size
		}
		if s.work.queue.add(task{key: key, size: size, redo: pipeline.RedoChanged}) {
			taken++
		}
	}
	return taken
}

// waits shows that an object waits.
func (w *work) waits(t *task) {
	w.s.objects.change(w.s.Setup().Config.Source.Bucket, t.key, func(k *known) bool {
		k.State, k.Size = stateWaiting, cmp.Or(t.size, k.Size)
		return true
	})
}

// lane processes one object after the other; where many objects share files, the small
// ones that wait together are one batch.
func (w *work) lane(ctx context.Context, large bool) {
	for {
		t, ok := w.queue.take(ctx, large)
		if !ok {
			return
		}
		at := w.s.Setup()
		tasks := []*task{t}
		if w.batches(at) && !large {
			tasks = append(tasks, w.queue.more(t, mostInBatch-1)...)
		}
		w.process(ctx, at, tasks)
		if ctx.Err() != nil {
			return // what was committed is kept, the next start does the rest
		}
		if w.queue.isEmpty() {
			select {
			case w.idle <- struct{}{}:
			default:
			}
		}
	}
}

// batches reports whether objects that are processed together share files.
func (w *work) batches(at *setup.Setup) bool {
	_, are := at.Target.(*pipeline.Tables)
	return are
}

// process processes tasks of one kind.
func (w *work) process(ctx context.Context, at *setup.Setup, tasks []*task) {
	objects := make([]pipeline.Object, len(tasks))
	for i, t := range tasks {
		objects[i] = pipeline.Object{Bucket: at.Config.Source.Bucket, Key: t.key, Size: t.size}
	}
	started := time.Now()
	w.target(at, tasks[0].redo).ProcessAll(ctx, objects, max(at.Config.Workers, 1), func(i int, r pipeline.Result, err error) {
		if ctx.Err() == nil {
			w.finish(ctx, at, tasks[i], started, r, err)
		}
	})
}

// target is that of a setup, over the pipeline of the work.
func (w *work) target(at *setup.Setup, redo pipeline.Redo) pipeline.Target {
	p := w.pipeline(at, redo)
	if t, are := at.Target.(*pipeline.Tables); are {
		tables := *t
		tables.Pipeline = p
		return &tables
	}
	return p
}

// pipeline is that of a setup, over a source whose files are only read when they are
// whole, and whose reads are told.
func (w *work) pipeline(at *setup.Setup, redo pipeline.Redo) *pipeline.Pipeline {
	p := *at.Pipeline
	p.Redo = redo
	p.Source = func(bucket string) (store.Store, error) {
		src, err := at.Pipeline.Source(bucket)
		return source{src, w, bucket}, err
	}
	return &p
}

// finish shows what came of an object, and queues it again if it failed.
func (w *work) finish(ctx context.Context, at *setup.Setup, t *task, started time.Time, r pipeline.Result, err error) {
	bucket := at.Config.Source.Bucket
	took := time.Since(started)
	tried := attempt{At: started.UTC().Truncate(time.Millisecond), What: string(r.Disposition), Seconds: took.Seconds()}
	if err == nil {
		// Whoever wrote the entry last, it says how the object stands.
		var entry ledger.Entry
		var etag string
		if entry, etag, err = w.entry(ctx, at, t.key, r); err == nil {
			w.s.objects.account(&entry, etag, time.Now().UTC(), func(k *known) {
				k.State, k.Error = stateDone, ""
				k.Duplicate = r.Disposition == pipeline.DidDuplicate
				k.Seconds, k.MBPerSecond = took.Seconds(), 0
				if !k.Duplicate && took > 0 {
					k.MBPerSecond = float64(r.Stats.BytesRead) / 1e6 / took.Seconds()
				}
				k.try(tried)
			})
		}
	}
	switch {
	case err == nil:
		w.queue.done(t)
		if r.Disposition != pipeline.DidDuplicate {
			w.committed(t.key, at, r)
		}
		w.count(r, nil)
		if r.Disposition == pipeline.DidCommit || r.Disposition == pipeline.DidReject {
			w.s.problem("disk", nil)
		}
	case errors.Is(err, errNotWhole):
		w.s.objects.change(bucket, t.key, func(k *known) bool { k.State = stateWaiting; return true })
		if t.redo == pipeline.RedoNothing {
			w.queue.done(t) // it arrives when it is
		} else {
			w.queue.again(t, firstWait, t.tries)
		}
	case errors.Is(err, store.ErrNotFound) && w.isUnknown(ctx, at, t.key):
		w.s.objects.forget(ledger.IDOf(bucket, t.key)) // it came and went, and nobody has read it
		w.queue.done(t)
	default:
		w.failed(at, t, tried, err)
	}
}

// entry is what the ledger has of an object that was processed. In a table that is what
// the commit has written: many objects have the same, and it is not read for each.
func (w *work) entry(ctx context.Context, at *setup.Setup, key string, r pipeline.Result) (ledger.Entry, string, error) {
	if e := r.Entry(); w.batches(at) && e.Key != "" {
		return e, lake.Tag(&e), nil
	}
	return w.s.lake.Entry(ctx, at.Config.Source.Bucket, key)
}

func (k *known) try(a attempt) {
	if len(k.attempts) >= maxAttempts {
		k.attempts = append(k.attempts[:0], k.attempts[1:]...)
	}
	k.attempts = append(k.attempts, a)
}

// isUnknown reports whether the ledger has no entry of a key.
func (w *work) isUnknown(ctx context.Context, at *setup.Setup, key string) bool {
	_, _, err := w.s.lake.Entry(ctx, at.Config.Source.Bucket, key)
	return errors.Is(err, store.ErrNotFound)
}

// failed shows a failure, and queues the object for another try. On a full disk
// everything waits, since nothing can be done without room.
func (w *work) failed(at *setup.Setup, t *task, tried attempt, err error) {
	tried.What, tried.Error = string(pipeline.DidFail), err.Error()
	wait := min(firstWait<<min(t.tries, 10), longestWait)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		wait = min(wait, fullWait)
		w.s.problem("disk", fmt.Errorf("the disk is full: %w; nothing is lost, and the work goes on by itself when there is room", err))
		w.queue.pause(wait)
	}
	w.s.objects.change(at.Config.Source.Bucket, t.key, func(k *known) bool {
		k.State, k.Error, k.Seconds = stateFailed, err.Error(), tried.Seconds
		k.try(tried)
		return true
	})
	if t.tries == 0 {
		w.count(pipeline.Result{}, err)
	}
	w.queue.again(t, wait+rand.N(wait/4), t.tries+1)
}

// count counts an object for the next line at the terminal.
func (w *work) count(r pipeline.Result, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sum.Add(r, err)
	w.news = w.news || err == nil
	if w.first == nil {
		w.first = err
	}
}

// tell writes a line at the terminal, if there is something to tell.
func (w *work) tell() {
	w.mu.Lock()
	sum, first := w.sum, w.first
	w.sum, w.first = pipeline.NewSummary(), nil
	w.mu.Unlock()
	n := sum.Objects
	if n[pipeline.DidCommit]+n[pipeline.DidReject]+n[pipeline.DidFail]+n[pipeline.DidDuplicate] == 0 {
		return
	}
	w.s.o.Tell(sum)
	if first != nil {
		w.s.o.Warn(first)
	}
}

// committed has the tables told to the pages and the catalog.
func (w *work) committed(key string, at *setup.Setup, r pipeline.Result) {
	w.s.notes.add(ledger.IDOf(at.Config.Source.Bucket, key))
	w.mu.Lock()
	w.written = w.written || r.Written
	w.mu.Unlock()
	if r.Disposition == pipeline.DidCommit {
		select {
		case w.catalog <- struct{}{}:
		default:
		}
	}
}
