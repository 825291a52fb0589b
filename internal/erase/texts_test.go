package erase

import (
	"bytes"
	"io"
	"testing"

	"sluice/internal/upkeep"
	"sluice/mapping"
)

func TestTexts(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte(`
table: t
columns:
  - {name: email, path: $.customer.email, type: string}
  - {name: tags, path: "$.tags", type: "list<string>"}
  - {name: number, path: $.customer.number, type: int64}
  - {name: total, path: $.total, type: "decimal(10,2)"}
`))
	if err != nil {
		t.Fatal(err)
	}
	all := newTexts(m, []upkeep.Condition{{Column: "email", Value: `a"ü@example.com`}, {Column: "number", Value: "17"}, {Column: "total", Value: "1.50"}, {Column: "tags", Value: "vip"}})
	for text, want := range map[string]bool{
		`{"x":"a\"ü@example.com"}`:               true,
		`{"x":"a\u0022\u00fc\u0040example.com"}`: true,
		`{"a\"ü@example.com":1}`:                 true,
		`"a\"ü@example.com"`:                     true,
		`{"x":"to a\"ü@example.com"}`:            false,
		`{"x":"a\"ü@example.co"}`:                false,
		`{"number":17}`:                          true,
		`{"number" : "17" }`:                     true,
		`{"number":17.0,"x":1}`:                  true,
		`{"number":170}`:                         false,
		`{"other":17}`:                           false,
		`[17]`:                                   false,
		`{"total":1.5}`:                          true,
		`{"total":"1.50"}`:                       true,
		`{"total":1.51}`:                         false,
		`{"tags":["x","vip"]}`:                   true,
		`{"number":[1,17]}`:                      true,
		`not json, "a\"ü@example.com" somewhere`: true,
		`{"cut":"off","customer":{"number":17`:   true,
		`{"cut":"a\"ü@example.com`:               false,
		"{\"x\":\"line\nbreak\",\"number\":17}":  true,
	} {
		if got := all.has([]byte(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
		one := all.fresh()
		for i := range len(text) {
			if _, err := one.Write([]byte{text[i]}); err != nil {
				t.Fatal(err)
			}
		}
		if one.end(); one.Found != want {
			t.Errorf("%s, byte by byte: %v", text, one.Found)
		}
	}
}

// Whatever the text, what is not cut is copied, and nothing is written that was not there.
func FuzzCutter(f *testing.F) {
	f.Add([]byte("[{\"a\":1},\n {\"b\":[\"]\"]}]"), uint16(1), uint16(10))
	f.Add([]byte("{\"a\":1}\n{\"b\":2}\n"), uint16(0), uint16(8))
	f.Add([]byte("12 13"), uint16(0), uint16(3))
	f.Fuzz(func(t *testing.T, text []byte, a, b uint16) {
		var whole bytes.Buffer
		none := &cutter{to: &whole}
		if _, err := none.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := none.end(); err != nil || !bytes.Equal(whole.Bytes(), text) {
			t.Fatalf("%q became %q, %v", text, whole.Bytes(), err)
		}
		if a > b {
			a, b = b, a
		}
		var out bytes.Buffer
		c := &cutter{to: &out, cuts: []span{{offset: int64(a)}, {offset: int64(b)}}}
		_, err := c.Write(text)
		if err == nil {
			err = c.end()
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			t.Fatal(err)
		}
		// It is a subsequence of the text.
		rest := text
		for _, w := range out.Bytes() {
			i := bytes.IndexByte(rest, w)
			if i < 0 {
				t.Fatalf("%q became %q", text, out.Bytes())
			}
			rest = rest[i+1:]
		}
	})
}
