package parquetfile

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// decodeHybrid reads the hybrid bit by bit, as the spec describes it.
func decodeHybrid(b []byte, width, count int) ([]uint32, error) {
	var values []uint32
	for len(values) < count {
		head, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, fmt.Errorf("no run after %d of %d values", len(values), count)
		}
		b = b[n:]
		run := int(head >> 1)
		if head&1 == 0 {
			var v uint32
			for i := range (width + 7) / 8 {
				v |= uint32(b[i]) << (8 * i)
			}
			b = b[(width+7)/8:]
			values = append(values, slices.Repeat([]uint32{v}, run)...)
			continue
		}
		for i := range run * 8 {
			var v uint32
			for bit := range width {
				at := i*width + bit
				v |= uint32(b[at/8]>>(at%8)&1) << bit
			}
			values = append(values, v)
		}
		b = b[run*width:]
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%d bytes too many", len(b))
	}
	for _, v := range values[count:] {
		if v != 0 {
			return nil, fmt.Errorf("%d after the last value", v)
		}
	}
	return values[:count], nil
}

func checkHybrid(t failer, values []uint32, width int) {
	prefix := []byte("before")
	for name, encode := range map[string]func([]byte, []uint32, int) []byte{"hybrid": appendHybrid, "packed": appendPacked} {
		b := encode(slices.Clone(prefix), values, width)
		if string(b[:len(prefix)]) != string(prefix) {
			t.Fatalf("%s changed the bytes before", name)
		}
		got, err := decodeHybrid(b[len(prefix):], width, len(values))
		if err != nil || !slices.Equal(got, values) {
			t.Fatalf("%s, width %d: %v, want %v: %v", name, width, got, values, err)
		}
	}
}

func TestHybrid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 32).Draw(t, "width")
		largest := uint32(1<<width - 1)
		values := []uint32{rapid.Uint32Max(largest).Draw(t, "first")}
		for range rapid.IntRange(0, 20).Draw(t, "runs") {
			v := rapid.Uint32Max(largest).Draw(t, "value")
			values = append(values, slices.Repeat([]uint32{v}, rapid.IntRange(1, 70).Draw(t, "count"))...)
		}
		checkHybrid(t, values, width)
	})
}

func TestHybridIsShort(t *testing.T) {
	constant := slices.Repeat([]uint32{5}, 10_000)
	if n := len(appendHybrid(nil, constant, 3)); n > 4 {
		t.Errorf("a constant takes %d bytes", n)
	}
	half := append(slices.Clone(constant), 1, 2, 3, 4, 5, 6, 7, 0, 1)
	if n := len(appendHybrid(nil, half, 3)); n > 14 {
		t.Errorf("a constant and nine values take %d bytes", n)
	}
}

func FuzzHybrid(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3}, byte(3))
	f.Add([]byte{1}, byte(1))
	f.Add([]byte("aaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbc"), byte(12))
	f.Fuzz(func(t *testing.T, data []byte, w byte) {
		if len(data) == 0 {
			return
		}
		var values []uint32
		for i, b := range data {
			values = append(values, uint32(b)<<(i%3*8*int(w>>5&1)))
		}
		width := max(1, bits.Len32(slices.Max(values)), int(w%33))
		checkHybrid(t, values, width)
	})
}
