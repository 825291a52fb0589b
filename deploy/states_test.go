package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// An interpreter of the Amazon States Language, of those fields that the template uses:
// any other field, state or path is an error.
// https://states-language.net/spec.html,
// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html

// Limits of Step Functions.
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
const (
	mostPayload  = 256 << 10 // bytes of an input, result or output
	mostHistory  = 25_000    // events of an execution
	mostChildren = 10_000    // of a distributed map at a time
	mostLabel    = 40
)

// statesLanguage is a state machine, or what each item of a map goes through.
type statesLanguage struct {
	Comment         string
	StartAt         string
	TimeoutSeconds  int
	ProcessorConfig *struct{ Mode, ExecutionType string }
	States          map[string]*state
}

type state struct {
	Type, Next, Resource, Label, ItemsPath, Default, OutputPath string

	End                                     bool
	TimeoutSeconds, Seconds, MaxConcurrency int
	Parameters, ItemSelector, Result        any
	ResultPath                              json.RawMessage // null: the result is dropped
	Retry                                   []retrier
	Catch                                   []catcher
	Choices                                 []choice
	ItemProcessor                           *statesLanguage
}

type retrier struct {
	ErrorEquals                  []string
	IntervalSeconds, BackoffRate float64
	MaxAttempts                  *int
	MaxDelaySeconds              float64
	JitterStrategy               string
}

type catcher struct {
	ErrorEquals []string
	ResultPath  json.RawMessage
	Next        string
}

type choice struct {
	Variable, Next string
	IsPresent      bool
}

// stateError is an error by its name, as Retry and Catch know it.
type stateError struct{ name, cause string }

func (e *stateError) Error() string { return e.name + ": " + e.cause }

// parseDefinition reads and checks a definition.
func parseDefinition(text string) (*statesLanguage, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	d := new(statesLanguage)
	if err := decoder.Decode(d); err != nil {
		return nil, err
	}
	return d, d.check()
}

