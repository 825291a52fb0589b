package mapping_test

import (
	"strings"
	"testing"
	"unicode"

	"sluice/mapping"
)

// A transform made twice is one made once, for whatever text and in whatever
// company: so a null value that transforms change can never be met, and check
// may refuse it.
func TestTransformsOnce(t *testing.T) {
	var texts []string
	for r := range unicode.MaxRune + 1 {
		if unicode.IsSpace(r) || unicode.ToLower(r) != r || unicode.ToUpper(r) != r {
			texts = append(texts, " "+string(r)+"x"+string(r)+"\u3000")
		}
	}
	all := []mapping.Transform{mapping.Trim, mapping.Lower, mapping.Upper}
	var orders [][]mapping.Transform
	for _, a := range all {
		orders = append(orders, []mapping.Transform{a})
		for _, b := range all {
			if b != a {
				orders = append(orders, []mapping.Transform{a, b}, []mapping.Transform{a, b, mapping.Trim + mapping.Lower + mapping.Upper - a - b})
			}
		}
	}
	for _, order := range orders {
		once := func(b []byte) []byte {
			for _, t := range order {
				b = t.Append(nil, b)
			}
			return b
		}
		for _, text := range texts {
			if first := string(once([]byte(text))); string(once([]byte(first))) != first {
				t.Fatalf("%v of %q is %q, and of that %q", order, text, first, once([]byte(first)))
			}
		}
	}
}

// docs/mapping.md lists the white space, and says what becomes of some letters.
func TestTransforms(t *testing.T) {
	const spaces = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
	for r := range unicode.MaxRune + 1 {
		if !unicode.IsPrint(r) && !unicode.IsSpace(r) && r < 0xd800 || r == 0x200b || r == 0xfeff || strings.ContainsRune(spaces, r) {
			got := string(mapping.Trim.Append(nil, []byte(string(r))))
			if trimmed := got == ""; trimmed != strings.ContainsRune(spaces, r) {
				t.Errorf("%U: trimmed %t", r, trimmed)
			}
		}
	}
	for _, c := range []struct {
		by       mapping.Transform
		in, want string
	}{
		{mapping.Lower, "ÀİΣ ΟΔΟΣ", "àiσ οδοσ"},
		{mapping.Upper, "straße ŉ ﬁ", "STRAßE ŉ ﬁ"},
		{mapping.Trim, "\u00a0 a b\u200b ", "a b\u200b"},
	} {
		if got := string(c.by.Append([]byte("-"), []byte(c.in))); got != "-"+c.want {
			t.Errorf("%s of %q is %q, want -%s", c.by, c.in, got, c.want)
		}
	}
}
