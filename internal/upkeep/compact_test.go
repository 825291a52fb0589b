package upkeep

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"sluice"
	"sluice/internal/iceberg"
	"sluice/internal/parquetread"
	"sluice/internal/tables"
	"sluice/schema"
)

// Whatever a table went through, compact leaves the rows as they are, with their types
// and field IDs, in few files; the ledger finds them when their objects change.
func TestCompact(t *testing.T) {
	seeds := 5
	if testing.Short() {
		seeds = 3
	}
	before, after, masked := 0, 0, 0
	for seed := range uint64(seeds) {
		w := newWorld(t, seed, []string{"keep", "remove"}[seed%2], [][]string{{"day"}, nil, {"bucket(4, id)"}}[seed%3]...)
		for round := range 3 {
			for range 4 {
				if w.change(8); w.r.IntN(4) == 0 {
					w.blindDry()
				}
			}
			rows, was := w.rows(w.head()), w.head()
			files := w.files(was)
			for _, f := range files {
				masked += len(f.Masked)
			}
			o := CompactOptions{Codec: "zstd"}
			if round == 1 {
				o.Target = 1 << 14
			}
			done, err := Compact(t.Context(), w.table, o)
			if err != nil || done.Unread != 0 {
				t.Fatalf("seed %d: %+v, %v", seed, done, err)
			}
			before, after = before+done.Before, after+done.After
			w.sound(rows)
			h := w.head()
			columns, err := columnsOf(h.Metadata().CurrentSchema())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range w.files(h) {
				if o.Target == 0 && len(f.Masked) > 0 {
					t.Errorf("seed %d: %d rows of %d are masked yet", seed, f.Rows-f.Live(), f.Rows)
				}
				if slices.ContainsFunc(files, func(old tables.LiveFile) bool { return old.Key == f.Key }) {
					continue
				}
				data, err := os.ReadFile(w.path(f.Key))
				if err != nil {
					t.Fatal(err)
				}
				file, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
				if err != nil || !slices.Equal(file.Schema().Columns, columns) {
					t.Fatalf("seed %d: columns are %v, and not %v, %v", seed, file.Schema().Columns, columns, err)
				}
			}
			if totals, ok := h.Totals(); !ok || o.Target == 0 && (totals.DeleteFiles != 0 || totals.PositionDeletes != 0 || totals.Records != h.Rows()) {
				t.Errorf("seed %d: %+v, %d rows", seed, totals, h.Rows())
			}
			if h.Metadata().Head().Summary["operation"] != "replace" && done.Snapshots > 0 {
				t.Errorf("seed %d: %v", seed, h.Metadata().Head().Summary)
			}
			if again, err := Compact(t.Context(), w.table, CompactOptions{Codec: "zstd", Target: o.Target}); err != nil || o.Target == 0 && again.Snapshots != 0 {
				t.Errorf("seed %d: once more: %+v, %v", seed, again, err)
			}
		}
	}
	if before < 2*after || after == 0 || masked == 0 {
		t.Errorf("%d files became %d, with %d ranges of masked rows", before, after, masked)
	}
}

// Others commit while files are put together. If they touched none of these, the result
// is offered again; else it is made anew. Nothing is doubled or lost.
func TestCompactBesideCommits(t *testing.T) {
	for name, touch := range map[string]int{"another key": 20, "a key of the files": 2} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, "keep")
			for n := range 5 {
				w.put(n, 3)
				w.put(n+5, 3)
				w.run()
			}
			mine := *w.table
			mine.Catalog = &interrupted{Catalog: w.table.Catalog, times: 1, before: func() {
				w.put(touch, 2)
				w.run()
			}}
			done, err := Compact(t.Context(), &mine, CompactOptions{Codec: "zstd"})
			if err != nil || done.Snapshots != 1 || done.After != 1 || done.Before != 5 {
				t.Fatalf("%+v, %v", done, err)
			}
			w.sound(w.rows(w.head()))
			if h := w.head(); h.Rows() != int64(map[int]int{20: 32, 2: 29}[touch]) {
				t.Errorf("%d rows", h.Rows())
			}
		})
	}
}

// Files of others are read by field ID or name, and with narrower types; one of a type
// that sluice does not write stays as it is.
func TestCompactForeign(t *testing.T) {
	w := newWorld(t, 1, "keep")
	w.put(1, 3)
	w.run()
	var plain bytes.Buffer // without IDs, and without the columns of the source
	if _, err := sluice.Convert(t.Context(), &plain, bytes.NewReader([]byte(`{"id":"a","price":"1.5"}{"id":"b"}`)), w.s.Pipeline.Mapping, nil); err != nil {
		t.Fatal(err)
	}
	add := func(name string, data []byte, rows int64) {
		f := iceberg.SpecFile{DataFile: iceberg.DataFile{Format: "PARQUET", Rows: rows, Bytes: int64(len(data))}}
		var err error
		if f.Path, err = w.table.Files.Write(t.Context(), w.table.Folder+"data/"+name, data); err != nil {
			t.Fatal(err)
		}
		w.foreign(iceberg.Rows{Add: []iceberg.SpecFile{f}})
	}
	add("insert.parquet", plain.Bytes(), 2)
	add("other.parquet", []byte("no Parquet file"), 0)
	done, err := Compact(t.Context(), w.table, CompactOptions{Codec: "snappy"})
	if err != nil || done.Unread != 1 || done.Before != 2 || done.After != 1 || done.Rows != 5 {
		t.Fatalf("%+v, %v", done, err)
	}
	if v, err := Verify(t.Context(), w.table); err != nil || v.Foreign != 2 || v.Missing+v.Resurrected+v.Unknown != 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestCopies(t *testing.T) {
	decimal := func(p, s int) schema.Type { return schema.Type{Kind: schema.Decimal, Precision: p, Scale: s} }
	list := func(t schema.Type) schema.Type {
		return schema.Type{Kind: schema.List, Of: t.Kind, Precision: t.Precision, Scale: t.Scale}
	}
	text, long, small := schema.Type{Kind: schema.String}, schema.Type{Kind: schema.Int64}, schema.Type{Kind: schema.Int32}
	for _, c := range []struct {
		from, to schema.Type
		want     bool
	}{
		{text, text, true}, {small, long, true}, {long, small, false}, {text, long, false}, {small, schema.Type{Kind: schema.Date}, false},
		{decimal(10, 2), decimal(30, 2), true}, {decimal(30, 2), decimal(10, 2), false}, {decimal(10, 2), decimal(30, 3), false},
		{list(small), list(long), true}, {list(text), text, false}, {list(decimal(5, 2)), list(decimal(30, 2)), false}, {list(decimal(20, 2)), list(decimal(30, 2)), true},
	} {
		if got := copies(c.from, c.to); got != c.want {
			t.Errorf("%v to %v: %v", c.from, c.to, got)
		}
	}
}
