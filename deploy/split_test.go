package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"sluice/internal/awslambda"
	"sluice/internal/config"
	"sluice/internal/parquetread"
	"sluice/internal/pipeline"
	"sluice/internal/servertest"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
	"sluice/internal/tables"
	"sluice/internal/upkeep"
)

// split: the state machine plans, converts each part and commits; and plans anew what holds
// no more.
func split(s *stack) []string {
	var p problems
	if !splits(s) {
		p.want(!slices.Contains(s.of("AWS::StepFunctions::StateMachine"), "SplitMachine"), "there is a state machine")
		return p
	}
	d, err := parseDefinition(text(s.get("SplitMachine", "DefinitionString")))
	if err != nil {
		return []string{"the definition: " + err.Error()}
	}
	arn := "arn:aws:states:" + region + ":" + account + ":stateMachine:" + text(s.get("SplitMachine", "StateMachineName"))
	env := s.get("Function", "Environment", "Variables")
	p.equal("machine that the function starts", at(env, "SLUICE_SPLIT_MACHINE"), arn)
	p.equal("size above which it does", at(env, "SLUICE_SPLIT_ABOVE"), s.params["SplitAbove"])
	p.equal("type", s.get("SplitMachine", "StateMachineType"), "STANDARD")
	p.want(d.TimeoutSeconds == 72*3600, "an execution ends after %d s, and a plan holds 72 hours", d.TimeoutSeconds)
	p.want(fmt.Sprint(d.States["Parts"].MaxConcurrency) == s.params["SplitConcurrency"], "%d parts at a time", d.States["Parts"].MaxConcurrency)
	tasks := []*state{d.States["Part"]}
	if m := d.States["Parts"].ItemProcessor; m != nil {
		tasks = []*state{m.States["Part"]}
	}
	for _, name := range []string{"Plan", "Finish", "Whole"} {
		tasks = append(tasks, d.States[name])
	}
	for _, task := range tasks {
		p.want(task != nil && task.TimeoutSeconds > number(s.get("Function", "Timeout")) && text(at(task.Parameters, "FunctionName")) == "{Function.Arn}", "a task ends before the function, or is of another: %+v", task)
	}

	// What the function is asked, by what it answers.
	stale := &awslambda.StaleSplitError{Err: pipeline.ErrStale}
	for name, c := range map[string]struct {
		answers map[string][]any // by step: one after another, and the last one then
		want    string
		fails   bool
	}{
		"in parts":         {map[string][]any{"plan": {3}}, "plan part0 part1 part2 finish", false},
		"nothing to do":    {map[string][]any{"plan": {"done"}}, "plan", false},
		"not NDJSON":       {map[string][]any{"plan": {"whole"}}, "plan whole", false},
		"a stale part":     {map[string][]any{"plan": {1}, "part0": {stale, nil}, "finish": {stale, nil}}, "plan part0 finish plan part0 finish", false},
		"a stale end":      {map[string][]any{"plan": {2, 1}, "finish": {stale, nil}}, "plan part0 part1 finish plan part0 finish", false},
		"once throttled":   {map[string][]any{"plan": {errThrottled, 1}, "part0": {errThrottled, nil}, "finish": {errThrottled, nil}}, "plan plan part0 part0 finish finish", false},
		"a part that dies": {map[string][]any{"plan": {1}, "part0": {errThrottled}}, "plan" + strings.Repeat(" part0", 9), true},
	} {
		var mu sync.Mutex
		var asked []string
		x := &execution{waits: func() {}, invoke: func(_ context.Context, payload []byte) (any, error) {
			mu.Lock()
			defer mu.Unlock()
			step, e := stepOf(payload)
			asked = append(asked, step)
			var answer any
			if all := c.answers[step]; len(all) > 0 {
				if answer = all[0]; len(all) > 1 {
					c.answers[step] = all[1:]
				}
			}
			of := map[string]any{"bucket": e["bucket"], "key": e["key"]}
			switch v := answer.(type) {
			case error:
				return nil, v
			case string:
				of[v] = true
			case int:
				of["split"], of["parts"] = "0123456789abcdef", slices.Collect(indices(v))
			}
			if e["bucket"] != "b" || e["key"] != "k" || strings.HasPrefix(step, "part") && e["split"] != "0123456789abcdef" {
				return nil, &stateError{"States.Runtime", fmt.Sprintf("the function is asked %s", payload)}
			}
			return of, nil
		}}
		_, err := x.run(context.Background(), d, map[string]any{"bucket": "b", "key": "k"}, nil)
		want := strings.Fields(c.want)
		slices.Sort(want) // parts are at the same time
		slices.Sort(asked)
		p.want((err != nil) == c.fails && slices.Equal(asked, want), "%s: the function is asked %v, want %v: %v", name, asked, want, err)
	}

	// As many parts as there are at most, with the longest key, are small enough.
	x := &execution{waits: func() {}, invoke: func(_ context.Context, payload []byte) (any, error) {
		if step, e := stepOf(payload); step == "plan" {
			return map[string]any{"bucket": e["bucket"], "key": e["key"], "split": "0123456789abcdef", "parts": slices.Collect(indices(10_000))}, nil
		} else if step == "part7" {
			return nil, stale
		}
		return struct{}{}, nil
	}}
	if _, err := x.run(context.Background(), d, map[string]any{"bucket": "b", "key": strings.Repeat("k", 1024)}, nil); err != nil {
		p.want(false, "an object of 10,000 parts: %v", err)
	}
	p.equal("error of a plan that holds no more", reflect.TypeFor[awslambda.StaleSplitError]().Name(), "StaleSplitError")
	return p
}

