package parquetfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"pgregory.net/rapid"

	"sluice/schema"
)

// What the tests read of a footer: the library's structures lack the flags.
type (
	rawFooter struct {
		RowGroups []rawRowGroup `thrift:"4"`
	}
	rawRowGroup struct {
		Columns []rawColumn `thrift:"1"`
	}
	rawColumn struct {
		MetaData rawMetaData `thrift:"3"`
	}
	rawMetaData struct {
		Statistics rawStatistics `thrift:"12"`
	}
	rawStatistics struct {
		Max      []byte            `thrift:"5"`
		Min      []byte            `thrift:"6"`
		MaxExact thrift.Null[bool] `thrift:"7"`
		MinExact thrift.Null[bool] `thrift:"8"`
	}
)

type failer interface{ Fatalf(string, ...any) }

func readFooter(t failer, file []byte) (f rawFooter) {
	end := len(file) - 8
	size := int(binary.LittleEndian.Uint32(file[end:]))
	if err := thrift.Unmarshal(&compact, file[end-size:end], &f); err != nil {
		t.Fatalf("footer: %v", err)
	}
	return f
}

// checkChunkBounds: a chunk with values has both bounds and both flags, one
// without has none of them.
func checkChunkBounds(t failer, c *tableColumn, s rawStatistics, rows []any) {
	values := valuesOf(c, rows)
	has := len(values) > 0
	if (s.Min != nil) != has || (s.Max != nil) != has || s.MinExact.Valid != has || s.MaxExact.Valid != has {
		t.Fatalf("column %s of %d values: bounds %q and %q, exact %v and %v", c.Name, len(values), s.Min, s.Max, s.MinExact, s.MaxExact)
	}
	if has {
		low, high := checkBounds(t, c, s.Min, s.Max, values)
		if low != s.MinExact.V || high != s.MaxExact.V {
			t.Fatalf("column %s: bounds %q and %q are said to be exact: %v and %v, they are: %v and %v",
				c.Name, s.Min, s.Max, s.MinExact.V, s.MaxExact.V, low, high)
		}
	}
}

// checkBounds: no sorted value lies outside the bounds, and a bound that is not
// cut is the first or the last value. It returns whether the bounds are values,
// bit by bit.
func checkBounds(t failer, c *tableColumn, low, high []byte, values []any) (lowIs, highIs bool) {
	for _, v := range values {
		b := c.plainBytes(v)
		lowIs, highIs = lowIs || bytes.Equal(b, low), highIs || bytes.Equal(b, high)
		if c.orderOf(b, low) < 0 || c.orderOf(b, high) > 0 {
			t.Fatalf("column %s: %q is not within %q and %q", c.Name, b, low, high)
		}
	}
	least, greatest := c.plainBytes(values[0]), c.plainBytes(values[len(values)-1])
	if c.isText() {
		if !utf8.Valid(low) || !utf8.Valid(high) || len(low) > indexBytes {
			t.Fatalf("column %s: bounds %q and %q", c.Name, low, high)
		}
		if len(least) <= indexBytes && !lowIs || len(greatest) <= indexBytes && !highIs {
			t.Fatalf("column %s: bounds %q and %q of %q and %q are cut", c.Name, low, high, least, greatest)
		}
		return lowIs, highIs
	}
	if c.orderOf(least, low) != 0 || c.orderOf(greatest, high) != 0 {
		t.Fatalf("column %s: bounds %v and %v, want %v and %v", c.Name, low, high, least, greatest)
	}
	if c.Type.Kind == schema.Double {
		if low := math.Float64frombits(binary.LittleEndian.Uint64(low)); low == 0 && !math.Signbit(low) {
			t.Fatalf("column %s: +0 as a low bound", c.Name)
		}
		if high := math.Float64frombits(binary.LittleEndian.Uint64(high)); high == 0 && math.Signbit(high) {
			t.Fatalf("column %s: -0 as a high bound", c.Name)
		}
	}
	return lowIs, highIs
}

func (c *tableColumn) isText() bool {
	return c.Type.Kind == schema.String || c.Type.Kind == schema.JSON
}

// orderOf compares two values in PLAIN encoding as the spec orders them.
func (c *tableColumn) orderOf(a, b []byte) int {
	return compareValues(c.fromPlain(a), c.fromPlain(b), c.Type)
}

