package published_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/config"
	"sluice/internal/iceberg"
	"sluice/internal/lake"
	"sluice/internal/pipeline"
	"sluice/internal/query"
	"sluice/internal/query/duckdbcli"
	"sluice/internal/query/published"
	"sluice/internal/query/querytest"
	"sluice/internal/setup"
	"sluice/internal/tables"
)

const twoTables = `
tables:
  - table: orders
    columns:
      - {name: order_id, path: $.order_id, type: string}
      - {name: day, path: $.day, type: date}
      - {name: total, path: $.total, type: "decimal(18,2)"}
  - table: lines
    explode: $.lines[*]
    columns:
      - {name: order_id, path: $.order_id, type: string}
      - {name: price, path: "$.lines[*].price", type: "decimal(18,4)"}
`

// shop is a lake with two tables, and a model of what they show.
type shop struct {
	t    *testing.T
	r    *rand.Rand
	dir  string
	s    *setup.Setup
	sql  *published.Session
	show map[string][]int // totals of the orders of each object, in cents
}

func newShop(t *testing.T, seed uint64, mapping, sink string, partition ...string) *shop {
	program := querytest.Program(t)
	w := &shop{t: t, r: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir(), show: map[string][]int{}}
	w.remap(mapping, sink, partition...)
	w.sql = published.New(published.Options{
		Setup: func() *setup.Setup { return w.s }, Engine: duckdbcli.Engine(program), MaxFetched: 1 << 30, Limits: query.Limits{Memory: 1 << 30, Threads: 2, Timeout: time.Minute},
	})
	t.Cleanup(func() { w.sql.Close() })
	return w
}

