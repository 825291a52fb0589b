package tablefiles_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/batch"
	"sluice/internal/iceberg"
	"sluice/internal/iceberg/datafile"
	"sluice/internal/jsonscan"
	"sluice/internal/parquetfile"
	"sluice/internal/parquetread"
	"sluice/internal/runs"
	"sluice/internal/tablefiles"
	"sluice/schema"
)

// columns are those of an order and its lines, with IDs.
var columns = []schema.Column{
	{Name: "shop", Type: schema.Type{Kind: schema.String}},
	{Name: "at", Type: schema.Type{Kind: schema.Timestamp}},
	{Name: "total", Type: schema.Type{Kind: schema.Decimal, Precision: 38, Scale: 4}},
	{Name: "tags", Type: schema.Type{Kind: schema.List, Of: schema.String}},
	{Name: "day", Type: schema.Type{Kind: schema.Date}},
	{Name: "id", Type: schema.Type{Kind: schema.Int64}},
	{Name: "product", Type: schema.Type{Kind: schema.String}},
	{Name: "price", Type: schema.Type{Kind: schema.Decimal, Precision: 12, Scale: 2}},
	{Name: "gift", Type: schema.Type{Kind: schema.Boolean}},
	{Name: "count", Type: schema.Type{Kind: schema.Int32}},
	{Name: "weight", Type: schema.Type{Kind: schema.Double}},
}

var levels = []int{0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1}

func init() {
	for i := range columns {
		columns[i].ID = i + 1
	}
	columns[3].ValueID = len(columns) + 1
}

// fields are all that the rows may be partitioned by.
func fields() (all []iceberg.PartitionField) {
	table, _ := iceberg.NewSchema(columns)
	for _, name := range []string{"identity", "bucket[7]", "truncate[3]", "year", "month", "day", "hour", "void"} {
		for i := range columns {
			transform := iceberg.ParseTransform(name)
			if _, err := transform.Result(table.Fields[i].Type); err == nil {
				all = append(all, iceberg.PartitionField{SourceID: i + 1, Name: columns[i].Name + "/" + name, Transform: transform})
			}
		}
	}
	return all
}

// options are for files in a store, in small pieces.
func options(m *memory) tablefiles.Options {
	return tablefiles.Options{
		Files: iceberg.Files{Store: m, Base: "mem://"}, Folder: "lake/orders/data/", Batch: "0123456789abcdef0123456789abcdef",
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Columns: columns, Levels: levels, Depth: 1, Codec: "zstd", CreatedBy: "sluice test",
		KeyValues: map[string]string{"sluice.mapping": "m"},
	}
}

// filler fills a batch with orders.
type filler struct {
	b       *batch.Batch
	scratch []byte
	draw    func(n int) int // a number below n
	id      int64
}

func newFiller(draw func(n int) int) *filler {
	return &filler{b: batch.New(schema.Schema{Columns: columns}, levels, 1), draw: draw}
}

func (f *filler) text(c *batch.Column, s string) {
	at := len(f.scratch)
	f.scratch = append(f.scratch, s...)
	c.AddScratch(jsonscan.Hash([]byte(s)), at, len(s))
}

var shops = []string{"", "north", "süd", "a/b c=d", "null", "shop with a long name"}

// value gives a column of the current element a value, or NULL.
func (f *filler) value(i int) {
	c := &f.b.Columns[i]
	if columns[i].Name == "id" {
		f.id++
		c.AddFixed(uint64(f.id))
		return
	}
	if f.draw(6) == 0 {
		return
	}
	n := int64(f.draw(5)) - 2
	switch t := c.Type; {
	case t.Kind == schema.List:
		for range f.draw(3) {
			c.List.Next()
			if f.draw(4) > 0 {
				f.text(&c.List.Items, shops[f.draw(len(shops))])
			}
		}
		c.EndList()
	case t.Wide():
		f.text(c, string(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(n>>63)), uint64(n*10_000))))
	case t.Kind == schema.String:
		f.text(c, shops[f.draw(len(shops))])
	case t.Kind == schema.Timestamp:
		c.AddFixed(uint64(n * 5_000_000_000_000))
	case t.Kind == schema.Boolean:
		c.AddFixed(uint64(f.draw(2)))
	case t.Kind == schema.Double:
		c.AddFixed(math.Float64bits(float64(n) / 2))
	default:
		c.AddFixed(uint64(n * 100))
	}
}

