package parquetcolumn_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"

	"sluice/internal/parquetcolumn"
)

// row has a column in each encoding that other writers use.
type row struct {
	ID      string   `parquet:"id"`
	Dict    *string  `parquet:"dict,dict,optional"`
	Length  string   `parquet:"length,delta"`
	Delta   int64    `parquet:"delta,delta"`
	Delta32 *int32   `parquet:"delta32,optional"`
	Plain   *int64   `parquet:"plain,optional"`
	Dict32  int32    `parquet:"dict32,dict"`
	Flag    *bool    `parquet:"flag,optional"`
	Tags    []string `parquet:"tags,list"`
}

func random(r *rand.Rand, n int) []row {
	optional := func(s string) *string {
		if r.IntN(4) == 0 {
			return nil
		}
		return &s
	}
	rows := make([]row, n)
	for i := range rows {
		x := &rows[i]
		x.ID = fmt.Sprintf("%d-%s", i, strings.Repeat("x", r.IntN(20)))
		x.Dict, x.Length = optional(fmt.Sprint("d", r.IntN(9))), (strings.Repeat("ä", r.IntN(5)))
		x.Delta, x.Dict32 = r.Int64()>>r.IntN(60), int32(r.IntN(5))
		if r.IntN(3) > 0 {
			v, w, f := r.Int32(), r.Int64()-1<<62, r.IntN(2) == 0
			x.Delta32, x.Plain, x.Flag = &v, &w, &f
		}
		x.Tags = make([]string, r.IntN(3))
	}
	return rows
}

func write(t *testing.T, rows []row, codec compress.Codec, version int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := parquet.NewGenericWriter[row](&out, parquet.Compression(codec), parquet.DataPageVersion(version), parquet.PageBufferSize(2000), parquet.MaxRowsPerRowGroup(700))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func open(t *testing.T, file []byte) (*parquetcolumn.File, error) {
	t.Helper()
	return parquetcolumn.Open(t.Context(), func(_ context.Context, p []byte, off int64) error {
		if off < 0 || off+int64(len(p)) > int64(len(file)) {
			t.Fatalf("%d bytes at %d are read of %d", len(p), off, len(file))
		}
		copy(p, file[off:])
		return nil
	}, int64(len(file)))
}

// texts are the values of a column as text; "-" is NULL.
func texts(t *testing.T, f *parquetcolumn.File, column int) (all []string, err error) {
	for g := range f.Groups() {
		err := f.Column(t.Context(), g, column, func(p *parquetcolumn.Page) error {
			if p.First != int64(len(all)) {
				t.Errorf("a page begins at row %d, want %d", p.First, len(all))
			}
			for i := range p.Rows {
				switch {
				case p.Null(i):
					all = append(all, "-")
				case column == 0 || column == 1 || column == 2:
					all = append(all, string(p.Bytes(i)))
				default:
					all = append(all, fmt.Sprint(p.Int(i)))
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func text[T any](v *T) string {
	if v == nil {
		return "-"
	}
	if b, ok := any(*v).(bool); ok {
		if b {
			return "1"
		}
		return "0"
	}
	return fmt.Sprint(*v)
}

// Columns of another writer are read as they were written, in each codec and both
// versions of pages.
func TestForeignFiles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, codec := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Zstd} {
		for _, version := range []int{1, 2} {
			rows := random(r, 2000)
			f, err := open(t, write(t, rows, codec, version))
			if err != nil {
				t.Fatal(err)
			}
			if f.Rows() != 2000 || f.Groups() != 3 {
				t.Errorf("%d rows in %d row groups", f.Rows(), f.Groups())
			}
			for column, c := range []struct {
				name string
				text func(x *row) string
			}{
				{"id", func(x *row) string { return x.ID }},
				{"dict", func(x *row) string { return text(x.Dict) }},
				{"length", func(x *row) string { return x.Length }},
				{"delta", func(x *row) string { return text(&x.Delta) }},
				{"delta32", func(x *row) string { return text(x.Delta32) }},
				{"plain", func(x *row) string { return text(x.Plain) }},
				{"dict32", func(x *row) string { return text(&x.Dict32) }},
				{"flag", func(x *row) string { return text(x.Flag) }},
			} {
				if found := f.Find(0, c.name); found != column {
					t.Fatalf("column %s is found at %d", c.name, found)
				}
				got, err := texts(t, f, column)
				if err != nil {
					t.Fatalf("%s, pages of version %d: %v", codec, version, err)
				}
				for i := range rows {
					if want := c.text(&rows[i]); got[i] != want {
						t.Fatalf("%s, pages of version %d, column %s, row %d: %q, want %q", codec, version, c.name, i, got[i], want)
					}
				}
			}
			checkPages(t, f)
			if f.Find(0, "element") >= 0 || f.Find(0, "tags") >= 0 || f.Find(7, "absent") >= 0 {
				t.Error("a column inside a list is found")
			}
		}
	}
}

// Damage is an error, or leaves the values as they were; it is no panic, and no
// memory beyond what the file has.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	wrong := 0
	for _, codec := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy} {
		whole := write(t, random(r, 300), codec, 1+r.IntN(2))
		for range 3000 {
			file := bytes.Clone(whole)
			for range 1 + r.IntN(3) {
				file[r.IntN(len(file))] ^= byte(1 << r.IntN(8))
			}
			if r.IntN(10) == 0 {
				file = file[:r.IntN(len(file))]
			}
			f, err := open(t, file)
			if err != nil {
				wrong++
				continue
			}
			for column := range 8 {
				if _, err := texts(t, f, column); err != nil {
					wrong++
					break
				}
			}
		}
	}
	if wrong < 500 {
		t.Errorf("%d of 6000 damaged files gave an error", wrong)
	}
	t.Logf("%d of 6000 damaged files gave an error", wrong)
}

// checkPages reads every second page of a column alone, and compares it with what the
// whole column has there.
func checkPages(t *testing.T, f *parquetcolumn.File) {
	t.Helper()
	for _, column := range []int{0, 1} {
		whole, err := texts(t, f, column)
		if err != nil {
			t.Fatal(err)
		}
		first := int64(0)
		for g := range f.Groups() {
			pages, err := f.Pages(t.Context(), g, column)
			if err != nil {
				t.Fatal(err)
			}
			rows := int64(0)
			for i, at := range pages {
				if at.First != rows {
					t.Fatalf("page %d begins at row %d, want %d", i, at.First, rows)
				}
				if rows += at.Rows; i%2 != 0 {
					continue
				}
				p, err := f.ReadPage(t.Context(), g, column, at)
				if err != nil {
					t.Fatal(err)
				}
				if p.First != first+at.First || int64(p.Rows) != at.Rows {
					t.Errorf("a page of %d rows at row %d, want %+v", p.Rows, p.First, at)
				}
				for i := range p.Rows {
					want := whole[p.First+int64(i)]
					if p.Null(i) != (want == "-") || !p.Null(i) && string(p.Bytes(i)) != want {
						t.Fatalf("row %d of column %d differs", p.First+int64(i), column)
					}
					if !p.Null(i) && (want < string(at.Low) || want > string(at.High)) {
						t.Errorf("row %d of column %d is out of its bounds", p.First+int64(i), column)
					}
				}
			}
			first += rows
		}
	}
}
