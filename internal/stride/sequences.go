package stride

import (
	"encoding/binary"
	"math/bits"
)

// sequences writes them: how many literals, how long a match and how far away
// its bytes are.
type sequences struct {
	literals, offsets fseTable
}

// append appends a sequences section (RFC 8878, 3.1.1.3.2): matches of the same
// length and offset, behind so many literals each. repeats says that the match
// before them had this offset, too.
func (s *sequences) append(dst []byte, lengths []int, match, offset int, repeats bool) []byte {
	n := len(lengths)
	switch {
	case n == 0:
		return append(dst, 0)
	case n < 128:
		dst = append(dst, byte(n))
	case n < 0x7F00:
		dst = append(dst, byte(n>>8+128), byte(n))
	default:
		dst = binary.LittleEndian.AppendUint16(append(dst, 255), uint16(n-0x7F00))
	}

	var counts [maxSymbols]int
	symbol, extra, size := literalLength(lengths[0])
	for i, length := range lengths {
		if i > 0 && length != lengths[i-1] {
			symbol, _, _ = literalLength(length)
		}
		counts[symbol]++
	}
	modes := len(dst)
	dst = append(dst, 0)
	dst, literalMode := s.literals.describe(dst, &counts, n)

	// The symbol 0 says that an offset is the one before. Another one is told,
	// larger by 3, as its highest bit and the bits below.
	clear(counts[:])
	counts[0] = n
	told := uint(offset + 3)
	toldSymbol := bits.Len(told) - 1
	if !repeats {
		counts[0]--
		counts[toldSymbol]++
	}
	dst, offsetMode := s.offsets.describe(dst, &counts, n)
	const one = 1
	dst = append(dst, byte(match-shortest))
	dst[modes] = literalMode<<6 | offsetMode<<4 | one<<2

	// The stream is read backwards, from the highest bit set on: the first
	// states, then of each sequence the extra bits of its offset and of its
	// literals, and the bits to the next states. So it is written from the last
	// sequence on.
	w := bitWriter{out: dst}
	var literal, repeat uint32 // states
	for i := n - 1; i >= 0; i-- {
		if i == n-1 || lengths[i] != lengths[i+1] {
			symbol, extra, size = literalLength(lengths[i])
		}
		o := 0
		if i == 0 && !repeats {
			o = toldSymbol
		}
		if i == n-1 {
			literal, repeat = s.literals.first(symbol), s.offsets.first(o)
		} else {
			var code uint32
			var bits uint
			repeat, code, bits = s.offsets.next(repeat, o)
			w.add(code, bits)
			literal, code, bits = s.literals.next(literal, symbol)
			w.add(code, bits)
		}
		w.add(extra, size)
		if o > 0 {
			w.add(uint32(told)-1<<o, uint(o))
		}
	}
	w.add(s.offsets.last(repeat))
	w.add(s.literals.last(literal))
	w.add(1, 1)
	return w.close()
}

// literalLength returns the symbol of a number of literals, and its extra bits
// (RFC 8878, 3.1.1.3.2.1.1).
func literalLength(n int) (symbol int, extra uint32, size uint) {
	switch {
	case n < 16:
		return n, 0, 0
	case n < 24:
		symbol, size = 16+(n-16)/2, 1
	case n < 32:
		symbol, size = 20+(n-24)/4, 2
	case n < 48:
		symbol, size = 22+(n-32)/8, 3
	case n < 64:
		symbol, size = 24, 4
	default:
		size = uint(bits.Len(uint(n)) - 1)
		symbol = int(size) - 6 + 25
	}
	return symbol, uint32(n) & (1<<size - 1), size
}
