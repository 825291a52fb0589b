package stride

import (
	"encoding/binary"

	"github.com/klauspost/compress/huff0"
)

// appendFrameHeader begins a frame of one segment without checksum, for so
// many bytes of content (RFC 8878, 3.1.1).
func appendFrameHeader(dst []byte, size int) []byte {
	const magic, single = 0xFD2FB528, 1 << 5
	dst = binary.LittleEndian.AppendUint32(dst, magic)
	switch {
	case size < 256:
		return append(dst, single, byte(size))
	case size < 256+1<<16:
		return binary.LittleEndian.AppendUint16(append(dst, 1<<6|single), uint16(size-256))
	default:
		return binary.LittleEndian.AppendUint32(append(dst, 2<<6|single), uint32(size))
	}
}

// block is literals and matches that take turns; what is left of the literals
// follows the last match. All matches are of the same length and offset.
type block struct {
	literals      []byte
	lengths       []int // literals before each match
	match, offset int

	told int // the offset of the matches before, 0 if there are none
	huff huff0.Scratch
	sequences
}

// begin begins a frame.
func (b *block) begin() {
	b.told = 0
	b.huff.Reuse = huff0.ReusePolicyNone
}

// append appends the block, which stands for content, and empties it.
func (b *block) append(dst, content []byte, last bool) []byte {
	const raw, compressed = 0, 2
	start := len(dst)
	dst = append(dst, 0, 0, 0)
	dst = b.appendLiterals(dst)
	dst = b.sequences.append(dst, b.lengths, b.match, b.offset, b.offset == b.told)
	kind := uint32(compressed)
	switch {
	case len(dst)-start-3 >= len(content): // (RFC 8878, 3.1.1.2.3)
		kind = raw
		dst = append(dst[:start+3], content...)
		b.huff.Reuse = huff0.ReusePolicyNone
	case len(b.lengths) > 0:
		b.told = b.offset
	}
	header := uint32(len(dst)-start-3)<<3 | kind<<1
	if last {
		header |= 1
	}
	dst[start], dst[start+1], dst[start+2] = byte(header), byte(header>>8), byte(header>>16)
	b.literals, b.lengths = b.literals[:0], b.lengths[:0]
	return dst
}

// appendLiterals appends the literals section (RFC 8878, 3.1.1.3.1).
func (b *block) appendLiterals(dst []byte) []byte {
	const (
		raw        = 0
		same       = 1
		compressed = 2
		treeless   = 3 // with the code of the block before
	)
	n := len(b.literals)
	if n >= 1<<6 {
		compress, header := huff0.Compress1X, uint64(0)
		if n >= 1<<10 {
			compress, header = huff0.Compress4X, 3<<2 // four streams
		}
		packed, reused, err := compress(b.literals, &b.huff)
		switch {
		case err == huff0.ErrUseRLE:
			return append(appendSize(dst, n, same), b.literals[0])
		case err == nil && len(packed)+5 < n:
			header |= compressed
			if reused {
				header |= treeless
			}
			b.huff.Reuse = huff0.ReusePolicyAllow
			size, bytes := 10, 3 // bits of each of two sizes
			if n >= 1<<10 {
				size, bytes = 18, 5
			}
			header |= uint64(n)<<4 | uint64(len(packed))<<(4+size)
			for range bytes {
				dst = append(dst, byte(header))
				header >>= 8
			}
			return append(dst, packed...)
		}
		b.huff.Reuse = huff0.ReusePolicyNone
	}
	return append(appendSize(dst, n, raw), b.literals...)
}

// appendSize appends the header of a literals section that is not compressed.
func appendSize(dst []byte, n int, kind byte) []byte {
	switch {
	case n < 1<<5:
		return append(dst, kind|byte(n)<<3)
	case n < 1<<12:
		return append(dst, kind|1<<2|byte(n)<<4, byte(n>>4))
	default:
		return append(dst, kind|3<<2|byte(n)<<4, byte(n>>4), byte(n>>12))
	}
}
