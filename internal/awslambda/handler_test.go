package awslambda

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/pipeline"
	"sluice/mapping"
)

// The catalog is told of columns only when a file has them: not after an event
// of an object that was made with a mapping of other columns, nor of one whose
// every record is quarantined.
func TestWrittenTables(t *testing.T) {
	crawled := json.RawMessage(`{"version":"0","source":"aws.glue","detail-type":"Glue Crawler State Change","detail":{}}`)
	good, bad := records(created("orders", "good.json", 1)), records(created("orders", "bad.json", 1))
	l := newLake(t)
	l.put("bad.json", `[{"order_id":1}]`)
	step := func(name string, event json.RawMessage, want bool) {
		t.Helper()
		if _, _, err := l.Invoke(t.Context(), event); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if l.catalog.written != want {
			t.Errorf("%s: written is %t", name, l.catalog.written)
		}
	}
	step("every record is quarantined", bad, false)
	step("again", bad, false)
	l.put("good.json", orders(1))
	step("a commit", good, true)
	step("a crawler ended", crawled, false)
	step("a duplicate", good, true)
	step("a crawler ended", crawled, false)

	m, err := mapping.Preset("shopify")
	if err != nil {
		t.Fatal(err)
	}
	l.setup.Pipeline.Mapping = m
	l.setup.Config.Source.Bucket = "orders" // a schedule lists one bucket
	scheduled := json.RawMessage(`{"version":"0","source":"aws.events","detail-type":"Scheduled Event","detail":{}}`)
	step("a duplicate of another mapping", good, false)
	step("a schedule over objects of another mapping", scheduled, false)

	// Who committed may have died before he refreshed the catalog, and been
	// replaced by another mapping with the same columns.
	same, err := mapping.Preset(mapping.DefaultPreset)
	if err != nil {
		t.Fatal(err)
	}
	same.UnknownFields = mapping.Refused
	l.setup.Pipeline.Mapping = same
	step("a duplicate of a mapping with the same columns", good, true)
	step("a schedule over objects of a mapping with the same columns", scheduled, true)
}

// One batch with everything at once: each message is answered on its own.
func TestQueue(t *testing.T) {
	l := newLake(t)
	l.put("a.json", orders(2))
	l.put("b.json", orders(1))
	l.put("broken.json", orders(1)[:80])
	l.put("panics.json", orders(1))
	l.before = func(_ context.Context, key string) {
		if strings.HasSuffix(key, "panics.json") {
			panic(canary)
		}
	}
	a := created("orders", "a.json", 1)
	sum, answer, err := l.Invoke(t.Context(), records(
		message("good", string(records(a))),
		message("again", string(records(a))),
		message("poison", "no JSON"),
		message("missing", string(records(created("orders", "missing.json", 1)))),
		message("refused", string(records(created("evil..bucket", "a.json", 1), `{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"orders"},"object":{"key":"ledger/a.json"}}}`))),
		message("half", string(records(created("orders", "b.json", 1), created("orders", "missing.json", 1)))),
		message("panic", string(records(created("orders", "panics.json", 1)))),
		message("reject", string(records(created("orders", "broken.json", 1)))),
		message("test", `{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"orders"}`),
		message("nothing", string(records())),
	))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"batchItemFailures":[{"itemIdentifier":"poison"},{"itemIdentifier":"missing"},` +
		`{"itemIdentifier":"refused"},{"itemIdentifier":"half"},{"itemIdentifier":"panic"}]}`
	if got := answerJSON(t, answer); got != want {
		t.Errorf("answer %s\nwant   %s", got, want)
	}
	objects := map[pipeline.Disposition]int64{
		pipeline.DidCommit: 2, pipeline.DidReject: 1, pipeline.DidSkip: 1,
		pipeline.DidDuplicate: 1, // again
		pipeline.DidFail:      5, // poison, missing, two refused records, panic
	}
	if diff := cmp.Diff(objects, sum.Objects); diff != "" {
		t.Errorf("objects: %s", diff)
	}
	if sum.Stats.RowsWritten != 6 || len(l.outputs()) != 2 {
		t.Errorf("%d rows in %d files, want 6 in 2", sum.Stats.RowsWritten, len(l.outputs()))
	}
	if l.catalog.refreshed != 1 {
		t.Errorf("the catalog was refreshed %d times for one batch", l.catalog.refreshed)
	}
	for _, want := range []string{`"cause":"panic"`, `"cause":"not_found"`, `"reason":"loop"`, `"reason":"truncated`, `"outcome":"committed"`} {
		if !strings.Contains(l.logs.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, &l.logs)
		}
	}
}

