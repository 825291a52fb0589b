package store

import (
	"context"
	"sync"
	"time"
)

type cleanUpKey struct{}

// CleanUpUntil returns a context that allows cleaning up after it has ended, up to
// the given time: after that, the caller is gone.
func CleanUpUntil(ctx context.Context, until time.Time) context.Context {
	return context.WithValue(ctx, cleanUpKey{}, until)
}

// CleanUp returns the context for removing what was begun under ctx, which may have
// ended. It lasts at most as long as most, and not beyond CleanUpUntil.
func CleanUp(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	end := time.Now().Add(most)
	if until, ok := ctx.Value(cleanUpKey{}).(time.Time); ok && until.Before(end) {
		end = until
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end)
}

// Abort discards what was not committed, for all writers at the same time, since
// each may wait for a server that does not answer. What stays is invisible, and
// PendingUploads finds it. Nil writers are skipped.
func Abort(ctx context.Context, writers ...Writer) {
	var all sync.WaitGroup
	for _, w := range writers {
		if w != nil {
			all.Go(func() { w.Abort(ctx) }) //nolint:errcheck // as said above
		}
	}
	all.Wait()
}
