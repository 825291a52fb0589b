package upkeep

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/config"
	"sluice/internal/iceberg"
	"sluice/internal/parquetread"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/internal/tables"
)

const everyType = `
table: t
columns:
  - {name: id, path: $.id, type: string}
  - {name: n, path: $.n, type: int64}
  - {name: small, path: $.n, type: int32}
  - {name: price, path: $.price, type: "decimal(10,2)"}
  - {name: wide, path: $.price, type: "decimal(30,5)"}
  - {name: at, path: $.at, type: timestamp}
  - {name: day, path: $.day, type: date}
  - {name: ratio, path: $.ratio, type: double}
  - {name: paid, path: $.paid, type: boolean}
  - {name: tags, path: $.tags, type: list<string>}
  - {name: prices, path: $.prices, type: "list<decimal(20,3)>"}
  - {name: raw, path: $.raw, type: json}
`

// world is a lake in a folder, with a table, and people who write to it beside us.
type world struct {
	t     *testing.T
	r     *rand.Rand
	dir   string
	s     *setup.Setup
	table *tables.Table
	lost  int64 // the sequence number of the last snapshot whose ledger was damaged
}

func newWorld(t *testing.T, seed uint64, onDelete string, partition ...string) *world {
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir()}
	w.write("mapping.yaml", everyType)
	if err := os.MkdirAll(filepath.Join(w.dir, "raw_orders_data"), 0o777); err != nil {
		t.Fatal(err)
	}
	w.open(onDelete, partition...)
	return w
}

func (w *world) open(onDelete string, partition ...string) {
	w.t.Helper()
	c := setup.Lake(w.dir)
	c.Mapping, c.OnDelete = filepath.Join(w.dir, "mapping.yaml"), onDelete
	var err error
	if c.Table, err = config.FileTable(partition); err != nil {
		w.t.Fatal(err)
	}
	if w.s, err = setup.New(w.t.Context(), c, "", nil); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.s.Close)
	if err := w.s.Own(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.table = w.s.Target.(*pipeline.Tables).Tables[0]
}

func (w *world) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func key(n int) string { return fmt.Sprintf("raw_orders_data/%d.ndjson", n) }

// put gives an object so many rows, of random values.
func (w *world) put(n, rows int) {
	w.t.Helper()
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, `{"id":"%d-%d","n":%d,"price":%d.%02d,"day":"2024-01-%02d"`, n, i, w.r.IntN(1<<30), w.r.IntN(1000)-500, w.r.IntN(100), 1+w.r.IntN(3))
		if w.r.IntN(2) == 0 {
			fmt.Fprintf(&b, `,"at":"2024-01-10T08:30:00.%06dZ","ratio":%g,"paid":%t`, w.r.IntN(1e6), w.r.NormFloat64(), w.r.IntN(2) == 0)
		}
		if w.r.IntN(2) == 0 {
			fmt.Fprintf(&b, `,"tags":[%s],"prices":[%s],"raw":{"a":[%d]}`, strings.Join(slices.Repeat([]string{`"x\"y"`, "null"}, w.r.IntN(3)), ","), strings.Join(slices.Repeat([]string{"-12.5"}, w.r.IntN(3)), ","), i)
		}
		b.WriteString("}\n")
	}
	w.write(key(n), b.String())
}

func (w *world) remove(n int) { os.Remove(w.path(key(n))) }

// run brings the table up to date.
func (w *world) run() pipeline.Summary {
	w.t.Helper()
	sum, err := w.s.Target.Run(w.t.Context(), w.s.Run())
	if err != nil {
		w.t.Fatal(err)
	}
	return sum
}

// change changes a few objects, and brings the table up to date.
func (w *world) change(keys int) {
	w.t.Helper()
	for range 1 + w.r.IntN(3) {
		switch n := w.r.IntN(keys); w.r.IntN(8) {
		case 0:
			w.remove(n)
		case 1:
			w.write(key(n), `{"id":`) // rejected: what it showed stays
		default:
			w.put(n, w.r.IntN(6))
		}
	}
	w.run()
}

