package parquetfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/format"
	"pgregory.net/rapid"

	"sluice/internal/parquettype"
	"sluice/schema"
)

// checkMetadata compares what a file says of a row group, read by the
// library, with the values of the rows.
func checkMetadata(t *rapid.T, file []byte, group int, x *table) {
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	g := f.Metadata().RowGroups[group]
	if int(g.Ordinal) != group {
		t.Fatalf("row group %d has ordinal %d", group, g.Ordinal)
	}
	next, uncompressed := g.FileOffset, int64(0)
	for i := range x.columns {
		c := &x.columns[i]
		chunk := f.RowGroups()[group].ColumnChunks()[i].(*parquet.FileColumnChunk)
		m := &g.Columns[i].MetaData
		start := m.DataPageOffset
		if d := m.DictionaryPageOffset; d > 0 {
			start = min(start, d)
		}
		if start != next {
			t.Fatalf("column %s begins at %d, want %d", c.Name, start, next)
		}
		next += m.TotalCompressedSize
		uncompressed += m.TotalUncompressedSize

		rows := x.rows(c)
		checkChunkStatistics(t, c, m, rows)
		checkEncodings(t, c, m)
		checkPageIndex(t, c, chunk, rows)
		checkBloomFilter(t, c, chunk, rows)
	}
	if g.TotalCompressedSize != next-g.FileOffset || g.TotalByteSize != uncompressed {
		t.Fatalf("row group of %d and %d bytes, want %d and %d", g.TotalCompressedSize, g.TotalByteSize, next-g.FileOffset, uncompressed)
	}
}

// valuesOf are the values in order, without NULLs.
func valuesOf(c *tableColumn, rows []any) []any {
	values := slices.DeleteFunc(slices.Clone(rows), func(v any) bool { return v == nil })
	slices.SortFunc(values, func(a, b any) int { return compareValues(a, b, c.Type) })
	return values
}

func checkChunkStatistics(t *rapid.T, c *tableColumn, m *format.ColumnMetaData, rows []any) {
	values := valuesOf(c, rows)
	s := m.Statistics
	if int(s.NullCount) != len(rows)-len(values) {
		t.Fatalf("column %s: %d NULLs, want %d", c.Name, s.NullCount, len(rows)-len(values))
	}
	if s.DistinctCount > 0 {
		distinct := map[string]bool{}
		for _, v := range values {
			b := c.plainBytes(v)
			distinct[string(b)] = true
		}
		if int(s.DistinctCount) != len(distinct) {
			t.Fatalf("column %s: %d distinct values, want %d", c.Name, s.DistinctCount, len(distinct))
		}
	}
	if c.Type.Kind == schema.String || c.Type.Kind == schema.JSON {
		size := 0
		for _, v := range values {
			size += len(v.([]byte))
		}
		if got := m.SizeStatistics.UnencodedByteArrayDataBytes; got != int64(size) {
			t.Fatalf("column %s: %d bytes of text, want %d", c.Name, got, size)
		}
	}
	if len(values) == 0 {
		if s.MinValue != nil || s.MaxValue != nil {
			t.Fatalf("column %s: bounds without values", c.Name)
		}
		return
	}
	low, high := c.bound(values[0], true), c.bound(values[len(values)-1], false)
	if max(len(low), len(high)) > statisticsBytes {
		low, high = nil, nil
	}
	if (s.MinValue == nil) != (low == nil) || (s.MaxValue == nil) != (high == nil) {
		t.Fatalf("column %s: bounds %v and %v, want %v and %v", c.Name, s.MinValue, s.MaxValue, low, high)
	}
	if !bytes.Equal(s.MinValue, low) || !bytes.Equal(s.MaxValue, high) {
		t.Fatalf("column %s: bounds %q and %q, want %q and %q", c.Name, s.MinValue, s.MaxValue, low, high)
	}
}