// remap opens the lake with another mapping.
func (w *shop) remap(mapping, sink string, partition ...string) {
	t := w.t
	t.Helper()
	name := filepath.Join(w.dir, "mapping.yaml")
	w.write("mapping.yaml", mapping)
	c := setup.Lake(w.dir)
	c.Mapping, c.OnDelete, c.Sink.Prefix = name, "remove", sink
	var err error
	if c.Table, err = config.FileTable(partition); err != nil {
		t.Fatal(err)
	}
	if w.s, err = setup.New(t.Context(), c, "", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.s.Close)
	if err := w.s.Own(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (w *shop) write(name, text string) {
	w.t.Helper()
	name = filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// change changes an object: it has orders, some of them with a fault, or is rejected, or
// is deleted.
func (w *shop) change(key string) {
	switch w.r.IntN(8) {
	case 0:
		if os.Remove(filepath.Join(w.dir, filepath.FromSlash(key))) == nil {
			delete(w.show, key)
		}
		return
	case 1:
		w.write(key, `[{"order_id":`) // rejected: what it showed stays
		return
	}
	var text []string
	var totals []int
	for n := range 1 + w.r.IntN(4) {
		total := w.r.IntN(100_000)
		day := 1 + w.r.IntN(3)
		if w.r.IntN(6) == 0 {
			text = append(text, `{"order_id":"bad","total":"on request"}`)
			continue
		}
		totals = append(totals, total)
		text = append(text, fmt.Sprintf(`{"order_id":"A-%d","day":"2024-01-%02d","total":%d.%02d,"lines":[{"price":1.5},{"price":%d}]}`, n, day, total/100, total%100, n))
	}
	w.write(key, "["+strings.Join(text, ",")+"]")
	if len(totals) > 0 { // else all records are in quarantine, and what was shown stays
		w.show[key] = totals
	}
}

func (w *shop) run() {
	w.t.Helper()
	o := w.s.Run()
	o.Done = func(key string, _ int64, _ pipeline.Result, err error) {
		if err != nil {
			w.t.Fatalf("%s: %v", key, err)
		}
	}
	if _, err := w.s.Target.Run(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

func (w *shop) ask(sql string) string {
	w.t.Helper()
	rows, err := w.sql.Query(w.t.Context(), sql)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for {
		row, err := rows.Next()
		if err == io.EOF {
			return strings.Join(all, " | ")
		}
		if err != nil {
			w.t.Fatal(err)
		}
		for _, v := range row {
			if v == nil {
				all = append(all, "NULL")
			} else {
				all = append(all, *v)
			}
		}
	}
}

func (w *shop) heads() []*tables.Head {
	w.t.Helper()
	seen, err := w.s.Target.(*pipeline.Tables).See(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return seen.Heads
}

// check compares what SQL shows with the model and the ledgers.
func (w *shop) check() {
	w.t.Helper()
	cents, n := 0, 0
	for _, totals := range w.show {
		for _, c := range totals {
			cents, n = cents+c, n+1
		}
	}
	got := w.ask(`SELECT count(*), coalesce(sum(total), 0)::DECIMAL(18,2), count(DISTINCT _source_id), (SELECT count(*) FROM lines),
		(SELECT count(*) FROM orders WHERE day = '2024-01-02' AND total > 500) - count(*) FILTER (day = '2024-01-02' AND total > 500) FROM orders`)
	if want := fmt.Sprintf("%d | %d.%02d | %d | %d | 0", n, cents/100, cents%100, len(w.show), 2*n); got != want {
		w.t.Errorf("%s, and not %s", got, want)
	}
	for i, h := range w.heads() {
		if want := int64(n) * int64(i+1); h != nil && h.Rows() != want {
			w.t.Errorf("the ledger of table %d has %d rows, and not %d", i, h.Rows(), want)
		}
	}
}

// compact is another engine that writes all rows of a table into one file.
func (w *shop) compact(i int) {
	w.t.Helper()
	target := w.s.Target.(*pipeline.Tables)
	table, h := target.Tables[i], w.heads()[i]
	live, err := tables.NewLive(table.Files).Files(w.t.Context(), h)
	if err != nil || len(live) == 0 {
		w.t.Fatalf("%d files: %v", len(live), err)
	}
	rows := iceberg.Rows{Drop: map[string]struct{}{}}
	for _, f := range live {
		rows.Drop[table.Files.URI(f.Key)] = struct{}{}
	}
	key := table.Folder + "data/compact-" + tables.NewBatchID() + ".parquet"
	name := filepath.Join(w.dir, filepath.FromSlash(key))
	if err := w.sql.Export(w.t.Context(), "SELECT * FROM "+table.Name+" ORDER BY total DESC", name); err != nil {
		w.t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		w.t.Fatal(err)
	}
	rows.Add = []iceberg.SpecFile{{DataFile: iceberg.DataFile{Path: table.Files.URI(key), Format: "PARQUET", Rows: h.Rows(), Bytes: info.Size()}}}
	snapshot, err := table.Files.Snapshot(w.t.Context(), h.Metadata(), rows, table.Folder+"metadata/", tables.NewBatchID(), time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	base, err := table.Catalog.Load(w.t.Context(), table.Name)
	if err == nil {
		_, err = table.Catalog.Commit(w.t.Context(), base, iceberg.Change{Snapshot: snapshot})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// A session shows each live row once, at each statement: after overwrites, rejects,
// deletions and compactions by others.
func TestTables(t *testing.T) {
	for i, test := range []struct {
		name, sink string
		partition  []string
	}{
		{"together", "tables/", nil},
		{"by day", "tables/", []string{"day(day)"}},
		{"copied", "tables[1]/", []string{"order_id"}}, // no name that DuckDB would take as it is
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newShop(t, uint64(i), twoTables, test.sink, test.partition...)
			w.check() // an empty lake
			for step := range 6 {
				for _, n := range w.r.Perm(9)[:1+w.r.IntN(6)] {
					w.change(fmt.Sprintf("raw_orders_data/%d.json", n))
				}
				w.run()
				w.check()
				if test.partition == nil && step%3 == 2 {
					w.compact(0)
					w.check()
				}
			}
		})
	}
}

// Many files, half of them with rows that do not count.
func TestManyFiles(t *testing.T) {
	w := newShop(t, 5, twoTables, "tables/", "order_id")
	objects, orders := 10, 100
	if testing.Short() {
		orders = 10
	}
	put := func(n, cents int) {
		var text []string
		for i := range orders {
			text = append(text, fmt.Sprintf(`{"order_id":"A-%d-%d","total":0.%02d,"lines":[{"price":1},{"price":2}]}`, n, i, cents))
		}
		key := fmt.Sprintf("raw_orders_data/%d.json", n)
		w.write(key, "["+strings.Join(text, ",")+"]")
		w.show[key] = make([]int, orders)
		for i := range orders {
			w.show[key][i] = cents
		}
	}
	for n := range objects {
		put(n, 25)
	}
	w.run()
	for n := range objects / 2 {
		put(n, 50)
	}
	w.run()
	w.check()
}

// A column that hides the places of rows from DuckDB is no way to rows that do not count.
func TestHiddenPlaces(t *testing.T) {
	w := newShop(t, 6, strings.ReplaceAll(twoTables, "name: day", "name: file_index"), "tables/")
	put := func(n, orders int) {
		var text []string
		for i := range orders {
			text = append(text, fmt.Sprintf(`{"order_id":"A-%d","day":"2024-01-10","total":1,"lines":[{"price":1}]}`, i))
		}
		w.write(fmt.Sprintf("raw_orders_data/%d.json", n), "["+strings.Join(text, ",")+"]")
	}
	put(1, 2)
	put(2, 2)
	w.run()
	if got := w.ask("SELECT count(*) FROM orders"); got != "4" {
		t.Errorf("%s rows", got)
	}
	put(1, 3)
	w.run()
	rows, err := w.sql.Query(t.Context(), "SELECT count(*) FROM orders")
	if err == nil {
		_, err = rows.Next()
		rows.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "file_index or file_row_number") {
		t.Error(err)
	}
}

// The columns are those of the table's schema, whichever files there are: of before and of
// after a mapping that leaves out a column, renames one and adds one, and of before and after
// another engine renamed and dropped some.
func TestChangedColumns(t *testing.T) {
	const (
		before = "table: t\ncolumns:\n  - {name: id, path: $.id, type: int32}\n  - {name: left_out, path: $.x, type: string}\n  - {name: former, path: $.y, type: string}\n"
		after  = "table: t\ncolumns:\n  - {name: latter, path: $.y, type: string}\n  - {name: id, path: $.id, type: int64}\n  - {name: added, path: $.z, type: \"decimal(9,2)\"}\n"
		all    = "SELECT id, left_out, former, latter, added, _source_state IS NOT NULL FROM t ORDER BY id"
	)
	for _, test := range []struct {
		name, old, anew string // objects
		replace         bool   // the old ones are made again
		want, renamed   string
	}{
		{name: "old", old: "1", want: "1 | x1 | y1 | NULL | NULL | true", renamed: "1 | x1 | NULL | NULL"},
		{name: "new", anew: "2", want: "2 | NULL | NULL | y2 | 2.50 | true", renamed: "2 | NULL | 2.50 | NULL"},
		{name: "replaced", old: "1", replace: true, want: "1 | NULL | NULL | y1 | 1.50 | true", renamed: "1 | NULL | 1.50 | NULL"},
		{name: "both", old: "13", anew: "2", want: "1 | x1 | y1 | NULL | NULL | true | 2 | NULL | NULL | y2 | 2.50 | true | 3 | x3 | y3 | NULL | NULL | true", renamed: "1 | x1 | NULL | NULL | 2 | NULL | 2.50 | NULL | 3 | x3 | NULL | NULL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newShop(t, 1, before, "tables/")
			put := func(objects string) {
				for _, n := range strings.Split(objects, "") {
					w.write("raw_orders_data/"+n+".json", fmt.Sprintf(`{"id":%s,"x":"x%s","y":"y%s","z":%s.5}`, n, n, n, n))
				}
			}
			put(test.old)
			w.run()
			w.remap(after, "tables/")
			put(test.anew)
			if test.replace {
				if err := os.Remove(filepath.Join(w.dir, "raw_orders_data", "1.json")); err != nil {
					t.Fatal(err)
				}
				w.write("raw_orders_data/1.json", `{"id":1,"x":"x1","y":"y1","z":1.5} `)
			}
			w.run()
			if test.name == "old" { // the schema alone, from a file that does not stay
				w.write("raw_orders_data/9.json", `{"id":9}`)
				w.run()
				if err := os.Remove(filepath.Join(w.dir, "raw_orders_data", "9.json")); err != nil {
					t.Fatal(err)
				}
				w.run()
			}
			if got := w.ask(all); got != test.want {
				t.Errorf("%s, and not %s", got, test.want)
			}

			// Another engine drops former, and names left_out as that was named, and added as
			// left_out.
			table, h := w.s.Target.(*pipeline.Tables).Tables[0], w.heads()[0]
			next := *h.Metadata().CurrentSchema()
			next.ID, next.Fields = 9, nil
			for _, f := range h.Metadata().CurrentSchema().Fields {
				switch f.Name {
				case "former":
					continue
				case "left_out":
					f.Name = "former"
				case "added":
					f.Name = "left_out"
				}
				next.Fields = append(next.Fields, f)
			}
			next.Fields = append(next.Fields, iceberg.Field{ID: 99, Name: "late", Type: iceberg.Type{Primitive: iceberg.Date}})
			base, err := table.Catalog.Load(t.Context(), table.Name)
			if err == nil {
				_, err = table.Catalog.Commit(t.Context(), base, iceberg.Change{Schema: &next, LastColumn: 99})
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := w.ask("SELECT id, former, left_out, late FROM t ORDER BY id"); got != test.renamed {
				t.Errorf("renamed: %s, and not %s", got, test.renamed)
			}
			if got := w.ask("SELECT string_agg(column_name, ' ' ORDER BY column_name) FROM (DESCRIBE t)"); got != "_source_id _source_state former id late latter left_out" {
				t.Errorf("the columns are %s", got)
			}
			v, err := lake.New(func() *setup.Setup { return w.s }).Views(t.Context())
			if err != nil || len(v) != 1 || len(v[0].Columns) != 7 {
				t.Errorf("%v: %+v", err, v)
			}
			_, rows, err := lake.New(func() *setup.Setup { return w.s }).Rows(t.Context(), "t", 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, row := range rows {
				var text []string
				for _, c := range []string{"id", "former", "left_out", "late"} {
					i, err := v[0].Column(c)
					if err != nil {
						t.Fatal(err)
					}
					if row[i] == nil {
						row[i] = new("NULL")
					}
					text = append(text, *row[i])
				}
				texts = append(texts, strings.Join(text, " | "))
			}
			slices.Sort(texts)
			if got := strings.Join(texts, " | "); got != test.renamed {
				t.Errorf("the lake's own reader has %s, and not %s", got, test.renamed)
			}
		})
	}
}
