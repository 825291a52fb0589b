package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/pipeline"
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
