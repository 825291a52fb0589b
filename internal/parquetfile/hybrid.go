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

// maxRun is the most bytes of a repeated run, and at least eight.
const maxRun = 10 + 4

// appendShortRun is appendRun, faster for short runs. The slice must have room
// for maxRun bytes.
func appendShortRun(dst []byte, value uint32, count, width int) []byte {
	if count >= 1<<6 {
		return appendRun(dst, value, count, width)
	}
	n := len(dst)
	binary.LittleEndian.PutUint64(dst[n:n+8], uint64(count)<<1|uint64(value)<<8)
	return dst[:n+1+(width+7)/8]
}

// appendPacked appends the values as one bit-packed run. If their number is not
// a multiple of eight, it must be the last run: the group is filled up with
// zeros, which a reader would take for values.
func appendPacked(dst []byte, values []uint32, width int) []byte {
	groups := (len(values) + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	return appendBits(dst, values, width, groups*width)
}

// appendBits appends the lowest width bits of each value, size bytes in all.
func appendBits(dst []byte, values []uint32, width, size int) []byte {
	const spare = 16 // whole words are written, also at the end
	start := len(dst)
	dst = slices.Grow(dst, size+spare)[:start+size+spare]
	out := dst[start:]
	if width <= 16 {
		for ; len(values) >= 8; values = values[8:] {
			putGroup(out, (*[8]uint32)(values), width)
			out = out[width:]
		}
	}
	var word uint64
	bits := 0
	for _, v := range values {
		word |= uint64(v) << bits
		bits += width
		if bits >= 32 {
			binary.LittleEndian.PutUint32(out, uint32(word))
			out = out[4:]
			word >>= 32
			bits -= 32
		}
	}
	clear(out)
	binary.LittleEndian.PutUint64(out, word)
	return dst[:start+size]
}

// putGroup writes a group of values of at most 16 bits: two words of four
// values each, which meet inside a word of the output.
func putGroup(out []byte, v *[8]uint32, width int) {
	w := uint(width)
	low := uint64(v[0]) | uint64(v[1])<<w | uint64(v[2])<<(2*w) | uint64(v[3])<<(3*w)
	high := uint64(v[4]) | uint64(v[5])<<w | uint64(v[6])<<(2*w) | uint64(v[7])<<(3*w)
	binary.LittleEndian.PutUint64(out, low|high<<(4*w))
	binary.LittleEndian.PutUint64(out[8:], high>>(64-4*w))
}

// appendHybrid appends the values as repeated runs where these are shorter
// than packing, and packs the others.
func appendHybrid(dst []byte, values []uint32, width int) []byte {
	// A repeated run costs its header and value, and usually the header of one
	// more packed run.
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
