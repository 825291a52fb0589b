package awslambda

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

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
	keys := make([]pipeline.Object, len(objects))
	for i, o := range objects {
		keys[i] = pipeline.Object{Bucket: o.at.Bucket, Key: o.at.Key, Size: o.at.Size}
	}
	in.sum.Commits = in.setup.Target.ProcessAll(in.work, keys, in.setup.Config.Workers, func(i int, r pipeline.Result, err error) {
		o := objects[i]
		o.result, o.err = r, err
		if err != nil && (in.work.Err() != nil || errors.Is(err, pipeline.ErrNoTime)) {
			o.err = in.late(o, err)
		}
		in.count(o)
		in.logObject(o)
	})
	in.logCommits()
}

func (in *invocation) count(o *object) {
	in.sum.Add(o.result, o.err)
	if o.err == nil {
		in.sum.Objects[pipeline.DidDuplicate] += o.again // counted without a second look
	}
}
