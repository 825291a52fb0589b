package jsonscan

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestDigits compares with a loop over the bytes.
func TestDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.OneOf(rapid.ByteRange('0', '9'), rapid.ByteRange('0', '9'), rapid.Byte()), 8, 8).Draw(t, "bytes")
		n := 0
		for n < 8 && b[n] >= '0' && b[n] <= '9' {
			n++
		}
		want, _ := strconv.ParseUint(string(b[:n]), 10, 64)
		if value, got := Digits(b, 0); got != n || value != want {
			t.Fatalf("%q: %d, %d digits; want %d, %d", b, value, got, want, n)
		}
	})
}