func indices(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// errThrottled is what Lambda says of itself.
var errThrottled = &stateError{"Lambda.TooManyRequestsException", "rate exceeded"}

// stepOf is what the function is asked for.
func stepOf(payload []byte) (step string, e map[string]any) {
	if json.Unmarshal(payload, &e) != nil {
		return "", nil
	}
	switch step = text(e["sluice_split"]); step {
	case "":
		step = "whole"
	case "part":
		step += text(e["part"])
	}
	return step, e
}

const splitMapping = `table: t
columns:
- {name: id, path: $.id, type: int64, required: true}
- {name: total, path: $.total, type: "decimal(18,4)"}
- {name: first, path: "$.lines[0]", type: "decimal(18,2)"}
limits: {quarantine_share: 0.9}
`

// splitDocument has records on a line each and over several lines, some of which look like
// records, and such that do not fit.
func splitDocument(records int, r *rand.Rand) string {
	var b strings.Builder
	b.WriteString("{\"id\":0,\"total\":1}\n")
	for i := range records {
		switch r.IntN(10) {
		case 0:
			fmt.Fprintf(&b, `{"id":"no number %d"}`, i)
		case 1:
			fmt.Fprintf(&b, "{\"id\":%d,\n\"lines\":[\n1.5,\n{\"id\":2},\n{\"id\":3}\n]}", i)
		default:
			fmt.Fprintf(&b, `{"id":%d,"total":%d.25,"lines":[%d.5,7]}`, i, r.IntN(1000), r.IntN(100))
		}
		b.WriteString([]string{"\n", "\r\n", "\n\n"}[r.IntN(3)])
	}
	return b.String()
}

// splitWorld is a lake of tables, and the function over it.
type splitWorld struct {
	*awslambda.Handler
	t      *testing.T
	s      *setup.Setup
	source store.Store
}

const splitKey = "raw_orders_data/huge.ndjson"

// newSplitWorld is over the bucket of a server, or over a folder.
func newSplitWorld(t *testing.T, server *servertest.Server) *splitWorld {
	t.Helper()
	dir := t.TempDir()
	c, lake, find := setup.Lake(dir), dir, setup.AWS(nil)
	c.Source = config.Location{Bucket: "orders", Prefix: c.Source.Prefix}
	if server != nil {
		bucket := server.Bucket(t, true)
		at := func(prefix string) config.Location { return config.Location{Bucket: bucket, Prefix: prefix} }
		c.Source, c.Sink, c.Ledger, c.Quarantine = at("raw_orders_data/"), at("orders_data_parquet/"), at("ledger/"), at("quarantine/")
		c.Catalog.Kind, c.S3, lake = "none", config.S3{PathStyle: true}, ""
		find = func(ctx context.Context) (aws.Config, error) { return awsconfig.LoadDefaultConfig(ctx) }
	} else if err := os.Mkdir(filepath.Join(dir, "orders"), 0o777); err != nil {
		t.Fatal(err)
	}
	c.Mapping = filepath.Join(dir, "m.yaml")
	if err := os.WriteFile(c.Mapping, []byte(splitMapping), 0o666); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.Table, err = config.FileTable(nil); err != nil {
		t.Fatal(err)
	}
	w := &splitWorld{t: t}
	if w.s, err = setup.New(t.Context(), c, lake, find); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.s.Close)
	w.Handler = awslambda.New(w.s, slog.New(slog.NewTextHandler(io.Discard, nil)), nil)
	w.SplitPart = 1500
	if w.source, err = w.s.Pipeline.Source(c.Source.Bucket); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *splitWorld) bucket() string { return w.s.Config.Source.Bucket }

