package zstdpage

import "math/bits"

const (
	maxSymbols = 64  // more than there are
	maxStates  = 512 // the most that the format allows
)

// fseTable codes symbols by finite state entropy (RFC 8878, 4.1): each symbol
// has a share of the states, and the bits written lead from one to the next.
type fseTable struct {
	log     uint               // 1<<log states
	norm    [maxSymbols]int    // states of each symbol
	states  [maxStates]uint16  // the states of one symbol after another, in rising order
	symbols [maxSymbols]symbol // how to reach the states of each symbol
}

// symbol leads from a state to one that has the symbol.
type symbol struct {
	bits  uint32 // added to the state: the number of bits to write, in the upper half
	first uint32 // added to what is left of the state, modulo 1<<32: a place in states
}

// describe makes the table, of at most 1<<log states, for n symbols in total.
// It appends the description (RFC 8878, 3.1.1.3.2.1 and 4.1.1) and returns its
// mode.
func (t *fseTable) describe(dst []byte, counts *[maxSymbols]uint32, n int, log uint) ([]byte, byte) {
	const one, described = 1, 2
	for s, count := range counts {
		if int(count) == n {
			t.log, t.states[0], t.symbols[s] = 0, 0, symbol{}
			return append(dst, byte(s)), one
		}
	}
	t.log = max(5, min(log, uint(bits.Len(uint(n)))))
	t.normalize(counts, n)
	t.build()
	w := bitWriter{out: dst}
	w.add(uint32(t.log-5), 4)
	left := 1<<t.log + 1
	for s := 0; left > 1; s++ {
		// A value up to left takes as many bits as left does. There are more
		// codes than values, so the lowest values take a bit less.
		value, size := uint32(t.norm[s]+1), uint(bits.Len(uint(left)))
		spare, half := uint32(1)<<size-1-uint32(left), uint32(1)<<(size-1)
		switch {
		case value < spare:
			w.add(value, size-1)
		case value < half:
			w.add(value, size)
		default:
			w.add(value+spare, size)
		}
		left -= t.norm[s]
		if t.norm[s] != 0 {
			continue
		}
		// Zeros after a zero are counted, two bits at a time.
		zeros := uint32(0)
		for ; t.norm[s+1] == 0; s++ {
			zeros++
		}
		for ; zeros >= 3; zeros -= 3 {
			w.add(3, 2)
		}
		w.add(zeros, 2)
	}
	return w.close(), described
}

// normalize gives each symbol its share of the states, at least one.
func (t *fseTable) normalize(counts *[maxSymbols]uint32, n int) {
	symbols := 0
	for s, count := range counts {
		t.norm[s] = 0
		if count > 0 {
			symbols++
		}
	}
	t.log = max(t.log, uint(bits.Len(uint(symbols))))
	left := 1 << t.log
	for s, count := range counts {
		if count > 0 {
			t.norm[s] = max(1, int(count)<<t.log/n)
			left -= t.norm[s]
		}
	}
	for left != 0 { // the largest shares pay for the rounding
		most := 0
		for s, states := range t.norm {
			if states > t.norm[most] {
				most = s
			}
		}
		change := max(left, -t.norm[most]/2)
		t.norm[most] += change
		left -= change
	}
}

// build spreads the symbols over the states.
func (t *fseTable) build() {
	size := 1 << t.log
	var spread [maxStates]byte
	at := 0
	for s, n := range t.norm {
		for range n {
			spread[at] = byte(s)
			at = (at + size>>1 + size>>3 + 3) & (size - 1)
		}
	}
	var place [maxSymbols]int
	sum := 0
	for s, n := range t.norm {
		place[s] = sum
		if n > 0 {
			most := t.log - uint(bits.Len(uint(n-1)|1)) + 1 // bits to the next state
			t.symbols[s] = symbol{bits: uint32(most<<16) - uint32(n<<most), first: uint32(sum - n)}
		}
		sum += n
	}
	for state, s := range spread[:size] {
		t.states[place[s]] = uint16(size + state)
		place[s]++
	}
}

// first is a state of symbol s.
func (t *fseTable) first(s uint32) uint32 {
	c := t.symbols[s]
	size := (c.bits + 1<<15) >> 16
	return uint32(t.states[(size<<16-c.bits)>>size+c.first])
}

// next returns the state of symbol s from which a reader comes to this state,
// and how many of the lowest bits of this state a reader needs to do so.
func (t *fseTable) next(state, s uint32) (before uint32, size uint32) {
	c := &t.symbols[s&(maxSymbols-1)]
	size = (state + c.bits) >> 16 & 31
	return uint32(t.states[(state>>size+c.first)&(maxStates-1)]), size
}

// bitWriter appends bits, the first one lowest.
type bitWriter struct {
	out    []byte
	word   uint64
	filled uint
}

// add adds a value of at most 32 bits.
func (w *bitWriter) add(value uint32, size uint) {
	w.word |= uint64(value) << w.filled
	for w.filled += size; w.filled >= 8; w.filled -= 8 {
		w.out = append(w.out, byte(w.word))
		w.word >>= 8
	}
}

// close fills up the last byte with zeros.
func (w *bitWriter) close() []byte {
	if w.filled > 0 {
		w.out = append(w.out, byte(w.word))
	}
	return w.out
}
