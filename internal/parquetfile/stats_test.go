package parquetfile

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCutHigh(t *testing.T) {
	a63 := strings.Repeat("a", 63)
	for _, c := range []struct{ name, text, want string }{
		{"short", "abc", "abc"},
		{"64 bytes", a63 + "z", a63 + "z"},
		{"long", a63 + "bc", a63 + "c"},
		{"cut between characters", a63 + "éé", a63[:62] + "b"},
		{"grows a byte", a63 + "\x7fx", a63 + "\u0080"},
		{"before the surrogates", a63[:61] + "\ud7ffx", a63[:61] + "\ue000"},
		{"last character", a63[:60] + "\U0010ffffx", a63[:59] + "b"},
		{"only last characters", strings.Repeat("\U0010ffff", 17), strings.Repeat("\U0010ffff", 17)},
		{"no text", strings.Repeat("\xff", 70), strings.Repeat("\xff", 70)},
	} {
		if got := string(appendCutHigh(nil, []byte(c.text))); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestCutBoundsHoldTheText(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'z', 0x7f, 'é', 0x7ff, 0x800, 0xd7ff, 0xffff, 0x10000, 0x10ffff}), 0, 80, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := []byte(text.Draw(t, "a")), []byte(text.Draw(t, "b"))
		low, high := cutLow(a), appendCutHigh(nil, a)
		checkTextBounds(t, low, high, a, a)
		if !utf8.Valid(low) || !utf8.Valid(high) {
			t.Fatalf("%q and %q are no text", low, high)
		}
		// boundaryOrder relies on it:
		if bytes.Compare(a, b) <= 0 && (bytes.Compare(low, cutLow(b)) > 0 || bytes.Compare(high, appendCutHigh(nil, b)) > 0) {
			t.Fatalf("cutting %q and %q turns their order", a, b)
		}
	})
}
