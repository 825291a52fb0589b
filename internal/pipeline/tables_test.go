package pipeline_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/event"
	"sluice/internal/iceberg"
	"sluice/internal/iceberg/filecatalog"
	"sluice/internal/parquetread"
	"sluice/internal/pipeline"
	"sluice/internal/store"
	"sluice/internal/tables"
)

const tablesMapping = `tables:
- table: orders
  columns:
  - {name: id, path: $.id, type: int64, required: true}
  - {name: day, path: $.day, type: date}
- table: lines
  explode: $.lines[*]
  when_empty: skip
  columns:
  - {name: id, path: $.id, type: int64, required: true}
  - {name: line, path: "$.lines[*]", type: int64}
`

// tablesWorld is a target over real folders.
type tablesWorld struct {
	*world
	t      *pipeline.Tables
	faults *flaky
}

func newTablesWorld(t testing.TB, partition ...pipeline.Partition) *tablesWorld {
	w := &tablesWorld{world: &world{source: folder(t)}}
	w.faults = &flaky{Store: folder(t)}
	w.sink = w.faults
	w.t = w.targetOf(t, tablesMapping, partition...)
	w.p = w.t.Pipeline
	return w
}

// targetOf is a target with another mapping for the same places.
func (w *tablesWorld) targetOf(t testing.TB, mapping string, partition ...pipeline.Partition) *pipeline.Tables {
	files := iceberg.Files{Store: w.sink, Base: "mem:///"}
	target := &pipeline.Tables{Pipeline: w.over(parseMapping(t, mapping), w.source, w.sink), Partition: partition}
	for _, table := range target.Mapping.Tables {
		target.Tables = append(target.Tables, &tables.Table{
			Catalog: &filecatalog.Catalog{Files: files, Prefix: "out/"}, Name: table.Name, Files: files, Folder: "out/" + table.Name + "/",
			Ledger: w.sink, LedgerPrefix: "ledger/", CreatedBy: "test", Now: time.Now,
			Pause:     func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
			Retention: iceberg.Retention{Snapshots: 100, Age: 24 * time.Hour},
		})
	}
	return target
}

// runAll is a run over the whole source.
func (w *tablesWorld) runAll(ctx context.Context) (pipeline.Summary, error) { return runAll(ctx, w.t) }

func runAll(ctx context.Context, t *pipeline.Tables) (pipeline.Summary, error) {
	return t.Run(ctx, pipeline.RunOptions{Bucket: "raw", Prefix: "", Workers: 2, Judge: func(store.Info) event.Record { return event.Record{Action: event.Process} }})
}