// fromPlain is the inverse of plainBytes.
func (c *tableColumn) fromPlain(b []byte) any {
	switch {
	case c.isText():
		return b
	case c.Type.Wide():
		sign := byte(0)
		if b[0] >= 0x80 {
			sign = 0xff
		}
		return append(bytes.Repeat([]byte{sign}, 16-len(b)), b...)
	case len(b) == 1:
		return uint64(b[0])
	case len(b) == 4:
		return uint64(int64(int32(binary.LittleEndian.Uint32(b))))
	}
	return binary.LittleEndian.Uint64(b)
}

// checkOrder: the column index calls its pages ascending if the bounds in it
// are ascending, else descending if they are descending.
func checkOrder(t failer, c *tableColumn, index parquet.ColumnIndex, lows, highs [][]byte) {
	falling := func(a, b []byte) int { return c.orderOf(b, a) }
	ascending := slices.IsSortedFunc(lows, c.orderOf) && slices.IsSortedFunc(highs, c.orderOf)
	descending := !ascending && slices.IsSortedFunc(lows, falling) && slices.IsSortedFunc(highs, falling)
	// Of less than two bounds the library says that they fall as well.
	if index.IsAscending() != ascending || len(lows) > 1 && index.IsDescending() != descending {
		t.Fatalf("column %s: bounds %q and %q: ascending %v, descending %v, want %v and %v",
			c.Name, lows, highs, index.IsAscending(), index.IsDescending(), ascending, descending)
	}
}

// textColumn is a file with a column of texts, a row group of each list; a page
// ends after each text.
func textFile(t testing.TB, groups ...[]string) []byte {
	var tables []*table
	for _, texts := range groups {
		c := tableColumn{}
		c.Name, c.Type.Kind = "s", schema.String
		x := &table{}
		for _, text := range texts {
			c.values = append(c.values, []byte(text))
			x.pageEnds = append(x.pageEnds, true)
		}
		x.columns = []tableColumn{c}
		tables = append(tables, x)
	}
	return writeFile(t, "none", tables...)
}

func boundsOf(t testing.TB, file []byte, group int) rawStatistics {
	return readFooter(t, file).RowGroups[group].Columns[0].MetaData.Statistics
}

// A long text once left its chunk without bounds, and pyiceberg and delta-rs
// then took those of the neighbours for the whole file.
func TestLongTextHasBounds(t *testing.T) {
	long := "/a/" + strings.Repeat("0", 297)
	file := textFile(t, []string{"/a/000100/", long}, []string{"/p/000200/"})
	s := boundsOf(t, file, 0)
	if string(s.Min) != long[:64] || s.MinExact.V || string(s.Max) != "/a/000100/" || !s.MaxExact.V {
		t.Errorf("bounds %q (exact %v) and %q (exact %v)", s.Min, s.MinExact.V, s.Max, s.MaxExact.V)
	}
}

// No character is above the last one of Unicode. A text of only those is its
// own bound if it is short, and otherwise has none. If one chunk has no bounds,
// no chunk of that column in the file has any.
func TestTextWithNothingAbove(t *testing.T) {
	last := string(utf8.MaxRune)
	for _, c := range []struct {
		name, text, high string
		exact            bool
	}{
		{"64 bytes", strings.Repeat(last, 16), strings.Repeat(last, 16), true},
		{"256 bytes", strings.Repeat(last, 64), strings.Repeat(last, 64), true},
		{"cut behind them", strings.Repeat(last, 20) + "ab", strings.Repeat(last, 20) + "b", false},
		{"more of them", strings.Repeat(last, 65), "", false},
		{"a long text behind them", strings.Repeat(last, 65) + "a", "", false},
	} {
		file := textFile(t, []string{"a", "b"}, []string{"c", c.text}, []string{"d"})
		s := boundsOf(t, file, 1)
		if string(s.Max) != c.high || s.MaxExact.V != c.exact {
			t.Errorf("%s: %q, exact %v, want %q, %v", c.name, s.Max, s.MaxExact.V, c.high, c.exact)
		}
		for group, low := range []string{"a", "c", "d"} {
			s := boundsOf(t, file, group)
			if c.high == "" {
				low = ""
			}
			if string(s.Min) != low || (s.Max == nil) != (c.high == "") || s.MaxExact.Valid != s.MinExact.Valid || s.MinExact.Valid != (c.high != "") {
				t.Errorf("%s, row group %d: bounds %q and %q, exact %v and %v", c.name, group, s.Min, s.Max, s.MinExact, s.MaxExact)
			}
		}
		f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		for group, want := range []bool{true, c.high != "", true} {
			if got := f.Metadata().RowGroups[group].Columns[0].ColumnIndexLength > 0; got != want {
				t.Errorf("%s, row group %d: column index %v", c.name, group, got)
			}
		}
		if n := f.NumRows(); n != 5 {
			t.Errorf("%s: %d rows", c.name, n)
		}
	}
}

