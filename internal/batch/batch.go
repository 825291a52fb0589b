// Package batch holds one row group of one table as columns, ready for the page
// encoder. A batch is reused for the next row group.
//
// A column keeps one index per element of its level, not per row: level 0 is
// the record, level 1 the exploded element, level 2 the element of the second
// explode. So a value of a record with eight rows is looked up, stored and
// encoded once; [Batch.Runs] says how many rows it has.
package batch

import (
	"encoding/binary"
	"math"
	"reflect"

	"sluice/schema"
)

// Null is the Index entry of an element without a value.
const Null = math.MaxUint32

// waiting is the Index entry of an element whose value Flush will look up.
const waiting = Null - 1

// MaxLevels is the number of levels a table can have: the record and two exploded ones.
const MaxLevels = 3

// PageRows is the number of rows after which a page ends, at the next border of a record.
const PageRows = 1 << 15

// Batch is a record batch of one table.
type Batch struct {
	Columns []Column
	Depth   int                     // deepest level: 0 for a table that explodes nothing
	Rows    int                     // equal to the number of elements at level Depth
	Runs    [MaxLevels - 1][]uint32 // Runs[l][i]: rows of element i of level l; for l < Depth
	Pages   []Position              // where each page ends; the last one ends the batch. Set by Finish

	ListValues int64 // values of all lists, each counted in each row it stands in

	room    [MaxLevels]int // elements of each level for which Index is already Null
	elems   [MaxLevels]int // elements ended, including those of the record being filled
	reached [MaxLevels]int // elements that were current before Seek went back
	flushed int            // records ended at the last Flush
	record  Position       // where the last record ended
	lists   []*Column      // the columns of lists

	generation int // raised when elements go
}

// Generation is another number once elements of the batch have gone, after their
// record ended: what is known of them no longer holds.
func (b *Batch) Generation() int { return b.generation }

// Position is a border between records: the number of rows before it, and of
// elements of each level.
type Position struct {
	Rows  int
	Elems [MaxLevels]int
}

// Column is one column of a batch: a dictionary and an index into it.
type Column struct {
	schema.Column
	Level int // level of the elements in Index

	// Index is the entry of each element, or Null. Until Finish cuts it, it may
	// also have Nulls for elements still to come.
	Index []uint32

	// Distinct says that no entry repeats: the entries are a dictionary. It is
	// false once look-ups stopped because most values differ; then an entry may
	// repeat, but Index still leads to the right one.
	Distinct bool

	// Entries of a type with Type.Bytes(): Data holds one after another, each
	// as a little-endian uint32 length and its bytes (PLAIN encoding of
	// BYTE_ARRAY); Offsets holds where each begins. A wide decimal has 16
	// bytes, big-endian two's complement.
	Data    []byte
	Offsets []uint32
	// Entries of any other type: the bits of an int64, or of a float64 (Double);
	// 0 or 1 for Boolean.
	Fixed []uint64

	// List is what a column of lists has; nil for any other.
	List *List

	element *int // the current one
	table   table
	pending []pending
	small   [smallNumbers]uint32 // entry + 1 of small numbers
	deepest bool                 // Level is the deepest of the table
	rising  bool                 // each entry is above the one before, and none is in the table
	border  int                  // first element after the current stride
	entries int                  // number of entries at the last border
	counted int                  // elements whose entries are in held
	held    int64                // bytes of entries, once they are no dictionary
	touched uint32               // keeps the loads of touch from being optimised away
}

// Held is about how many bytes the values of the batch take: their entries, the
// tables that find them, and the index. The batch must be flushed, and its last record
// have ended. In a column that left its dictionary, each element counts as if it had
// its own entry: how many share an entry depends on which values were known without a
// look-up, and Held must not.
func (b *Batch) Held() (bytes int64) {
	for i := range b.Columns {
		c := &b.Columns[i]
		bytes += 4 * int64(b.elems[c.Level])
		if c.List != nil {
			bytes += c.List.held()
			continue
		}
		bytes += c.entriesHeld(b.record.Elems[c.Level])
	}
	return bytes
}

// entriesHeld is about how many bytes the entries of the first n elements take. Of
// those it counts only what it has not counted before.
func (c *Column) entriesHeld(n int) int64 {
	if c.Distinct {
		return int64(len(c.Data) + 8*len(c.Fixed) + 12*c.Entries())
	}
	for _, e := range c.Index[c.counted:n] {
		switch {
		case e == Null:
		case c.Type.Bytes():
			c.held += 16 + int64(len(c.Entry(e)))
		default:
			c.held += 20
		}
	}
	c.counted = n
	return c.held
}

// Allocated is how many bytes of memory the batch takes, used or not.
func (b *Batch) Allocated() (bytes int64) {
	bytes = batchSize
	for i := range b.Columns {
		c := &b.Columns[i]
		bytes += c.allocated()
		if c.List != nil {
			bytes += c.List.Items.allocated() + 4*int64(cap(c.List.Ends))
		}
	}
	for l := range b.Runs {
		bytes += 4 * int64(cap(b.Runs[l]))
	}
	return bytes
}

var batchSize = int64(reflect.TypeFor[Batch]().Size())

var columnSize, pendingSize = int(reflect.TypeFor[Column]().Size()), int(reflect.TypeFor[pending]().Size())

func (c *Column) allocated() int64 {
	return int64(columnSize + cap(c.Data) + 4*(cap(c.Index)+cap(c.Offsets)+len(c.table.slots)) + 8*(cap(c.Fixed)+cap(c.table.hashes)) + pendingSize*cap(c.pending))
}

// Entries is the number of entries of the column.
func (c *Column) Entries() int {
	if c.Type.Bytes() {
		return len(c.Offsets)
	}
	return len(c.Fixed)
}

// Rising reports whether each entry is above the one before: as text, by
// unsigned bytes, or as the signed integer that its bits are.
func (c *Column) Rising() bool { return c.rising && c.Distinct }

// Entry is the i-th entry of a column with Type.Bytes().
func (c *Column) Entry(i uint32) []byte {
	o := c.Offsets[i]
	n := binary.LittleEndian.Uint32(c.Data[o:])
	return c.Data[o+4 : o+4+n]
}
