package tables

import (
	"context"
	"sync"
)

// Each calls fn for all of a list, some at the same time, until one of them fails.
func Each[T any](ctx context.Context, atOnce int, list []T, fn func(context.Context, *T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	room := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range list {
		room <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-room }()
			if err := fn(ctx, &list[i]); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
