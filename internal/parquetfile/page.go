package parquetfile

import (
	"encoding/binary"
	"slices"

	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/batch"
)

// pager builds the bytes of pages, before compression.
type pager struct {
	buf    []byte
	rows   []uint32 // entry of each row with a value
	levels []uint32
}

// dictionary is the dictionary page: the entries in PLAIN encoding.
func (g *pager) dictionary(c *column) []byte {
	if c.physical == format.ByteArray {
		return c.Data
	}
	g.buf = slices.Grow(g.buf[:0], c.dictionaryBytes())
	for entry := range uint32(c.Entries()) {
		g.buf = c.appendValue(g.buf, entry)
	}
	return g.buf
}

// data is a data page of version 1: levels, then values or dictionary indices.
func (g *pager) data(c *column, p *page, dictionary bool) []byte {
	switch {
	case c.list != nil:
		g.buf = g.appendListLevels(g.buf[:0], c, p)
	case c.NotNull: // no levels: there is only one
		g.buf = g.buf[:0]
	default:
		g.buf = g.appendLevels(g.buf[:0], c, p)
	}
	if dictionary {
		// Polars reads the width even on a page without values.
		g.buf = append(g.buf, byte(c.indexBits()))
	}
	switch {
	case p.values() == 0:
	case dictionary:
		g.buf = g.appendIndex(g.buf, c, p)
	default:
		g.buf = g.appendPlain(g.buf, c, p)
	}
	return g.buf
}

// appendLevels appends the definition levels, 1 for a row with a value, after
// their length (spec, Data Pages).
func (g *pager) appendLevels(dst []byte, c *column, p *page) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	switch {
	case p.nulls == 0:
		dst = appendRun(dst, 1, p.levels, 1)
	case p.nulls == p.levels:
		dst = appendRun(dst, 0, p.levels, 1)
	case c.runs != nil:
		dst = appendRuns(dst, c, p, 1, level)
	default:
		g.levels = g.levels[:0]
		for _, entry := range c.Index[p.from:p.to] {
			g.levels = append(g.levels, level(entry))
		}
		dst = appendHybrid(dst, g.levels, 1)
	}
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

func level(entry uint32) uint32 {
	if entry == batch.Null {
		return 0
	}
	return 1
}

// appendIndex appends the dictionary indices.
func (g *pager) appendIndex(dst []byte, c *column, p *page) []byte {
	width := c.indexBits()
	if c.runs != nil {
		return appendRuns(dst, c, p, width, nil)
	}
	// Looking for repeated runs costs more than packing, so it is done only
	// where the index seldom changes.
	switch rows := g.expand(c, p); {
	case p.changes == 1:
		return appendRun(dst, rows[0], len(rows), width)
	case p.changes*8 <= len(rows):
		return appendHybrid(dst, rows, width)
	default:
		return appendPacked(dst, rows, width)
	}
}

// appendRuns appends the elements as repeated runs, with equal neighbours in
// one run. It writes value(entry) or, if value is nil, the entry of each
// element that has one.
func appendRuns(dst []byte, c *column, p *page, width int, value func(uint32) uint32) []byte {
	var current uint32
	count := 0
	runs := c.runs[p.from:p.to]
	dst = slices.Grow(dst, maxRun*(len(runs)+1))
	for i, v := range c.Index[p.from:p.to] {
		switch {
		case runs[i] == 0:
			continue
		case value != nil:
			v = value(v)
		case v == batch.Null:
			continue
		}
		if v != current && count > 0 {
			dst = appendShortRun(dst, current, count, width)
			count = 0
		}
		current = v
		count += int(runs[i])
	}
	if count > 0 {
		dst = appendRun(dst, current, count, width)
	}
	return dst
}

// expand returns the entry of each row with a value; of lists, of each value.
func (g *pager) expand(c *column, p *page) []uint32 {
	if c.list != nil {
		g.rows = c.list.appendValues(g.rows[:0], p)
		return g.rows
	}
	index := c.Index[p.from:p.to]
	if c.runs == nil && p.nulls == 0 {
		return index
	}
	g.rows = g.rows[:0]
	for i, entry := range index {
		if entry == batch.Null {
			continue
		}
		count := uint32(1)
		if c.runs != nil {
			count = c.runs[p.from+i]
		}
		for range count {
			g.rows = append(g.rows, entry)
		}
	}
	return g.rows
}

// appendPlain appends the values in PLAIN encoding.
func (g *pager) appendPlain(dst []byte, c *column, p *page) []byte {
	dst = slices.Grow(dst, p.plain)
	if c.runs != nil && c.width() == 8 && !c.Type.Bytes() {
		return appendWords(dst, c, p)
	}
	rows := g.expand(c, p)
	switch c.physical {
	case format.Boolean:
		g.levels = g.levels[:0]
		for _, entry := range rows {
			g.levels = append(g.levels, uint32(c.Fixed[entry]))
		}
		return appendBits(dst, g.levels, 1, p.plain)
	case format.ByteArray:
		first, last := rows[0], rows[len(rows)-1]
		if consecutive(rows) {
			return append(dst, c.Data[c.Offsets[first]:c.end(last)]...)
		}
		for _, entry := range rows {
			dst = append(dst, c.Data[c.Offsets[entry]:c.end(entry)]...)
		}
		return dst
	}
	for _, entry := range rows {
		dst = c.appendValue(dst, entry)
	}
	return dst
}

// appendWords appends the 64-bit values of elements, each once for every row of
// the element.
func appendWords(dst []byte, c *column, p *page) []byte {
	runs := c.runs[p.from:p.to]
	for i, entry := range c.Index[p.from:p.to] {
		if entry == batch.Null {
			continue
		}
		for range runs[i] {
			dst = binary.LittleEndian.AppendUint64(dst, c.Fixed[entry])
		}
	}
	return dst
}

// consecutive reports whether each entry follows the one before it; then their
// bytes can be copied from Data as they are.
func consecutive(entries []uint32) bool {
	for i, entry := range entries {
		if entry != entries[0]+uint32(i) {
			return false
		}
	}
	return true
}