func (d *statesLanguage) check() error {
	seen, next := map[string]bool{}, []string{d.StartAt}
	for len(next) > 0 {
		name := next[0]
		next = next[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		s := d.States[name]
		if s == nil {
			return fmt.Errorf("there is no state %q", name)
		}
		if err := s.check(); err != nil {
			return fmt.Errorf("state %s: %w", name, err)
		}
		next = append(next, s.successors()...)
	}
	for name := range d.States {
		if !seen[name] {
			return fmt.Errorf("no state leads to %s", name)
		}
	}
	return nil
}

func (s *state) successors() (all []string) {
	for _, c := range s.Choices {
		all = append(all, c.Next)
	}
	for _, c := range s.Catch {
		all = append(all, c.Next)
	}
	for _, name := range []string{s.Next, s.Default} {
		if name != "" {
			all = append(all, name)
		}
	}
	return all
}

func (s *state) check() error {
	ends := s.Next != "" != s.End
	switch s.Type {
	case "Task":
		if !strings.HasSuffix(s.Resource, ":states:::lambda:invoke") {
			return errors.New("it is no task of a function")
		}
	case "Map":
		p := s.ItemProcessor
		if p == nil || p.ProcessorConfig == nil || p.ProcessorConfig.Mode != "DISTRIBUTED" || p.ProcessorConfig.ExecutionType != "STANDARD" {
			return errors.New("it is no distributed map whose children may take as long as the function")
		}
		if s.MaxConcurrency < 1 || s.MaxConcurrency > mostChildren || s.Label == "" || len(s.Label) > mostLabel {
			return errors.New("its concurrency or its label is out of bounds")
		}
		if err := p.check(); err != nil {
			return err
		}
	case "Choice":
		ends = len(s.Choices) > 0 && s.Default != ""
	case "Succeed":
		ends = s.Next == "" && !s.End
	case "Pass", "Wait":
	default:
		return fmt.Errorf("the tests do not know type %q", s.Type)
	}
	if !ends {
		return errors.New("it has no end, or two")
	}
	for i, r := range s.Retry {
		if slices.Contains(r.ErrorEquals, "States.ALL") && (len(r.ErrorEquals) > 1 || i < len(s.Retry)-1) {
			return errors.New("States.ALL must be alone, and last")
		}
	}
	return nil
}

// execution runs a definition.
type execution struct {
	// invoke is Lambda: the name of the error is that of its type.
	invoke func(ctx context.Context, payload []byte) (any, error)
	waits  func() // is called in the place of each pause of a Wait

	retried atomic.Int64
	waited  atomic.Int64 // nanoseconds that Retry and Wait would have paused
}

func (x *execution) run(ctx context.Context, d *statesLanguage, input, item any) (any, error) {
	name, events := d.StartAt, 0
	for {
		s := d.States[name]
		if events += 5; events > mostHistory {
			return nil, &stateError{"States.Runtime", "the history is full"}
		}
		output, next, err := x.step(ctx, s, input, item)
		if err != nil {
			return nil, fmt.Errorf("state %s: %w", name, err)
		}
		if err := fits(output); err != nil {
			return nil, fmt.Errorf("state %s: %w", name, err)
		}
		if next == "" {
			return output, nil
		}
		name, input = next, output
	}
}

// fits returns an error if a value is too large to go from one state to another.
func fits(v any) error {
	data, err := json.Marshal(v)
	if err == nil && len(data) > mostPayload {
		err = &stateError{"States.DataLimitExceeded", fmt.Sprintf("%d bytes", len(data))}
	}
	return err
}

// step is a state with its Retry and Catch; next is empty at an end.
func (x *execution) step(ctx context.Context, s *state, input, item any) (output any, next string, err error) {
	tries := make([]int, len(s.Retry))
	for {
		var result any
		result, next, err = x.once(ctx, s, input, item)
		if err == nil {
			err = fits(result)
		}
		if err == nil {
			if output, err = put(input, s.ResultPath, result); err == nil && s.OutputPath != "" {
				output, err = get(s.OutputPath, output, item)
			}
			return output, next, err
		}
		named := new(stateError)
		if !errors.As(err, &named) || ctx.Err() != nil {
			return nil, "", err
		}
		if i := slices.IndexFunc(s.Retry, func(r retrier) bool { return named.is(r.ErrorEquals) }); i >= 0 {
			if pause, ok := s.Retry[i].pause(tries[i]); ok {
				tries[i]++
				x.retried.Add(1)
				x.waited.Add(int64(pause))
				continue
			}
		}
		for _, c := range s.Catch {
			if named.is(c.ErrorEquals) {
				output, err = put(input, c.ResultPath, map[string]any{"Error": named.name, "Cause": named.cause})
				return output, c.Next, err
			}
		}
		return nil, "", err
	}
}

// is reports whether an error has one of these names. States.ALL is not for errors that no
// repetition helps.
// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
func (e *stateError) is(names []string) bool {
	final := e.name == "States.DataLimitExceeded" || e.name == "States.Runtime"
	return slices.Contains(names, e.name) || slices.Contains(names, "States.ALL") && !final
}

// pause is how long a step waits before its next repetition, after this number of tries.
func (r retrier) pause(tries int) (time.Duration, bool) {
	most, seconds, rate := 3, 1.0, 2.0
	if r.MaxAttempts != nil {
		most = *r.MaxAttempts
	}
	if r.IntervalSeconds > 0 {
		seconds = r.IntervalSeconds
	}
	if r.BackoffRate > 0 {
		rate = r.BackoffRate
	}
	seconds *= math.Pow(rate, float64(tries))
	if r.MaxDelaySeconds > 0 {
		seconds = min(seconds, r.MaxDelaySeconds)
	}
	return time.Duration(seconds * float64(time.Second)), tries < most
}

func (x *execution) once(ctx context.Context, s *state, input, item any) (result any, next string, err error) {
	switch s.Type {
	case "Task":
		result, err = x.task(ctx, s, input, item)
	case "Map":
		result, err = x.each(ctx, s, input, item)
	case "Choice":
		next = s.Default
		for _, c := range s.Choices {
			if _, err := get(c.Variable, input, item); (err == nil) == c.IsPresent {
				next = c.Next
				break
			}
		}
		return input, next, nil
	case "Pass":
		if result = input; s.Result != nil {
			result = s.Result
		}
	case "Wait":
		x.waited.Add(int64(s.Seconds) * int64(time.Second))
		x.waits()
		result = input
	case "Succeed":
		result = input
	}
	return result, s.Next, err
}

// task invokes the function.
// https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
func (x *execution) task(ctx context.Context, s *state, input, item any) (any, error) {
	asked, err := fill(s.Parameters, input, item)
	if err != nil {
		return nil, err
	}
	if names := slices.Sorted(maps.Keys(object(asked))); !slices.Equal(names, []string{"FunctionName", "Payload"}) {
		return nil, fmt.Errorf("a function is invoked with %v", names)
	}
	payload, err := json.Marshal(object(asked)["Payload"])
	if err != nil {
		return nil, err
	}
	answer, err := x.invoke(ctx, payload)
	if err != nil {
		named := new(stateError)
		if errors.As(err, &named) { // of Lambda itself
			return nil, err
		}
		// As github.com/aws/aws-lambda-go/lambda names it: nothing is unwrapped.
		kind := reflect.TypeOf(err)
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		return nil, &stateError{kind.Name(), err.Error()}
	}
	plain, err := jsonOf(answer)
	return map[string]any{"ExecutedVersion": "$LATEST", "Payload": plain, "StatusCode": 200.0}, err
}

// jsonOf is a value as JSON has it.
func jsonOf(v any) (out any, err error) {
	data, err := json.Marshal(v)
	if err == nil {
		err = json.NewDecoder(bytes.NewReader(data)).Decode(&out)
	}
	return out, err
}

// each runs a child for each item. One that fails ends them all, and its error is not known
// above.
// https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
func (x *execution) each(ctx context.Context, s *state, input, item any) (any, error) {
	items, err := get(s.ItemsPath, input, item)
	if err != nil {
		return nil, err
	}
	of, ok := items.([]any)
	if !ok {
		return nil, &stateError{"States.Runtime", "the items are no array"}
	}
	inputs := make([]any, len(of))
	for i := range of {
		if inputs[i], err = fill(s.ItemSelector, input, of[i]); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make([]any, len(of))
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(s.MaxConcurrency, len(of)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(of) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				var err error
				if results[i], err = x.run(ctx, s.ItemProcessor, inputs[i], nil); err != nil {
					cancel(&stateError{"States.ExceedToleratedFailureThreshold", err.Error()})
				}
			}
		})
	}
	all.Wait()
	return results, context.Cause(ctx)
}

// fill is a payload template with the values of its paths.
func fill(template, input, item any) (any, error) {
	switch v := template.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			var err error
			plain, isPath := strings.CutSuffix(name, ".$")
			if isPath {
				out[plain], err = get(text(member), input, item)
			} else {
				out[name], err = fill(member, input, item)
			}
			if err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		return nil, errors.New("the tests do not know arrays in templates")
	}
	return template, nil
}

// get is the value at a path of the input, or of the context object.
func get(path string, input, item any) (any, error) {
	if path == "$$.Map.Item.Value" && item != nil {
		return item, nil
	}
	names := strings.Split(path, ".")
	if names[0] != "$" {
		return nil, fmt.Errorf("the tests do not know the path %q", path)
	}
	for _, name := range names[1:] {
		members, _ := input.(map[string]any)
		v, ok := members[name]
		if !ok {
			return nil, &stateError{"States.Runtime", "nothing is at " + path}
		}
		input = v
	}
	return input, nil
}

// put is what a state makes of its input and its result.
func put(input any, path json.RawMessage, result any) (any, error) {
	switch string(path) {
	case "", `"$"`:
		return result, nil
	case "null":
		return input, nil
	}
	return nil, fmt.Errorf("the tests do not know ResultPath %s", path)
}
