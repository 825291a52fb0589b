package pipeline

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"sync"
)

// each calls do for each object, several at once, as flight allows. What do returns is
// called after it, one call at a time.
func each(objects iter.Seq2[int, Object], flight *Flight, do func(i int) (done func())) {
	type work struct {
		i     int
		leave func()
	}
	todo := make(chan work)
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range SmallAtOnce {
		workers.Go(func() {
			for w := range todo {
				done := do(w.i)
				w.leave()
				mu.Lock()
				done()
				mu.Unlock()
			}
		})
	}
	for i, o := range objects {
		todo <- work{i, flight.Enter(o.Size)}
	}
	close(todo)
	workers.Wait()
}

// notStarted is the error of an object that the context left no time for.
func notStarted(ctx context.Context) error {
	return fmt.Errorf("it was not started: %w", context.Cause(ctx))
}

// PanicError is a panic that was caught. Its value may contain data, so the text only
// says its kind and where it came from.
type PanicError struct{ Kind, Stack string }

func (e *PanicError) Error() string { return "panic: " + e.Kind }

// Contain calls do and turns a panic into an error.
func Contain(do func() error) (err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		e := &PanicError{Kind: fmt.Sprintf("%T", r), Stack: string(debug.Stack())}
		if known, ok := r.(runtime.Error); ok {
			e.Kind = known.Error() // indices, lengths and types, and no text
		}
		err = e
	}()
	return do()
}
