package pipeline

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/store"
)

// HandOver has objects converted in parts by others: each is planned, and somebody is told
// who goes on from there.
type HandOver struct {
	Above int64 // bytes: what is larger is split, if it can be
	// Start tells who splits an object, whose key is told too. The name is the same as long
	// as the object, and what the tables know of it, are: to start the same name again does
	// nothing. Once it returns no error, the event of the object may be acknowledged.
	Start func(ctx context.Context, name, bucket, key string) error
}

// handOver hands the large objects over, and returns the others, with their done.
func (t *Tables) handOver(ctx context.Context, objects []Object, done func(int, Result, error)) ([]Object, func(int, Result, error)) {
	if t.HandOver == nil || t.Redo == RedoAll {
		return objects, done
	}
	var rest []Object
	var index []int
	for i, o := range objects {
		if o.Size > t.HandOver.Above {
			var r Result
			err := Contain(func() (err error) {
				r, err = t.startSplit(ctx, o)
				return err
			})
			// What cannot be split, or is gone, is for one process.
			if !errors.As(err, new(*NotSplitError)) && !errors.Is(err, store.ErrNotFound) {
				done(i, r, err)
				continue
			}
		}
		rest, index = append(rest, o), append(index, i)
	}
	return rest, func(i int, r Result, err error) { done(index[i], r, err) }
}

// startSplit plans the split of an object, and has others do it.
func (t *Tables) startSplit(ctx context.Context, o Object) (Result, error) {
	s, r, err := t.PlanSplit(ctx, o.Bucket, o.Key, DefaultPart)
	if err == nil && s == nil {
		err = t.note(ctx, &r)
	}
	if err != nil || s == nil {
		return r, err
	}
	// Whoever splits it may have ended without success: the next day it is told anew.
	name := s.Name() + t.Tables[0].Now().UTC().Format("-20060102")
	if err := t.HandOver.Start(ctx, name, o.Bucket, o.Key); err != nil {
		return Result{}, fmt.Errorf("have %q split: %w", o.Key, err)
	}
	return Result{Disposition: DidHandOver}, nil
}
