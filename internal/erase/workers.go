package erase

import (
	"context"
	"sync"
)

// workers do several things at the same time, until one of them fails.
type workers struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	room   chan struct{}
	all    sync.WaitGroup
}

func newWorkers(ctx context.Context, n int) *workers {
	w := &workers{room: make(chan struct{}, max(n, 1))}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	return w
}

// start does something as soon as there is room. An error says that nothing more is begun.
func (w *workers) start(fn func(context.Context) error) error {
	w.room <- struct{}{}
	if err := context.Cause(w.ctx); err != nil {
		<-w.room
		return err
	}
	w.all.Go(func() {
		defer func() { <-w.room }()
		if err := fn(w.ctx); err != nil {
			w.cancel(err)
		}
	})
	return nil
}

// wait waits for all, and returns the first error.
func (w *workers) wait() error {
	w.all.Wait()
	err := context.Cause(w.ctx)
	w.cancel(nil)
	return err
}
