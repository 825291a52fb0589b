package zstdpage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// widths are the widths of the numbers among kinds.
var widths = map[string]int{"times": 8, "amounts": 8, "wide decimals": 16, "one value": 8}

// kinds are pages of n values each, as columns have them.
var kinds = map[string]func(r *rand.Rand, n int) []byte{
	"times": func(r *rand.Rand, n int) (values []byte) {
		at := uint64(1_700_000_000_000_000)
		for range n {
			at += r.Uint64N(72) * 1_000_000
			values = binary.LittleEndian.AppendUint64(values, at)
		}
		return values
	},
	"amounts": func(r *rand.Rand, n int) (values []byte) {
		for range n {
			values = binary.LittleEndian.AppendUint64(values, r.Uint64N(300_000)*100)
		}
		return values
	},
	"identifiers": func(r *rand.Rand, n int) (values []byte) {
		for range n {
			values = binary.LittleEndian.AppendUint32(values, 14)
			values = fmt.Appendf(values, "P-%012d", r.Uint64N(1e12))
		}
		return values
	},
	"uuids": func(r *rand.Rand, n int) (values []byte) {
		for range n {
			values = binary.LittleEndian.AppendUint32(values, 36)
			values = fmt.Appendf(values, "%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.Uint32N(1<<16), r.Uint32N(1<<12), r.Uint32N(1<<12), r.Uint64N(1<<48))
		}
		return values
	},
	"wide decimals": func(r *rand.Rand, n int) (values []byte) {
		for range n {
			values = append(values, 0, 0, 0, 0, 0, 0, 0, 0)
			values = binary.BigEndian.AppendUint64(values, r.Uint64N(1<<40))
		}
		return values
	},
	"addresses": func(r *rand.Rand, n int) (values []byte) {
		streets := []string{"Main Street", "Oak Avenue", "Rue de l'Église", "Kirchweg", "Hauptstraße", "Elm Road"}
		towns := []string{"Boston, MA 02108", "Austin, TX 78701", "8001 Zürich", "75001 Paris", "10115 Berlin"}
		for range n {
			text := fmt.Sprintf("%d %s, %s", 1+r.IntN(9999), streets[r.IntN(len(streets))], towns[r.IntN(len(towns))])
			values = binary.LittleEndian.AppendUint32(values, uint32(len(text)))
			values = append(values, text...)
		}
		return values
	},
	"packed indices": func(r *rand.Rand, n int) (values []byte) {
		for range n {
			values = append(values, byte(r.Uint32()), byte(r.Uint32()))
		}
		return values
	},
	"runs": func(r *rand.Rand, n int) (values []byte) {
		for i := range n {
			values = append(values, byte(2*(1+r.IntN(8))), byte(i), byte(i>>8))
		}
		return values
	},
	"one value": func(_ *rand.Rand, n int) []byte { return make([]byte, 8*n) },
}

// Frames hold the pages, and are hardly ever larger than those of a library.
func TestKinds(t *testing.T) {
	library := newLibrary(t)
	for name, kind := range kinds {
		for _, n := range []int{1, 10, 100, 1_000, 20_000, 300_000} {
			page := kind(rand.New(rand.NewPCG(1, uint64(n))), n)
			frame, other := compress(t, page, widths[name]), library.EncodeAll(page, nil)
			if len(frame) > len(other)+len(other)/20+16 {
				t.Errorf("%d %s, %d bytes: a frame of %d bytes, that of the library has %d", n, name, len(page), len(frame), len(other))
			}
		}
	}
}

// compress compresses a page, decompresses it and compares.
func compress(t *testing.T, page []byte, width int) []byte {
	t.Helper()
	frame, kept := bytes.CutPrefix(new(Encoder).Append([]byte("before"), page, width), []byte("before"))
	if !kept {
		t.Fatalf("page of %d bytes: what stood before it is gone", len(page))
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	back, err := d.DecodeAll(frame, nil)
	if err != nil || !bytes.Equal(back, page) {
		t.Fatalf("page of %d bytes: %d bytes came back, %v", len(page), len(back), err)
	}
	return frame
}

func newLibrary(t testing.TB) *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithAllLitEntropyCompression(true), zstd.WithSingleSegment(true), zstd.WithWindowSize(1<<18))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// An encoder that is used again makes the same frames.
func TestReused(t *testing.T) {
	var e Encoder
	for round := range 2 {
		for name, kind := range kinds {
			page := kind(rand.New(rand.NewPCG(1, 1)), 5000)
			if got, want := e.Append(nil, page, widths[name]), compress(t, page, widths[name]); !bytes.Equal(got, want) {
				t.Errorf("round %d, %s: %d bytes, a new encoder makes %d", round, name, len(got), len(want))
			}
		}
	}
}

// Sizes at which the frame header, blocks or the way of coding change.
func TestSizes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, 3*maxBlock+100)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	text := bytes.Repeat([]byte("a line of text, "), len(noise)/16)
	for _, border := range []int{0, 1, 24, 32, 64, 255, 256, 1023, 1024, 4095, 4096, 256 + 1<<16, maxBlock, 2 * maxBlock, 3 * maxBlock} {
		for n := max(0, border-2); n < border+3; n++ {
			for _, width := range []int{0, 4, 8, 16} {
				compress(t, noise[:n], width)
				compress(t, text[:n], width)
				compress(t, append(bytes.Clone(noise[:n/2]), text[:n-n/2]...), width)
				compress(t, append(bytes.Clone(text[:n/2]), noise[:n-n/2]...), width)
				compress(t, append(bytes.Clone(noise[:n/2]), noise[:n-n/2]...), width)
			}
		}
	}
}

