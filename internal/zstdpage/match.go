package zstdpage

import (
	"encoding/binary"
	"math/bits"
)

// The table maps six bytes to the position where they last occurred. A slot
// holds the lower bits of that position and, above them, a tag of the bytes, so
// that most places that do not match are never read.
const (
	least        = 6 // shortest match found with the table: a shorter one costs more bits than it saves
	tableBits    = 14
	positionBits = 20
	position     = 1<<positionBits - 1

	margin = 24 // bytes at the end of a page that are not searched: whole words are loaded
)

// leastBytes is the least number of bytes that a sequence stands for on
// average: six if it was found in the table; else four, but then a byte that
// differs comes before the next near match.
const leastBytes = 5

// find divides page[from:to] into literals and matches with earlier bytes. It
// looks first at the number before, if numbers have a width, or else at the
// offset used last; then at the last place that began with the same bytes.
func (e *Encoder) find(page []byte, from, to, width int) {
	const (
		multiplier  = 0x9E3779B185EBCA87
		highs, rest = 0x8080808080808080, 0x7f7f7f7f7f7f7f7f
	)
	page = page[:to]
	if most := to - from; cap(e.literals) < most+pair {
		// Pages of a small file take a thousandth of the room that a whole
		// block takes.
		room := min(max(most, 2*cap(e.literals)), maxBlock)
		e.literals = make([]byte, 0, room+pair)
		e.sequences.list = make([]sequence, 0, room/leastBytes+1)
	}
	e.literals, e.sequences.list = e.literals[:0], e.sequences.list[:0]
	emit := from // literals begin here
	repeat := e.repeat
	near := repeat // where it looks first
	if width > 0 {
		near = width
	}
	for s := max(from, near); s+margin <= len(page); {
		word, word1 := binary.LittleEndian.Uint64(page[s:s+8]), binary.LittleEndian.Uint64(page[s+1:s+9])
		hash, hash1 := word<<(64-8*least)*multiplier, word1<<(64-8*least)*multiplier
		slot := &e.table[hash>>(64-tableBits)]
		want := uint32(hash>>(64-tableBits-32))&^position | uint32(s&position)
		found := *slot
		*slot = want
		slot = &e.table[hash1>>(64-tableBits)]
		want1 := uint32(hash1>>(64-tableBits-32))&^position | uint32((s+1)&position)
		found1 := *slot
		*slot = want1

		// Are four bytes in a row the same there?
		differ := word ^ binary.LittleEndian.Uint64(page[s-near:s-near+8])
		same := ^(differ&rest + rest | differ) & highs
		same &= same >> 8
		same &= same >> 16
		var n int
		offset := near
		if same != 0 {
			s += bits.TrailingZeros64(same) >> 3
			n = 4 + common(page, s+4-near, s+4)
		} else {
			if (found^want)>>positionBits == 0 {
				offset = int(want-found) & position
			} else if (found1^want1)>>positionBits == 0 {
				s++
				offset, word = int(want1-found1)&position, word1
			} else {
				s += 2 + (s-emit)>>5
				continue
			}
			at := s - offset
			if offset == 0 || at < 0 { // another place, a multiple of 1<<positionBits away
				s += 2
				continue
			}
			n = bits.TrailingZeros64(word^binary.LittleEndian.Uint64(page[at:at+8])) >> 3
			if n < least {
				s += 2
				continue
			}
			if n == 8 {
				n += common(page, at+8, s+8)
			}
			for s > emit && at > 0 && page[s-1] == page[at-1] {
				s--
				at--
				n++
			}
		}
		told := offset + 3
		if offset == repeat && s > emit {
			told = 1
		}
		repeat = offset
		if width == 0 {
			near = offset
		}
		e.sequences.list = append(e.sequences.list, newSequence(s-emit, n, told))
		e.take(page, emit, s)
		s += n
		emit = s
	}
	e.repeat = repeat
	e.literals = append(e.literals, page[emit:]...)
}

// common is the number of equal bytes at a and b, where b is after a.
func common(page []byte, a, b int) int {
	n := 0
	for b+n+8 <= len(page) {
		if x := binary.LittleEndian.Uint64(page[a+n:a+n+8]) ^ binary.LittleEndian.Uint64(page[b+n:b+n+8]); x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
		n += 8
	}
	for b+n < len(page) && page[a+n] == page[b+n] {
		n++
	}
	return n
}

// pair is how many literals are copied at once; surplus bytes are overwritten
// later.
const pair = 16

// take adds page[from:to], which is mostly short, to the literals.
func (e *Encoder) take(page []byte, from, to int) {
	at := len(e.literals)
	if to-from > pair || at+pair > cap(e.literals) || from+pair > len(page) {
		e.literals = append(e.literals, page[from:to]...)
		return
	}
	in, out := page[from:from+pair], e.literals[at:at+pair]
	binary.LittleEndian.PutUint64(out, binary.LittleEndian.Uint64(in))
	binary.LittleEndian.PutUint64(out[8:], binary.LittleEndian.Uint64(in[8:]))
	e.literals = e.literals[:at+to-from]
}