// plainBytes is a value in PLAIN encoding, made the plain way.
func (c *tableColumn) plainBytes(v any) []byte {
	typ, length := parquettype.Physical(c.Type)
	switch typ {
	case format.Boolean:
		return []byte{byte(v.(uint64))}
	case format.Int32:
		return binary.LittleEndian.AppendUint32(nil, uint32(v.(uint64)))
	case format.FixedLenByteArray:
		return v.([]byte)[16-length:]
	case format.ByteArray:
		return v.([]byte)
	}
	return binary.LittleEndian.AppendUint64(nil, v.(uint64))
}

func (c *tableColumn) bound(v any, low bool) []byte {
	if c.Type.Kind == schema.Double && math.Float64frombits(v.(uint64)) == 0 {
		if low {
			return []byte{0, 0, 0, 0, 0, 0, 0, 0x80}
		}
		return make([]byte, 8)
	}
	return c.plainBytes(v)
}

func checkEncodings(t *rapid.T, c *tableColumn, m *format.ColumnMetaData) {
	want := []format.Encoding{format.Plain, format.RLE}
	if m.DictionaryPageOffset > 0 {
		want = append(want, format.RLEDictionary)
		if c.plain || c.Type.Kind == schema.Boolean {
			t.Fatalf("column %s has a dictionary", c.Name)
		}
	}
	if !slices.Equal(m.Encoding, want) {
		t.Fatalf("column %s: encodings %v, want %v", c.Name, m.Encoding, want)
	}
	if n := len(m.EncodingStats); n != len(want)-1 || m.EncodingStats[n-1].PageType != format.DataPage {
		t.Fatalf("column %s: encoding statistics %v", c.Name, m.EncodingStats)
	}
}

func checkPageIndex(t *rapid.T, c *tableColumn, chunk *parquet.FileColumnChunk, rows []any) {
	offsets, err := chunk.OffsetIndex()
	if err != nil {
		t.Fatal(err)
	}
	index, err := chunk.ColumnIndex()
	if err != nil {
		t.Fatal(err)
	}
	if index.NumPages() != offsets.NumPages() {
		t.Fatalf("column %s: %d pages in the column index, %d in the offset index", c.Name, index.NumPages(), offsets.NumPages())
	}
	var lows, highs []any
	for p := range index.NumPages() {
		end := int64(len(rows))
		if p+1 < index.NumPages() {
			end = offsets.FirstRowIndex(p + 1)
		}
		values := valuesOf(c, rows[offsets.FirstRowIndex(p):end])
		if nulls := end - offsets.FirstRowIndex(p) - int64(len(values)); index.NullCount(p) != nulls {
			t.Fatalf("column %s, page %d: %d NULLs, want %d", c.Name, p, index.NullCount(p), nulls)
		}
		if index.NullPage(p) != (len(values) == 0) {
			t.Fatalf("column %s, page %d: null page %v", c.Name, p, index.NullPage(p))
		}
		if len(values) == 0 {
			continue
		}
		low, high := index.MinValue(p), index.MaxValue(p)
		wantLow, wantHigh := c.bound(values[0], true), c.bound(values[len(values)-1], false)
		if c.Type.Kind == schema.String {
			checkTextBounds(t, low.ByteArray(), high.ByteArray(), wantLow, wantHigh)
			lows, highs = append(lows, low.ByteArray()), append(highs, high.ByteArray())
			continue
		}
		lows, highs = append(lows, values[0]), append(highs, values[len(values)-1])
		if !bytes.Equal(low.Bytes(), wantLow) || !bytes.Equal(high.Bytes(), wantHigh) {
			t.Fatalf("column %s, page %d: bounds %v and %v, want %v and %v", c.Name, p, low.Bytes(), high.Bytes(), wantLow, wantHigh)
		}
	}
	compare := func(a, b any) int { return compareValues(a, b, c.Type) }
	if index.IsAscending() && !(slices.IsSortedFunc(lows, compare) && slices.IsSortedFunc(highs, compare)) {
		t.Fatalf("column %s: pages are not ascending", c.Name)
	}
	slices.Reverse(lows)
	slices.Reverse(highs)
	if index.IsDescending() && !(slices.IsSortedFunc(lows, compare) && slices.IsSortedFunc(highs, compare)) {
		t.Fatalf("column %s: pages are not descending", c.Name)
	}
}

