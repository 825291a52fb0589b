package parquetfile

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/batch"
	"sluice/internal/parquettype"
)

// column is a column of the batch, with what its pages need to know about its
// type and level. Of a column of lists, it is the column of their values, whose
// Index does not have one entry for an element.
type column struct {
	*batch.Column
	list     *lists   // nil: it has no lists
	runs     []uint32 // rows of each element; nil: one each, or list knows it
	physical format.Type
	length   int // bytes of a FIXED_LEN_BYTE_ARRAY
}

func newColumn(b *batch.Batch, i int) *column {
	c := &column{Column: &b.Columns[i]}
	if c.Level < b.Depth {
		c.runs = b.Runs[c.Level]
	}
	if c.List != nil {
		c.list, c.runs, c.Column = &lists{c.Column, c.runs}, nil, &c.List.Items
	}
	c.physical, c.length = parquettype.Physical(c.Type)
	return c
}

// width is the number of bytes of a value, 0 if they differ.
func (c *column) width() int {
	switch c.physical {
	case format.Int32:
		return 4
	case format.Int64, format.Double:
		return 8
	default:
		return c.length
	}
}

// dictionaryBytes is the size of all entries in PLAIN encoding.
func (c *column) dictionaryBytes() int {
	if c.physical == format.ByteArray {
		return len(c.Data)
	}
	return c.Entries() * c.width()
}

// indexBits is the number of bits of a dictionary index. The spec allows 0 for
// a dictionary of one entry; Arrow writes 1 instead, and so do we, because some
// readers failed on 0.
func (c *column) indexBits() int {
	return max(1, bits.Len(uint(c.Entries()-1)))
}

// values is the number of elements with a value.
func (c *column) values() (n int) {
	for _, entry := range c.Index {
		if entry != batch.Null {
			n++
		}
	}
	return n
}

// end is where an entry of a type with Type.Bytes() ends in Data.
func (c *column) end(entry uint32) uint32 {
	if int(entry)+1 < len(c.Offsets) {
		return c.Offsets[entry+1]
	}
	return uint32(len(c.Data))
}

// appendValue appends an entry in PLAIN encoding, without the length of a BYTE_ARRAY.
func (c *column) appendValue(dst []byte, entry uint32) []byte {
	switch c.physical {
	case format.ByteArray:
		return append(dst, c.Entry(entry)...)
	case format.FixedLenByteArray:
		wide := c.Entry(entry)
		return append(dst, wide[len(wide)-c.length:]...)
	case format.Boolean:
		return append(dst, byte(c.Fixed[entry]))
	case format.Int32:
		return binary.LittleEndian.AppendUint32(dst, uint32(c.Fixed[entry]))
	default:
		return binary.LittleEndian.AppendUint64(dst, c.Fixed[entry])
	}
}

// hasNaN reports whether an entry is not a number. JSON has no such value.
func (c *column) hasNaN() bool {
	if c.physical != format.Double {
		return false
	}
	for _, v := range c.Fixed {
		if f := math.Float64frombits(v); f != f {
			return true
		}
	}
	return false
}
