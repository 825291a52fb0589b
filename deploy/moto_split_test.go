//go:build dist

package deploy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"sluice/internal/awslambda/runtimetest"
)

// A huge object goes the whole way: its event, twice, has the bootstrap start one execution
// of the template's state machine; the interpreter runs it, with the bootstrap as the
// function; and then nothing is left to do, until the object is replaced.
func TestMotoSplit(t *testing.T) {
	d := deploy(t, map[string]string{"TableFormat": "iceberg", "SplitAbove": "1"})
	d.version()
	d.notify()
	api := runtimetest.New(t)
	kill, wait := api.Start(t, unpack(t), d.environment(d.server.Env())...)
	defer func() {
		kill()
		if _, out := wait(); t.Failed() {
			t.Log(out)
		}
	}()
	bucket, key := d.params["BucketName"], d.params["SourcePrefix"]+"huge.ndjson"
	put := func(records int) {
		t.Helper()
		var b strings.Builder
		for i := range records {
			fmt.Fprintf(&b, `{"order_id":%d,"order_date":"2024-01-10","total_amount":50.50,"customer":{"customer_id":1},"products":[{"product_id":1,"price":25.25,"quantity":1}]}`+"\n", i)
		}
		d.put(bucket, key, []byte(b.String()))
	}
	executions := func() (inputs []string) {
		t.Helper()
		states := func(operation, input string) []byte {
			return d.call(http.MethodPost, "states", "/", "application/x-amz-json-1.0", input, "X-Amz-Target", "AWSStepFunctions."+operation)
		}
		var all struct {
			Executions []struct{ ExecutionArn string }
		}
		if err := json.Unmarshal(states("ListExecutions", `{"stateMachineArn":"`+d.ids["SplitMachine"]+`"}`), &all); err != nil {
			t.Fatal(err)
		}
		for _, e := range all.Executions {
			var described struct{ Input string }
			if err := json.Unmarshal(states("DescribeExecution", `{"executionArn":"`+e.ExecutionArn+`"}`), &described); err != nil {
				t.Fatal(err)
			}
			inputs = append(inputs, described.Input)
		}
		return inputs
	}
	put(10_000)
	event, _ := d.messages() // and one of S3 that tries the notification
	for range 2 {
		api.Events <- event
		if r := api.Reply(t); r.Body != `{"batchItemFailures":[]}` {
			t.Fatalf("%s: %s, to %s", r.Path, r.Body, event)
		}
	}
	inputs := executions()
	if len(inputs) != 1 {
		t.Fatalf("executions with %q", inputs)
	}

	var mu sync.Mutex // the bootstrap has one invocation at a time
	steps := map[string]int{}
	x := &execution{waits: func() {}, invoke: func(_ context.Context, payload []byte) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		step, _ := stepOf(payload)
		api.Events <- string(payload)
		r := api.Reply(t)
		if strings.HasSuffix(r.Path, "/error") {
			var e struct{ ErrorType, ErrorMessage string }
			if err := json.Unmarshal([]byte(r.Body), &e); err != nil {
				t.Error(err)
			}
			steps[step+" "+e.ErrorType]++
			return nil, &stateError{e.ErrorType, e.ErrorMessage}
		}
		steps[step]++
		var answer any
		return answer, json.Unmarshal([]byte(r.Body), &answer)
	}}
	machine, err := parseDefinition(text(d.get("SplitMachine", "DefinitionString")))
	if err != nil {
		t.Fatal(err)
	}
	run := func(want map[string]int) {
		t.Helper()
		clear(steps)
		var input any
		if err := json.Unmarshal([]byte(inputs[0]), &input); err != nil {
			t.Fatal(err)
		}
		if _, err := x.run(t.Context(), machine, input, nil); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(steps) != fmt.Sprint(want) {
			t.Errorf("steps %v, want %v", steps, want)
		}
	}
	api.Events <- `{"sluice_split":"part","bucket":"` + bucket + `","key":"` + key + `","split":"0123456789abcdef","part":0}`
	if r := api.Reply(t); !strings.HasSuffix(r.Path, "/error") || !strings.Contains(r.Body, `"errorType":"StaleSplitError"`) {
		t.Errorf("%s: %s, of a plan that is not there", r.Path, r.Body)
	}
	run(map[string]int{"plan": 1, "part0": 1, "finish": 1})
	run(map[string]int{"plan": 1})
	put(9_000)
	run(map[string]int{"plan": 1, "part0": 1, "finish": 1})
	if left := d.keys(d.params["LedgerPrefix"] + "split/"); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
	for {
		event, n := d.messages() // of the object that came meanwhile
		if n == 0 {
			break
		}
		api.Events <- event
		if r := api.Reply(t); r.Body != `{"batchItemFailures":[]}` || len(executions()) != 1 {
			t.Errorf("%s: %s; executions with %q", r.Path, r.Body, executions())
		}
	}
}
