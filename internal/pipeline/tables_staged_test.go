package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/pipeline"
	tableruns "sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// slowCatalog takes one commit a second, by its own clock, and loses replies.
type slowCatalog struct {
	iceberg.Catalog
	mu      sync.Mutex
	seconds int
	lost    int
}

func (c *slowCatalog) Commit(ctx context.Context, base *iceberg.Table, change iceberg.Change) (*iceberg.Table, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seconds++
	t, err := c.Catalog.Commit(ctx, base, change)
	if c.seconds%3 == 1 && err == nil {
		c.lost++
		return nil, errors.New("the reply is lost")
	}
	return t, err
}

// Two hundred processes stage batches for tables whose catalog takes one commit a second and
// loses replies: each key is there once, after a few commits.
func TestTwoHundredProcesses(t *testing.T) {
	const objects = 5
	processes := 200
	if testing.Short() {
		processes = 40
	}
	w := newTablesWorld(t)
	slow := &slowCatalog{Catalog: w.t.Tables[0].Catalog}
	now := func() time.Time { return time.Now().Add(time.Duration(slow.seconds) * time.Second) }
	target := func() *pipeline.Tables {
		p := w.targetOf(t, tablesMapping)
		for _, table := range p.Tables {
			table.Catalog, table.Now = slow, now
		}
		p.Staging = true
		return p
	}
	if _, err := target().Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range processes * objects {
		w.put(t, fmt.Sprintf("%04d.json", i), fmt.Sprintf(`{"id":%d,"lines":[1,2]}`, i))
	}
	var all sync.WaitGroup
	room := make(chan struct{}, 16)
	for n := range processes {
		p := target()
		all.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			var batch []pipeline.Object
			for i := range objects + 1 { // one of them is also another's
				batch = append(batch, pipeline.Object{Bucket: "raw", Key: fmt.Sprintf("%04d.json", (n*objects+i)%(processes*objects)), Size: 30})
			}
			c := p.ProcessAll(t.Context(), batch, 1, func(i int, r pipeline.Result, err error) {
				if err != nil || r.Disposition != pipeline.DidCommit {
					t.Errorf("%s: %s, %v", batch[i].Key, r.Disposition, err)
				}
			})
			if c.Staged != int64(2*(objects+1)) || c.Snapshots != 0 {
				t.Errorf("%+v", c)
			}
		})
	}
	all.Wait()
	if n, oldest, err := target().Waiting(t.Context()); err != nil || n != 2*processes || oldest.IsZero() {
		t.Fatalf("%d batches wait since %v, %v", n, oldest, err)
	}
	sum, err := target().CommitStaged(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d staged batches of %d processes: %d snapshots in %d commits, %d of them without a reply; the oldest had waited %v", sum.Batches, processes, sum.Commits.Snapshots, slow.seconds, slow.lost, sum.Freshness)
	if sum.Batches != int64(2*processes) || sum.Keys != int64(2*processes*objects) || sum.Dropped != 0 || sum.Looked != 0 || sum.Commits.Snapshots != 2 || slow.lost == 0 {
		t.Errorf("%+v", sum)
	}
	for table, rows := range []int{1, 2} {
		shown := w.rows(t, table)
		for id, got := range shown {
			if len(got) != rows {
				t.Errorf("%s has %d rows", id, len(got))
			}
		}
		if len(shown) != processes*objects {
			t.Errorf("table %d has %d keys", table, len(shown))
		}
	}
	if n, _, err := target().Waiting(t.Context()); err != nil || n != 0 {
		t.Errorf("%d batches still wait, %v", n, err)
	}
	again, err := w.runAll(t.Context())
	if err != nil || again.Objects[pipeline.DidDuplicate] != int64(processes*objects) {
		t.Errorf("a run afterwards: %v, %v", again.Objects, err)
	}
}

// A key that was overwritten or deleted after its staging is looked at again.
func TestStagedAndChanged(t *testing.T) {
	w := newTablesWorld(t)
	for _, key := range []string{"a", "b", "c"} {
		w.put(t, key+".json", `{"id":1,"lines":[1]}`)
	}
	staging := *w.t
	staging.Staging = true
	stage := func() {
		t.Helper()
		if sum, err := runAll(t.Context(), &staging); err != nil || sum.Commits.Staged == 0 {
			t.Fatalf("%+v, %v", sum.Commits, err)
		}
	}
	stage()
	w.put(t, "b.json", `{"id":1,"lines":[1,2,3]}`)
	stage()
	w.put(t, "b.json", `{"id":1,"lines":[1,2]}`)
	if err := w.source.Delete(t.Context(), "c.json"); err != nil {
		t.Fatal(err)
	}
	sum, err := staging.CommitStaged(t.Context(), 2)
	if err != nil || sum.Looked == 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if _, err := w.runAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, rows := range w.rows(t, 1) {
		lines += len(rows)
	}
	if lines != 4 { // a, b, and c, which keeps its rows
		t.Errorf("%d lines: %v", lines, w.rows(t, 1))
	}
}

// staging is the target whose batches wait for a commit, each with one object.
func (w *tablesWorld) staging() *pipeline.Tables {
	t := *w.t
	t.Staging, t.Limits.Objects = true, 1
	return &t
}

