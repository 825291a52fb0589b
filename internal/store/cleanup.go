package store

import (
	"context"
	"sync"
	"time"
)

type cleanUpKey struct{}

// CleanUpUntil gives a context whose end does not keep what was begun under it
// from being removed, until then: after that, its caller is gone.
func CleanUpUntil(ctx context.Context, until time.Time) context.Context {
	return context.WithValue(ctx, cleanUpKey{}, until)
}

// CleanUp is the context in which to remove what was begun under ctx, which may
// have ended. It lasts as long as most, and not beyond CleanUpUntil.
func CleanUp(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	end := time.Now().Add(most)
	if until, ok := ctx.Value(cleanUpKey{}).(time.Time); ok && until.Before(end) {
		end = until
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end)
}

// Abort throws away what was not committed, all at once: each may wait for a
// server that does not answer. What stays is invisible, and PendingUploads
// finds it. A nil among the writers is none.
func Abort(ctx context.Context, writers ...Writer) {
	var all sync.WaitGroup
	for _, w := range writers {
		if w != nil {
			all.Go(func() { w.Abort(ctx) }) //nolint:errcheck // as said above
		}
	}
	all.Wait()
}
