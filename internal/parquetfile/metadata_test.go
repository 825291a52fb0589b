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

// checkMetadata compares what a file says about a row group, read by the
// library, with the values of the rows.
func checkMetadata(t *rapid.T, file []byte, group int, x *table) {
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	g, raw := f.Metadata().RowGroups[group], readFooter(t, file)
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
		if c.Type.Kind == schema.List {
			checkLists(t, c, m, chunk, rows)
			continue
		}
		checkChunkStatistics(t, c, m, rows)
		checkChunkBounds(t, c, raw.RowGroups[group].Columns[i].MetaData.Statistics, rows)
		checkEncodings(t, c, m)
		checkPageIndex(t, c, chunk, rows)
		checkBloomFilter(t, c, m, chunk, rows)
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
	distinct := map[string]bool{}
	if !c.plain { // otherwise entries repeat, and are not counted
		for _, v := range values {
			distinct[string(c.plainBytes(v))] = true
		}
	}
	if int(s.DistinctCount) != len(distinct) {
		t.Fatalf("column %s: %d distinct values, want %d", c.Name, s.DistinctCount, len(distinct))
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
	var lows, highs [][]byte
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
		low, high := index.MinValue(p).Bytes(), index.MaxValue(p).Bytes()
		checkBounds(t, c, low, high, values)
		lows, highs = append(lows, low), append(highs, high)
	}
	checkOrder(t, c, index, lows, highs)
}

func checkBloomFilter(t *rapid.T, c *tableColumn, m *format.ColumnMetaData, chunk *parquet.FileColumnChunk, rows []any) {
	values := valuesOf(c, rows)
	filter := chunk.BloomFilter()
	want := c.Bloom && len(values) > 0 && c.Type.Kind != schema.Boolean && filterBytes(c) <= m.TotalCompressedSize
	if want != (filter != nil) {
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

// filterBytes is the size of the filter of a column, without its header: that
// many blocks of 32 bytes, a power of two, as 10.5 bits for each value fill.
func filterBytes(c *tableColumn) int64 {
	elements, distinct := 0, map[string]bool{}
	for _, v := range c.values {
		if v != nil {
			elements++
			distinct[fmt.Sprint(v)] = true
		}
	}
	if !c.plain {
		elements = len(distinct)
	}
	size := int64(32)
	for 8*float64(size) < 10.5*float64(elements) {
		size *= 2
	}
	return size
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

// At most a hundredth of the values that are not there pass.
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

// NaN has no order: a chunk that holds one has no bounds and no column index.
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
