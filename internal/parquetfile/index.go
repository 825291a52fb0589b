package parquetfile

import (
	"github.com/parquet-go/parquet-go/format"

	"sluice/schema"
)

// bounder keeps the bounds of pages and chunks, and builds column indexes.
type bounder struct {
	buf   []byte // bounds of the row group
	index format.ColumnIndex
}

// chunkBounds are the bounds of a chunk, or nil if it has none.
func (s *bounder) chunkBounds(c *column, pages []page) (low, high []byte) {
	var lowest, highest uint32
	found := false
	for i := range pages {
		p := &pages[i]
		if p.values() == 0 {
			continue
		}
		if !found || c.compare(p.low, lowest) < 0 {
			lowest = p.low
		}
		if !found || c.compare(p.high, highest) > 0 {
			highest = p.high
		}
		found = true
	}
	if !found || c.hasNaN() {
		return nil, nil
	}
	if c.physical == format.ByteArray && max(len(c.Entry(lowest)), len(c.Entry(highest))) > statisticsBytes {
		return nil, nil
	}
	return s.keep(appendBound(s.buf, c, lowest, true)), s.keep(appendBound(s.buf, c, highest, false))
}

// columnIndex is the column index of a chunk, valid until the next call, or
// nil if it cannot have one.
func (s *bounder) columnIndex(c *column, pages []page) *format.ColumnIndex {
	if c.hasNaN() { // spec, ColumnOrder: no bounds then
		return nil
	}
	x := &s.index
	x.Reset()
	for i := range pages {
		p := &pages[i]
		x.NullCounts = append(x.NullCounts, int64(p.nulls))
		x.NullPages = append(x.NullPages, p.values() == 0)
		var low, high []byte // empty for a page without values
		if p.values() > 0 {
			low, high = s.pageBounds(c, p)
		}
		x.MinValues = append(x.MinValues, low)
		x.MaxValues = append(x.MaxValues, high)
	}
	x.BoundaryOrder = boundaryOrder(c, pages)
	return x
}

func (s *bounder) pageBounds(c *column, p *page) (low, high []byte) {
	if c.Type.Kind != schema.String && c.Type.Kind != schema.JSON {
		return s.keep(appendBound(s.buf, c, p.low, true)), s.keep(appendBound(s.buf, c, p.high, false))
	}
	return s.keep(append(s.buf, cutLow(c.Entry(p.low))...)), s.keep(appendCutHigh(s.buf, c.Entry(p.high)))
}

// keep takes the buffer with a bound appended, and returns that bound.
func (s *bounder) keep(buf []byte) []byte {
	n := len(s.buf)
	s.buf = buf
	return buf[n:len(buf):len(buf)]
}

// boundaryOrder says whether the bounds of the pages with values rise or fall.
// That the bounds may be cut does not matter: cutting keeps their order.
func boundaryOrder(c *column, pages []page) format.BoundaryOrder {
	rising, falling := true, true
	var last *page
	for i := range pages {
		p := &pages[i]
		if p.values() == 0 {
			continue
		}
		if last != nil {
			low, high := c.compare(last.low, p.low), c.compare(last.high, p.high)
			rising = rising && low <= 0 && high <= 0
			falling = falling && low >= 0 && high >= 0
		}
		last = p
	}
	switch {
	case rising:
		return format.Ascending
	case falling:
		return format.Descending
	default:
		return format.Unordered
	}
}

// columnIndex encodes the column index of a chunk. It holds no offsets, so the
// writer can take it as it is.
func (e *Encoder) columnIndex(ch *chunk, c *column) (err error) {
	x := e.bounder.columnIndex(c, e.measurer.pages)
	if x == nil {
		return nil
	}
	start := len(e.indexes)
	if e.indexes, err = e.thrift.append(e.indexes, x); err != nil {
		return err
	}
	ch.columnIndex = e.indexes[start:len(e.indexes):len(e.indexes)]
	return nil
}
