package parquetfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	"pgregory.net/rapid"

	"sluice/internal/parquetcodec"
	"sluice/internal/parquetread"
	"sluice/schema"
)

var codecs = parquetcodec.Names()

func readFile(t testing.TB, file []byte, limit int) [][]string {
	t.Helper()
	f, err := parquetread.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	if err := f.Rows(limit, func(row []string) error {
		rows = append(rows, append([]string(nil), row...))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return rows
}

// Whatever the shape of the batches, the rows come back.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		depth := rapid.IntRange(0, 2).Draw(rt, "depth")
		codec := rapid.SampledFrom(codecs).Draw(rt, "codec")
		var tables []*table
		var want [][]string
		for i := range rapid.IntRange(1, 3).Draw(rt, "row groups") {
			x := randomTable(depth, rapid.IntRange(0, 40).Draw(rt, "records"), r)
			for c := range x.columns {
				if i > 0 {
					x.columns[c].Bloom = tables[0].columns[c].Bloom
				}
			}
			tables = append(tables, x)
			want = append(want, x.text()...)
		}
		file := writeFile(t, codec, tables...)
		if diff := cmp.Diff(want, readFile(t, file, len(want)+1)); diff != "" {
			rt.Fatalf("rows differ (-want +got):\n%s", diff)
		}
		for g, x := range nonEmpty(tables) {
			checkMetadata(rt, file, g, x)
		}
		if again := writeFile(t, codec, tables...); !bytes.Equal(file, again) {
			rt.Fatal("the same batches gave other bytes")
		}
	})
}

func nonEmpty(tables []*table) []*table {
	var all []*table
	for _, x := range tables {
		if x.batch().Rows > 0 {
			all = append(all, x)
		}
	}
	return all
}