// rows are the rows of a table that count, by the key of their source.
func (w *tablesWorld) rows(t testing.TB, table int) map[string][]string {
	t.Helper()
	at := w.t.Tables[table]
	loaded, err := at.Catalog.Load(t.Context(), at.Name)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := at.Files.Manifests(t.Context(), loaded.Metadata.Head())
	if err != nil {
		t.Fatal(err)
	}
	masked, live := map[string]bool{}, []iceberg.DataFile{}
	for i := range lines {
		err := at.Files.Entries(t.Context(), loaded.Metadata, &lines[i], func(e *iceberg.Entry) error {
			if e.File.Content == iceberg.Data {
				live = append(live, e.File)
				return nil
			}
			for _, cells := range w.file(t, at.Files, e.File.Path) {
				masked[cells[0]+" "+cells[1]] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	shown := map[string][]string{}
	for _, f := range live {
		for i, cells := range w.file(t, at.Files, f.Path) {
			if id, ok := f.Partition["_source_id"]; ok { // of a file without the columns of the source
				cells = append(cells, id.(string), f.Partition["_source_state"].(string))
			}
			if n := len(cells); !masked[fmt.Sprint(f.Path, " ", i)] {
				shown[cells[n-2]] = append(shown[cells[n-2]], strings.Join(cells[:n-2], " "))
			}
		}
	}
	for _, rows := range shown {
		slices.Sort(rows)
	}
	return shown
}

func (w *tablesWorld) file(t testing.TB, files iceberg.Files, path string) (rows [][]string) {
	t.Helper()
	data, err := files.Read(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Rows(int(f.NumRows())+1, func(cells []string) error { rows = append(rows, slices.Clone(cells)); return nil }); err != nil {
		t.Fatal(err)
	}
	return rows
}

// content is a version of a source: its text, and the rows that each table must have
// of it. A version that shows nothing new has none.
type content struct {
	text   string
	shows  bool
	tables [2][]string
}

// draw draws a version with numbers that no other has.
func draw(r *rand.Rand, n int) content {
	id, day := n*10, 1+r.IntN(3)
	date := fmt.Sprintf("2026-01-%02d", day)
	order := func(id int, lines ...int) string {
		return fmt.Sprintf(`{"id":%d,"day":%q,"lines":%s}`, id, date, strings.ReplaceAll(fmt.Sprint(lines), " ", ","))
	}
	row := func(values ...any) string { return strings.TrimSuffix(fmt.Sprintln(values...), "\n") }
	switch r.IntN(8) {
	case 0:
		return content{text: `[{"id":` + strconv.Itoa(id), shows: false}
	case 1:
		return content{text: fmt.Sprintf(`[{"id":"x%d"}]`, id), shows: false}
	case 2:
		return content{text: fmt.Sprintf("[]%*s", n%100, ""), shows: true}
	case 3:
		text := "[" + order(id, 1, 2) + fmt.Sprintf(`,{"id":"x%d"}]`, id)
		return content{text, true, [2][]string{{row(id, date)}, {row(id, 1), row(id, 2)}}}
	case 4: // more than what shares files
		if n%4 > 0 {
			break
		}
		c := content{shows: true}
		var text strings.Builder
		text.WriteString("[" + order(id, 7))
		c.tables = [2][]string{{row(id, date)}, {row(id, 7)}}
		text.WriteString(strings.Repeat(" ", 9<<20) + "," + order(id+1, 8) + "]")
		c.tables[0] = append(c.tables[0], row(id+1, date))
		c.tables[1] = append(c.tables[1], row(id+1, 8))
		c.text = text.String()
		return c
	}
	return content{"[" + order(id, 3) + "," + order(id+1) + "]", true, [2][]string{{row(id, date), row(id+1, date)}, {row(id, 3)}}}
}

// TestTables overwrites and deletes sources while several workers process them and
// runs go over all, with stores that fail before and after their effects. After a calm
// run each key shows its newest sound version, once, in both tables.
func TestTables(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			testTables(t, uint64(seed))
		})
	}
}

func testTables(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 3))
	var partition []pipeline.Partition
	if seed%2 == 1 {
		partition = []pipeline.Partition{{iceberg.Transform{Name: "day"}, "day"}, {iceberg.Transform{Name: "bucket", N: 2}, "line"}}
	}
	w := newTablesWorld(t, partition...)
	w.p.RemoveDeleted = seed%3 == 0
	w.t.Limits.Objects = 4
	if seed%3 == 1 {
		w.p.Computing = memories(2, 1<<20) // each object is enough for a row group
	}
	var keys []string
	for i := range 6 {
		keys = append(keys, fmt.Sprintf("orders/%d.json", i))
	}
	last := map[string]content{} // that must be shown
	gone := map[string]bool{}
	for n := range 5 {
		var workers sync.WaitGroup
		w.faults.share.Store(20)
		for range 2 {
			workers.Go(func() {
				for range 3 {
					var objects []pipeline.Object
					for _, k := range keys {
						objects = append(objects, pipeline.Object{Bucket: "raw", Key: k, Size: -1})
					}
					w.t.ProcessAll(t.Context(), objects, 2, func(int, pipeline.Result, error) {})
				}
			})
		}
		workers.Go(func() { _, _ = w.runAll(t.Context()) })
		for i, k := range keys {
			switch r.IntN(5) {
			case 0, 1, 2:
				c := draw(r, n*len(keys)+i+1)
				w.put(t, k, c.text)
				delete(gone, k)
				if c.shows {
					last[k] = c
				}
			case 3:
				if err := w.source.Delete(t.Context(), k); err != nil {
					t.Fatal(err)
				}
				gone[k] = true
			}
		}
		workers.Wait()
		w.faults.share.Store(0)
		sum, err := w.runAll(t.Context())
		if err != nil || sum.Objects[pipeline.DidFail] > 0 {
			t.Fatalf("a calm run: %v, %+v", err, sum.Objects)
		}
		w.compare(t, keys, last, gone)
	}
	if w.faults.n.Load() == 0 {
		t.Error("the store never failed")
	}
	again, err := w.runAll(t.Context())
	if err != nil || again.Objects[pipeline.DidCommit]+again.Objects[pipeline.DidReject]+again.Objects[pipeline.DidSkip] > 0 {
		t.Errorf("a second run: %v, %+v", err, again.Objects)
	}
}

