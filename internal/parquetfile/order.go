package parquetfile

import (
	"bytes"
	"cmp"
	"encoding/binary"

	"github.com/parquet-go/parquet-go/format"
)

// The order of values is the spec's (ColumnOrder, TYPE_ORDER): text by unsigned
// bytes, everything else by the number it stands for.

// compare orders two entries.
func (c *column) compare(a, b uint32) int {
	if !c.Type.Bytes() {
		return cmp.Compare(c.number(a), c.number(b))
	}
	x, y := c.Entry(a), c.Entry(b)
	return cmp.Or(cmp.Compare(c.word(x, 0), c.word(y, 0)), bytes.Compare(x, y))
}

// bounds returns the smallest and the largest of some entries.
func (c *column) bounds(entries []uint32) (low, high uint32) {
	if c.Type.Bytes() {
		return c.byteBounds(entries)
	}
	low, high = entries[0], entries[0]
	least, most := c.number(low), c.number(high)
	for _, entry := range entries {
		v := c.number(entry)
		if v < least {
			low, least = entry, v
		}
		if v > most {
			high, most = entry, v
		}
	}
	return low, high
}

// number is an entry of a type that is not Bytes as an integer of the same
// order. -0 comes before +0.
func (c *column) number(entry uint32) int64 {
	v := int64(c.Fixed[entry])
	if c.physical == format.Double {
		v ^= int64(uint64(v>>63) >> 1) // sign and magnitude to two's complement
	}
	return v
}

// byteBounds compares eight bytes at a time as a number. Identifiers often
// begin alike, so what all entries share is left out of that number.
func (c *column) byteBounds(entries []uint32) (low, high uint32) {
	shared := 0
	if !c.Type.Wide() {
		shared = c.sharedPrefix(entries)
	}
	low, high = entries[0], entries[0]
	least := c.word(c.Entry(low), shared)
	most := least
	for _, entry := range entries[1:] {
		value := c.Entry(entry)
		word := c.word(value, shared)
		switch {
		case word > most || word == most && bytes.Compare(value, c.Entry(high)) > 0:
			high, most = entry, word
		case word < least || word == least && bytes.Compare(value, c.Entry(low)) < 0:
			low, least = entry, word
		}
	}
	return low, high
}

// sharedPrefix is the number of bytes with which all of the entries begin.
func (c *column) sharedPrefix(entries []uint32) int {
	shared := c.Entry(entries[0])
	for _, entry := range entries[1:] {
		value := c.Entry(entry)
		n := min(len(shared), len(value))
		if !bytes.Equal(value[:n], shared[:n]) {
			for n = 0; value[n] == shared[n]; n++ {
			}
		}
		if n == 0 {
			return 0
		}
		shared = shared[:n]
	}
	return len(shared)
}

// word is the eight bytes from offset on as a number of the same order; bytes
// that are not there count as zeros.
func (c *column) word(value []byte, offset int) uint64 {
	value = value[offset:]
	if len(value) >= 8 {
		word := binary.BigEndian.Uint64(value)
		if c.Type.Wide() {
			word ^= 1 << 63 // two's complement to unsigned
		}
		return word
	}
	var word uint64
	for i, b := range value {
		word |= uint64(b) << (56 - 8*i)
	}
	return word
}