// The bytes of a row group must not depend on what the encoder encoded before:
// any number of threads gives the same file.
func TestEncoderForgets(t *testing.T) {
	for _, codec := range codecs {
		r := rand.New(rand.NewPCG(1, 2))
		used, _ := NewEncoder(codec)
		for range 5 {
			b := randomTable(1, 20+r.IntN(100), r).batch()
			fresh, _ := NewEncoder(codec)
			want, err := fresh.Encode(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			got, err := used.Encode(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(RowGroup{}, bounds{}, chunk{}, chunkPage{})); diff != "" {
				t.Fatalf("%s: a used encoder differs (-fresh +used):\n%s", codec, diff)
			}
		}
	}
}

func TestEmptyFile(t *testing.T) {
	x := randomTable(1, 0, rand.New(rand.NewPCG(1, 1)))
	for i := range x.columns {
		c := &x.columns[i].Column
		if c.ID = 2*i + 1; c.Type.Kind == schema.List {
			c.ValueID = c.ID + 1
		}
	}
	file := writeFile(t, "zstd", x)
	f, err := parquetread.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() != 0 || len(whole.RowGroups()) != 0 {
		t.Errorf("%d rows in %d row groups, want none", f.NumRows(), len(whole.RowGroups()))
	}
	want := x.schema()
	for i := range want.Columns {
		c := &want.Columns[i]
		*c = schema.Column{Name: c.Name, Type: c.Type, ID: c.ID, ValueID: c.ValueID}
		if c.Type.Kind == schema.JSON {
			c.Type.Kind = schema.String
		}
	}
	if diff := cmp.Diff(want, f.Schema()); diff != "" {
		t.Errorf("schema differs (-want +got):\n%s", diff)
	}
}

func TestKeyValuesAreSorted(t *testing.T) {
	var out bytes.Buffer
	s := schema.Schema{Table: "t", Columns: []schema.Column{{Name: "a", Type: schema.Type{Kind: schema.Int64}}}}
	w, err := NewWriter(&out, s, Options{KeyValues: map[string]string{"b": "2\xff\xfe", "a": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if bytes.Index(out.Bytes(), []byte("\x01a")) > bytes.Index(out.Bytes(), []byte("\x01b")) {
		t.Error("the file holds the entries unsorted")
	}
	f, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]format.KeyValue{{Key: "a", Value: "1"}, {Key: "b", Value: "2\ufffd\ufffd"}}, []format.KeyValue(f.Metadata().KeyValueMetadata)); diff != "" {
		t.Error(diff)
	}
}

func TestRowsStops(t *testing.T) {
	x := randomTable(0, 20, rand.New(rand.NewPCG(1, 1)))
	file := writeFile(t, "zstd", x, x)
	for _, limit := range []int{0, 1, 19, 20, 21, 40, 100} {
		if got := len(readFile(t, file, limit)); got != min(limit, 40) {
			t.Errorf("limit %d gives %d rows", limit, got)
		}
	}
	f, err := parquetread.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("enough")
	if err := f.Rows(5, func([]string) error { return stop }); err != stop {
		t.Errorf("Rows returned %v, want the error of fn", err)
	}
}

// failingWriter fails after n bytes.
type failingWriter struct{ n int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.n {
		n := w.n
		w.n = 0
		return n, errors.New("disk full")
	}
	w.n -= len(p)
	return len(p), nil
}

func TestWriterReportsErrors(t *testing.T) {
	x := randomTable(0, 20, rand.New(rand.NewPCG(1, 1)))
	size := len(writeFile(t, "none", x))
	e, _ := NewEncoder("none")
	g, err := e.Encode(t.Context(), x.batch())
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < size; n += 97 {
		w, err := NewWriter(&failingWriter{n}, x.schema(), Options{})
		if err == nil {
			w.Write(g)
			err = w.Close()
		}
		if err == nil {
			t.Fatalf("no error though only %d of %d bytes were written", n, size)
		}
	}
}

func TestMisuse(t *testing.T) {
	x := randomTable(0, 3, rand.New(rand.NewPCG(1, 1)))
	if _, err := NewEncoder("lzo"); err == nil {
		t.Error("an unknown codec is no error")
	}
	if _, err := NewWriter(&bytes.Buffer{}, schema.Schema{Table: "t"}, Options{}); err == nil {
		t.Error("a file without columns is no error")
	}
	e, _ := NewEncoder("none")
	b := x.batch()
	b.Pages = nil
	if _, err := e.Encode(t.Context(), b); err == nil {
		t.Error("a batch that is not finished is no error")
	}
	g, err := e.Encode(t.Context(), x.batch())
	if err != nil {
		t.Fatal(err)
	}
	s := x.schema()
	s.Columns = s.Columns[1:]
	w, err := NewWriter(&bytes.Buffer{}, s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(g); err == nil {
		t.Error("a row group of another table is no error")
	}
	w, _ = NewWriter(&bytes.Buffer{}, x.schema(), Options{})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(g); err == nil {
		t.Error("writing after Close is no error")
	}
}

func TestPageTooLarge(t *testing.T) {
	if err := checkPageSize(1<<31 - 1); err != nil {
		t.Error(err)
	}
	want := fmt.Sprintf("page of %d bytes exceeds the format's 2 GiB", 1<<31)
	if err := checkPageSize(1 << 31); err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
	// A value of 64 KiB that stands in 40,000 rows of one page, as PLAIN.
	x := &table{depth: 1, pageEnds: []bool{true}, columns: []tableColumn{{level: 0, plain: true,
		Column: schema.Column{Name: "text", Type: schema.Type{Kind: schema.String}},
		values: []any{bytes.Repeat([]byte("x"), 1<<16)}}}}
	x.children[0] = []int{40_000}
	e, _ := NewEncoder("none")
	_, err := e.Encode(t.Context(), x.batch())
	want = fmt.Sprintf("encode column text: page of %d bytes exceeds the format's 2 GiB", 40_000*(1<<16+4))
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestTooManyRowGroups(t *testing.T) {
	c := tableColumn{values: []any{uint64(1)}}
	c.Name, c.Type.Kind = "n", schema.Int32
	x := &table{pageEnds: []bool{true}, columns: []tableColumn{c}}
	e, _ := NewEncoder("none")
	g, err := e.Encode(t.Context(), x.batch())
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWriter(io.Discard, x.schema(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1 << 15 {
		if err := w.Write(g); err != nil {
			t.Fatalf("row group %d: %v", i, err)
		}
	}
	if err := w.Write(g); err == nil {
		t.Error("no error after the last row group an ordinal can count")
	}
}

// Readers open the file as a whole, not a row group at a time as parquetread does:
// the library's own reader must see the same rows.
func TestLibraryReadsAllRowGroups(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	same := tableColumn{plain: true}
	same.Name, same.Type.Kind = "text", schema.String
	other := same
	for range 100 {
		noise := make([]byte, 40) // no codec makes it smaller
		for i := range noise {
			noise[i] = byte(' ' + r.IntN(95))
		}
		same.values = append(same.values, bytes.Repeat([]byte("x"), 40))
		other.values = append(other.values, noise)
	}
	ends := make([]bool, 100)
	tables := []*table{{pageEnds: ends, columns: []tableColumn{same}}, {pageEnds: ends, columns: []tableColumn{other}}}
	for _, codec := range codecs {
		file := writeFile(t, codec, tables...)
		rows := parquet.NewReader(bytes.NewReader(file))
		var got [][]string
		for buf := make([]parquet.Row, 7); ; {
			n, err := rows.ReadRows(buf)
			for _, row := range buf[:n] {
				got = append(got, []string{string(row[0].ByteArray())})
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", codec, err)
			}
		}
		if diff := cmp.Diff(append(tables[0].text(), tables[1].text()...), got); diff != "" {
			t.Errorf("%s: rows differ (-want +got):\n%s", codec, diff)
		}
	}
}
