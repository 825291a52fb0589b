package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"sluice/internal/store"
)

// Fault is what happens at the chosen call.
type Fault int

const (
	FailBefore  Fault = iota // the call fails without effect; the next ones work
	FailAfter                // the call has its effect, but the reply is lost: it fails; the next ones work
	CrashBefore              // the process dies before the call
	CrashAfter               // the process dies after the call had its effect
)

// ErrFault is the cause when a call is made to fail. The error is transient, like
// an error of the network.
var ErrFault = errors.New("fault made by the test")

// ErrCrash is the cause of all errors after a crash: no call of a dead process has
// an effect, not even Abort.
var ErrCrash = errors.New("crash made by the test")

// Plan makes one of all calls fail that go through the stores it wraps. A test
// repeats its work, and each time the next call fails, until no call is left:
//
//	for n := 1; ; n++ {
//		plan := storetest.NewPlan(n, storetest.CrashAfter)
//		source, sink := plan.Wrap(a), plan.Wrap(b)
//		...
//		if !plan.Happened() {
//			break
//		}
//	}
//
// Counted are Head, Open, Create, Commit, Delete, PendingUploads, AbortUpload,
// Sweep, the start of a List, and for every object the first Read, the first Write
// and the first Abort before Commit.
type Plan struct {
	n     int
	fault Fault

	mu    sync.Mutex
	calls []string
	dead  bool
}

// NewPlan makes the n-th call fail, counted from 1; 0 is none.
func NewPlan(n int, fault Fault) *Plan { return &Plan{n: n, fault: fault} }

// Happened reports whether the n-th call came.
func (p *Plan) Happened() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n > 0 && len(p.calls) >= p.n
}

// Calls lists the calls so far, such as "commit out/x.parquet".
func (p *Plan) Calls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.calls...)
}

// Wrap returns a store whose calls are part of the plan.
func (p *Plan) Wrap(s store.Store) store.Store { return &failing{Store: s, plan: p} }

// call runs do, unless the plan says otherwise.
func (p *Plan) call(op, location string, do func() error) error {
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return crash(op, location)
	}
	p.calls = append(p.calls, op+" "+location)
	hit := len(p.calls) == p.n
	p.dead = hit && p.fault == CrashBefore
	p.mu.Unlock()
	switch {
	case !hit:
		if err := do(); err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.dead { // another goroutine crashed it: nobody gets the answer
			return crash(op, location)
		}
		return nil
	case p.fault == FailBefore:
		return &store.Error{Op: op, Location: location, Err: fmt.Errorf("%w, before the effect", ErrFault), Transient: true}
	case p.fault == CrashBefore:
		return crash(op, location)
	}
	err := do()
	if p.fault == CrashAfter {
		p.mu.Lock()
		p.dead = true
		p.mu.Unlock()
		return crash(op, location)
	}
	if err != nil {
		return err
	}
	return &store.Error{Op: op, Location: location, Err: fmt.Errorf("%w, after the effect", ErrFault), Transient: true}
}

func crash(op, location string) error {
	return &store.Error{Op: op, Location: location, Err: ErrCrash}
}

type failing struct {
	store.Store
	plan *Plan
}

var _ store.Store = (*failing)(nil)

func (f *failing) at(key string) string { return f.String() + "/" + key }

func (f *failing) Head(ctx context.Context, key string) (info store.Info, err error) {
	err = f.plan.call("head", f.at(key), func() (err error) {
		info, err = f.Store.Head(ctx, key)
		return err
	})
	if err != nil {
		return store.Info{}, err
	}
	return info, nil
}

func (f *failing) Open(ctx context.Context, key string) (store.Object, error) {
	return f.open(key, func() (store.Object, error) { return f.Store.Open(ctx, key) })
}

func (f *failing) OpenVersion(ctx context.Context, key, versionID string) (store.Object, error) {
	return f.open(key, func() (store.Object, error) { return f.Store.OpenVersion(ctx, key, versionID) })
}