func (f *filler) element(level int) {
	for i, l := range levels {
		if l == level {
			f.value(i)
		}
	}
}

// object fills the batch with the orders of an object.
func (f *filler) object(orders, lines int) *batch.Batch {
	f.b.Reset()
	f.scratch = f.scratch[:0]
	for range orders {
		f.element(0)
		n := f.draw(lines + 1)
		for range n {
			f.element(1)
			f.b.EndElement(1, 1)
		}
		f.b.EndElement(0, n)
		f.b.EndRecord()
	}
	f.b.Flush(nil, f.scratch)
	f.b.Finish()
	return f.b
}

type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

const cellBorder = " | "

// rowsOf are the rows of a Parquet file.
func rowsOf(t fataler, file []byte) (rows []string) {
	t.Helper()
	f, err := parquetread.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Rows(math.MaxInt32, func(row []string) error {
		rows = append(rows, strings.Join(row, cellBorder))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return rows
}

// batchRows are the rows of a batch, as a file has them.
func batchRows(t fataler, b *batch.Batch) []string {
	t.Helper()
	e, err := parquetfile.NewEncoder("none")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := parquetfile.NewWriter(&out, schema.Schema{Table: "table", Columns: columns}, parquetfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := e.Encode(context.Background(), b)
	if err == nil {
		err = w.Write(g)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return rowsOf(t, out.Bytes())
}

// rowValues are the values of a column in each row, as Iceberg has them.
func rowValues(b *batch.Batch, i int) (values []any) {
	c := &b.Columns[i]
	if c.List != nil {
		return make([]any, b.Rows)
	}
	for element, entry := range c.Index {
		var v any
		if entry != batch.Null {
			switch {
			case c.Type.Wide():
				v = bytes.Clone(iceberg.Minimal(c.Entry(entry)))
			case c.Type.Kind == schema.Decimal:
				v = iceberg.Minimal(binary.BigEndian.AppendUint64(nil, c.Fixed[entry]))
			case c.Type.Kind == schema.String:
				v = string(c.Entry(entry))
			case c.Type.Kind == schema.Boolean:
				v = c.Fixed[entry] == 1
			case c.Type.Kind == schema.Double:
				v = math.Float64frombits(c.Fixed[entry])
			case c.Type.Kind == schema.Int32 || c.Type.Kind == schema.Date:
				v = int32(c.Fixed[entry])
			default:
				v = int64(c.Fixed[entry])
			}
		}
		n := 1
		if c.Level == 0 {
			n = int(b.Runs[0][element])
		}
		for range n {
			values = append(values, v)
		}
	}
	return values
}

// TestPartitions appends objects to tables with any partition spec, under any limits.
// Each row is where Append said, once, in a file of its partition.
func TestPartitions(t *testing.T) {
	rapid.Check(t, testPartitions)
}

// placed is a row that was appended.
type placed struct {
	row       string
	partition map[string]any
	ranges    []runs.FileRange
}

func testPartitions(t *rapid.T) {
	m := newMemory()
	o := options(m)
	o.Spec = &iceberg.PartitionSpec{ID: 3}
	all := fields()
	for range rapid.IntRange(0, 2).Draw(t, "fields") {
		f := all[rapid.IntRange(0, len(all)-1).Draw(t, "field")]
		if !slices.Contains(o.Spec.Fields, f) {
			o.Spec.Fields = append(o.Spec.Fields, f)
		}
	}
	o.MostHeld = rapid.SampledFrom([]int64{0, 1, 300 << 10}).Draw(t, "held")
	o.MostOpen = rapid.SampledFrom([]int{0, 1, 3}).Draw(t, "open")
	o.TargetBytes = rapid.SampledFrom([]int64{0, 1, 8 << 10}).Draw(t, "target")
	w, err := tablefiles.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	f := newFiller(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") })
	table, _ := iceberg.NewSchema(columns)
	var objects [][]placed
	for range rapid.IntRange(1, 5).Draw(t, "objects") {
		b := f.object(rapid.IntRange(0, 4).Draw(t, "orders"), 3)
		object := make([]placed, b.Rows)
		if b.Rows > 0 {
			for i, row := range batchRows(t, b) {
				object[i] = placed{row: row, partition: map[string]any{}}
			}
		}
		for _, f := range o.Spec.Fields {
			for row, v := range rowValues(b, f.SourceID-1) {
				object[row].partition[f.Name] = f.Transform.Apply(table.Fields[f.SourceID-1].Type, v)
			}
		}
		ranges, err := w.Append(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range object {
			object[i].ranges = ranges
		}
		objects = append(objects, object)
	}
	files, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkFiles(t, m, files)

	found := map[string][]string{}
	partitions := map[string]map[string]any{}
	for _, file := range files {
		if file.SpecID != 3 {
			t.Fatalf("a file of spec %d", file.SpecID)
		}
		found[file.Path] = rowsOf(t, m.objects[strings.TrimPrefix(file.Path, "mem://")])
		partitions[file.Path] = file.Partition
	}
	total := 0
	for _, object := range objects {
		total += len(object)
		if len(object) == 0 {
			continue
		}
		var got []placed
		for _, r := range object[0].ranges {
			for _, row := range found[r.Path][r.First : r.First+r.Rows] {
				got = append(got, placed{row: row, partition: partitions[r.Path]})
			}
		}
		byPartition := map[string][]string{}
		for _, p := range object {
			byPartition[fmt.Sprintf("%#v", p.partition)] = append(byPartition[fmt.Sprintf("%#v", p.partition)], p.row)
		}
		gotBy := map[string][]string{}
		for _, p := range got {
			if p.partition == nil {
				p.partition = map[string]any{}
			}
			gotBy[fmt.Sprintf("%#v", p.partition)] = append(gotBy[fmt.Sprintf("%#v", p.partition)], p.row)
		}
		if diff := cmp.Diff(byPartition, gotBy); diff != "" {
			t.Fatalf("-appended +found:\n%s", diff)
		}
	}
	for _, rows := range found {
		total -= len(rows)
	}
	if total != 0 {
		t.Fatalf("%d rows more were appended than the files have", total)
	}
}

// checkFiles compares what is said of the files with what the store has.
func checkFiles(t fataler, m *memory, files []iceberg.SpecFile) {
	t.Helper()
	var paths []string
	for _, f := range files {
		key := strings.TrimPrefix(f.Path, "mem://")
		paths = append(paths, key)
		rows := rowsOf(t, m.objects[key])
		if f.Rows == 0 || f.Rows != int64(len(rows)) || f.Bytes != int64(len(m.objects[key])) {
			t.Fatalf("file %s: %d rows, %d bytes; it has %d rows, %d bytes", key, f.Rows, f.Bytes, len(rows), len(m.objects[key]))
		}
		nulls := make([]int64, len(columns))
		for _, row := range rows {
			for i, cell := range strings.Split(row, cellBorder) {
				if cell == parquetread.Null {
					nulls[i]++
				}
			}
		}
		if len(f.Nulls) != len(columns)-1 { // without the list
			t.Fatalf("file %s: NULLs of %d columns", key, len(f.Nulls))
		}
		for _, c := range f.Nulls {
			if c.N != nulls[c.ID-1] {
				t.Fatalf("file %s: %d NULLs of column %d, it has %d", key, c.N, c.ID, nulls[c.ID-1])
			}
		}
	}
	visible := slices.Sorted(maps.Keys(m.objects))
	if slices.Sort(paths); !slices.Equal(visible, paths) {
		t.Fatalf("visible are %q, reported %q", visible, paths)
	}
}

// TestManifests: a table takes the files of any partition field, and its manifests give
// their partitions back.
func TestManifests(t *testing.T) {
	for _, f := range fields() {
		if columns[f.SourceID-1].Type.Kind == schema.List {
			continue // only void takes it, and a manifest has no type for that
		}
		m := newMemory()
		o := options(m)
		f.ID = 1000
		metadata, err := iceberg.New("mem://lake/orders", columns, []iceberg.PartitionField{f}, nil, o.Time)
		if err != nil {
			t.Fatal(err)
		}
		o.Spec = metadata.Spec(0)
		if got := datafile.Columns(columns, metadata.CurrentSchema()); !slices.Equal(got, columns) {
			t.Fatalf("the table has other columns: %+v", got)
		}
		w, err := tablefiles.New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(3) {
			if _, err := w.Append(t.Context(), newFiller(rand.New(rand.NewPCG(seed, 1)).IntN).object(10, 4)); err != nil {
				t.Fatal(err)
			}
		}
		files, err := w.Close(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		snapshot, err := o.Files.Snapshot(t.Context(), metadata, iceberg.Rows{Add: files}, "lake/orders/metadata/", "b", o.Time)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		lines, err := o.Files.Manifests(t.Context(), snapshot)
		if err != nil {
			t.Fatal(err)
		}
		want, got := map[string]map[string]any{}, map[string]map[string]any{}
		for _, file := range files {
			want[file.Path] = file.Partition
		}
		for i := range lines {
			if err := o.Files.Entries(t.Context(), metadata, &lines[i], func(e *iceberg.Entry) error {
				got[e.File.Path] = e.File.Partition
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -written +read:\n%s", f.Name, diff)
		}
	}
}

// TestObjects writes objects with files of their own at the same time, while others
// share theirs. Each row is where it was said to be; objects that are aborted leave
// nothing.
func TestObjects(t *testing.T) {
	m := newMemory()
	o := options(m)
	o.TargetBytes, o.MostHeld = 4000, 1
	w, err := tablefiles.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	type part struct {
		at   runs.FileRange
		rows []string
	}
	parts := make([][]part, 6)
	own := make([][]iceberg.SpecFile, len(parts))
	var objects sync.WaitGroup
	for i := range parts[1:] {
		objects.Go(func() {
			e, err := parquetfile.NewEncoder("snappy")
			if err != nil {
				t.Error(err)
				return
			}
			object, err := w.Object()
			if err != nil {
				t.Error(err)
				return
			}
			f := newFiller(rand.New(rand.NewPCG(uint64(i), 2)).IntN)
			for n := range 5 {
				b := f.object(20*min(n, 1), 4) // the first has no rows
				g, err := e.Encode(t.Context(), b)
				if err != nil {
					t.Error(err)
					return
				}
				at, err := object.WriteGroup(t.Context(), g)
				if err != nil {
					t.Error(err)
					return
				}
				if n > 0 {
					parts[i+1] = append(parts[i+1], part{at, batchRows(t, b)})
				}
			}
			if i == 0 {
				parts[i+1] = nil
				err = object.Abort(t.Context())
			} else {
				own[i+1], err = object.Close(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	f := newFiller(rand.New(rand.NewPCG(9, 9)).IntN)
	for range 10 {
		b := f.object(5, 4)
		at, err := w.Append(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		parts[0] = append(parts[0], part{at[0], batchRows(t, b)})
	}
	objects.Wait()
	files, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files = slices.Concat(append(own, files)...)
	checkFiles(t, m, files)
	rows := int64(0)
	for _, file := range files {
		rows += file.Rows
	}
	of := map[string]int{} // the object of each file
	for i, object := range parts {
		for _, p := range object {
			rows -= p.at.Rows
			if other, ok := of[p.at.Path]; ok && other != i {
				t.Errorf("%s has rows of several objects", p.at.Path)
			}
			of[p.at.Path] = i
			got := rowsOf(t, m.objects[strings.TrimPrefix(p.at.Path, "mem://")])[p.at.First : p.at.First+p.at.Rows]
			if !slices.Equal(got, p.rows) {
				t.Errorf("object %d: other rows at %+v", i, p.at)
			}
		}
	}
	if rows != 0 {
		t.Errorf("the files have %d rows more than were written", rows)
	}
	if len(files) <= len(parts)-1 {
		t.Errorf("%d files of %d objects: they should end at %d bytes", len(files), len(parts)-1, o.TargetBytes)
	}
}
