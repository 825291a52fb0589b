package batch

import (
	"math"

	"sluice/schema"
)

// pending is an element whose entry is not looked up yet.
type pending struct {
	hash uint64 // key of the bytes; the value itself of a column without Type.Bytes()
	off  uint32 // of the bytes in the input, or with scratchBit in the scratch; of same the element
	n    uint32 // number of bytes, or same
	i    uint32 // the element
}

// same marks a value that an earlier element has, too.
const same = math.MaxUint32

// scratchBit marks an offset into the scratch that is given to Flush.
const scratchBit = 1 << 31

// smallNumbers is how many numbers are found without a look into the table.
const smallNumbers = 64

// New makes an empty batch of a table with the columns of s, whose levels are
// levels, and the deepest level depth.
func New(s schema.Schema, levels []int, depth int) *Batch {
	b := &Batch{Depth: depth, Columns: make([]Column, len(s.Columns))}
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Column, c.Level = s.Columns[i], levels[i]
		c.deepest = c.Level == depth
		c.table.init()
	}
	b.Reset()
	return b
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Index, c.Distinct, c.rising = c.Index[:0], true, true
		c.Data, c.Offsets, c.Fixed = c.Data[:0], c.Offsets[:0], c.Fixed[:0]
		c.pending, c.border, c.entries = c.pending[:0], stride, 0
		c.table.reset()
		clear(c.small[:])
	}
	for l := range b.Runs {
		b.Runs[l] = b.Runs[l][:0]
	}
	b.Rows, b.Pages = 0, b.Pages[:0]
	b.elems, b.flushed, b.record = [MaxLevels]int{}, [MaxLevels]int{}, Position{}
}

// wait gives the current element a value that Flush looks up.
func (c *Column) wait(p pending) {
	p.i = uint32(len(c.Index))
	c.pending = append(c.pending, p)
	c.Index = append(c.Index, Null)
}

// AddBytes gives the current element a value: n bytes at offset off of the
// input that Flush is given, with the jsonscan.Hash hash.
func (c *Column) AddBytes(hash uint64, off, n int) {
	c.wait(pending{hash: key(hash, n), off: uint32(off), n: uint32(n)})
}

// AddScratch is AddBytes for bytes that lie in the scratch.
func (c *Column) AddScratch(hash uint64, off, n int) {
	c.wait(pending{hash: key(hash, n), off: uint32(off) | scratchBit, n: uint32(n)})
}

// AddFixed gives the current element a value of 64 bits.
func (c *Column) AddFixed(v uint64) {
	if v < smallNumbers && c.small[v] != 0 {
		c.Index = append(c.Index, c.small[v]-1)
		return
	}
	c.wait(pending{hash: v})
}

// AddNull gives the current element NULL.
func (c *Column) AddNull() { c.Index = append(c.Index, Null) }

// AddEntry gives the current element an entry of the column, or Null.
func (c *Column) AddEntry(entry uint32) { c.Index = append(c.Index, entry) }

// AddSame gives the current element what element i of the column's level has.
func (c *Column) AddSame(i int) { c.wait(pending{off: uint32(i), n: same}) }

// EndElement ends the current element of level l, which has a value or NULL
// in every column. rows is the number of rows it stands for; it is one at the
// deepest level.
func (b *Batch) EndElement(l, rows int) {
	b.elems[l]++
	if l == b.Depth {
		b.Rows++
		return
	}
	b.Runs[l] = append(b.Runs[l], uint32(rows))
}

// Flushed is the number of elements ended at level l whose entries stand in Index.
func (b *Batch) Flushed(l int) int { return b.flushed[l] }

// Elements is the number of elements ended at level l.
func (b *Batch) Elements(l int) int { return b.elems[l] }

// RecordRows is the number of rows since the last record ended.
func (b *Batch) RecordRows() int { return b.Rows - b.record.Rows }

// EndRecord makes all elements since the last call part of the batch.
func (b *Batch) EndRecord() {
	b.record = Position{b.Rows, b.elems}
	from := 0
	if n := len(b.Pages); n > 0 {
		from = b.Pages[n-1].Rows
	}
	if b.Rows-from >= PageRows {
		b.Pages = append(b.Pages, b.record)
	}
}

// Rollback drops all elements since the last EndRecord.
func (b *Batch) Rollback() {
	b.Rows, b.elems = b.record.Rows, b.record.Elems
	for i := range b.Columns {
		c := &b.Columns[i]
		n := b.elems[c.Level]
		c.Index = c.Index[:n]
		for len(c.pending) > 0 && int(c.pending[len(c.pending)-1].i) >= n {
			c.pending = c.pending[:len(c.pending)-1]
		}
	}
	for l := range b.Runs {
		if l < b.Depth {
			b.Runs[l] = b.Runs[l][:b.elems[l]]
		}
	}
}

// Pending reports whether a flush is due: enough records wait for their
// look-ups to overlap, few enough for the input to be still in cache.
func (b *Batch) Pending() bool { return b.elems[0]-b.flushed[0] >= 64 }

// Flush looks up the entries of all values added since the last call. It is
// called between records, and before the bytes of the input move.
func (b *Batch) Flush(input, scratch []byte) {
	for i := range b.Columns {
		c := &b.Columns[i]
		if c.Type.Bytes() {
			c.flushBytes(input, scratch)
		} else {
			c.flushFixed()
		}
		c.pending = c.pending[:0]
		c.cross(len(c.Index) - 1)
	}
	b.flushed = b.elems
}

// Finish ends the last page. The batch must be flushed.
func (b *Batch) Finish() {
	if n := len(b.Pages); n == 0 || b.Pages[n-1].Rows < b.Rows {
		b.Pages = append(b.Pages, b.record)
		return
	}
	// Records without rows may follow the border of the last page.
	b.Pages[len(b.Pages)-1] = b.record
}
