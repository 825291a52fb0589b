package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"sluice/internal/store"
)

func TestCleanUp(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	until := time.Now().Add(time.Minute)
	for name, test := range map[string]struct {
		ctx  context.Context
		most time.Duration
		want time.Time // at most
	}{
		"as long as asked for":   {ended, time.Hour, time.Now().Add(time.Hour + time.Minute)},
		"not beyond the end":     {store.CleanUpUntil(ended, until), time.Hour, until},
		"also of one within":     {within(store.CleanUpUntil(ended, until)), time.Hour, until},
		"nor longer than needed": {store.CleanUpUntil(ended, until), time.Second, until.Add(-time.Second)},
	} {
		ctx, stop := store.CleanUp(test.ctx, test.most)
		if end, ok := ctx.Deadline(); ctx.Err() != nil || !ok || end.After(test.want) {
			t.Errorf("%s: ends at %v, want %v: %v", name, end, test.want, ctx.Err())
		}
		stop()
	}
	ctx, stop := store.CleanUp(store.CleanUpUntil(t.Context(), time.Now()), time.Hour)
	defer stop()
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Errorf("after the end: %v", ctx.Err())
	}
}

func within(ctx context.Context) context.Context {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	cancel()
	return ctx
}

// slow is a writer whose Abort waits for those of the others.
type slow struct {
	store.Writer
	others *sync.WaitGroup
}

func (s slow) Abort(context.Context) error {
	s.others.Done()
	s.others.Wait()
	return errors.New("not told")
}

// One after another, this would not end.
func TestAbortSideBySide(t *testing.T) {
	var all sync.WaitGroup
	all.Add(3)
	store.Abort(t.Context(), slow{others: &all}, nil, slow{others: &all}, slow{others: &all})
}