// The same batch again changes nothing, and the catalog is asked again: who
// committed may have died before he asked.
func TestRedelivery(t *testing.T) {
	l := newLake(t)
	l.put("a.json", orders(2))
	event := records(message("m", string(records(created("orders", "a.json", 1)))))
	for range 3 {
		if _, err := l.Handle(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.outputs()) != 1 || l.catalog.refreshed != 3 {
		t.Errorf("%d files, %d refreshes; want 1 and 3", len(l.outputs()), l.catalog.refreshed)
	}
}

// What cannot be said by naming messages must fail the batch as a whole.
func TestQueueFailsAsAWhole(t *testing.T) {
	l := newLake(t)
	l.put("a.json", orders(1))
	good := message("good", string(records(created("orders", "a.json", 1))))
	for name, event := range map[string]json.RawMessage{
		"a message without an id": records(good, `{"eventSource":"aws:sqs","body":"x"}`),
		"records of two kinds":    records(`{"unknown":1}`, `{"unknown":2}`),
		"no event at all":         json.RawMessage(`{}`),
	} {
		if answer, err := l.Handle(t.Context(), event); err == nil {
			t.Errorf("%s: answered %s", name, answerJSON(t, answer))
		}
	}
}

func TestNothingToDo(t *testing.T) {
	l := newLake(t)
	for _, event := range []string{
		`{"Records":[]}`,
		`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"orders"}`,
		`{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"orders"},"object":{"key":"raw_orders_data/a.json"}}}]}`,
	} {
		if _, err := l.Handle(t.Context(), json.RawMessage(event)); err != nil {
			t.Errorf("%s: %v", event, err)
		}
	}
	if l.catalog.refreshed != 0 {
		t.Errorf("the catalog was refreshed %d times for nothing", l.catalog.refreshed)
	}
}

// Senders that know no partial failure are told of any.
func TestDirectEvent(t *testing.T) {
	l := newLake(t)
	l.put("a.json", orders(1))
	good, missing := created("orders", "a.json", 1), created("orders", "missing.json", 1)
	if answer, err := l.Handle(t.Context(), records(good)); err != nil || answer != nil {
		t.Errorf("good: %v, %v", answer, err)
	}
	_, err := l.Handle(t.Context(), records(missing, good))
	if err == nil || !strings.Contains(err.Error(), "1 of 2 records") {
		t.Errorf("one of two is missing: %v", err)
	}
	if len(l.outputs()) != 1 {
		t.Errorf("%d files, want 1", len(l.outputs()))
	}
	refused := strings.Replace(good, "raw_orders_data", "elsewhere", 1)
	if _, err := l.Handle(t.Context(), records(refused)); err == nil {
		t.Error("a refused record was acknowledged")
	}
}

// A rejected object is settled once its report stands.
func TestReject(t *testing.T) {
	l := newLake(t)
	l.put("broken.json", orders(1)[:80])
	if _, err := l.Handle(t.Context(), records(created("orders", "broken.json", 1))); err != nil {
		t.Fatal(err)
	}
	reports, err := filepath.Glob(filepath.Join(l.dir, "quarantine", "*", "*.report.json"))
	if err != nil || len(reports) != 1 {
		t.Errorf("reports: %q, %v", reports, err)
	}
	if len(l.outputs()) != 0 || l.catalog.refreshed != 0 {
		t.Errorf("%d files, %d refreshes of a rejected object", len(l.outputs()), l.catalog.refreshed)
	}
}

func TestBatchOperations(t *testing.T) {
	l := newLake(t)
	l.put("a.json", orders(1))
	l.put("broken.json", orders(1)[:80])
	task := func(id, key string) string {
		return `{"taskId":"` + id + `","s3Bucket":"orders","s3Key":"` + key + `","s3VersionId":null}`
	}
	event := func(tasks ...string) json.RawMessage {
		return json.RawMessage(`{"invocationSchemaVersion":"2.0","invocationId":"i","tasks":[` + strings.Join(tasks, ",") + `]}`)
	}
	answer, err := l.Handle(t.Context(), event(
		task("good", "raw_orders_data/a.json"), task("again", "raw_orders_data/a.json"), task("reject", "raw_orders_data/broken.json"),
		task("missing", "raw_orders_data/missing.json"), task("refused", "ledger/a.json"), task("folder", "raw_orders_data/x/"),
	))
	if err != nil {
		t.Fatal(err)
	}
	want := BatchAnswer{"2.0", "PermanentFailure", "i", []BatchResult{
		{"good", "Succeeded", "committed"},
		{"again", "Succeeded", "committed"},
		{"reject", "Succeeded", "rejected: truncated_json"},
		{"missing", "PermanentFailure", "not_found"},
		{"refused", "PermanentFailure", "loop"},
		{"folder", "Succeeded", "folder_marker"},
	}}
	if diff := cmp.Diff(any(want), answer); diff != "" {
		t.Error(diff)
	}
	l.catalog.err = errors.New("no marker")
	answer, err = l.Handle(t.Context(), event(task("good", "raw_orders_data/a.json")))
	want.Results = []BatchResult{{"good", "TemporaryFailure", "catalog_failed"}}
	if diff := cmp.Diff(any(want), answer); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// The catalog never fails an object, unless nobody would do its work later.
func TestCatalogFailure(t *testing.T) {
	for _, pending := range []bool{true, false} {
		l := newLake(t)
		l.put("a.json", orders(1))
		l.catalog.err, l.catalog.pending = errors.New("throttled"), pending
		sum, answer, err := l.Invoke(t.Context(), records(message("m", string(records(created("orders", "a.json", 1))))))
		if sum.CatalogFailed != 1 || sum.Objects[pipeline.DidCommit] != 1 || len(l.outputs()) != 1 {
			t.Errorf("pending %t: %+v", pending, sum)
		}
		if pending && (err != nil || answerJSON(t, answer) != `{"batchItemFailures":[]}`) {
			t.Errorf("the objects were not acknowledged: %v", err)
		}
		if !pending && err == nil {
			t.Error("acknowledged, and nobody will refresh the catalog")
		}
	}
}

// A warm environment writes the bytes that a cold one does.
func TestWarmReuse(t *testing.T) {
	warm, cold := newLake(t), newLake(t)
	for _, l := range []*lake{warm, cold} {
		l.put("a.json", orders(300))
		l.put("b.json", orders(7))
		l.put("broken.json", orders(3)[:200])
	}
	for _, key := range []string{"broken.json", "a.json", "b.json"} {
		if _, err := warm.Handle(t.Context(), records(created("orders", key, 1))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := cold.Handle(t.Context(), records(created("orders", "b.json", 1))); err != nil {
		t.Fatal(err)
	}
	all := warm.outputs()
	if len(all) != 2 || len(cold.outputs()) != 1 {
		t.Fatalf("%d and %d files", len(all), len(cold.outputs()))
	}
	for name, content := range cold.outputs() {
		if pages(all[name]) != pages(content) {
			t.Errorf("%s differs", name)
		}
	}
}

// pages is a file without its footer, which names the source state.
func pages(file string) string {
	end := len(file) - 8
	return file[:end-int(binary.LittleEndian.Uint32([]byte(file[end:])))]
}

// Near the time limit the work stops, what was not done comes again, and the
// error says how far it came. Small objects come before the slow one.
func TestTimeLimit(t *testing.T) {
	l := newLake(t)
	l.setup.Config.Workers = 1
	l.put("small.json", orders(1))
	l.put("large.json", orders(9))
	l.put("largest.json", orders(10))
	l.before = func(ctx context.Context, key string) {
		if strings.HasSuffix(key, "large.json") {
			<-ctx.Done()
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	answer, err := l.Handle(ctx, records(
		message("largest", string(records(created("orders", "largest.json", 3<<20)))),
		message("large", string(records(created("orders", "large.json", 2<<20)))),
		message("small", string(records(created("orders", "small.json", 1)))),
	))
	if err != nil || ctx.Err() != nil {
		t.Fatalf("%v; no time was left to answer: %v", err, ctx.Err())
	}
	if got, want := answerJSON(t, answer), `{"batchItemFailures":[{"itemIdentifier":"largest"},{"itemIdentifier":"large"}]}`; got != want {
		t.Errorf("answer %s, want %s", got, want)
	}
	for _, want := range []string{`"cause":"time_limit"`, "0 of 2097152 bytes of the object were read", "0 of 3145728 bytes", "not started", "sluice run"} {
		if !strings.Contains(l.logs.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &l.logs)
		}
	}
	if len(l.outputs()) != 1 || l.catalog.refreshed != 1 {
		t.Errorf("%d files, %d refreshes", len(l.outputs()), l.catalog.refreshed)
	}
}

// Crawlers that end and schedules name no object.
func TestNotices(t *testing.T) {
	l := newLake(t)
	putFile(t, filepath.Join(l.dir, "raw_orders_data", "lost.json"), orders(1))
	crawler := json.RawMessage(`{"version":"0","source":"aws.glue","detail-type":"Glue Crawler State Change","detail":{"crawlerName":"etl-pipeline-orders","state":"Succeeded"}}`)
	schedule := json.RawMessage(`{"version":"0","source":"aws.events","detail-type":"Scheduled Event","detail":{}}`)
	for _, c := range []struct {
		event                        json.RawMessage
		files, refreshed, followedUp int
		written                      bool
	}{
		{crawler, 0, 0, 1, false},
		{schedule, 1, 1, 1, true}, // the lost object is found
		{schedule, 1, 1, 2, true}, // all is settled: only what is left is followed up
	} {
		if _, err := l.Handle(t.Context(), c.event); err != nil {
			t.Fatal(err)
		}
		if got := [3]int{len(l.outputs()), l.catalog.refreshed, l.catalog.followed}; got != [3]int{c.files, c.refreshed, c.followedUp} {
			t.Errorf("after %s: %v files, refreshes, follow-ups", c.event, got)
		}
		if l.catalog.written != c.written {
			t.Errorf("after %s the tables are written: %t", c.event, l.catalog.written)
		}
	}
	for _, other := range []string{
		`{"version":"0","source":"aws.glue","detail-type":"Glue Job State Change","detail":{}}`,
		`{"version":"0","source":"mine","detail-type":"Scheduled Event","detail":{}}`,
	} {
		if _, err := l.Handle(t.Context(), json.RawMessage(other)); err == nil {
			t.Errorf("%s was a success", other)
		}
	}
}

// A key can name a person; with HashKeys only its hash is printed.
func TestHashKeys(t *testing.T) {
	l := newLake(t)
	l.HashKeys = true
	l.put("jane doe.json", orders(1))
	_, err := l.Handle(t.Context(), records(
		created("orders", "jane+doe.json", 1), created("orders", "missing-jane.json", 1), created("orders", "../jane.json", 1)))
	if err == nil {
		t.Fatal("a missing object was acknowledged")
	}
	if all := l.logs.String() + l.metrics.String() + err.Error(); strings.Contains(all, "jane") {
		t.Errorf("a key was printed:\n%s", all)
	}
	if !strings.Contains(l.logs.String(), `"object":"`) {
		t.Errorf("no object is named:\n%s", &l.logs)
	}
}

// One line for each invocation, as CloudWatch reads it.
func TestMetrics(t *testing.T) {
	l := newLake(t)
	l.put("a.json", orders(2))
	for range 2 {
		if _, err := l.Handle(t.Context(), records(created("orders", "a.json", 1))); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSuffix(l.metrics.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines for two invocations:\n%s", len(lines), &l.metrics)
	}
	for i, want := range []map[string]float64{
		{"committed": 1, "records": 2, "rows": 4},
		{"duplicates": 1},
	} {
		var line struct {
			AWS struct {
				Timestamp         int64
				CloudWatchMetrics []struct {
					Namespace  string
					Dimensions [][]string
					Metrics    []struct{ Name, Unit string }
				}
			} `json:"_aws"`
		}
		var members map[string]any
		if err := errors.Join(json.Unmarshal([]byte(lines[i]), &line), json.Unmarshal([]byte(lines[i]), &members)); err != nil {
			t.Fatal(err)
		}
		if _, timed := members["duration"].(float64); members["objects"] != 1.0 || !timed {
			t.Errorf("what is no metric: %v objects, duration %v", members["objects"], members["duration"])
		}
		got := map[string]float64{}
		for _, m := range line.AWS.CloudWatchMetrics[0].Metrics {
			n, ok := members[m.Name].(float64)
			if !ok || m.Unit == "" {
				t.Errorf("metric %s has no number or unit", m.Name)
			}
			got[m.Name] = n
		}
		for _, d := range line.AWS.CloudWatchMetrics[0].Dimensions[0] {
			if s, ok := members[d].(string); !ok || s == "" {
				t.Errorf("dimension %s has no text", d)
			}
		}
		if got["bytes_read"] > 0 && got["bytes_written"] > 0 {
			delete(got, "bytes_read")
			delete(got, "bytes_written")
		}
		for _, name := range []string{"committed", "duplicates", "records", "rows", "failed", "catalog_failed"} {
			if n, ok := members[name].(float64); !ok || n != want[name] {
				t.Errorf("line %d: %s is %v", i, name, members[name])
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("line %d: %s", i, diff)
		}
	}
}
