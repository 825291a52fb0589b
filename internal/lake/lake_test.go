package lake

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/setup"
)

func TestMain(m *testing.M) {
	// Each check of a property makes a lake. The command line still says another number.
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// world is a lake in a folder that a test fills.
type world struct {
	t     testing.TB
	dir   string
	setup *setup.Setup
	lake  *Lake
}

// orders is the mapping of the tests: two tables, with decimals in both, and columns
// of all kinds.
const orders = `
records: ["$[*]"]
tables:
  - table: orders
    columns:
      - {name: id, path: $.id, type: string, required: true}
      - {name: placed, path: $.placed, type: timestamp}
      - {name: day, path: $.day, type: date}
      - {name: total, path: $.total, type: "decimal(18,4)"}
      - {name: large, path: $.large, type: "decimal(38,2)"}
      - {name: items, path: $.items, type: int32}
      - {name: views, path: $.views, type: int64}
      - {name: weight, path: $.weight, type: double}
      - {name: paid, path: $.paid, type: boolean}
      - {name: country, path: $.country, type: string}
      - {name: tags, path: $.tags, type: "list<string>"}
      - {name: rest, path: $.rest, type: json}
  - table: lines
    explode: $.lines[*]
    when_empty: skip
    columns:
      - {name: id, path: $.id, type: string}
      - {name: order_total, path: $.total, type: "decimal(18,4)"}
      - {name: sku, path: "$.lines[*].sku", type: string}
      - {name: price, path: "$.lines[*].price", type: "decimal(12,2)"}
`

// newWorld makes a lake with that mapping; "" is the default mapping.
func newWorld(t testing.TB, mapping string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.open(mapping)
	return w
}

// open opens the lake with a mapping, as a new process would.
func (w *world) open(mapping string) {
	w.t.Helper()
	c := setup.Lake(w.dir)
	if mapping != "" {
		c.Mapping = filepath.Join(w.dir, "mapping.yaml")
		w.file("mapping.yaml", mapping)
	}
	s, err := setup.New(context.Background(), c, "", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.Close)
	w.setup = s
	w.lake = New(func() *setup.Setup { return w.setup })
}

func (w *world) file(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		w.t.Fatal(err)
	}
}

// put writes a source object of JSON records.
func (w *world) put(name string, records ...map[string]any) {
	w.t.Helper()
	text, err := json.Marshal(records)
	if err != nil {
		w.t.Fatal(err)
	}
	w.file("raw_orders_data/"+name, string(text))
}

// run brings the lake up to date.
func (w *world) run() {
	w.t.Helper()
	if err := w.setup.Own(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.setup.Target.Run(w.t.Context(), w.setup.Run()); err != nil {
		w.t.Fatal(err)
	}
	w.refresh()
}

func (w *world) refresh() {
	w.t.Helper()
	if err := w.lake.Refresh(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// output is the file of a table that an object has.
func (w *world) output(table, key string) string {
	w.t.Helper()
	s, err := w.lake.State(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range s.Table(table).Files {
		if strings.HasSuffix(f.Entry.Key, "/"+key) {
			return filepath.Join(w.dir, filepath.FromSlash(f.Output.Key))
		}
	}
	w.t.Fatalf("no file of %s in table %s", key, table)
	return ""
}

// order is a record. Amounts are texts, to be exact.
func order(id string, total string, lines ...string) map[string]any {
	all := []any{}
	for i, price := range lines {
		all = append(all, map[string]any{"sku": fmt.Sprintf("S-%d", i+1), "price": price})
	}
	return map[string]any{"id": id, "total": total, "lines": all}
}

// mixed is a lake with objects that were overwritten, deleted, rejected and
// quarantined.
func mixed(t testing.TB) *world {
	w := newWorld(t, orders)
	w.put("stays.json", order("A-1", "10.5", "1.25", "2.50"), order("A-2", "0.0001"))
	w.put("overwritten.json", order("A-3", "100", "100"))
	w.put("deleted.json", order("A-4", "7", "7.77"))
	w.put("rejected.json", order("A-5", "1000", "1000"))
	w.put("part.json", order("A-6", "many", "3"), order("A-7", "-2.25", "0.01"))
	w.file("raw_orders_data/empty.json", "[]")
	w.file("raw_orders_data/never.json", "[{")
	w.run()
	w.put("overwritten.json", order("A-3", "200", "200"), order("A-8", "300", "300", "1"))
	w.file("raw_orders_data/rejected.json", "{")
	if err := os.Remove(filepath.Join(w.dir, "raw_orders_data", "deleted.json")); err != nil {
		t.Fatal(err)
	}
	w.run()
	// What nobody published does not count.
	data, err := os.ReadFile(w.output("orders", "stays.json"))
	if err != nil {
		t.Fatal(err)
	}
	w.file("orders_data_parquet/orders/copy.parquet", string(data))
	w.file("orders_data_parquet/orders/half.parquet", string(data[:len(data)/2]))
	w.refresh()
	return w
}

func TestTables(t *testing.T) {
	w := mixed(t)
	all, err := w.lake.Views(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, v := range all {
		got += fmt.Sprintf("%s: %d files, %d rows, %d columns, %d unreadable; ", v.Name, len(v.Files), v.Rows, len(v.Columns), v.Unreadable)
	}
	if want := "orders: 6 files, 7 rows, 12 columns, 0 unreadable; lines: 6 files, 8 rows, 4 columns, 0 unreadable; "; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	v, rows, err := w.lake.Rows(t.Context(), "lines", 0, 50)
	if err != nil {
		t.Fatal(err)
	}
	if v.Rows != 8 || len(rows) != 8 {
		t.Fatalf("%d rows of %d", len(rows), v.Rows)
	}
	for offset := range int64(10) {
		for _, limit := range []int{0, 1, 3, 100} {
			_, some, err := w.lake.Rows(t.Context(), "lines", offset, limit)
			want := rows[min(offset, 8):min(offset+int64(limit), 8)]
			if err != nil || fmt.Sprint(texts(some)) != fmt.Sprint(texts(want)) {
				t.Errorf("offset %d, limit %d: %v, %v", offset, limit, texts(some), err)
			}
		}
	}
}

func texts(rows [][]*string) (all [][]string) {
	for _, row := range rows {
		var one []string
		for _, v := range row {
			if v == nil {
				one = append(one, "NULL")
			} else {
				one = append(one, *v)
			}
		}
		all = append(all, one)
	}
	return all
}

// Every type is shown as people read it.
func TestRowsAsText(t *testing.T) {
	w := newWorld(t, orders)
	w.put("a.json", map[string]any{
		"id": "A-1", "placed": "2024-01-10T08:30:00.25+02:00", "day": "2024-02-29", "total": "12.5", "large": "123456789012345678901234567890.1",
		"items": 3, "views": 9007199254740993, "weight": 0.1, "paid": true, "country": "é", "tags": []any{"a\"b", nil}, "rest": map[string]any{"k": 1.5},
	}, map[string]any{"id": "A-2"})
	w.run()
	_, rows, err := w.lake.Rows(t.Context(), "orders", 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%q", texts(rows))
	want := `[["A-1" "2024-01-10T06:30:00.25Z" "2024-02-29" "12.5000" "123456789012345678901234567890.10" "3" "9007199254740993" "0.1" "true" "é" "[\"a\\\"b\",null]" "{\"k\":1.5}"] ["A-2" "NULL" "NULL" "NULL" "NULL" "NULL" "NULL" "NULL" "NULL" "NULL" "NULL" "NULL"]]`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