// TestLargeObjectFailsAlone lets a file of a large object fail in the second table, after
// its file in the first one has ended. The small object of the batch is committed.
func TestLargeObjectFailsAlone(t *testing.T) {
	w := newTablesWorld(t)
	for i := range w.t.Tables {
		w.t.Tables[i].Files.Store = &failsOnce{Store: w.t.Tables[i].Files.Store, prefix: "out/lines/data/"}
	}
	w.put(t, "a-large.json", `[{"id":1,"lines":[1]}`+strings.Repeat(" ", 9<<20)+"]")
	w.put(t, "b-small.json", `[{"id":2,"lines":[2]}]`)
	objects := []pipeline.Object{{Bucket: "raw", Key: "a-large.json", Size: 9 << 20}, {Bucket: "raw", Key: "b-small.json"}}
	var errs [2]error
	w.t.ProcessAll(t.Context(), objects, 1, func(i int, _ pipeline.Result, err error) { errs[i] = err })
	if !errors.Is(errs[0], errFlaky) || errs[1] != nil {
		t.Errorf("the large object: %v; the small one: %v", errs[0], errs[1])
	}
	if sum, err := w.runAll(t.Context()); err != nil || sum.Objects[pipeline.DidCommit] != 1 || sum.Objects[pipeline.DidDuplicate] != 1 {
		t.Errorf("then: %v, %+v", err, sum.Objects)
	}
	for i := range w.t.Tables {
		if rows := w.rows(t, i); len(rows) != 2 {
			t.Errorf("table %d shows %v", i, rows)
		}
	}
}

// failsOnce is a store in which the first object with a prefix does not become visible.
type failsOnce struct {
	store.Store
	prefix string
	failed bool
}

func (f *failsOnce) Create(ctx context.Context, key string, o store.CreateOptions) (store.Writer, error) {
	w, err := f.Store.Create(ctx, key, o)
	if f.failed || !strings.HasPrefix(key, f.prefix) {
		return w, err
	}
	f.failed = true
	if err != nil {
		return nil, err
	}
	return failedWriter{w}, nil
}

type failedWriter struct{ store.Writer }

func (failedWriter) Commit(context.Context, store.Precondition) (store.Info, error) {
	return store.Info{}, errFlaky
}

// compare compares what both tables show with the newest sound versions. A version that
// was overwritten before anybody read it may be missing, so a key whose newest version
// shows nothing may show any older one.
func (w *tablesWorld) compare(t *testing.T, keys []string, last map[string]content, gone map[string]bool) {
	t.Helper()
	shown := []map[string][]string{w.rows(t, 0), w.rows(t, 1)}
	for _, k := range keys {
		e, err := w.t.Entry(t.Context(), "raw", k)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range shown {
			ids := maps.Keys(shown[i])
			var rows []string
			for id := range ids {
				if strings.HasSuffix(id, "_"+e.ID().String()[:16]) {
					if rows != nil {
						t.Fatalf("%s has rows of two source IDs in table %d", k, i)
					}
					rows = shown[i][id]
				}
			}
			want := slices.Sorted(slices.Values(last[k].tables[i]))
			if gone[k] && w.p.RemoveDeleted {
				want = nil
			}
			isNewest := e.State.Outcome != "reject" && e.State.RecordsCommitted+e.State.RecordsRead > 0 && !gone[k]
			if isNewest && e.State.RecordsQuarantined < e.State.RecordsRead || gone[k] && w.p.RemoveDeleted {
				if !slices.Equal(rows, want) {
					t.Fatalf("%s shows %v in table %d, want %v (%s)", k, rows, i, want, e.State.Outcome)
				}
			}
		}
	}
}

// flaky is a store of which one call in so many fails: before its effect, or after it.
type flaky struct {
	store.Store
	share atomic.Int64 // one in so many; 0: none
	n     atomic.Int64 // that failed
}

var errFlaky = errors.New("the store failed")

func (f *flaky) fails() bool {
	share := f.share.Load()
	if share == 0 || rand.Int64N(share) > 0 {
		return false
	}
	f.n.Add(1)
	return true
}

func (f *flaky) Open(ctx context.Context, key string) (store.Object, error) {
	if f.fails() {
		return nil, errFlaky
	}
	return f.Store.Open(ctx, key)
}

func (f *flaky) Head(ctx context.Context, key string) (store.Info, error) {
	if f.fails() {
		return store.Info{}, errFlaky
	}
	return f.Store.Head(ctx, key)
}

func (f *flaky) Create(ctx context.Context, key string, o store.CreateOptions) (store.Writer, error) {
	if f.fails() {
		return nil, errFlaky
	}
	w, err := f.Store.Create(ctx, key, o)
	if err != nil {
		return nil, err
	}
	return &flakyWriter{w, f}, nil
}

type flakyWriter struct {
	store.Writer
	f *flaky
}

func (w *flakyWriter) Write(p []byte) (int, error) {
	if w.f.fails() {
		return 0, errFlaky
	}
	return w.Writer.Write(p)
}

func (w *flakyWriter) Commit(ctx context.Context, p store.Precondition) (store.Info, error) {
	if w.f.fails() {
		return store.Info{}, errFlaky
	}
	info, err := w.Writer.Commit(ctx, p)
	if w.f.fails() {
		return store.Info{}, cmp.Or(err, errFlaky)
	}
	return info, err
}
