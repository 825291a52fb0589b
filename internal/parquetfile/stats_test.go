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
		{"behind last characters", strings.Repeat("\U0010ffff", 17) + "ab", strings.Repeat("\U0010ffff", 17) + "b"},
		{"no text", strings.Repeat("\xff", 70), strings.Repeat("\xff", 70)},
		{"no text in it", "a" + strings.Repeat("\xff", 70), "b"},
	} {
		if bound, ok := appendCutHigh(nil, []byte(c.text)); string(bound) != c.want || !ok {
			t.Errorf("%s: %q, want %q", c.name, bound, c.want)
		}
	}
}

func TestCutBoundsHoldTheText(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'z', 0x7f, 'é', 0x7ff, 0x800, 0xd7ff, 0xffff, 0x10000, 0x10ffff}), 0, 80, -1)
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(text.Draw(t, "text"))
		low := cutLow(text)
		high, ok := appendCutHigh(nil, text)
		if bytes.Compare(low, text) > 0 || len(low) > indexBytes || !utf8.Valid(low) {
			t.Fatalf("%q is cut to %q", text, low)
		}
		if !ok {
			if !bytes.HasPrefix(text, bytes.Repeat([]byte("\U0010ffff"), longestBound/utf8.UTFMax)) {
				t.Fatalf("%q has no bound", text)
			}
			return
		}
		if bytes.Compare(high, text) < 0 || len(high) > longestBound+utf8.UTFMax || !utf8.Valid(high) {
			t.Fatalf("%q is raised to %q", text, high)
		}
	})
}
