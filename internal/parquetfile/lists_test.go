package parquetfile

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	"pgregory.net/rapid"

	"sluice/internal/batch"
	"sluice/schema"
)

// checkLists compares what a file says about a column of lists with its rows.
func checkLists(t *rapid.T, c *tableColumn, m *format.ColumnMetaData, chunk *parquet.FileColumnChunk, rows []any) {
	levels, items := 0, c.items()
	items.values = nil // as they stand in the rows
	for _, row := range rows {
		list, _ := row.([]any)
		levels += max(1, len(list))
		items.values = append(items.values, list...)
	}
	nulls := levels - len(valuesOf(&items, items.values))
	want := append(items.values, slices.Repeat([]any{nil}, levels-len(items.values))...)
	checkChunkStatistics(t, &items, m, want)
	checkEncodings(t, &items, m)
	if int(m.NumValues) != levels || !slices.Equal(m.PathInSchema, []string{c.Name, "list", "element"}) {
		t.Fatalf("column %s: %d levels of %v, want %d", c.Name, m.NumValues, m.PathInSchema, levels)
	}
	if s := m.Statistics; int(s.NullCount) != nulls || s.MinValue != nil || s.MaxValue != nil || s.Min != nil || s.Max != nil {
		t.Fatalf("column %s: statistics %+v, want %d NULLs and no bounds", c.Name, s, nulls)
	}
	if index, err := chunk.ColumnIndex(); err == nil && index.NumPages() > 0 {
		t.Fatalf("column %s: a column index of %d pages", c.Name, index.NumPages())
	}
	if chunk.BloomFilter() != nil {
		t.Fatalf("column %s: a bloom filter", c.Name)
	}
}

// TestListPages: a page of lists begins where a row begins, and does not grow
// with the values of a row group. The library finds each row by the offset index.
func TestListPages(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	x := &table{depth: 1}
	for range 200 {
		x.pageEnds = append(x.pageEnds, false)
		x.children[0] = append(x.children[0], r.IntN(9))
	}
	for level := range 2 {
		c := tableColumn{level: level}
		c.Name, c.Type = "n", schema.Type{Kind: schema.List, Of: schema.Int64}
		for range len(x.runs(level)) {
			list := []any{}
			for range r.IntN(3000) {
				list = append(list, any(uint64(r.IntN(5000))))
			}
			c.values = append(c.values, list)
		}
		x.columns = append(x.columns, c)
	}
	x.columns[0].Name = "m"
	for _, codec := range codecs {
		file := writeFile(t, codec, x)
		want := x.text()
		if diff := cmp.Diff(want, readFile(t, file, len(want)+1)); diff != "" {
			t.Fatalf("%s: rows differ (-want +got):\n%s", codec, diff)
		}
		f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		for i := range x.columns {
			checkListPages(t, x.rows(&x.columns[i]), f.RowGroups()[0].ColumnChunks()[i].(*parquet.FileColumnChunk))
		}
		checkSeek(t, x, f.RowGroups()[0])
	}
}

func checkListPages(t *testing.T, rows []any, chunk *parquet.FileColumnChunk) {
	offsets, err := chunk.OffsetIndex()
	if err != nil {
		t.Fatal(err)
	}
	if n := offsets.NumPages(); n < 5 {
		t.Fatalf("%d pages, too few to test", n)
	}
	pages := chunk.Pages()
	defer pages.Close()
	for i := range offsets.NumPages() {
		p, err := pages.ReadPage()
		if err != nil {
			t.Fatal(err)
		}
		begin, end := int(offsets.FirstRowIndex(i)), len(rows)
		if i+1 < offsets.NumPages() {
			end = int(offsets.FirstRowIndex(i + 1))
		}
		levels, last := 0, 0
		for _, row := range rows[begin:end] {
			last = max(1, len(row.([]any)))
			levels += last
		}
		if int(p.NumValues()) != levels || p.RepetitionLevels()[0] != 0 || int(p.NumRows()) != end-begin {
			t.Fatalf("page %d: %d levels of %d rows, the first level %d; want %d of %d", i, p.NumValues(), p.NumRows(), p.RepetitionLevels()[0], levels, end-begin)
		}
		if most := batch.PageRows + 8*last; levels > most { // an element has at most 8 rows
			t.Fatalf("page %d has %d levels, more than %d", i, levels, most)
		}
		parquet.Release(p)
	}
}

// checkSeek reads single rows, as an engine does that skips the others.
func checkSeek(t *testing.T, x *table, g parquet.RowGroup) {
	rows := g.Rows()
	defer rows.Close()
	buf := make([]parquet.Row, 1)
	for at := 0; at < int(g.NumRows()); at += 37 {
		if err := rows.SeekToRow(int64(at)); err != nil {
			t.Fatal(err)
		}
		if n, err := rows.ReadRows(buf); n != 1 {
			t.Fatal(err)
		}
		for i := range x.columns {
			var got []any
			for _, v := range buf[0] {
				if v.Column() == i && !v.IsNull() {
					got = append(got, uint64(v.Int64()))
				}
			}
			if want := x.rows(&x.columns[i])[at].([]any); !slices.Equal(got, want) {
				t.Fatalf("row %d, column %d: %v, want %v", at, i, got, want)
			}
		}
	}
}