// stagedOf lists what is staged for a table.
func (w *tablesWorld) stagedOf(t *testing.T, table int) []tables.Staged {
	t.Helper()
	at := w.t.Tables[table]
	h, err := at.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := at.Staged(t.Context(), h, 0)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A damaged batch is set aside and named; the others are committed, and a run converts the
// objects of the damaged one again.
func TestDamagedBatch(t *testing.T) {
	w := newTablesWorld(t)
	staging := w.staging()
	for i := range 4 {
		w.put(t, fmt.Sprintf("%d.json", i), fmt.Sprintf(`{"id":%d,"lines":[1]}`, i))
	}
	if _, err := runAll(t.Context(), staging); err != nil {
		t.Fatal(err)
	}
	damaged := w.stagedOf(t, 0)[1].Key
	if _, err := store.Put(t.Context(), w.sink, damaged, []byte("no batch"), store.CreateOptions{}, store.Unconditional()); err != nil {
		t.Fatal(err)
	}
	sum, err := staging.CommitStaged(t.Context(), 2)
	if err == nil || !strings.Contains(err.Error(), "read staged batch "+damaged+": it is damaged") || !strings.Contains(err.Error(), "the next sluice run converts its objects again") {
		t.Errorf("%v", err)
	}
	if sum.Batches != 7 || sum.Keys != 7 || sum.Damaged != 1 {
		t.Errorf("%+v", sum)
	}
	if n, _, err := staging.Waiting(t.Context()); err != nil || n != 0 {
		t.Errorf("%d batches wait, %v", n, err)
	}
	if sum, err := staging.CommitStaged(t.Context(), 2); err != nil || sum.Batches != 0 {
		t.Errorf("afterwards: %+v, %v", sum, err)
	}
	h, err := w.t.Tables[0].Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if aside, err := w.t.Tables[0].Damaged(t.Context(), h); err != nil || len(aside) != 1 {
		t.Errorf("%v, %v", aside, err)
	}
	if _, err := runAll(t.Context(), staging); err != nil {
		t.Fatal(err)
	}
	if sum, err := staging.CommitStaged(t.Context(), 2); err != nil || sum.Keys != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	if a, b := w.rows(t, 0), w.rows(t, 1); len(a) != 4 || !maps.EqualFunc(a, b, func(a, b []string) bool { return len(a) == 1 && len(b) == 1 }) {
		t.Errorf("%v and %v", a, b)
	}
}

// withoutSource is a target whose source does not answer.
func withoutSource(t *pipeline.Tables) *pipeline.Tables {
	broken, pipe := *t, *t.Pipeline
	broken.Pipeline = &pipe
	pipe.Source = func(string) (store.Store, error) { return nil, errors.New("the source does not answer") }
	return &broken
}

// A key that cannot be looked at again keeps its own batch, and no other.
func TestLookAgainFails(t *testing.T) {
	w := newTablesWorld(t)
	staging := w.staging()
	for i := range 3 {
		w.put(t, fmt.Sprintf("%d.json", i), fmt.Sprintf(`{"id":%d,"lines":[1]}`, i))
	}
	stage := func(n int) {
		t.Helper()
		if _, err := runAll(t.Context(), staging); err != nil {
			t.Fatal(err)
		}
		if got := len(w.stagedOf(t, 0)); got != n {
			t.Fatalf("%d batches, want %d", got, n)
		}
	}
	stage(3)
	w.put(t, "1.json", `{"id":1,"lines":[1,2]}`)
	stage(6) // all that is not visible yet
	w.put(t, "1.json", `{"id":1,"lines":[1,2,3]}`)
	broken := withoutSource(staging)
	sum, err := broken.CommitStaged(t.Context(), 2)
	if err == nil || !strings.Contains(err.Error(), `look again at "1.json"`) {
		t.Errorf("%v", err)
	}
	if sum.Batches != 8 || sum.Failed != 2 || sum.Keys != 6 {
		t.Errorf("%+v", sum)
	}
	for range 2 {
		if len(w.stagedOf(t, 0)) != 2 || len(w.stagedOf(t, 1)) != 2 {
			t.Errorf("%v and %v wait", w.stagedOf(t, 0), w.stagedOf(t, 1))
		}
		if _, err := broken.CommitStaged(t.Context(), 2); err == nil {
			t.Error("nobody could look at the key")
		}
	}
	if sum, err := staging.CommitStaged(t.Context(), 2); err != nil || sum.Batches != 4 {
		t.Errorf("%+v, %v", sum, err)
	}
	lines := 0
	for _, rows := range w.rows(t, 1) {
		lines += len(rows)
	}
	if lines != 5 {
		t.Errorf("%d lines", lines)
	}
}

// The rows of a key have the same ID in all tables, also if a committer came between two states
// that were staged for it while it was new, and nobody can look at the key again.
func TestStagedIDs(t *testing.T) {
	w := newTablesWorld(t)
	staging := w.staging()
	w.put(t, "a.json", `{"id":1,"lines":[1]}`)
	if _, err := runAll(t.Context(), staging); err != nil {
		t.Fatal(err)
	}
	first := w.stagedOf(t, 0)
	time.Sleep(2 * time.Millisecond) // the ID has the time of the first state
	w.put(t, "a.json", `{"id":1,"lines":[1,2]}`)
	if _, err := runAll(t.Context(), staging); err != nil {
		t.Fatal(err)
	}
	// A committer saw only the first state, and died before the second table.
	ask := tables.Asks{State: func(context.Context, tableruns.Key) (string, error) { return "", errors.New("not asked") }}
	if c, err := w.t.Tables[0].CommitStaged(t.Context(), first, ask); err != nil || c.Keys != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	same := func(lines int) {
		t.Helper()
		a, b := w.rows(t, 0), w.rows(t, 1)
		for id := range a {
			if len(a) != 1 || len(b) != 1 || len(b[id]) != lines {
				t.Errorf("%v and %v", a, b)
			}
		}
	}
	if sum, err := withoutSource(staging).CommitStaged(t.Context(), 2); err == nil || sum.Keys != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	same(1)
	if _, err := staging.CommitStaged(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	same(2)
}