// Cutting may reverse the order of texts: é is cut off as a whole, and so is
// the longer 中; the text that was above is then below.
func TestOrderOfCutBounds(t *testing.T) {
	a := strings.Repeat("a", 62)
	file := textFile(t, []string{a + "é", a + "中"})
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	index, err := f.RowGroups()[0].ColumnChunks()[0].ColumnIndex()
	if err != nil {
		t.Fatal(err)
	}
	if string(index.MinValue(0).Bytes()) != a+"é" || string(index.MinValue(1).Bytes()) != a {
		t.Fatalf("lower bounds %q and %q: the case is gone", index.MinValue(0), index.MinValue(1))
	}
	if index.IsAscending() || index.IsDescending() {
		t.Error("the lower bounds fall and the upper ones rise, but an order is claimed")
	}
}

// Bounds of random chunks, of texts made to be cut at every kind of place and
// of numbers around their edges, zeros of both kinds among them.
func TestBoundsHoldTheValues(t *testing.T) {
	runes := []rune{0, 'a', 'z', 0x7f, 'é', 0x7ff, 0x800, '中', 0xd7ff, 0xe000, 0xffff, 0x10000, utf8.MaxRune}
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(allTypes).Draw(t, "type")
		c := tableColumn{plain: rapid.Bool().Draw(t, "plain")}
		c.Name, c.Type = "c", typ
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rand.NewPCG(seed, 0))
		prefix := strings.Repeat("a", rapid.SampledFrom([]int{0, 55, 60, 61, 62, 63, 64, 70}).Draw(t, "prefix"))
		few := rapid.SliceOfN(rapid.SampledFrom(runes), 1, 4).Draw(t, "runes")
		value := func() any {
			switch {
			case r.IntN(4) == 0:
				return nil
			case c.isText():
				text := prefix
				for range r.IntN(24) {
					text += string(few[r.IntN(len(few))])
				}
				return []byte(text)
			case typ.Kind == schema.Double:
				edges := []float64{0, math.Copysign(0, -1), 1, -1, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, math.MaxFloat64, math.Inf(-1)}
				return math.Float64bits(edges[r.IntN(1+r.IntN(len(edges)))])
			}
			return sample(typ, 9, r)
		}
		var tables []*table
		for range 1 + r.IntN(2) {
			x, c := &table{}, c
			for range 1 + r.IntN(8) {
				c.values = append(c.values, value())
				x.pageEnds = append(x.pageEnds, r.IntN(2) == 0)
			}
			x.columns = []tableColumn{c}
			tables = append(tables, x)
		}
		file := encodeFile(t, tables)
		for group, x := range tables {
			checkMetadata(t, file, group, x)
		}
	})
}

// encodeFile is writeFile for properties.
func encodeFile(t *rapid.T, tables []*table) []byte {
	var out bytes.Buffer
	w, err := NewWriter(&out, tables[0].schema(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEncoder("none")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tables {
		g, err := e.Encode(t.Context(), x.batch())
		if err == nil {
			err = w.Write(g)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A bloom filter that is larger than the pages of its column is left out.
func TestBloomFilterOutweighed(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(i int) string
		want bool
	}{
		{"rising numbers", func(i int) string { return fmt.Sprintf("order-%08d", i) }, false},
		{"identifiers", func(i int) string { return fmt.Sprintf("%016x", rand.New(rand.NewPCG(uint64(i), 1)).Uint64()) }, true},
		{"few values", func(i int) string { return fmt.Sprint(i % 10) }, true},
		{"one value", func(int) string { return "a" }, true},
	} {
		column := tableColumn{}
		column.Name, column.Type.Kind, column.Bloom = "s", schema.String, true
		x := &table{}
		for i := range 50_000 {
			column.values = append(column.values, []byte(c.make(i)))
			x.pageEnds = append(x.pageEnds, i%10_000 == 9_999)
		}
		x.columns = []tableColumn{column}
		file := writeFile(t, "zstd", x)
		f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.RowGroups()[0].ColumnChunks()[0].BloomFilter() != nil; got != c.want {
			t.Errorf("%s: bloom filter %v, want %v", c.name, got, c.want)
		}
	}
}
