package awslambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"sluice/internal/event"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
	"sluice/internal/stepfunctions"
)

// A state machine has a huge object converted in parts: it invokes the function with
// "plan", then with "part" for each part, many at once, and then with "finish". Each may be
// repeated. deploy/template.yaml has the machine, and docs/lambda.md says the same.

// splitEvent asks for a step. The state machine takes its members from the answer to
// "plan"; another sender may ask for nothing that an event of the key may not.
type splitEvent struct {
	Step   string `json:"sluice_split"`
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	Split  string `json:"split"`
	Part   int    `json:"part"`
}

// planAnswer is the answer to "plan". One of Parts, Whole and Done is there.
type planAnswer struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	Split  string `json:"split,omitempty"`
	Parts  []int  `json:"parts,omitempty"`
	Whole  bool   `json:"whole,omitempty"` // it cannot be split
	Done   bool   `json:"done,omitempty"`  // nothing is left to do
}

// finishAnswer is the answer to "finish".
type finishAnswer struct {
	Outcome pipeline.Disposition `json:"outcome"`
	Rows    int64                `json:"rows_written"`
}

// StaleSplitError says that a plan holds no more. The state machine knows it by the name of
// this type, which Lambda reports, and plans anew.
type StaleSplitError struct{ Err error }

func (e *StaleSplitError) Error() string { return e.Err.Error() }
func (e *StaleSplitError) Unwrap() error { return e.Err }

// split does a step of a split.
func (in *invocation) split(raw json.RawMessage) (answer any, err error) {
	var e splitEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, errors.New("the event of a split is not one that sluice knows")
	}
	t, ok := in.setup.Target.(*pipeline.Tables)
	if !ok {
		return nil, errors.New("an object is split into tables only, and each has a file of its own")
	}
	if r := in.setup.Allow.Check(event.Object{Bucket: e.Bucket, Key: e.Key, Size: -1}); r.Action != event.Process {
		in.sum.Objects[pipeline.DidFail]++
		return nil, in.presentable(&recordError{r})
	}
	switch e.Step {
	case "plan":
		answer, err = in.plan(t, e)
	case "part":
		answer, err = in.part(t, e)
	case "finish":
		answer, err = in.finish(t, e)
	default:
		err = errors.New("a split has no such step")
	}
	switch {
	case errors.Is(err, pipeline.ErrStale):
		return nil, &StaleSplitError{in.presentable(err)}
	case err != nil:
		return nil, in.presentable(err)
	}
	return answer, nil
}

func (in *invocation) plan(t *pipeline.Tables, e splitEvent) (any, error) {
	a := planAnswer{Bucket: e.Bucket, Key: e.Key}
	s, r, err := t.PlanSplit(in.work, e.Bucket, e.Key, in.SplitPart)
	switch {
	case errors.As(err, new(*pipeline.NotSplitError)):
		a.Whole = true
	case err != nil:
		return nil, err
	case s == nil:
		a.Done = true
		in.sum.Add(r, nil)
	default:
		a.Split = s.Name()
		for i := range s.Parts() {
			a.Parts = append(a.Parts, i)
		}
	}
	return a, nil
}

func (in *invocation) part(t *pipeline.Tables, e splitEvent) (any, error) {
	s, err := t.OpenSplit(in.work, e.Bucket, e.Key, e.Split)
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.Part(in.work, e.Part, nil)
}

func (in *invocation) finish(t *pipeline.Tables, e splitEvent) (any, error) {
	s, err := t.OpenSplit(in.work, e.Bucket, e.Key, e.Split)
	if err != nil {
		return nil, err
	}
	o := &object{at: event.Object{Bucket: e.Bucket, Key: e.Key, Size: s.Size()}}
	o.result, in.sum.Commits, o.err = s.Finish(in.work)
	if errors.Is(o.err, pipeline.ErrStale) {
		return nil, o.err
	}
	in.count(o)
	in.logObject(o)
	in.logCommits()
	return finishAnswer{o.result.Disposition, o.result.Stats.RowsWritten}, o.err
}

// The variables that say what the function leaves to a state machine: objects of NDJSON of
// more MiB than the second says.
const (
	splitMachine = "SLUICE_SPLIT_MACHINE"
	splitAbove   = "SLUICE_SPLIT_ABOVE"
)

// handOver has the target start executions of the state machine, if there is one.
func handOver(s *setup.Setup, getenv func(string) string) error {
	machine, above := getenv(splitMachine), getenv(splitAbove)
	if machine == "" && above == "" {
		return nil
	}
	mib, err := strconv.ParseInt(above, 10, 32)
	if err != nil || mib < 1 {
		return fmt.Errorf("%s: %q; write the MiB above which an object is split, such as 1024", splitAbove, above)
	}
	if !stepfunctions.IsMachine(machine) {
		return fmt.Errorf("%s: it is not the ARN of a state machine, such as arn:aws:states:eu-central-1:123456789012:stateMachine:orders-split", splitMachine)
	}
	t, ok := s.Target.(*pipeline.Tables)
	if !ok {
		return fmt.Errorf("%s is set, but table.format is not: objects are split into tables only", splitMachine)
	}
	found := environment(getenv)
	t.HandOver = &pipeline.HandOver{Above: mib << 20, Start: func(ctx context.Context, name, bucket, key string) error {
		input, err := json.Marshal(struct {
			Bucket string `json:"bucket"`
			Key    string `json:"key"`
		}{bucket, key})
		if err != nil {
			return err
		}
		return stepfunctions.Start(ctx, found, machine, name, string(input), s.Config.S3.Timeout)
	}}
	return nil
}
