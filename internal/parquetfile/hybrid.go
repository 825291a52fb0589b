package parquetfile

import (
	"encoding/binary"
	"slices"
)

// The RLE/bit-packing hybrid of the spec (Encodings.md, RLE = 3): runs, each
// either one repeated value or groups of eight bit-packed values, lowest bits
// first. Levels and dictionary indices are written in it.

// appendRun appends count times the value as one repeated run.
func appendRun(dst []byte, value uint32, count, width int) []byte {
	dst = binary.AppendUvarint(dst, uint64(count)<<1)
	for ; width > 0; width -= 8 {
		dst = append(dst, byte(value))
		value >>= 8
	}
	return dst
}

// appendPacked appends the values as one bit-packed run. If their number is no
// multiple of eight it must be the last run: the rest of the group is zeros,
// which a reader takes for values.
func appendPacked(dst []byte, values []uint32, width int) []byte {
	groups := (len(values) + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	return appendBits(dst, values, width, groups*width)
}

// appendBits appends the lowest bits of each value, in so many bytes.
func appendBits(dst []byte, values []uint32, width, size int) []byte {
	const spare = 8 // the last word may be written beyond the end
	start := len(dst)
	dst = slices.Grow(dst, size+spare)[:start+size+spare]
	out := dst[start:]
	var word uint64
	bits, n := 0, 0
	for _, v := range values {
		word |= uint64(v) << bits
		bits += width
		if bits >= 32 {
			binary.LittleEndian.PutUint32(out[n:], uint32(word))
			n += 4
			word >>= 32
			bits -= 32
		}
	}
	clear(out[n:])
	binary.LittleEndian.PutUint64(out[n:], word)
	return dst[:start+size]
}

// appendHybrid appends the values as repeated runs where these are shorter
// than packing, and packs the others.
func appendHybrid(dst []byte, values []uint32, width int) []byte {
	// A repeated run costs its header and value, and mostly the header of a
	// further packed run.
	shortest := max(8, 8*(4+(width+7)/8)/width)
	packed := 0 // first value not written
	for i := 0; i < len(values); {
		end := i + 1
		for end < len(values) && values[end] == values[i] {
			end++
		}
		fill := -(i - packed) & 7 // values that complete the last packed group
		if count := end - i - fill; count >= shortest {
			if i+fill > packed {
				dst = appendPacked(dst, values[packed:i+fill], width)
			}
			dst = appendRun(dst, values[i], count, width)
			packed = end
		}
		i = end
	}
	if packed < len(values) {
		dst = appendPacked(dst, values[packed:], width)
	}
	return dst
}
