// Package stride compresses pages of values of equal width into zstd frames
// (RFC 8878).
//
// Neighbours in a column share bytes at the same places: the upper ones of
// times and amounts, the first ones of identifiers. A frame of this package
// says "so many literals, then so many bytes of the value before" in sequences
// that are nearly all alike, and so take nearly no bits; what is left is the
// bytes that differ, entropy coded. A match finder that knows nothing of values
// takes several times as long for such a page, and its frame is mostly larger,
// because it also finds what is not worth a sequence.
package stride

import "encoding/binary"

const (
	shortest = 3  // match in the format
	longest  = 34 // match whose length takes no extra bits
	maxBlock = 128 << 10
	maxWidth = 64 // of a value
	fewest   = 16 // values worth a frame
)

// Encoder makes frames, and reuses its memory. It is not safe for concurrent use.
type Encoder struct {
	block block
}

// Append appends a frame of the page: head bytes of something else, then
// values of the same width. It reports false, and appends nothing, if it is no
// such page, or the first values have nothing in common.
func (e *Encoder) Append(dst, page []byte, head, width int) ([]byte, bool) {
	switch {
	case width <= shortest || width > maxWidth, head > maxBlock/2,
		len(page) < head+fewest*width, (len(page)-head)%width != 0,
		common(page[head:head+fewest*width], width).size == 0:
		return dst, false
	}
	dst = appendFrameHeader(dst, len(page))
	e.block.begin()
	for from := 0; from < len(page); {
		to := min(from+maxBlock, len(page))
		to -= (to - head) % width
		e.split(page[:to], from, max(from, head+width), width)
		dst = e.block.append(dst, page[from:to], to == len(page))
		from = to
	}
	return dst, true
}

// split divides page[from:] into literals and what values have in common with
// the value before. At first is the first value that has one before it.
func (e *Encoder) split(page []byte, from, first, width int) {
	shared := common(page[first-width:], width)
	if shared.size > 0 {
		b := &e.block
		b.match, b.offset = shared.size, width
		literals, lengths := b.literals, b.lengths
		// Of the first value nothing is left out: a match without literals
		// before it would mean another offset.
		for at := first + width + shared.from; at < len(page); at += width {
			if same(page, at-width, at, shared.size) {
				literals = appendShort(literals, page, from, at)
				lengths = append(lengths, at-from)
				from = at + shared.size
			}
		}
		b.literals, b.lengths = literals, lengths
	}
	e.block.literals = append(e.block.literals, page[from:]...)
}

// appendShort appends page[from:to], which is mostly short.
func appendShort(dst, page []byte, from, to int) []byte {
	const pair = 16 // bytes copied at once: what is too much is written over
	n := len(dst)
	if to-from > pair || from+pair > len(page) || n+pair > cap(dst) {
		return append(dst, page[from:to]...)
	}
	in, out := page[from:from+pair], dst[n:n+pair]
	binary.LittleEndian.PutUint64(out, binary.LittleEndian.Uint64(in))
	binary.LittleEndian.PutUint64(out[8:], binary.LittleEndian.Uint64(in[8:]))
	return dst[:n+to-from]
}

// same reports whether size bytes at a and at b are equal.
func same(page []byte, a, b, size int) bool {
	if b+8 > len(page) {
		return string(page[a:a+size]) == string(page[b:b+size])
	}
	differ := binary.LittleEndian.Uint64(page[a:a+8]) ^ binary.LittleEndian.Uint64(page[b:b+8])
	if size < 8 {
		return differ<<(64-8*size) == 0
	}
	return differ == 0 && string(page[a+8:a+size]) == string(page[b+8:b+size])
}

// run is bytes of a value.
type run struct{ from, size int }

// common is the run of bytes that saves most if it is left out of the values,
// from the second on, that have it in common with the one before. It has no
// size if nothing is saved.
func common(values []byte, width int) (best run) {
	var differ [maxWidth]int // number of values that differ there
	for word := 0; word < width; word += 8 {
		countDifferences(differ[word:], values[word:], width, min(8, width-word))
	}
	const sequence = 2 // bytes that a value pays for which the run differs
	n, most := len(values)/width-1, 0
	for from := range width {
		lost := 0
		for end := from + 1; end <= min(width, from+width-1, from+longest); end++ {
			lost += differ[end-1]
			size := end - from
			saved := size*n - lost*(size+sequence)
			if size >= shortest && saved > most {
				most, best = saved, run{from, size}
			}
		}
	}
	return best
}

// countDifferences counts for each of up to eight bytes in how many values it
// differs from the one before.
func countDifferences(differ []int, values []byte, width, size int) {
	const ones, rest = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f
	mask := ^uint64(0) >> (64 - 8*size)
	before := load(values, 0)
	for at := width; at+size <= len(values); {
		var counts uint64 // one in each byte
		for range 255 {
			if at+size > len(values) {
				break
			}
			v := load(values, at)
			x := (v ^ before) & mask
			counts += (x&rest + rest | x) >> 7 & ones
			before = v
			at += width
		}
		for i := range size {
			differ[i] += int(counts >> (8 * i) & 0xff)
		}
	}
}

// load loads the bytes at p, at most eight.
func load(b []byte, p int) uint64 {
	if p+8 <= len(b) {
		return binary.LittleEndian.Uint64(b[p : p+8])
	}
	var w [8]byte
	copy(w[:], b[p:])
	return binary.LittleEndian.Uint64(w[:])
}
