package awslambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/pipeline"
)

// ndjson are n orders of two products each, on a line each.
func ndjson(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"order_id":%d,"order_date":"2024-01-10","total_amount":50.50,"customer":{"customer_id":1,"name":%q},"products":[{"product_id":1,"price":25.25,"quantity":1},{"product_id":2,"price":25.25,"quantity":1}]}`+"\n", i, canary)
	}
	return b.String()
}

// newSplitting is a lake of tables whose function hands objects of more than a KiB over,
// and the executions that it starts.
func newSplitting(t *testing.T) (l *lake, started *[]string, fail *error) {
	t.Helper()
	l = newTables(t)
	l.SplitPart = 500
	started, fail = new([]string), new(error)
	l.setup.Target.(*pipeline.Tables).HandOver = &pipeline.HandOver{Above: 1 << 10, Start: func(_ context.Context, name, bucket, key string) error {
		*started = append(*started, name+" "+bucket+" "+key)
		return *fail
	}}
	return l, started, fail
}

// A large object is handed over, with the same name each time, until its state or what the
// tables know of it is another. All others are processed at once.
func TestHandOver(t *testing.T) {
	t.Parallel()
	l, started, fail := newSplitting(t)
	l.put("huge.ndjson", ndjson(20))
	l.put("array.json", orders(20))
	l.put("small.ndjson", ndjson(1))
	huge := message("huge", string(records(created("orders", "huge.ndjson", 5000))))
	others := []string{message("array", string(records(created("orders", "array.json", 5000)))), message("small", string(records(created("orders", "small.ndjson", 200)))),
		message("gone", string(records(created("orders", "gone.ndjson", 5000))))}
	invoke := func(want string, messages ...string) Summary {
		t.Helper()
		sum, answer, err := l.Invoke(t.Context(), records(messages...))
		if err != nil {
			t.Fatal(err)
		}
		if got := answerJSON(t, answer); got != `{"batchItemFailures":[`+want+`]}` {
			t.Errorf("answer %s", got)
		}
		return sum
	}
	*fail = errors.New("no permission")
	invoke(`{"itemIdentifier":"huge"}`, huge)
	*fail = nil
	sum := invoke(`{"itemIdentifier":"gone"}`, append(others, huge, huge)...)
	objects := map[pipeline.Disposition]int64{pipeline.DidHandOver: 1, pipeline.DidCommit: 2, pipeline.DidDuplicate: 1, pipeline.DidFail: 1}
	if diff := cmp.Diff(objects, sum.Objects); diff != "" {
		t.Errorf("objects: %s", diff)
	}
	if l.metric("split") != 1 || l.metric("committed") != 2 {
		t.Error("the metrics are wrong")
	}
	if _, _, err := l.Invoke(t.Context(), json.RawMessage(`{"version":"0","source":"aws.events","detail-type":"Scheduled Event","detail":{}}`)); err != nil {
		t.Fatal(err)
	}
	if len(*started) != 3 || (*started)[0] != (*started)[1] || (*started)[1] != (*started)[2] || !strings.HasSuffix((*started)[0], " orders raw_orders_data/huge.ndjson") {
		t.Fatalf("started are %q", *started)
	}
	if name, _, _ := strings.Cut((*started)[0], " "); len(name) > 80 || strings.Trim(name, "0123456789abcdef-") != "" {
		t.Errorf("an execution cannot have the name %q", name)
	}
	if _, ok := l.shown()["huge.ndjson"]; ok {
		t.Error("the object was processed, and handed over")
	}

	// Another state has another execution; one that is known none. A plain event, as the
	// state machine sends it for what cannot be split, is not handed over again.
	l.put("huge.ndjson", ndjson(21))
	invoke("", huge)
	if len(*started) != 4 || (*started)[3] == (*started)[2] {
		t.Errorf("started are %q", *started)
	}
	if _, _, err := l.Invoke(t.Context(), json.RawMessage(`{"bucket":"orders","key":"raw_orders_data/huge.ndjson"}`)); err != nil {
		t.Fatal(err)
	}
	if sum := invoke("", huge); sum.Objects[pipeline.DidDuplicate] != 1 || len(*started) != 4 {
		t.Errorf("%v, and started are %q", sum.Objects, *started)
	}
	if got := l.shown()["huge.ndjson"]; got != 42 {
		t.Errorf("%d rows", got)
	}
}

// The steps of a split, and what the function does not do for whoever asks for one.
func TestSplitSteps(t *testing.T) {
	t.Parallel()
	l, _, _ := newSplitting(t)
	l.put("huge.ndjson", ndjson(20))
	ask := func(step, more string) (any, error) {
		t.Helper()
		_, answer, err := l.Invoke(t.Context(), json.RawMessage(`{"sluice_split":"`+step+`","bucket":"orders","key":"raw_orders_data/huge.ndjson"`+more+`}`))
		return answer, err
	}
	answer, err := ask("plan", "")
	if err != nil {
		t.Fatal(err)
	}
	plan := answer.(planAnswer)
	if len(plan.Parts) < 5 || plan.Whole || plan.Done || plan.Bucket != "orders" || plan.Key != "raw_orders_data/huge.ndjson" {
		t.Fatalf("%+v", plan)
	}
	of := `,"split":"` + plan.Split + `"`
	for i := range plan.Parts {
		if _, err := ask("part", fmt.Sprintf(`%s,"part":%d`, of, i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ask("part", of+`,"part":10000`); !isStale(err) {
		t.Errorf("a part that no plan has: %v", err)
	}
	if answer, err = ask("finish", of); err != nil || answerJSON(t, answer) != `{"outcome":"committed","rows_written":40}` {
		t.Errorf("%v, %v", answer, err)
	}
	if l.metric("committed") != 1 || l.metric("rows") != 40 || l.metric("snapshots") != 1 {
		t.Error("the metrics are wrong")
	}
	if _, err := ask("finish", of); !isStale(err) {
		t.Errorf("the end of a split that has ended: %v", err)
	}
	if answer, err = ask("plan", ""); err != nil || !answer.(planAnswer).Done {
		t.Errorf("%+v, %v", answer, err)
	}
	l.put("huge.ndjson", ndjson(21))
	if answer, err = ask("plan", ""); err != nil {
		t.Fatal(err)
	}
	l.put("huge.ndjson", ndjson(22))
	if _, err := ask("part", `,"part":1,"split":"`+answer.(planAnswer).Split+`"`); !isStale(err) {
		t.Errorf("a part of a source that was replaced: %v", err)
	}
	for _, c := range []struct{ event, want string }{
		{`{"sluice_split":"plan","bucket":"orders","key":"elsewhere/a.ndjson"}`, "key_not_allowed"},
		{`{"sluice_split":"part","bucket":"others","key":"raw_orders_data/a.ndjson","split":"0123456789abcdef"}`, "bucket_not_allowed"},
		{`{"sluice_split":"finish","bucket":"orders","key":"raw_orders_data/huge.ndjson","split":"../../x"}`, "its name is not one of a plan"},
		{`{"sluice_split":"merge","bucket":"orders","key":"raw_orders_data/huge.ndjson"}`, "no such step"},
		{`{"sluice_split":"part","bucket":"orders","key":"raw_orders_data/huge.ndjson","part":"1"}`, "not one that sluice knows"},
		{`{"sluice_split":"plan","bucket":"orders","key":"raw_orders_data/none.ndjson"}`, "no such object"},
	} {
		if _, _, err := l.Invoke(t.Context(), json.RawMessage(c.event)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.event, err)
		}
	}
	if _, _, err := newLake(t).Invoke(t.Context(), json.RawMessage(`{"sluice_split":"plan","bucket":"","key":"raw_orders_data/a.ndjson"}`)); err == nil || !strings.Contains(err.Error(), "into tables only") {
		t.Errorf("without tables: %v", err)
	}
}

// isStale is how the state machine knows that error: by its type, without unwrapping it.
func isStale(err error) bool { _, ok := err.(*StaleSplitError); return ok }

// The variables that hand objects over.
func TestHandOverVariables(t *testing.T) {
	const machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:orders-split"
	tables, files := newTables(t), newLake(t)
	for _, c := range []struct {
		l              *lake
		machine, above string
		want           string
	}{
		{files, "", "", ""},
		{tables, machine, "1024", ""},
		{tables, machine, "", `SLUICE_SPLIT_ABOVE: ""; write the MiB`},
		{tables, machine, "0", `SLUICE_SPLIT_ABOVE: "0"`},
		{tables, machine, "1 GiB", `SLUICE_SPLIT_ABOVE: "1 GiB"`},
		{tables, "", "1024", "SLUICE_SPLIT_MACHINE: it is not the ARN"},
		{tables, "orders-split", "1024", "SLUICE_SPLIT_MACHINE: it is not the ARN"},
		{files, machine, "1024", "table.format is not"},
	} {
		err := handOver(c.l.setup, func(name string) string {
			return map[string]string{splitMachine: c.machine, splitAbove: c.above}[name]
		})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q above %q: %v", c.machine, c.above, err)
		}
	}
	if h := tables.setup.Target.(*pipeline.Tables).HandOver; h == nil || h.Above != 1<<30 {
		t.Errorf("%+v", h)
	}
}
