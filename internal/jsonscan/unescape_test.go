package jsonscan

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestUnescapeIsTotal: whatever escapes a string has that String reads, its
// value is that of encoding/json, which makes U+FFFD of half a surrogate pair.
func TestUnescapeIsTotal(t *testing.T) {
	pieces := rapid.SliceOfN(rapid.SampledFrom([]string{
		`\ud800`, `\udbff`, `\udc00`, `\uDFFF`, `\u0041`, `\ufffd`, `\n`, `\"`, `\\`, `\\u`, "a", "é", "u", "dc00",
	}), 0, 6)
	rapid.Check(t, func(t *rapid.T) {
		raw := strings.Join(pieces.Draw(t, "pieces"), "")
		text := append([]byte(`"`+raw+`"`), make([]byte, Padding)...)
		end, _, flags := String(text, 1)
		if end != len(raw)+1 {
			t.Fatalf("String stops at %d of %q", end, raw)
		}
		var want string
		if err := json.Unmarshal(text[:end+1], &want); err != nil {
			t.Fatal(err)
		}
		// A slice without room behind it: nothing after the string is read.
		if got := Unescape(nil, []byte(raw)); flags != 0 && string(got) != want {
			t.Fatalf("%q is %q, want %q", raw, got, want)
		}
	})
}
