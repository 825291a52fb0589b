package flatten

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/mapping"
)

// A number that is written in a format, with a currency beside it, is the same
// number as JSON writes it.
func TestNumbersAsPeopleWriteThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		format := mapping.NumberFormat(rapid.IntRange(1, len(separatorsOf)-1).Draw(t, "format"))
		s := separatorsOf[format]
		json := strings.TrimRight(number().Filter(func(s string) bool { return !strings.ContainsAny(s, "eE") }).Draw(t, "json"), ".")
		minus, digits := "", json
		if json[0] == '-' {
			minus, digits = "-", json[1:]
		}
		whole, fraction, has := strings.Cut(digits, ".")
		if rapid.Bool().Draw(t, "grouped") {
			for i := len(whole) - 3; i > 0; i -= 3 {
				whole = whole[:i] + string(rapid.SampledFrom([]rune(s.group)).Draw(t, "separator")) + whole[i:]
			}
		}
		if has {
			whole += string(s.point) + fraction
		}
		currency := rapid.SampledFrom([]string{"$", "€", "USD", "₿"}).Draw(t, "currency")
		blank := rapid.StringOfN(rapid.RuneFrom([]rune(blanks)), 0, 2, -1).Draw(t, "blank")
		text := rapid.SampledFrom([]string{minus + currency + blank + whole, currency + blank + minus + whole, minus + whole + blank + currency, minus + whole}).Draw(t, "text")

		l := &leaf{Column: mapping.Column{NumberFormat: format, Symbol: true}}
		f := &Flattener{}
		if got := string(f.jsonNumber(l, token{text: []byte(text)}).text); got != json {
			t.Fatalf("%s in format %s is read as %s, want %s", text, format, got, json)
		}
		if _, ok := wholeNumber(f.jsonNumber(l, token{text: []byte(text)}).text); !ok {
			t.Fatalf("%s is no number", text)
		}
	})
}
