package awslambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/config"
	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// newTables is a lake with tables, whose source has a bucket.
func newTables(t *testing.T) *lake {
	t.Helper()
	table, err := config.FileTable(nil)
	if err != nil {
		t.Fatal(err)
	}
	l := newLakeOf(t, table)
	source := l.setup.Pipeline.Source
	l.setup.Pipeline.Source = func(bucket string) (store.Store, error) {
		st, err := source(bucket)
		return opened{st, l}, err
	}
	return l
}

// opened calls the lake before it opens an object: tables do not ask for its head.
type opened struct {
	store.Store
	lake *lake
}

func (o opened) Open(ctx context.Context, key string) (store.Object, error) {
	if o.lake.before != nil {
		o.lake.before(ctx, key)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return o.Store.Open(ctx, key)
}

// dataFiles are the data files of the table.
func (l *lake) dataFiles() []string {
	l.t.Helper()
	names, err := filepath.Glob(filepath.Join(l.dir, "orders_data_parquet", "order_lines", "data", "*.parquet"))
	if err != nil {
		l.t.Fatal(err)
	}
	return names
}

// shown is how many rows the table shows of each key.
func (l *lake) shown() map[string]int64 {
	l.t.Helper()
	rows := map[string]int64{}
	err := l.setup.Target.Entries(l.t.Context(), func(_ string, e *ledger.Entry, err error) error {
		if err == nil {
			rows[strings.TrimPrefix(e.Key, "raw_orders_data/")] = e.State.RowsWritten
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return rows
}

// metric is a value of the last line of metrics, which must declare it unless it is 0.
func (l *lake) metric(name string) float64 {
	l.t.Helper()
	lines := strings.Split(strings.TrimSpace(l.metrics.String()), "\n")
	last := lines[len(lines)-1]
	var line map[string]any
	if err := json.Unmarshal([]byte(last), &line); err != nil {
		l.t.Fatal(err)
	}
	v, ok := line[name].(float64)
	if !ok {
		l.t.Errorf("the metrics lack %s", name)
	}
	if is := strings.Contains(last, fmt.Sprintf(`{"Name":%q,`, name)); is != (v != 0) {
		l.t.Errorf("%s is %v, and a metric: %v", name, v, is)
	}
	return v
}

// A queue hands over thousands of messages. They become one data file and one
// snapshot; what fails alone comes again, and keeps no other from its rows.
func TestQueueOfTables(t *testing.T) {
	t.Parallel()
	const n = 3000
	l := newTables(t)
	var messages []string
	want := map[string]int64{"broken.json": 0}
	for i := range n {
		name := fmt.Sprintf("%04d.json", i)
		if i%2 == 0 { // the others are named twice
			l.put(name, orders(1))
			want[name] = 2
		}
		name = fmt.Sprintf("%04d.json", i-i%2)
		messages = append(messages, message(name+fmt.Sprint(i%2), string(records(created("orders", name, 500)))))
	}
	l.put("broken.json", orders(1)[:80])
	l.put("panics.json", orders(1))
	for _, name := range []string{"broken.json", "panics.json", "missing.json"} {
		messages = append(messages, message(name, string(records(created("orders", name, 500)))))
	}
	l.before = func(_ context.Context, key string) {
		if strings.HasSuffix(key, "panics.json") {
			panic(canary)
		}
	}
	event := records(messages...)
	const again = `{"batchItemFailures":[{"itemIdentifier":"panics.json"},{"itemIdentifier":"missing.json"}]}`
	for try := range 2 {
		sum, answer, err := l.Invoke(t.Context(), event)
		if err != nil {
			t.Fatal(err)
		}
		if got := answerJSON(t, answer); got != again {
			t.Errorf("answer %s\nwant   %s", got, again)
		}
		objects, commits := map[pipeline.Disposition]int64{
			pipeline.DidCommit: n / 2, pipeline.DidReject: 1, pipeline.DidDuplicate: n / 2, pipeline.DidFail: 2,
		}, pipeline.Commits{Snapshots: 1, Objects: n/2 + 1, Files: 1}
		if try > 0 { // nothing is left to do
			objects, commits = map[pipeline.Disposition]int64{pipeline.DidDuplicate: n + 1, pipeline.DidFail: 2}, pipeline.Commits{}
		}
		if diff := cmp.Diff(objects, sum.Objects); diff != "" {
			t.Errorf("objects: %s", diff)
		}
		if sum.Commits != commits || l.metric("snapshots") != float64(commits.Snapshots) || l.metric("rows_resurrected") != 0 {
			t.Errorf("commits %+v", sum.Commits)
		}
	}
	if diff := cmp.Diff(want, l.shown()); diff != "" || len(l.dataFiles()) != 1 {
		t.Errorf("%d data files; rows: %s", len(l.dataFiles()), diff)
	}
	if got := strings.Count(l.logs.String(), `"msg":"tables committed"`); got != 1 {
		t.Errorf("%d lines of commits", got)
	}
}

// Objects that take too long are cut off, and those behind them not begun, so that what
// was read is committed before the function ends.
func TestTablesTimeLimit(t *testing.T) {
	t.Parallel()
	l := newTables(t)
	l.put("good.json", orders(1))
	messages := []string{message("good", string(records(created("orders", "good.json", 1))))}
	for i := range pipeline.SmallAtOnce + 10 {
		name := fmt.Sprintf("slow%02d.json", i)
		l.put(name, orders(1))
		messages = append(messages, message(name, string(records(created("orders", name, 2)))))
	}
	l.before = func(ctx context.Context, key string) {
		if strings.Contains(key, "slow") {
			<-ctx.Done()
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	sum, answer, err := l.Invoke(ctx, records(messages...))
	if err != nil || ctx.Err() != nil {
		t.Fatal(err, ctx.Err())
	}
	if failed := answer.(QueueAnswer).BatchItemFailures; len(failed) != len(messages)-1 || failed[0].ItemIdentifier != "slow00.json" {
		t.Errorf("%d messages come again", len(failed))
	}
	if sum.Commits.Snapshots != 1 || sum.Objects[pipeline.DidCommit] != 1 {
		t.Errorf("%d objects in %d snapshots", sum.Objects[pipeline.DidCommit], sum.Commits.Snapshots)
	}
	for _, want := range []string{`"cause":"time_limit"`, "it was not started: " + pipeline.ErrNoTime.Error()} {
		if !strings.Contains(l.logs.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, &l.logs)
		}
	}
	l.before = nil
	if _, answer, err = l.Invoke(t.Context(), records(messages...)); err != nil || len(answer.(QueueAnswer).BatchItemFailures) > 0 {
		t.Error(err, answer)
	}
	if got := len(l.shown()); got != len(messages) {
		t.Errorf("%d keys", got)
	}
}

// The schedule processes what events did not bring, and finds it settled afterwards.
func TestScheduleOfTables(t *testing.T) {
	t.Parallel()
	l := newTables(t)
	for _, name := range []string{"a.json", "b.json", "c.json"} {
		l.put(name, orders(1))
	}
	scheduled := json.RawMessage(`{"version":"0","source":"aws.events","detail-type":"Scheduled Event","detail":{}}`)
	for _, snapshots := range []float64{1, 0} {
		if _, _, err := l.Invoke(t.Context(), scheduled); err != nil {
			t.Fatal(err)
		}
		if got := l.metric("snapshots"); got != snapshots {
			t.Errorf("%v snapshots, want %v", got, snapshots)
		}
	}
	if diff := cmp.Diff(map[string]int64{"a.json": 2, "b.json": 2, "c.json": 2}, l.shown()); diff != "" {
		t.Error(diff)
	}
}

// Rows that somebody else took from the table, or brought into it, are counted with the
// next snapshot, and logged as an error.
func TestOthersChangedRows(t *testing.T) {
	t.Parallel()
	l := newTables(t)
	table := l.setup.Target.(*pipeline.Tables).Tables[0]
	step := func(name string, missing, resurrected float64) {
		t.Helper()
		if _, _, err := l.Invoke(t.Context(), records(created("orders", name, 1))); err != nil {
			t.Fatal(err)
		}
		if a, b := l.metric("rows_missing"), l.metric("rows_resurrected"); a != missing || b != resurrected {
			t.Errorf("%s: %v rows missing and %v resurrected, want %v and %v", name, a, b, missing, resurrected)
		}
	}
	other := func(rows iceberg.Rows) { // commits
		t.Helper()
		at, err := table.Catalog.Load(t.Context(), table.Name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := table.Files.Snapshot(t.Context(), at.Metadata, rows, table.Folder+"metadata/", fmt.Sprint("other-", at.Metadata.LastSequence), time.Now())
		if err == nil {
			_, err = table.Catalog.Commit(t.Context(), at, iceberg.Change{Snapshot: s})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	files := func() (all []iceberg.SpecFile) { // of data, in the table
		t.Helper()
		at, err := table.Catalog.Load(t.Context(), table.Name)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := table.Files.Manifests(t.Context(), at.Metadata.Head())
		for i := range lines {
			if err == nil && lines[i].Content == iceberg.DataManifest {
				err = table.Files.Entries(t.Context(), at.Metadata, &lines[i], func(e *iceberg.Entry) error {
					all = append(all, iceberg.SpecFile{DataFile: e.File, SpecID: lines[i].SpecID})
					return nil
				})
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	l.put("a.json", orders(1))
	step("a.json", 0, 0)
	first := files()
	other(iceberg.Rows{Drop: map[string]struct{}{first[0].Path: {}}})
	l.put("a.json", orders(2))
	step("a.json", 2, 0)
	other(iceberg.Rows{Add: first})
	l.put("b.json", orders(1))
	step("b.json", 0, 2)
	if got := strings.Count(l.logs.String(), "others changed their rows"); got != 2 {
		t.Errorf("%d errors in the log:\n%s", got, &l.logs)
	}
}

// What invocations stage, the schedule makes visible. Its metrics say how long that took, or how
// long what it could not commit has waited; a damaged batch is set aside, and its objects are
// converted again at once.
func TestScheduleOfStaged(t *testing.T) {
	t.Parallel()
	l := newTables(t)
	target := l.setup.Target.(*pipeline.Tables)
	target.Staging = true
	scheduled := json.RawMessage(`{"version":"0","source":"aws.events","detail-type":"Scheduled Event","detail":{}}`)
	table := target.Tables[0]
	now := time.Now()
	table.Now = func() time.Time { return now }
	table.Pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	staged := func() []tables.Staged {
		t.Helper()
		h, err := table.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all, err := table.Staged(t.Context(), h, 0)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	stage := func(name string) {
		t.Helper()
		l.put(name, orders(1))
		if _, _, err := l.Invoke(t.Context(), records(created("orders", name, 1))); err != nil || len(l.shown()) > 1 {
			t.Fatal(err, l.shown())
		}
		if strings.Contains(l.metrics.String(), `"freshness"`) && len(l.shown()) == 0 {
			t.Error("an invocation that commits nothing says how fresh the table is")
		}
	}
	stage("a.json")
	now = now.Add(100 * time.Second)
	if _, _, err := l.Invoke(t.Context(), scheduled); err != nil {
		t.Fatal(err)
	}
	if got := l.metric("freshness"); got < 99 || got > 110 || len(l.shown()) != 1 || len(staged()) > 0 {
		t.Errorf("%v seconds; %v are shown, %v wait", got, l.shown(), staged())
	}
	stage("b.json")
	stage("c.json")
	if err := os.WriteFile(filepath.Join(l.dir, staged()[0].Key), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := l.Invoke(t.Context(), scheduled)
	if err == nil || !strings.Contains(err.Error(), "it is damaged") {
		t.Errorf("%v", err)
	}
	if len(l.shown()) != 3 || len(staged()) > 0 {
		t.Errorf("%v are shown, %v wait", l.shown(), staged())
	}
	// The catalog is away: nothing is committed, and what waits grows old.
	l.put("d.json", orders(1))
	if _, _, err := l.Invoke(t.Context(), records(created("orders", "d.json", 1))); err != nil {
		t.Fatal(err)
	}
	now = now.Add(300 * time.Second)
	table.Catalog = uncommitted{table.Catalog}
	if _, _, err := l.Invoke(t.Context(), scheduled); err == nil {
		t.Error("nothing was committed")
	}
	if got := l.metric("freshness"); got < 299 || len(staged()) == 0 {
		t.Errorf("%v seconds; %v wait", got, staged())
	}
}

// uncommitted is a catalog that takes no commit.
type uncommitted struct{ iceberg.Catalog }

func (uncommitted) Commit(context.Context, *iceberg.Table, iceberg.Change) (*iceberg.Table, error) {
	return nil, errors.New("the catalog takes no commit")
}
