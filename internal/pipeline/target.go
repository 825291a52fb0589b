package pipeline

import (
	"context"
	"errors"
	"slices"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/store"
)

// Target is where the rows of source objects become visible, and what is known of
// each object. [Pipeline] writes a file for each; [Tables] writes tables whose files
// many objects share. Both go the same way: what is known is loaded, the source read,
// its records converted, what does not fit explained, and the rest committed.
type Target interface {
	// Process brings what is visible of a source key up to the current state of the
	// source. When it returns without an error, the event may be acknowledged. After an
	// error nothing is lost, and the same call may be made again.
	Process(ctx context.Context, bucket, key string) (Result, error)

	// ProcessAll is Process for several keys, each there once, workers large ones at once.
	// done is called once for each, one call at a time, with its index. It returns what
	// became visible in tables.
	ProcessAll(ctx context.Context, objects []Object, workers int, done func(i int, r Result, err error)) Commits

	// Run processes what differs from the listing of the source: see [Pipeline.Run].
	Run(ctx context.Context, o RunOptions) (Summary, error)

	// Entry is what is known of a source key; store.ErrNotFound if that is nothing.
	Entry(ctx context.Context, bucket, key string) (ledger.Entry, error)

	// Entries calls fn for each source key. An entry that cannot be read comes with
	// its name and the error.
	Entries(ctx context.Context, fn func(name string, e *ledger.Entry, err error) error) error
}

// Object is a source key to process.
type Object struct {
	Bucket, Key string
	Size        int64 // as far as it is known; below 0: not known
}

// ProcessAll implements [Target].
func (p *Pipeline) ProcessAll(ctx context.Context, objects []Object, workers int, done func(i int, r Result, err error)) Commits {
	each(slices.All(objects), NewFlight(workers), func(i int) func() {
		var r Result
		began := time.Now()
		err := Contain(func() (err error) {
			if ctx.Err() != nil {
				return notStarted(ctx)
			}
			r, err = p.Process(ctx, objects[i].Bucket, objects[i].Key)
			return err
		})
		r.Took = time.Since(began)
		return func() { done(i, r, err) }
	})
	return Commits{}
}

// Entry implements [Target].
func (p *Pipeline) Entry(ctx context.Context, bucket, key string) (ledger.Entry, error) {
	e, _, err := p.Ledger.Get(ctx, bucket, key)
	return e, err
}

// Entries implements [Target].
func (p *Pipeline) Entries(ctx context.Context, fn func(name string, e *ledger.Entry, err error) error) error {
	return p.Ledger.List(ctx, func(l ledger.Listed) error {
		e, _, err := p.Ledger.Read(ctx, l.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil // removed since it was listed
		}
		return fn(l.ID.String(), &e, err)
	})
}
