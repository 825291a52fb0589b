package parquetfile

import "github.com/parquet-go/parquet-go/format"

// bounder keeps the bounds of pages and chunks, and builds column indexes.
type bounder struct {
	buf   []byte // bounds of the row group
	index format.ColumnIndex
}

// chunkBounds are the bounds of a chunk: none if it has no values, or if its
// values have no upper bound. Lists have none: no query compares their values
// with a constant as it does a column's, and some readers might take them so.
func (s *bounder) chunkBounds(c *column, pages []page) (b bounds) {
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
	if found && c.list == nil && !c.hasNaN() {
		b, _ = s.bounds(c, lowest, highest)
	}
	return b
}

// columnIndex is the column index of a chunk, valid until the next call, or nil
// if a page with values has no bounds, as those of lists.
func (s *bounder) columnIndex(c *column, pages []page) *format.ColumnIndex {
	if c.list != nil || c.hasNaN() { // spec, ColumnOrder: no bounds then
		return nil
	}
	x := &s.index
	x.Reset()
	for i := range pages {
		p := &pages[i]
		x.NullCounts = append(x.NullCounts, int64(p.nulls))
		x.NullPages = append(x.NullPages, p.values() == 0)
		var b bounds // empty for a page without values
		if p.values() > 0 {
			var ok bool
			if b, ok = s.bounds(c, p.low, p.high); !ok {
				return nil
			}
		}
		x.MinValues = append(x.MinValues, b.low)
		x.MaxValues = append(x.MaxValues, b.high)
	}
	x.BoundaryOrder = boundaryOrder(c, x)
	return x
}

// bounds are the bounds of values whose least and greatest are these entries;
// false if there are none.
func (s *bounder) bounds(c *column, least, greatest uint32) (b bounds, ok bool) {
	start := len(s.buf)
	buf, lowExact := appendLow(s.buf, c, least)
	end := len(buf)
	buf, highExact, ok := appendHigh(buf, c, greatest)
	if !ok {
		return bounds{}, false
	}
	s.buf = buf
	return bounds{buf[start:end:end], buf[end:len(buf):len(buf)], lowExact, highExact}, true
}

// boundaryOrder says whether the bounds of the pages with values rise or fall.
// It compares them as written, because texts that are cut may lose their order.
// Readers use it for binary search.
func boundaryOrder(c *column, x *format.ColumnIndex) format.BoundaryOrder {
	rising, falling, last := true, true, -1
	for i, null := range x.NullPages {
		if null {
			continue
		}
		if last >= 0 {
			low := compareBounds(c.physical, x.MinValues[last], x.MinValues[i])
			high := compareBounds(c.physical, x.MaxValues[last], x.MaxValues[i])
			rising = rising && low <= 0 && high <= 0
			falling = falling && low >= 0 && high >= 0
		}
		last = i
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
