package lake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/config"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
	"sluice/schema"
)

// openTables opens the lake with that mapping, as one with tables.
func (w *world) openTables(partition ...string) { w.openTablesOf(orders, partition...) }

func (w *world) openTablesOf(mapping string, partition ...string) {
	w.t.Helper()
	w.file("mapping.yaml", mapping)
	c := setup.Lake(w.dir)
	c.Mapping = filepath.Join(w.dir, "mapping.yaml")
	var err error
	if c.Table, err = config.FileTable(partition); err != nil {
		w.t.Fatal(err)
	}
	if w.setup, err = setup.New(w.t.Context(), c, "", nil); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.setup.Close)
	w.lake = New(func() *setup.Setup { return w.setup })
}

// figures are what a lake shows, but for the order of rows, and for columns that only
// tables have.
func (w *world) figures() (all []string) {
	w.t.Helper()
	add := func(what string, v any, err error) {
		text, jsonErr := json.Marshal(v)
		if err != nil || jsonErr != nil {
			w.t.Fatalf("%s: %v, %v", what, err, jsonErr)
		}
		all = append(all, what+": "+string(text))
	}
	ctx := w.t.Context()
	for _, table := range []string{"orders", "lines"} {
		v, rows, err := w.lake.Rows(ctx, table, 0, MaxRows)
		if err != nil {
			w.t.Fatal(err)
		}
		n := slices.IndexFunc(v.Columns, func(c schema.Column) bool { return strings.HasPrefix(c.Name, "_source") })
		if n < 0 {
			n = len(v.Columns)
		}
		var lines []string
		for _, row := range rows {
			text, err := json.Marshal(row[:n])
			if err != nil {
				w.t.Fatal(err)
			}
			lines = append(lines, string(text))
		}
		var paged []string
		for at := int64(0); at < v.Rows; at += 3 {
			_, some, err := w.lake.Rows(ctx, table, at, 3)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, row := range some {
				text, err := json.Marshal(row[:n])
				if err != nil {
					w.t.Fatal(err)
				}
				paged = append(paged, string(text))
			}
		}
		if !slices.Equal(paged, lines) {
			w.t.Errorf("%s: pages have other rows", table)
		}
		slices.Sort(lines)
		add(table, lines, nil)
		add(table+" rows", v.Rows, nil)
		p, err := w.lake.Profile(ctx, table)
		if err == nil {
			add(table+" profile", []any{p.Rows, p.RowsRead, p.Unreadable, p.Columns[:n]}, nil)
		} else {
			add(table, nil, err)
		}
		var csv bytes.Buffer
		if err := w.lake.CSV(ctx, table, nil, func() io.Writer { return &csv }); err != nil {
			w.t.Fatal(err)
		}
		add(table+" lines of CSV", strings.Count(csv.String(), "\r\n"), nil)
	}
	for _, o := range []ChartOptions{
		{X: "country", Of: "sum", Y: "total"}, {X: "day", Of: "count"}, {X: "items", Of: "max", Y: "large", Split: "country"},
		{X: "total", Of: "avg", Y: "items", Filters: []Filter{{"items", OpFrom, "2"}}},
	} {
		c, err := w.lake.Chart(ctx, "orders", o)
		add("chart", c, err)
	}
	sorted, err := w.lake.Sorted(ctx, "orders", SortOptions{By: "total", Descending: true, Limit: 5, Filters: []Filter{{"items", OpBelow, "4"}}})
	if err != nil {
		w.t.Fatal(err)
	}
	var totals []string
	for _, row := range sorted.Rows {
		totals = append(totals, *row[3])
	}
	add("sorted", []any{totals, sorted.Matching, sorted.RowsRead}, nil)
	m, err := w.lake.Money(ctx)
	add("money", m, err)
	h, err := w.lake.Held(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	add("held", []any{h.Reasons, h.Total}, nil)
	return all
}

// A lake with tables shows what a lake with a file for each object does.
func TestTablesShowTheSame(t *testing.T) {
	for i, partition := range [][]string{nil, {"day(day)"}, {"country"}} {
		r := rand.New(rand.NewPCG(7, uint64(i)))
		files, shared := newWorld(t, orders), newWorld(t, orders)
		shared.openTables(partition...)
		both := func(do func(w *world)) { do(files); do(shared) }
		for step := range 5 {
			for _, n := range r.Perm(6)[:1+r.IntN(5)] {
				name := fmt.Sprintf("%d.json", n)
				if r.IntN(9) == 0 {
					both(func(w *world) { w.file("raw_orders_data/"+name, `[{"id":`) })
					continue
				}
				if r.IntN(9) == 0 {
					both(func(w *world) { os.Remove(filepath.Join(w.dir, "raw_orders_data", name)) })
					continue
				}
				var records []map[string]any
				for k := range 1 + r.IntN(5) {
					total := any(fmt.Sprintf("%d.%02d", r.IntN(1000), r.IntN(100)))
					if r.IntN(8) == 0 {
						total = "on request"
					}
					var lines []any
					for range r.IntN(3) {
						lines = append(lines, map[string]any{"sku": fmt.Sprint("P-", r.IntN(5)), "price": r.IntN(500)})
					}
					records = append(records, map[string]any{
						"id": fmt.Sprintf("A-%d-%d-%d", step, n, k), "day": fmt.Sprintf("2024-01-%02d", 1+r.IntN(4)), "total": total, "large": r.IntN(9), "items": r.IntN(6),
						"weight": float64(r.IntN(8)) / 4, "country": []string{"DE", "FR", "IT"}[r.IntN(3)], "lines": lines,
					})
				}
				both(func(w *world) { w.put(name, records...) })
			}
			both((*world).run)
			both(func(w *world) {
				if err := w.lake.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
			})
			want, got := files.figures(), shared.figures()
			for k := range want {
				if got[k] != want[k] {
					t.Errorf("partition %v, step %d: tables show\n%s\nfiles show\n%s", partition, step, got[k], want[k])
				}
			}
			if t.Failed() {
				return
			}
		}
	}
}

// Files of objects that tables have taken are outside of their sink, and lack the columns
// of the source. The lake shows what it showed before, and what comes later.
func TestFilesThatTablesHaveTaken(t *testing.T) {
	files, taken := newWorld(t, orders), newWorld(t, orders)
	both := func(do func(w *world)) { do(files); do(taken) }
	both(func(w *world) {
		w.put("a.json", order("A-1", "10", "1"), order("A-2", "11.5"))
		w.put("b.json", order("B-1", "20", "1", "2"), order("B-2", "on request"))
		w.put("c.json", order("C-1", "30", "1"))
		w.file("raw_orders_data/d.json", `[{"id":`)
		w.run()
	})
	from := taken.setup.Pipeline
	c := setup.Lake(taken.dir)
	c.Mapping, c.Sink.Prefix, c.Ledger.Prefix = filepath.Join(taken.dir, "mapping.yaml"), "tables/", "ledger_tables/"
	var err error
	if c.Table, err = config.FileTable([]string{"day(day)"}); err != nil {
		t.Fatal(err)
	}
	if taken.setup, err = setup.New(t.Context(), c, "", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(taken.setup.Close)
	taken.lake = New(func() *setup.Setup { return taken.setup })
	target := taken.setup.Target.(*pipeline.Tables)
	if err := target.CanAddFiles(from); err != nil {
		t.Fatal(err)
	}
	if sum, err := target.AddFiles(t.Context(), from, func(pipeline.Added) {}); err != nil || sum.Objects != 4 || sum.Files != 6 {
		t.Fatalf("%+v, %v", sum, err)
	}
	compare := func(when string) {
		t.Helper()
		both((*world).refresh)
		want, got := files.figures(), taken.figures()
		for k := range want {
			if got[k] != want[k] {
				t.Errorf("%s, tables show\n%s\nfiles show\n%s", when, got[k], want[k])
			}
		}
	}
	compare("when the files are taken")
	both(func(w *world) {
		w.put("b.json", order("B-3", "21", "5"))
		w.put("e.json", order("E-1", "40", "1"))
		w.run()
	})
	compare("after another run")
}

// The entry of each object says where its rows are, and is found by its ID and its key.
func TestPartsOfTables(t *testing.T) {
	w := newWorld(t, orders)
	w.openTables()
	w.put("a.json", order("A-1", "10", "1"))
	w.put("b.json", order("B-1", "20", "1"), order("B-2", "30", "1"))
	w.run()
	state, err := w.lake.State(t.Context())
	if err != nil || len(state.Entries) != 2 {
		t.Fatalf("%+v, %v", state, err)
	}
	for _, e := range state.Entries {
		found, tag, err := w.lake.EntryOf(t.Context(), e.ID)
		if err != nil || tag != e.ETag || found.Key != e.Key || e.Written.IsZero() {
			t.Errorf("%+v, %q, %v", found, tag, err)
		}
		parts, err := w.lake.Parts(t.Context(), &found)
		if err != nil || len(parts) != 2 || !parts[0].Shared || parts[0].Missing || parts[0].Rows != found.State.RecordsRead || parts[0].Bytes == 0 {
			t.Errorf("%+v, %v", parts, err)
		}
	}
	if _, _, err := w.lake.EntryOf(t.Context(), ledger.IDOf("", "never")); err == nil {
		t.Error("an entry of nobody")
	}
	if err := w.lake.Zip(t.Context(), "orders", func() io.Writer { return io.Discard }); err == nil || !strings.Contains(err.Error(), "take CSV") {
		t.Error(err)
	}
}

// A data file that is gone is counted and named, and nothing is taken for the whole.
func TestTableFileIsGone(t *testing.T) {
	w := newWorld(t, orders)
	w.openTables()
	w.put("a.json", order("A-1", "10", "1"))
	w.run()
	state, err := w.lake.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key := state.Table("orders").Files[0].Output.Key
	if err := os.Remove(filepath.Join(w.dir, filepath.FromSlash(key))); err != nil {
		t.Fatal(err)
	}
	w.refresh()
	all, err := w.lake.Views(t.Context())
	if err != nil || all[0].Unreadable != 1 || all[0].Rows != 0 || !all[0].Shared {
		t.Errorf("%+v, %v", all[0], err)
	}
	if err := w.lake.CSV(t.Context(), "orders", nil, func() io.Writer { return io.Discard }); err == nil || !strings.Contains(err.Error(), "put them back") {
		t.Error(err)
	}
	if m := w.money(); m.Rows.Equal || !slices.ContainsFunc(m.Objects, func(d MoneyDifference) bool { return d.What == "missing" && d.Key == key }) {
		t.Errorf("%+v", m)
	}
}

// A table whose mapping changes has files with other columns, and with narrower types
// than its own; also with one schema, if only columns are left out. The page shows what
// SQL does.
func TestTablesOfSeveralMappings(t *testing.T) {
	w := newWorld(t, orders)
	const (
		id   = "table: orders\ncolumns:\n- {name: id, path: $.id, type: string}\n"
		n    = "- {name: n, path: $.n, type: %s}\n- {name: all, path: $.all, type: list<%[1]s>}\n"
		paid = "- {name: paid, path: $.paid, type: \"decimal(%d,2)\"}\n"
	)
	whole := fmt.Sprintf(id+n+paid, "int64", 18)
	record := func(name string, n int) map[string]any {
		return map[string]any{"id": name, "n": n, "all": []any{n, nil, -n}, "paid": "1.25", "city": "Ulm"}
	}
	for i, c := range []struct {
		mapping string
		n       int
	}{
		{whole, 1 << 40}, {id, 2}, {fmt.Sprintf(id+n+paid, "int32", 9), -3}, // one schema
		{fmt.Sprintf(id+n+paid, "int64", 38) + "- {name: city, path: $.city, type: string}\n", 4}, {fmt.Sprintf(id+paid, 20), 5},
	} {
		w.openTablesOf(c.mapping)
		name := fmt.Sprintf("A-%d", i)
		w.put(name+".json", record(name, c.n))
		w.run()
		if i >= 2 {
			equalsSQL(t, w)
		}
	}
	got := w.ask("SELECT id, n, array_to_string(\"all\", ' '), paid, city FROM orders ORDER BY id")
	want := [][]string{
		{"A-0", "1099511627776", "1099511627776 -1099511627776", "1.25", "NULL"}, {"A-1", "NULL", "NULL", "NULL", "NULL"},
		{"A-2", "-3", "-3 3", "1.25", "NULL"}, {"A-3", "4", "4 -4", "1.25", "Ulm"}, {"A-4", "NULL", "NULL", "1.25", "NULL"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	v, rows, err := w.lake.Rows(t.Context(), "orders", 0, MaxRows)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range v.Columns {
		if c.Name == "all" && c.Type.String() != "list<int64>" {
			t.Errorf("a list of two widths is %s", c.Type)
		}
		for _, row := range rows {
			if c.Name == "all" && *row[0] == "A-2" && *row[i] != "[-3,null,3]" {
				t.Errorf("a list in a file of the narrower type is %s", *row[i])
			}
		}
	}
	m, err := w.lake.Money(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Objects) > 0 || len(m.Columns) != 1 || !m.Columns[0].Equal || m.Columns[0].Published != "5.00" || m.Rows.Ledger != 5 {
		t.Errorf("money: %+v", m)
	}
}