func (f *failing) open(key string, do func() (store.Object, error)) (store.Object, error) {
	var o store.Object
	err := f.plan.call("open", f.at(key), func() (err error) {
		o, err = do()
		return err
	})
	if err != nil {
		if o != nil {
			o.Close()
		}
		return nil, err
	}
	return &failingObject{Object: o, f: f}, nil
}

func (f *failing) Create(ctx context.Context, key string, opts store.CreateOptions) (store.Writer, error) {
	var w store.Writer
	err := f.plan.call("create", f.at(key), func() (err error) {
		w, err = f.Store.Create(ctx, key, opts)
		return err
	})
	if err != nil {
		// What a dead process created stays. But if Create returns an error to a
		// living process, the store must not keep anything.
		if w != nil && !f.plan.isDead() {
			w.Abort(ctx) //nolint:errcheck // the fault is the error to return
		}
		return nil, err
	}
	return &failingWriter{w: w, f: f, key: key}, nil
}

func (f *failing) List(ctx context.Context, prefix string, fn func(store.Info) error) error {
	if err := f.plan.call("list", f.at(prefix), func() error { return nil }); err != nil {
		return err
	}
	return f.Store.List(ctx, prefix, fn)
}

func (f *failing) Delete(ctx context.Context, key string) error {
	return f.plan.call("delete", f.at(key), func() error { return f.Store.Delete(ctx, key) })
}

func (f *failing) PendingUploads(ctx context.Context, prefix string) (uploads []store.Upload, err error) {
	err = f.plan.call("list uploads", f.at(prefix), func() (err error) {
		uploads, err = f.Store.PendingUploads(ctx, prefix)
		return err
	})
	return uploads, err
}

func (f *failing) Sweep(ctx context.Context, prefix string) (n int, err error) {
	err = f.plan.call("sweep", f.at(prefix), func() (err error) {
		n, err = f.Store.Sweep(ctx, prefix)
		return err
	})
	return n, err
}

func (f *failing) AbortUpload(ctx context.Context, u store.Upload) error {
	return f.plan.call("abort upload", f.at(u.Key), func() error { return f.Store.AbortUpload(ctx, u) })
}

type failingObject struct {
	store.Object
	f    *failing
	read bool
}

func (o *failingObject) Read(p []byte) (n int, err error) {
	if o.read {
		if o.f.plan.isDead() {
			return 0, crash("read", o.f.at(o.Info().Key))
		}
		return o.Object.Read(p)
	}
	o.read = true
	var end error
	err = o.f.plan.call("read", o.f.at(o.Info().Key), func() error {
		n, end = o.Object.Read(p)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, end
}

type failingWriter struct {
	w             store.Writer
	f             *failing
	key           string
	wrote, ending bool
}

func (w *failingWriter) Write(p []byte) (n int, err error) {
	if w.wrote {
		if w.f.plan.isDead() {
			return 0, crash("write", w.f.at(w.key))
		}
		return w.w.Write(p)
	}
	w.wrote = true
	err = w.f.plan.call("write", w.f.at(w.key), func() error {
		n, err = w.w.Write(p)
		return err
	})
	return n, err
}

func (w *failingWriter) Commit(ctx context.Context, pre store.Precondition) (info store.Info, err error) {
	w.ending = true
	err = w.f.plan.call("commit", w.f.at(w.key), func() (err error) {
		info, err = w.w.Commit(ctx, pre)
		return err
	})
	if err != nil {
		return store.Info{}, err
	}
	return info, nil
}

func (w *failingWriter) Abort(ctx context.Context) error {
	if w.ending {
		if w.f.plan.isDead() {
			return crash("abort", w.f.at(w.key))
		}
		return w.w.Abort(ctx)
	}
	w.ending = true
	return w.f.plan.call("abort", w.f.at(w.key), func() error { return w.w.Abort(ctx) })
}

func (p *Plan) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}
