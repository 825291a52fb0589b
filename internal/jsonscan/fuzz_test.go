package jsonscan

import (
	"bytes"
	"encoding/json"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"sluice/internal/rejection"
	"sluice/reason"
)

// pad copies s in front of the padding that the scanner wants.
func pad(s []byte) []byte { return append(append([]byte(nil), s...), make([]byte, Padding)...) }

// seeds are documents at the edges of the grammar.
var seeds = []string{
	``, ` `, `0`, `-0`, `-`, `01`, `1.`, `.1`, `1e`, `1e+`, `1E-2`, `1.5e3`, `+1`, `0x1`, `NaN`, `1 2`,
	`"`, `""`, `"a`, `"\"`, `"\u12"`, `"\u00e9"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00"`, `"\ud83d\u0041"`, `"\x"`, "\"\t\"", "\"\xff\"", "\"\xc3\xa9 long enough for words \xe2\x82\xac\"",
	`"exactly8"`, `"sixteen bytes 16"`, `"a\\b\/c\b\f\n\r\t"`,
	`true`, `tru`, `false`, `null`, `nul`, `truex`,
	`[]`, `[`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `[[[]]]`, `[}`,
	`{}`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{"a" : 1 , "b":[{"c":null}]}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":{"a":1}}`,
	"\x00", "[1]\x00", "\ufeff{}", `{"k":"v"}{"k":"v"}`,
}

// FuzzValue compares the skipper and the streaming validator with
// encoding/json, and where they find an end with Skim.
func FuzzValue(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		const depth = 1000
		if bytes.Count(doc, []byte("["))+bytes.Count(doc, []byte("{")) > depth {
			return // encoding/json has another limit
		}
		b := pad(doc)
		s := Skipper{MaxDepth: depth}
		end := s.Value(b, min(Space(b, 0), len(doc)), 0)
		valid := end >= 0 && end <= len(doc) && Space(b, end) >= len(doc)
		if want := json.Valid(doc); valid != want {
			t.Fatalf("Skipper says valid=%v, encoding/json says %v: %q", valid, want, doc)
		}
		if end < 0 && -1-end > len(doc)+8 {
			t.Fatalf("failure at %d, far behind the end %d", -1-end, len(doc))
		}
		switch skimmed := Skim(b, min(Space(b, 0), len(doc)), depth); {
		case valid && skimmed != end:
			t.Fatalf("Skim finds the end at %d, Skipper at %d: %q", skimmed, end, doc)
		case skimmed > len(doc)+8 || -1-skimmed > len(doc)+8:
			t.Fatalf("Skim goes to %d, far behind the end %d", skimmed, len(doc))
		}
		streamed, tail := validate(doc)
		if streamed != valid {
			t.Fatalf("Validator says valid=%v, Skipper says %v (%q left): %q", streamed, valid, tail, doc)
		}
		if valid && s.Found == "" {
			checkTokens(t, doc)
		}
		if valid && !utf8.Valid(doc) && s.Found != reason.InvalidUTF8 && s.Found != reason.InvalidUnicode {
			t.Fatalf("invalid UTF-8 not found: %q", doc)
		}
	})
}

// validate feeds doc to a Validator in pieces of 1, 2, 3 ... bytes.
func validate(doc []byte) (valid bool, rest []byte) {
	v := Validator{MaxDepth: 1000}
	rest = append(append([]byte(nil), doc...), ' ') // ends a number
	for n := 1; len(rest) > 0; n++ {
		used, done, ok := v.Feed(rest[:min(n, len(rest))])
		rest = rest[used:]
		if !ok {
			return false, rest
		}
		if done {
			return len(bytes.Trim(rest, " \t\r\n")) == 0, rest
		}
	}
	return false, nil
}

// checkTokens compares every string and number with what encoding/json makes of it.
func checkTokens(t *testing.T, doc []byte) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	b := pad(doc)
	for p := 0; ; {
		tok, err := dec.Token()
		if err != nil {
			return
		}
		for b[p] <= ' ' || b[p] == ':' || b[p] == ',' {
			p++
		}
		switch tok := tok.(type) {
		case string:
			end, hash, flags := String(b, p+1)
			raw := b[p+1 : end]
			if got := string(Unescape(nil, raw)); got != tok {
				t.Fatalf("string %q: got %q, want %q", raw, got, tok)
			}
			if hash != Hash(raw) {
				t.Fatalf("string %q: String and Hash disagree", raw)
			}
			if flags&Escaped == 0 && string(raw) != tok {
				t.Fatalf("string %q has an escape that was not flagged", raw)
			}
			p = end + 1
		case json.Number:
			end, num := ScanNumber(b, p)
			if string(b[p:end]) != tok.String() {
				t.Fatalf("number: got %q, want %q", b[p:end], tok)
			}
			if i, err := tok.Int64(); err == nil && num.Integer() && num.Digits < 19 {
				if got := int64(num.Mantissa); got != i && -got != i {
					t.Fatalf("number %s: got mantissa %d", tok, got)
				}
			}
			p = end
		case json.Delim:
			p++
		case bool, nil:
			word := map[any]string{true: "true", false: "false", nil: "null"}[tok]
			if p = Literal(b, p, word); p < 0 {
				t.Fatalf("literal %s not found", word)
			}
		}
	}
}

