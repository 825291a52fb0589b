package batch

import (
	"slices"

	"sluice/schema"
)

// pending is an element whose entry is not looked up yet.
type pending struct {
	hash uint64 // key of the bytes; the value itself of a column without Type.Bytes()
	off  uint32 // offset of the bytes in the input or, with scratchBit, in the scratch
	n    uint32 // number of bytes
	i    uint32 // the element
}

// scratchBit marks an offset into the scratch that is given to Flush.
const scratchBit = 1 << 31

// smallNumbers is how many small numbers are found without the table.
const smallNumbers = 64

// roomStep is how many elements are made Null at once, as many as there are, within
// these: just ahead of their use, so that they are still in cache then.
const (
	minRoom  = 1 << 6
	roomStep = 1 << 10
)

// New makes an empty batch of a table with the columns of s, whose levels are
// levels, and the deepest level depth.
func New(s schema.Schema, levels []int, depth int) *Batch {
	b := &Batch{Depth: depth, Columns: make([]Column, len(s.Columns))}
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Column, c.Level = s.Columns[i], levels[i]
		c.element = &b.elems[c.Level]
		c.deepest = c.Level == depth
		if c.Type.Kind == schema.List {
			c.List = newList(c)
			b.lists = append(b.lists, c)
		}
	}
	b.Reset()
	return b
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	for i := range b.Columns {
		b.Columns[i].reset()
	}
	for _, c := range b.lists {
		c.List.reset()
	}
	for l := range b.Runs {
		b.Runs[l] = b.Runs[l][:0]
	}
	b.Rows, b.ListValues, b.Pages = 0, 0, b.Pages[:0]
	b.elems, b.reached, b.flushed, b.record = [MaxLevels]int{}, [MaxLevels]int{}, 0, Position{}
	b.generation++
	for l := range b.Depth + 1 {
		b.room[l] = 0
		b.grow(l)
	}
}

func (c *Column) reset() {
	c.Index = c.Index[:0]
	c.Distinct, c.rising = true, true
	c.Data, c.Offsets, c.Fixed = c.Data[:0], c.Offsets[:0], c.Fixed[:0]
	c.pending, c.border, c.entries = c.pending[:0], stride, 0
	c.counted, c.held = 0, 0
	c.table.reset()
	clear(c.small[:])
}

// Reserve makes room for as much as like would hold if it were times as long.
// This saves copies, and garbage, while the batch grows. In a new process, room
// that is never used takes no memory.
func (b *Batch) Reserve(like *Batch, times float64) {
	for i := range b.Columns {
		c, l := &b.Columns[i], &like.Columns[i]
		c.reserve(l, like.elems[c.Level], times) // the length of Index is rounded up
		if c.List != nil {
			c.List.reserve(l.List, times)
		}
	}
	for l := range b.Depth {
		b.Runs[l] = reserve(b.Runs[l], len(like.Runs[l]), times)
	}
}

func (c *Column) reserve(like *Column, elements int, times float64) {
	c.Index = reserve(c.Index, elements, times)
	c.Data, c.Offsets, c.Fixed = reserve(c.Data, len(like.Data), times), reserve(c.Offsets, len(like.Offsets), times), reserve(c.Fixed, len(like.Fixed), times)
	c.table.hashes = reserve(c.table.hashes, len(like.table.hashes), times)
}

// reserve gives s the capacity for n*times elements.
func reserve[E any](s []E, n int, times float64) []E {
	if n = int(float64(n) * times); n <= cap(s) {
		return s
	}
	return append(make([]E, 0, n), s...) // unlike slices.Grow, this touches only the memory that is copied
}

// clearIndex makes all entries Null.
func clearIndex(index []uint32) {
	for i := range index {
		index[i] = Null
	}
}

// nulls are the entries of new room: a copy is much faster than a loop.
var nulls = slices.Repeat([]uint32{Null}, roomStep)

// grow gives the columns of level l room for more elements.
func (b *Batch) grow(l int) {
	step := min(max(b.room[l], minRoom), roomStep)
	b.room[l] += step
	for i := range b.Columns {
		if c := &b.Columns[i]; c.Level == l {
			c.Index = append(c.Index, nulls[:step]...)
		}
	}
}

// wait gives an element a value that Flush looks up.
func (c *Column) wait(p pending) {
	c.Index[p.i] = waiting
	c.pending = append(c.pending, p)
}

// AddBytes gives the current element a value: n bytes at offset off of the
// input that Flush is given, with the jsonscan.Hash hash.
func (c *Column) AddBytes(hash uint64, off, n int) {
	c.wait(pending{hash: key(hash, n), off: uint32(off), n: uint32(n), i: uint32(*c.element)})
}

// AddScratch is AddBytes for bytes that lie in the scratch.
func (c *Column) AddScratch(hash uint64, off, n int) { c.SetScratch(*c.element, hash, off, n) }

// SetScratch is AddScratch for an element of the record that is being filled.
func (c *Column) SetScratch(element int, hash uint64, off, n int) {
	c.wait(pending{hash: key(hash, n), off: uint32(off) | scratchBit, n: uint32(n), i: uint32(element)})
}