func (w *splitWorld) put(doc string) {
	w.t.Helper()
	if _, err := store.Put(w.t.Context(), w.source, splitKey, []byte(doc), store.CreateOptions{}, store.Unconditional()); err != nil {
		w.t.Fatal(err)
	}
}

// input is that of an execution.
func (w *splitWorld) input() any { return map[string]any{"bucket": w.bucket(), "key": splitKey} }

// whole has one invocation do it.
func (w *splitWorld) whole() {
	w.t.Helper()
	event, err := json.Marshal(w.input())
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.Handle(w.t.Context(), event); err != nil {
		w.t.Fatal(err)
	}
}

// shows is what can be seen of the object: the rows, the counts and sums, the quarantine.
func (w *splitWorld) shows() (rows []string, state, held string) {
	w.t.Helper()
	target := w.s.Target.(*pipeline.Tables)
	table := target.Tables[0]
	h, err := table.Load(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if v, err := upkeep.Verify(w.t.Context(), table); err != nil || !v.OK() {
		w.t.Fatalf("%+v, %v", v, err)
	}
	files, err := tables.NewLive(table.Files).Files(w.t.Context(), h)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range files {
		data, _, err := store.Get(w.t.Context(), w.s.Pipeline.Sink, f.Key, 1<<30)
		if err != nil {
			w.t.Fatal(err)
		}
		file, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			w.t.Fatal(err)
		}
		at := int64(0)
		err = file.Rows(int(file.NumRows())+1, func(cells []string) error {
			if !slices.ContainsFunc(f.Masked, func(r tables.Rows) bool { return r.From <= at && at < r.To }) {
				rows = append(rows, strings.Join(cells[:len(cells)-2], " "))
			}
			at++
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	slices.Sort(rows)
	e, err := target.Entry(w.t.Context(), w.bucket(), splitKey)
	if err != nil {
		w.t.Fatal(err)
	}
	if e.State.Quarantine != "" {
		data, _, err := store.Get(w.t.Context(), w.s.Pipeline.Quarantine, e.State.Quarantine, 1<<30)
		if err != nil {
			w.t.Fatal(err)
		}
		held = string(data)
	}
	stats := e.State.Stats
	stats.BytesWritten = 0 // of other files
	return rows, fmt.Sprintf("%+v", stats), held
}

// sameAs compares the object with what one invocation makes of the document.
func (w *splitWorld) sameAs(doc string) {
	w.t.Helper()
	one := newSplitWorld(w.t, nil)
	one.put(doc)
	one.whole()
	rows, state, held := one.shows()
	gotRows, gotState, gotHeld := w.shows()
	if !slices.Equal(gotRows, rows) {
		w.t.Errorf("%d rows, want %d:\n%.1000s\nwant\n%.1000s", len(gotRows), len(rows), gotRows, rows)
	}
	if gotState != state || gotHeld != held {
		w.t.Errorf("%s\nand %d bytes of quarantine, want\n%s\nand %d", gotState, len(gotHeld), state, len(held))
	}
}

// splitMachine is the definition of the template.
func splitMachine(t *testing.T) *statesLanguage {
	t.Helper()
	s, err := newStack(translated(t), variants["huge objects in parts"])
	if err != nil {
		t.Fatal(err)
	}
	d, err := parseDefinition(text(s.get("SplitMachine", "DefinitionString")))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var errKilled = errors.New("the function was killed")

// TestSplitMachine: the template's state machine has the function convert an object in
// parts, whose invocations are throttled, die at any step, or lose their answers. The rows,
// sums and quarantine are those of one invocation.
func TestSplitMachine(t *testing.T) {
	seeds := 8
	if testing.Short() {
		seeds = 3
	}
	d := splitMachine(t)
	var again, replaced bool
	var retried int64
	for seed := range uint64(seeds) {
		w := newSplitWorld(t, nil)
		r := rand.New(rand.NewPCG(seed, 3))
		doc := splitDocument(400, r)
		w.put(doc)
		var mu sync.Mutex
		one := func(of int) bool { mu.Lock(); defer mu.Unlock(); return r.IntN(of) == 0 }
		w.s.Pipeline.Hook = func(at pipeline.Step) error {
			if at == pipeline.Accounted {
				isAgain := errors.New("a part is read again")
				err := w.s.Ledger.List(context.Background(), w.s.Target.(*pipeline.Tables).SplitFolder(), func(i store.Info) error {
					if strings.Count(i.Key[strings.LastIndexByte(i.Key, '/'):], "-") == 2 {
						return isAgain
					}
					return nil
				})
				mu.Lock()
				again = again || errors.Is(err, isAgain)
				mu.Unlock()
			}
			if one(40) {
				return errKilled
			}
			return nil
		}
		now := doc // at the end
		x := &execution{waits: func() {}}
		calls := 0
		x.invoke = func(ctx context.Context, payload []byte) (any, error) {
			if one(15) {
				return nil, errThrottled
			}
			mu.Lock()
			if calls++; calls == 9 && seed%2 == 1 { // somebody replaces the object
				now, replaced = splitDocument(300, r), true
				w.put(now)
			}
			mu.Unlock()
			answer, err := w.Handle(ctx, payload)
			if err == nil && one(15) {
				return nil, &stateError{"Lambda.Unknown", "its answer was lost"}
			}
			return answer, err
		}
		_, err := x.run(t.Context(), d, w.input(), nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		retried += x.retried.Load()
		w.s.Pipeline.Hook = nil
		w.sameAs(now)
		w.nothingLeft()
	}
	if !again || !replaced || retried == 0 {
		t.Errorf("a part was read again: %v; an object was replaced: %v; %d invocations were repeated", again, replaced, retried)
	}
}

// nothingLeft checks that a split that is finished leaves nothing in ledger and quarantine.
func (w *splitWorld) nothingLeft() {
	w.t.Helper()
	for folder, st := range map[string]store.Store{w.s.Target.(*pipeline.Tables).SplitFolder(): w.s.Ledger, w.s.Pipeline.QuarantinePrefix: w.s.Pipeline.Quarantine} {
		err := st.List(w.t.Context(), folder, func(i store.Info) error {
			if strings.Contains(i.Key, "split") {
				w.t.Errorf("%s is left", i.Key)
			}
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestSplitMachineInBucket: the same over S3; then there is nothing to do, and an object
// that cannot be split is processed as a whole.
func TestSplitMachineInBucket(t *testing.T) {
	server := servertest.Versitygw(t)
	server.Setenv(t)
	w := newSplitWorld(t, server)
	d := splitMachine(t)
	doc := splitDocument(400, rand.New(rand.NewPCG(1, 4)))
	w.put(doc)
	var mu sync.Mutex
	steps := map[string]int{}
	x := &execution{waits: func() {}, invoke: func(ctx context.Context, payload []byte) (any, error) {
		step, _ := stepOf(payload)
		mu.Lock()
		steps[strings.TrimRight(step, "0123456789")]++
		mu.Unlock()
		return w.Handle(ctx, payload)
	}}
	run := func(want map[string]int) {
		t.Helper()
		clear(steps)
		if _, err := x.run(t.Context(), d, w.input(), nil); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(steps, want) {
			t.Errorf("steps %v, want %v", steps, want)
		}
	}
	parts := (len(doc) - 1 + 1500) / 1500
	run(map[string]int{"plan": 1, "part": parts, "finish": 1})
	w.sameAs(doc)
	w.nothingLeft()
	run(map[string]int{"plan": 1})
	const array = `[{"id":1},{"id":2,"total":2.5}]`
	w.put(array)
	run(map[string]int{"plan": 1, "whole": 1})
	w.sameAs(array)
	if _, err := x.run(t.Context(), d, map[string]any{"bucket": w.bucket(), "key": "elsewhere/a.ndjson"}, nil); err == nil || !strings.Contains(err.Error(), "key_not_allowed") {
		t.Errorf("a key outside of the source: %v", err)
	}
	if x.waited.Load() == 0 || time.Duration(x.waited.Load()) > 24*time.Hour {
		t.Errorf("it would have waited %v", time.Duration(x.waited.Load()))
	}
	_ = s3store.PartSize
}
