package awslambda

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"sluice/internal/event"
	"sluice/internal/pipeline"
)

// outcome is what became of a record of the event.
type outcome struct {
	event.Record
	*object       // nil if the key was not looked at
	err     error // nil: the record may be acknowledged
}

// object is a key that the event names, once or several times.
type object struct {
	at     event.Object
	again  int64 // further records that name it
	result pipeline.Result
	err    error
	took   time.Duration
}

// recordError says that a record is refused or cannot be read. No retry fixes
// it. It is reported as failed, so that a person finds it among the failures.
type recordError struct{ event.Record }

func (e *recordError) Error() string {
	return fmt.Sprintf("event record: %s: %s: %s", e.Action, e.Reason, e.Detail)
}

// look does what the records ask for: each key once, and whatever happens to one
// does not stop the others.
func (in *invocation) look(records []event.Record) []outcome {
	type name struct{ bucket, key string }
	outcomes := make([]outcome, len(records))
	objects := map[name]*object{}
	var order []*object
	for i, r := range records {
		outcomes[i].Record = r
		switch r.Action {
		case event.Process:
			n := name{r.Bucket, r.Key}
			if objects[n] == nil {
				objects[n] = &object{at: r.Object}
				order = append(order, objects[n])
			} else {
				objects[n].again++
			}
			outcomes[i].object = objects[n]
		case event.Skip:
			in.sum.Objects[pipeline.DidSkip]++
		default:
			outcomes[i].err = &recordError{r}
			in.sum.Objects[pipeline.DidFail]++
		}
	}
	in.logRecords(outcomes)
	in.process(order)
	for i, o := range outcomes {
		if o.object != nil {
			outcomes[i].err = o.object.err
		}
	}
	return outcomes
}

// process has the pipeline look at the objects, several at once. The smallest
// come first, so that an object too large for the time does not take it from the
// others.
func (in *invocation) process(objects []*object) {
	slices.SortStableFunc(objects, func(a, b *object) int {
		return cmp.Compare(uint64(a.at.Size), uint64(b.at.Size)) // an unknown size (-1) comes last
	})
	type work struct {
		*object
		leave func()
	}
	todo := make(chan work)
	var mu sync.Mutex
	var workers sync.WaitGroup
	flight := pipeline.NewFlight(in.setup.Config.Workers)
	for range min(pipeline.SmallAtOnce, len(objects)) {
		workers.Go(func() {
			for w := range todo {
				in.processOne(w.object)
				w.leave()
				mu.Lock()
				in.count(w.object)
				mu.Unlock()
				in.logObject(w.object)
			}
		})
	}
	for _, o := range objects {
		todo <- work{o, flight.Enter(o.at.Size)}
	}
	close(todo)
	workers.Wait()
}

func (in *invocation) processOne(o *object) {
	began := time.Now()
	if in.work.Err() != nil {
		o.err = in.late(o, errors.New("it was not started"))
		return
	}
	o.err = contain(func() (err error) {
		o.result, err = in.setup.Pipeline.Process(in.work, o.at.Bucket, o.at.Key)
		return err
	})
	if o.err != nil && in.work.Err() != nil {
		o.err = in.late(o, o.err)
	}
	o.took = time.Since(began)
}

func (in *invocation) count(o *object) {
	in.sum.Add(o.result, o.err)
	if o.err == nil {
		in.sum.Objects[pipeline.DidDuplicate] += o.again // counted without a second look
	}
}

// panicError is a panic that was caught. Its value may contain data, so the text
// only says its kind and where it came from.
type panicError struct {
	kind  string
	stack string
}

func (e *panicError) Error() string { return "panic: " + e.kind }

// contain calls do and turns a panic into an error.
func contain(do func() error) (err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		e := &panicError{kind: fmt.Sprintf("%T", r), stack: string(debug.Stack())}
		if known, ok := r.(runtime.Error); ok {
			e.kind = known.Error() // indices, lengths and types, and no text
		}
		err = e
	}()
	return do()
}