// AddFixed gives the current element a value of 64 bits.
func (c *Column) AddFixed(v uint64) {
	if v < smallNumbers && c.small[v] != 0 {
		c.Index[*c.element] = c.small[v] - 1
		return
	}
	c.wait(pending{hash: v, i: uint32(*c.element)})
}

// AddEntry gives the current element an entry that the column has.
func (c *Column) AddEntry(entry uint32) { c.Index[*c.element] = entry }

// Fill gives the elements of a string column from first on one value, whose
// jsonscan.Hash is hash. The column is at the level of the record, and the last record
// has ended.
func (c *Column) Fill(first int, hash uint64, value string) {
	elements := c.Index[first:*c.element]
	if len(elements) == 0 {
		return
	}
	c.wait(pending{hash: key(hash, len(value)), off: scratchBit, n: uint32(len(value)), i: uint32(first)})
	c.flush(nil, []byte(value))
	c.cross(*c.element - 1)
	for i := range elements {
		elements[i] = elements[0]
	}
}

// Share gives an element the entry that another one has.
func (c *Column) Share(element, entry uint32) { c.Index[element] = entry }

// EndElement ends the current element of level l; a column that got no value
// for it is NULL. rows is the number of rows of the element, which is one at
// the deepest level.
func (b *Batch) EndElement(l, rows int) {
	n := b.elems[l] + 1
	if b.elems[l] = n; n == b.room[l] {
		b.grow(l)
	}
	if l == b.Depth {
		b.Rows++
		return
	}
	b.Runs[l] = append(b.Runs[l], uint32(rows))
}

// Seek makes the i-th element of level l the current one, though those before
// it may not have ended: columns of a level may be filled one after another.
func (b *Batch) Seek(l, i int) {
	b.reached[l] = max(b.reached[l], b.elems[l])
	for b.elems[l] = i; b.room[l] <= i; {
		b.grow(l)
	}
}

// Elements is the number of elements ended at level l.
func (b *Batch) Elements(l int) int { return b.elems[l] }

// RecordRows is the number of rows since the last record ended.
func (b *Batch) RecordRows() int { return b.Rows - b.record.Rows }

// EndRecord makes all elements since the last call part of the batch.
func (b *Batch) EndRecord() {
	for _, c := range b.lists {
		b.ListValues += b.RecordListValues(c)
		c.List.keep()
	}
	b.record = Position{b.Rows, b.elems}
	from := 0
	if n := len(b.Pages); n > 0 {
		from = b.Pages[n-1].Rows
	}
	if b.Rows-from >= PageRows {
		b.Pages = append(b.Pages, b.record)
	}
}

// EndPage ends a page with the last record, for whoever wants pages of fewer rows.
func (b *Batch) EndPage() {
	if n := len(b.Pages); b.record.Rows > 0 && (n == 0 || b.Pages[n-1].Rows < b.record.Rows) {
		b.Pages = append(b.Pages, b.record)
	}
}

// Rollback drops all elements since the last EndRecord.
func (b *Batch) Rollback() {
	for i := range b.Columns {
		c := &b.Columns[i]
		n := b.record.Elems[c.Level]
		clearIndex(c.Index[n : max(b.elems[c.Level], b.reached[c.Level])+1])
		c.dropPending(n)
	}
	for _, c := range b.lists {
		c.List.rollback()
	}
	b.Rows, b.elems, b.reached = b.record.Rows, b.record.Elems, b.record.Elems
	for l := range b.Runs {
		if l < b.Depth {
			b.Runs[l] = b.Runs[l][:b.elems[l]]
		}
	}
}

// dropPending drops the values of elements from n on.
func (c *Column) dropPending(n int) {
	for len(c.pending) > 0 && int(c.pending[len(c.pending)-1].i) >= n {
		c.pending = c.pending[:len(c.pending)-1]
	}
}

// Pending reports whether a flush is due: enough records wait for their
// look-ups to overlap, but so few that their input is still in cache.
func (b *Batch) Pending() bool { return b.elems[0]-b.flushed >= 64 }

// Flush looks up the entries of all values added since the last call. It is
// called between records, and before the bytes of the input move.
func (b *Batch) Flush(input, scratch []byte) {
	for i := range b.Columns {
		c := &b.Columns[i]
		c.flush(input, scratch)
		c.cross(b.elems[c.Level] - 1)
	}
	for _, c := range b.lists {
		items := &c.List.Items
		items.flush(input, scratch)
		items.cross(len(items.Index) - 1)
	}
	b.flushed = b.elems[0]
}

func (c *Column) flush(input, scratch []byte) {
	if c.Type.Bytes() {
		c.flushBytes(input, scratch)
	} else {
		c.flushFixed()
	}
	c.pending = c.pending[:0]
}

// Finish ends the last page. The batch must be flushed, and must not be filled
// after this.
func (b *Batch) Finish() {
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Index = c.Index[:b.elems[c.Level]]
	}
	if n := len(b.Pages); n == 0 || b.Pages[n-1].Rows < b.Rows {
		b.Pages = append(b.Pages, b.record)
		return
	}
	// Records without rows may follow the border of the last page.
	b.Pages[len(b.Pages)-1] = b.record
}
