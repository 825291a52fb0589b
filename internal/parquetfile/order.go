package parquetfile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"

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
	if c.Type.Wide() && x[0]^y[0] >= 0x80 {
		return bytes.Compare(y, x) // of two's complement with different signs
	}
	return bytes.Compare(x, y)
}

// compareBounds orders two bounds as they are written. Zeros of a double are equal.
func compareBounds(physical format.Type, a, b []byte) int {
	switch physical {
	case format.Int32:
		return cmp.Compare(int32(binary.LittleEndian.Uint32(a)), int32(binary.LittleEndian.Uint32(b)))
	case format.Int64:
		return cmp.Compare(int64(binary.LittleEndian.Uint64(a)), int64(binary.LittleEndian.Uint64(b)))
	case format.Double:
		return cmp.Compare(math.Float64frombits(binary.LittleEndian.Uint64(a)), math.Float64frombits(binary.LittleEndian.Uint64(b)))
	case format.FixedLenByteArray:
		if a[0]^b[0] >= 0x80 {
			return bytes.Compare(b, a)
		}
	}
	return bytes.Compare(a, b)
}

// number is an entry of a type without Type.Bytes(), as an integer with the
// same order. -0 comes before +0.
func (c *column) number(entry uint32) int64 {
	v := int64(c.Fixed[entry])
	if c.physical == format.Double {
		v ^= int64(uint64(v>>63) >> 1) // sign and magnitude to two's complement
	}
	return v
}

// appendKeys appends a key for each entry: of two entries, the one with the
// smaller key is smaller. If two texts or wide decimals have the same key, the
// keys do not show which is smaller. Identifiers often begin alike, so the
// beginning that all entries share is left out of the keys.
func (c *column) appendKeys(keys []uint64) []uint64 {
	if c.Rising() && !c.Type.Wide() && c.physical != format.Double {
		for entry := range c.Entries() {
			keys = append(keys, uint64(entry))
		}
		return keys
	}
	if !c.Type.Bytes() {
		for entry := range uint32(len(c.Fixed)) {
			keys = append(keys, uint64(c.number(entry))^1<<63)
		}
		return keys
	}
	shared, sign := 0, uint64(0)
	if c.Type.Wide() {
		sign = 1 << 63 // two's complement to unsigned
	} else {
		shared = c.sharedPrefix()
	}
	for _, o := range c.Offsets {
		size := int(binary.LittleEndian.Uint32(c.Data[o:o+4])) - shared
		at := int(o) + 4 + shared
		if at+8 > len(c.Data) {
			keys = append(keys, word(c.Data[at:at+size]))
			continue
		}
		key := binary.BigEndian.Uint64(c.Data[at : at+8])
		if size < 8 {
			key &^= math.MaxUint64 >> (8 * size)
		}
		keys = append(keys, key^sign)
	}
	return keys
}

// sharedPrefix is a number of bytes that are equal at the start of all entries.
// Where one of the entries ends, up to seven more may be equal.
func (c *column) sharedPrefix() int {
	for shared := 0; len(c.Offsets) > 0; shared += 8 {
		var first, differ uint64
		for i, o := range c.Offsets {
			if int(binary.LittleEndian.Uint32(c.Data[o:o+4])) < shared+8 {
				return shared
			}
			at := int(o) + 4 + shared
			word := binary.BigEndian.Uint64(c.Data[at : at+8])
			if i == 0 {
				first = word
			}
			differ |= word ^ first
		}
		if differ != 0 {
			return shared + bits.LeadingZeros64(differ)/8
		}
	}
	return 0
}

// word is a text of at most eight bytes as a number with the same order, filled
// up with zeros.
func word(text []byte) (word uint64) {
	for i, b := range text {
		word |= uint64(b) << (56 - 8*i)
	}
	return word
}