type failer interface{ Fatalf(string, ...any) }

func checkTextBounds(t failer, low, high, wantLow, wantHigh []byte) {
	if bytes.Compare(low, wantLow) > 0 || bytes.Compare(high, wantHigh) < 0 {
		t.Fatalf("bounds %q and %q do not hold %q and %q", low, high, wantLow, wantHigh)
	}
	if len(wantLow) <= indexBytes && !bytes.Equal(low, wantLow) || len(wantHigh) <= indexBytes && !bytes.Equal(high, wantHigh) {
		t.Fatalf("bounds %q and %q of %q and %q are cut", low, high, wantLow, wantHigh)
	}
	if len(low) > indexBytes {
		t.Fatalf("bound %q is not cut", low)
	}
}

func checkBloomFilter(t *rapid.T, c *tableColumn, chunk *parquet.FileColumnChunk, rows []any) {
	values := valuesOf(c, rows)
	filter := chunk.BloomFilter()
	if want := c.Bloom && len(values) > 0 && c.Type.Kind != schema.Boolean; want != (filter != nil) {
		t.Fatalf("column %s: bloom filter %v, want %v", c.Name, filter != nil, want)
	}
	if filter == nil {
		return
	}
	for _, v := range values {
		found, err := filter.Check(chunk.Type().Kind().Value(c.plainBytes(v)))
		if err != nil || !found {
			t.Fatalf("column %s: the bloom filter lacks a value: %v", c.Name, err)
		}
	}
}

// A reader that looks for +0 must find rows of -0 and the other way round.
func TestZerosInBloomFilter(t *testing.T) {
	for _, stored := range []uint64{0, 1 << 63} {
		c := tableColumn{values: []any{stored}}
		c.Name, c.Type.Kind, c.Bloom = "d", schema.Double, true
		file := writeFile(t, "none", &table{pageEnds: []bool{true}, columns: []tableColumn{c}})
		f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		filter := f.RowGroups()[0].ColumnChunks()[0].BloomFilter()
		for _, sought := range []float64{0, math.Copysign(0, -1)} {
			if found, err := filter.Check(parquet.DoubleValue(sought)); err != nil || !found {
				t.Errorf("stored %x: %v is not found: %v", stored, sought, err)
			}
		}
	}
}

// Of values that are not there, a hundredth or less passes.
func TestBloomFilterRate(t *testing.T) {
	for _, n := range []int{1, 100, 3_120, 3_121, 50_000} {
		c := tableColumn{}
		c.Type.Kind = schema.String
		for i := range n {
			c.values = append(c.values, fmt.Appendf(nil, "there %d", i))
		}
		entries := c.batchColumn()
		var f bloomFilter
		f.fill(&column{Column: &entries, physical: format.ByteArray})
		passed := 0
		for i := range 20_000 {
			if f.blocks.Check(bloom.XXH64{}.Sum64(fmt.Appendf(nil, "elsewhere %d", i))) {
				passed++
			}
		}
		if passed > 300 {
			t.Errorf("%d values: %d of 20000 others pass", n, passed)
		}
	}
}

// NaN is in no order: a chunk that holds one has no bounds and no column index.
func TestNaNHasNoBounds(t *testing.T) {
	c := tableColumn{values: []any{math.Float64bits(1), math.Float64bits(math.NaN())}}
	c.Name, c.Type.Kind = "d", schema.Double
	file := writeFile(t, "none", &table{pageEnds: []bool{true, true}, columns: []tableColumn{c}})
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	column := f.Metadata().RowGroups[0].Columns[0]
	if s := column.MetaData.Statistics; s.MinValue != nil || s.MaxValue != nil || column.ColumnIndexLength != 0 {
		t.Errorf("bounds %v and %v, column index of %d bytes", s.MinValue, s.MaxValue, column.ColumnIndexLength)
	}
}