func (w *world) head() *tables.Head {
	w.t.Helper()
	h, err := w.table.Load(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (w *world) files(h *tables.Head) []tables.LiveFile {
	w.t.Helper()
	files, err := tables.NewLive(w.table.Files).Files(w.t.Context(), h)
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}

// row is a row that readers see.
type row struct{ text, source, state string }

// rows are the rows that readers see of a head, in an order of their own.
func (w *world) rows(h *tables.Head) (all []row) {
	w.t.Helper()
	for _, f := range w.files(h) {
		data, err := os.ReadFile(w.path(f.Key))
		if err != nil {
			w.t.Fatal(err)
		}
		file, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			w.t.Fatal(err)
		}
		names := map[string]int{}
		for i, c := range file.Schema().Columns {
			names[c.Name] = i
		}
		at := int64(0)
		err = file.Rows(int(file.NumRows())+1, func(cells []string) error {
			if !slices.ContainsFunc(f.Masked, func(r tables.Rows) bool { return r.From <= at && at < r.To }) {
				r := row{text: fmt.Sprintf("%q", cells)}
				if i, ok := names[tables.SourceColumn]; ok {
					r.source = cells[i]
				}
				if i, ok := names[tables.StateColumn]; ok {
					r.state = cells[i]
				}
				all = append(all, r)
			}
			at++
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	slices.SortFunc(all, func(a, b row) int { return strings.Compare(a.text, b.text) })
	return all
}

// foreign commits a snapshot of another engine.
func (w *world) foreign(rows iceberg.Rows) {
	w.t.Helper()
	base, err := w.table.Catalog.Load(w.t.Context(), w.table.Name)
	if err != nil {
		w.t.Fatal(err)
	}
	snapshot, err := w.table.Files.Snapshot(w.t.Context(), base.Metadata, rows, w.table.Folder+"metadata/", tables.NewBatchID(), time.Now())
	if err == nil {
		_, err = w.table.Catalog.Commit(w.t.Context(), base, iceberg.Change{Snapshot: snapshot})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// entries are the data files of a head, as its manifests have them.
func (w *world) entries(h *tables.Head) (all []iceberg.SpecFile) {
	w.t.Helper()
	lines, err := w.table.Files.Manifests(w.t.Context(), h.Metadata().Head())
	for i := range lines {
		if err == nil && lines[i].Content == iceberg.DataManifest {
			err = w.table.Files.Entries(w.t.Context(), h.Metadata(), &lines[i], func(e *iceberg.Entry) error {
				all = append(all, iceberg.SpecFile{SpecID: lines[i].SpecID, DataFile: e.File})
				return nil
			})
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// copyFile is a data file of the same rows under another name, as a compactor writes it.
func (w *world) copyFile(f iceberg.SpecFile) iceberg.SpecFile {
	w.t.Helper()
	name, err := w.table.Files.Key(f.Path)
	if err != nil {
		w.t.Fatal(err)
	}
	data, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	if f.Path, err = w.table.Files.Write(w.t.Context(), strings.TrimSuffix(name, ".parquet")+"-"+tables.NewBatchID()+".parquet", data); err != nil {
		w.t.Fatal(err)
	}
	return f
}

// blind is a compaction that does not look for deletes: it writes files again, and rows
// that were taken out of sight are back. It returns how many.
func (w *world) blind() (back int64) {
	w.t.Helper()
	h := w.head()
	masked := map[string]int64{}
	for _, f := range w.files(h) {
		for _, m := range f.Masked {
			masked[w.table.Files.URI(f.Key)] += m.To - m.From
		}
	}
	rows := iceberg.Rows{Drop: map[string]struct{}{}}
	for _, f := range w.entries(h) {
		rows.Drop[f.Path] = struct{}{}
		rows.Add = append(rows.Add, w.copyFile(f))
		back += masked[f.Path]
	}
	if len(rows.Add) > 0 {
		w.foreign(rows)
	}
	return back
}

// names are the objects below a folder.
func (w *world) names(folder string) (all []string) {
	w.t.Helper()
	if err := w.table.Files.Store.List(w.t.Context(), folder, func(i store.Info) error {
		all = append(all, i.Key)
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return all
}

func sameRows(a, b []row) error {
	if slices.Equal(a, b) {
		return nil
	}
	seen := map[row]int{}
	for _, r := range a {
		seen[r]++
	}
	for _, r := range b {
		seen[r]--
	}
	maps.DeleteFunc(seen, func(_ row, n int) bool { return n == 0 })
	return fmt.Errorf("%d and %d rows; more in the first, or fewer: %v", len(a), len(b), seen)
}

// interrupted is a catalog in which others do something before the first commits.
type interrupted struct {
	iceberg.Catalog
	times  int
	before func()
}

func (c *interrupted) Commit(ctx context.Context, base *iceberg.Table, change iceberg.Change) (*iceberg.Table, error) {
	if c.times > 0 {
		c.times--
		c.before()
	}
	return c.Catalog.Commit(ctx, base, change)
}
