package stride

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// kinds are values as columns have them, and their width.
var kinds = map[string]func(r *rand.Rand, n int) (values []byte, width int){
	"times": func(r *rand.Rand, n int) (values []byte, width int) {
		at := uint64(1_700_000_000_000_000)
		for range n {
			at += r.Uint64N(72) * 1_000_000
			values = binary.LittleEndian.AppendUint64(values, at)
		}
		return values, 8
	},
	"amounts": func(r *rand.Rand, n int) (values []byte, width int) {
		for range n {
			values = binary.LittleEndian.AppendUint64(values, r.Uint64N(300_000)*100)
		}
		return values, 8
	},
	"identifiers": func(r *rand.Rand, n int) (values []byte, width int) {
		for range n {
			values = binary.LittleEndian.AppendUint32(values, 14)
			values = fmt.Appendf(values, "P-%012d", r.Uint64N(1e12))
		}
		return values, 18
	},
	"uuids": func(r *rand.Rand, n int) (values []byte, width int) {
		for range n {
			values = binary.LittleEndian.AppendUint32(values, 36)
			values = fmt.Appendf(values, "%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.Uint32N(1<<16), r.Uint32N(1<<12), r.Uint32N(1<<12), r.Uint64N(1<<48))
		}
		return values, 40
	},
	"wide decimals": func(r *rand.Rand, n int) (values []byte, width int) {
		for range n {
			values = append(values, 0, 0, 0, 0, 0, 0, 0, 0)
			values = binary.BigEndian.AppendUint64(values, r.Uint64N(1<<40))
		}
		return values, 16
	},
}

// Frames are smaller than what a match finder makes of the same values, and
// hold them.
func TestKinds(t *testing.T) {
	finder := newFinder(t)
	for name, kind := range kinds {
		for _, n := range []int{2_000, 20_000, 100_000} {
			values, width := kind(rand.New(rand.NewPCG(1, uint64(n))), n)
			frame := frame(t, values, 0, width)
			if other := finder.EncodeAll(values, nil); len(frame) == 0 || len(frame) > len(other) {
				t.Errorf("%d %s, %d bytes: a frame of %d bytes, that of the match finder has %d", n, name, len(values), len(frame), len(other))
			}
		}
	}
}

// frame compresses a page, decompresses it and compares. It is empty if the
// page was refused.
func frame(t *testing.T, page []byte, head, width int) []byte {
	t.Helper()
	out, ok := new(Encoder).Append([]byte("before"), page, head, width)
	frame, kept := bytes.CutPrefix(out, []byte("before"))
	if !kept || ok == (len(frame) == 0) {
		t.Fatalf("page of %d bytes, width %d: %t, and %d bytes", len(page), width, ok, len(out))
	}
	if !ok {
		return nil
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	back, err := d.DecodeAll(frame, nil)
	if err != nil || !bytes.Equal(back, page) {
		t.Fatalf("page of %d bytes, head %d, width %d: %d bytes came back, %v", len(page), head, width, len(back), err)
	}
	return frame
}

func newFinder(t testing.TB) *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithAllLitEntropyCompression(true), zstd.WithWindowSize(1<<18))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRefused(t *testing.T) {
	values, width := kinds["amounts"](rand.New(rand.NewPCG(1, 1)), 1000)
	noise := make([]byte, 8000)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for name, c := range map[string]struct {
		page        []byte
		head, width int
	}{
		"empty":             {nil, 0, 8},
		"few values":        {values[:15*width], 0, width},
		"half a value":      {values[:len(values)-1], 0, width},
		"head too long":     {append(make([]byte, maxBlock), values...), maxBlock, width},
		"width too small":   {values, 0, 2},
		"width too large":   {values, 0, 80},
		"nothing in common": {noise, 0, 8},
	} {
		if frame := frame(t, c.page, c.head, c.width); frame != nil {
			t.Errorf("%s: a frame of %d bytes", name, len(frame))
		}
	}
}

// All values alike, none from some place on, blocks that do not shrink, and
// everything between.
func FuzzAppend(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed, uint8(seed), uint8(3*seed), uint16(1<<(seed%16)), uint8(seed*7))
	}
	f.Fuzz(func(t *testing.T, seed uint64, width, head uint8, n uint16, odd uint8) {
		w := 1 + int(width)%(maxWidth+2)
		r := rand.New(rand.NewPCG(seed, 1))
		page := make([]byte, head, int(head)+int(n)*w)
		value := make([]byte, w)
		alphabet := 1 + r.IntN(256)
		for i := range int(n) {
			from := r.IntN(w + 1)
			if uint8(r.Uint32()) >= odd {
				from = max(from, w/2)
			}
			if i > int(n)/2 && odd&1 == 1 {
				from = 0 // the second half has little in common
			}
			for j := from; j < w; j++ {
				value[j] = byte(r.IntN(alphabet))
			}
			page = append(page, value...)
		}
		frame(t, page, int(head), w)
	})
}

// An encoder that is used again makes the same frames.
func TestReused(t *testing.T) {
	var e Encoder
	for round := range 2 {
		for name, kind := range kinds {
			values, width := kind(rand.New(rand.NewPCG(1, 1)), 5000)
			got, _ := e.Append(nil, values, 0, width)
			if want := frame(t, values, 0, width); !bytes.Equal(got, want) {
				t.Errorf("round %d, %s: %d bytes, a new encoder makes %d", round, name, len(got), len(want))
			}
		}
	}
}

func TestLiteralLength(t *testing.T) {
	// Codes of RFC 8878, table 15 (3.1.1.3.2.1.1): the smallest number and the bits of each.
	table := []struct{ symbol, from, bits int }{
		{16, 16, 1}, {17, 18, 1}, {18, 20, 1}, {19, 22, 1}, {20, 24, 2}, {21, 28, 2}, {22, 32, 3}, {23, 40, 3},
		{24, 48, 4}, {25, 64, 6}, {26, 128, 7}, {27, 256, 8}, {28, 512, 9}, {29, 1024, 10}, {30, 2048, 11},
		{31, 4096, 12}, {32, 8192, 13}, {33, 16384, 14}, {34, 32768, 15}, {35, 65536, 16},
	}
	for n := range 16 {
		if s, _, size := literalLength(n); s != n || size != 0 {
			t.Errorf("%d literals: symbol %d with %d bits", n, s, size)
		}
	}
	for _, c := range table {
		for _, n := range []int{c.from, c.from + 1<<c.bits - 1} {
			if s, extra, size := literalLength(n); s != c.symbol || int(size) != c.bits || int(extra) != n-c.from {
				t.Errorf("%d literals: symbol %d, %d in %d bits; want %d, %d in %d", n, s, extra, size, c.symbol, n-c.from, c.bits)
			}
		}
	}
}