// A slot of the table counts positions modulo 1<<20.
func TestFarMatches(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	text := make([]byte, 5000)
	for i := range text {
		text[i] = byte(r.Uint32())
	}
	for _, distance := range []int{1<<20 - 1, 1 << 20, 1<<20 + 1, 1<<21 - 1, 1 << 21, 3 << 20} {
		compress(t, append(append(bytes.Clone(text), make([]byte, distance-len(text))...), text...), 0)
	}
}

// FuzzAppend compresses pages of literals and copies of all lengths and distances.
func FuzzAppend(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed, uint32(1)<<(seed%19), uint8(seed*7), uint8(seed), []byte("some text"))
	}
	f.Fuzz(func(t *testing.T, seed uint64, size uint32, alphabet, copies uint8, text []byte) {
		r := rand.New(rand.NewPCG(seed, 1))
		page := bytes.Clone(text)
		for len(page) < int(size%(1<<19)) {
			if len(page) > 0 && uint8(r.Uint32()) < copies {
				distance := 1 + r.IntN(min(len(page), 1<<r.IntN(20)))
				for range r.IntN(1 << r.IntN(13)) {
					page = append(page, page[len(page)-distance])
				}
			}
			for range r.IntN(1 << r.IntN(9)) {
				page = append(page, byte(r.IntN(1+int(alphabet))))
			}
		}
		compress(t, page, []int{0, 0, 4, 8, 16}[seed%5])
	})
}

// Codes of RFC 8878, tables 15 and 17: the smallest number of each symbol, and
// its extra bits.
func TestSymbols(t *testing.T) {
	type row struct{ symbol, from, bits uint32 }
	literals := []row{
		{16, 16, 1}, {17, 18, 1}, {18, 20, 1}, {19, 22, 1}, {20, 24, 2}, {21, 28, 2}, {22, 32, 3}, {23, 40, 3},
		{24, 48, 4}, {25, 64, 6}, {26, 128, 7}, {27, 256, 8}, {28, 512, 9}, {29, 1024, 10}, {30, 2048, 11},
		{31, 4096, 12}, {32, 8192, 13}, {33, 16384, 14}, {34, 32768, 15}, {35, 65536, 16},
	}
	matches := []row{ // less 3
		{32, 32, 1}, {33, 34, 1}, {34, 36, 1}, {35, 38, 1}, {36, 40, 2}, {37, 44, 2}, {38, 48, 3}, {39, 56, 3},
		{40, 64, 4}, {41, 80, 4}, {42, 96, 5}, {43, 128, 7}, {44, 256, 8}, {45, 512, 9}, {46, 1024, 10}, {47, 2048, 11},
		{48, 4096, 12}, {49, 8192, 13}, {50, 16384, 14}, {51, 32768, 15}, {52, 65536, 16},
	}
	check := func(what string, direct uint32, table []row, symbol func(uint32) uint32, extra *[maxSymbols]uint8) {
		for n := range direct {
			table = append(table, row{n, n, 0})
		}
		for _, c := range table {
			for _, n := range []uint32{c.from, c.from + 1<<c.bits - 1} {
				if s := symbol(n); s != c.symbol || uint32(extra[s]) != c.bits {
					t.Errorf("%s %d: symbol %d with %d bits; want %d with %d", what, n, s, extra[s], c.symbol, c.bits)
				}
				if low := n & (1<<c.bits - 1); low != n-c.from {
					t.Errorf("%s %d: its lowest %d bits are not what it is above %d", what, n, c.bits, c.from)
				}
			}
		}
	}
	check("literals", 16, literals, literalSymbol, &literalExtra)
	check("match", 32, matches, matchSymbol, &matchExtra)
}

// Whatever the counts, each symbol that occurs has a state, and there are as
// many states as the table says.
func FuzzNormalize(f *testing.F) {
	f.Add([]byte{1, 1}, uint8(9))
	f.Add(bytes.Repeat([]byte{16, 0}, 26), uint8(5))
	f.Add(append(bytes.Repeat([]byte{1}, 52), 255), uint8(5))
	f.Fuzz(func(t *testing.T, counts []byte, log uint8) {
		var table fseTable
		var of [maxSymbols]uint32
		n := 0
		for i, c := range counts[:min(len(counts), 53)] {
			of[i] = uint32(c) * uint32(c)
			n += int(of[i])
		}
		if n == 0 {
			return
		}
		table.log = 5 + uint(log)%5
		table.normalize(&of, n)
		sum := 0
		for s, states := range table.norm {
			if (of[s] > 0) != (states > 0) {
				t.Errorf("symbol %d stands %d times and has %d states", s, of[s], states)
			}
			sum += states
		}
		if sum != 1<<table.log || bits.OnesCount(uint(sum)) != 1 {
			t.Errorf("%d states of a table of %d bits", sum, table.log)
		}
	})
}
