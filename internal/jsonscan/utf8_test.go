package jsonscan

import (
	"math/rand/v2"
	"testing"
	"unicode/utf8"
)

func TestValidUTF8(t *testing.T) {
	// Every first and second byte, at every place of a word, whole and cut off.
	for first := range 256 {
		for second := range 256 {
			for at := range 9 {
				b := make([]byte, 12+Padding)
				for i := range 12 {
					b[i] = 'a'
				}
				b[at], b[at+1] = byte(first), byte(second)
				for _, to := range []int{at + 1, at + 2, 12} {
					if got, want := validUTF8(b, 0, to), utf8.Valid(b[:to]); got != want {
						t.Fatalf("% x: %t, want %t", b[:to], got, want)
					}
				}
			}
		}
	}
	// Texts of longer sequences, and with a byte changed.
	letters := []rune("aé€😀ßжñ漢")
	r := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		var text []byte
		for range r.IntN(12) {
			text = utf8.AppendRune(text, letters[r.IntN(1+r.IntN(len(letters)))])
		}
		if len(text) > 0 && r.IntN(2) == 0 {
			text[r.IntN(len(text))] ^= 1 << r.IntN(8)
		}
		b := append(append([]byte("x"), text...), make([]byte, Padding)...)
		copy(b[1+len(text):], "\xc3\xa9") // what follows does not matter
		if got, want := validUTF8(b, 1, 1+len(text)), utf8.Valid(text); got != want {
			t.Fatalf("% x: %t, want %t", text, got, want)
		}
	}
}