// FuzzQuoted shows that a quoted text reads back, byte for byte.
func FuzzQuoted(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\x1f\"\\ é € 😀 \u2028")
	f.Fuzz(func(t *testing.T, s string) {
		q := AppendQuoted(nil, s)
		var got string
		if err := json.Unmarshal(q, &got); err != nil {
			t.Fatalf("%q is no JSON: %v", q, err)
		}
		if utf8.ValidString(s) && got != s {
			t.Fatalf("%q came back as %q", s, got)
		}
		if q2 := AppendQuoted(nil, []byte(s)); !bytes.Equal(q, q2) {
			t.Fatalf("string and bytes give %q and %q", q, q2)
		}
	})
}

// FuzzRecords shows that how the stream is cut into reads changes nothing,
// and that every byte but separators is part of some record or of a reject.
func FuzzRecords(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	for _, s := range []string{
		"{\"a\":1}\n{\"b\"\n{\"c\":3}\n", "[{\"a\":1},{\"b\":2}]", `{"orders":[{"a":1},2],"x":[3]}{"orders":[]}`, "x\n{\"a\":1}\n", "[{}", "[{},]", "[12,345]", "{}\n123\n4", "8 " + string(bytes.Repeat([]byte("7"), 200)) + "-" + string(bytes.Repeat([]byte("7"), 90)) + "y", "[" + string(bytes.Repeat([]byte("1"), 99)) + ",2]", `{"orders":[1],"orders":[2]}`,
		"{\n\"a\": 1\n}\n{\"b\":2}", "{\"a\":1}\r{\"b\":\r{\"c\":2}", "{\"a\":[]x" + string(bytes.Repeat([]byte("]"), 80)) + "\r\r" + string(bytes.Repeat([]byte("]"), 80)) + "\n{\"a\":1}", `[{"a":"` + string(bytes.Repeat([]byte("long"), 40)) + `"},{"b":1}]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		whole := readAll(t, doc, false)
		cut := readAll(t, doc, true)
		if whole != cut {
			t.Fatalf("read whole:\n%s\nread byte by byte:\n%s", whole, cut)
		}
	})
}

// readAll writes down all records of doc, and how reading ended.
func readAll(t *testing.T, doc []byte, byByte bool) string {
	var out bytes.Buffer
	var src = iotest.DataErrReader(bytes.NewReader(doc))
	if byByte {
		src = iotest.OneByteReader(bytes.NewReader(doc))
	}
	w := NewWindow(t.Context(), src)
	r := NewRecords(w, []Place{{Each: true}, {Names: []string{"orders"}, Each: true}, {}}, false, Limits{RecordBytes: 64, Depth: 8})
	s := Skipper{MaxDepth: 8}
	for n := 0; ; n++ {
		if n > len(doc)+1 {
			t.Fatal("more records than bytes")
		}
		more, err := r.Next()
		if err != nil || !more {
			out.WriteString(ended(err))
			return out.String()
		}
		for {
			if r.Large {
				if err := r.Discard(func([]byte) error { return nil }); err != nil {
					out.WriteString(ended(err))
					return out.String()
				}
				out.WriteString("record too large\n")
				break
			}
			s.Reset()
			end := s.Value(w.Buf, w.Pos, 0)
			if end >= 0 {
				out.WriteString("record ")
				if end-w.Pos <= 64 {
					out.Write(w.Buf[w.Pos:end])
				} else {
					out.WriteString("too large") // as Discard would say
				}
				out.WriteByte('\n')
				r.Accept(end)
				break
			}
			act, end, code, err := r.Fail(-1-end, s.TooDeep)
			if err != nil {
				out.WriteString(ended(err))
				return out.String()
			}
			if act == Again {
				continue
			}
			if act == Bad {
				out.WriteString(string(code) + " ")
				out.Write(w.Buf[w.Pos:end])
				out.WriteByte('\n')
				r.Accept(end)
				break
			}
			if err := r.Discard(func([]byte) error { return nil }); err != nil {
				out.WriteString(ended(err))
				return out.String()
			}
			out.WriteString("record too large\n")
			break
		}
	}
}

func ended(err error) string {
	if err == nil {
		return "end\n"
	}
	if r, ok := err.(*rejection.Error); ok {
		return "reject " + string(r.Code) + "\n"
	}
	return err.Error() + "\n"
}
