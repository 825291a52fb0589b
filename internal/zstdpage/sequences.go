package zstdpage

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// sequence is a number of literals and the match after them, as the format
// writes them: the number of literals in the lowest 18 bits, the length of the
// match less 3 in the next 18, and the offset plus 3 in the others, or 1 for
// the offset used last.
type sequence uint64

const (
	field    = 18
	shortest = 3 // match
)

func newSequence(literals, match, offset int) sequence {
	return sequence(literals) | sequence(match-shortest)<<field | sequence(offset)<<(2*field)
}

func (s sequence) literals() uint32 { return uint32(s & (1<<field - 1)) }
func (s sequence) match() uint32    { return uint32(s >> field & (1<<field - 1)) }
func (s sequence) offset() uint32   { return uint32(s >> (2 * field)) }

// sequences are the sequences of a block.
type sequences struct {
	list    []sequence
	symbols []symbols // of each

	literals, matches, offsets fseTable
}

// symbols are the symbols for literals, match and offset, each in a byte.
type symbols uint32

func (s symbols) literals() uint32 { return uint32(s) & (maxSymbols - 1) }
func (s symbols) match() uint32    { return uint32(s) >> 8 & (maxSymbols - 1) }
func (s symbols) offset() uint32   { return uint32(s) >> 16 & (maxSymbols - 1) }

// append appends the sequences section (RFC 8878, 3.1.1.3.2). Their number takes
// two bytes at most: see leastBytes.
func (s *sequences) append(dst []byte) []byte {
	n := len(s.list)
	switch {
	case n == 0:
		return append(dst, 0)
	case n < 128:
		dst = append(dst, byte(n))
	default:
		dst = append(dst, byte(n>>8+128), byte(n))
	}
	var literals, matches, offsets [maxSymbols]uint32 // how often each symbol occurs
	s.symbols = slices.Grow(s.symbols[:0], n)[:n]
	for i, q := range s.list {
		l, m, o := literalSymbol(q.literals()), matchSymbol(q.match()), offsetSymbol(q.offset())
		literals[l&(maxSymbols-1)]++
		matches[m&(maxSymbols-1)]++
		offsets[o&(maxSymbols-1)]++
		s.symbols[i] = symbols(l | m<<8 | o<<16)
	}
	modes := len(dst)
	dst = append(dst, 0)
	dst, literalMode := s.literals.describe(dst, &literals, n, 9)
	dst, offsetMode := s.offsets.describe(dst, &offsets, n, 8)
	dst, matchMode := s.matches.describe(dst, &matches, n, 9)
	dst[modes] = literalMode<<6 | offsetMode<<4 | matchMode<<2
	return s.appendStream(dst)
}

// appendStream appends the bits of the sequences. They are read backwards, from
// the highest bit set on: the first states, then of each sequence the extra
// bits of offset, match and literals, and the bits to the next states. So they
// are written last sequence first.
func (s *sequences) appendStream(dst []byte) []byte {
	const most = 16 // bytes of a sequence, and of what is written ahead
	n, at := len(s.list), len(dst)
	dst = slices.Grow(dst, most*(n+2))
	out := dst[:cap(dst)]
	var word uint64 // bits that are not written yet
	var filled uint32
	list, symbols := s.list[:n], s.symbols[:n]
	l, m, o := symbols[n-1].literals(), symbols[n-1].match(), symbols[n-1].offset()
	literal, match, offset := s.literals.first(l), s.matches.first(m), s.offsets.first(o) // states
	for i := n - 1; ; i-- {
		q := list[i]
		size := uint32(literalExtra[l]) & 31
		word |= uint64(q.literals()&(1<<size-1)) << (filled & 63)
		filled += size
		size = uint32(matchExtra[m]) & 31
		word |= uint64(q.match()&(1<<size-1)) << (filled & 63)
		filled += size
		word |= uint64(q.offset()&(1<<(o&31)-1)) << (filled & 63)
		filled += o
		if filled > 64-3*9 { // no room for the bits of three states
			binary.LittleEndian.PutUint64(out[at:at+8], word)
			at += int(filled >> 3)
			word >>= filled & 56
			filled &= 7
		}
		if i == 0 {
			break
		}
		x := symbols[i-1]
		l, m, o = x.literals(), x.match(), x.offset()
		before, size := s.offsets.next(offset, o)
		word |= uint64(offset&(1<<size-1)) << (filled & 63)
		filled += size
		offset = before
		before, size = s.matches.next(match, m)
		word |= uint64(match&(1<<size-1)) << (filled & 63)
		filled += size
		match = before
		before, size = s.literals.next(literal, l)
		word |= uint64(literal&(1<<size-1)) << (filled & 63)
		filled += size
		literal = before

		binary.LittleEndian.PutUint64(out[at:at+8], word)
		at += int(filled >> 3)
		word >>= filled & 56
		filled &= 7
	}
	w := bitWriter{out[:at], word, uint(filled)}
	w.add(match&(1<<s.matches.log-1), s.matches.log)
	w.add(offset&(1<<s.offsets.log-1), s.offsets.log)
	w.add(literal&(1<<s.literals.log-1), s.literals.log)
	w.add(1, 1)
	return w.close()
}

// Symbols and their extra bits are those of RFC 8878, 3.1.1.3.2.1.1. The extra
// bits are the lowest of the number; of an offset they are all but the highest.

func literalSymbol(n uint32) uint32 {
	if n < uint32(len(literalSymbols)) {
		return uint32(literalSymbols[n])
	}
	return uint32(bits.Len32(n)) - 7 + 25
}

func matchSymbol(n uint32) uint32 {
	if n < uint32(len(matchSymbols)) {
		return uint32(matchSymbols[n])
	}
	return uint32(bits.Len32(n)) - 8 + 43
}

func offsetSymbol(n uint32) uint32 { return uint32(bits.Len32(n)) - 1 }

var (
	literalExtra = [maxSymbols]uint8{
		16: 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	}
	matchExtra = [maxSymbols]uint8{
		32: 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	}
	literalSymbols = numbers[[64]uint8](&literalExtra)
	matchSymbols   = numbers[[128]uint8](&matchExtra)
)

// numbers is the symbol of each number, by the extra bits of each symbol.
func numbers[A [64]uint8 | [128]uint8](extra *[maxSymbols]uint8) (of A) {
	symbol := uint8(0)
	for n := 0; n < len(of); symbol++ {
		for range 1 << extra[symbol] {
			of[n] = symbol
			n++
		}
	}
	return of
}
