package meaning

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// value is a JSON value as it stands in a text, with what is wrong with it.
type value struct {
	kind    byte // { [ " 0 (a number) t f n; ! is a line that is no JSON
	at      int  // of its first byte
	text    string
	str     string   // of a string; of a bad line, why it is none of several of a document
	bad     []string // reasons, of a string or a bad line
	depth   int      // arrays and objects in one another; of a bad line, before its fault
	elems   []*value
	members []member

	outer   *value // the envelope it was taken out of
	wrong   []int  // bytes of envelopes that are none
	numeric bool   // it is a number, though a string

	inString bool // it stood in a string
	unread   bool // it is a string that was to hold JSON
}

type member struct{ name, value *value }

// parser reads JSON (RFC 8259) the plain way. It panics with a syntax error.
type parser struct {
	text string
	at   int

	open, deepest int // arrays and objects, in the document that is read
}

// syntaxError says where a text is no JSON, and what stands first in the
// document that is none.
type syntaxError struct {
	at    int
	code  string
	first byte
	depth int // as far as it was read
}

// parseAll reads the documents of a text, one after another, to the first that
// is no JSON. Where lines separate them, the line of that is a value as well.
func parseAll(text string) (docs []*value, broken *syntaxError) {
	p := &parser{text: strings.TrimPrefix(text, "\ufeff")}
	skipped := len(text) - len(p.text)
	for p.space(); p.at < len(p.text); p.space() {
		from := p.at
		if len(docs) == 1 && !strings.ContainsAny(p.text[docs[0].at+len(docs[0].text):from], "\r\n") && (docs[0].kind != '{' || p.text[from] != '{') {
			broken = &syntaxError{from, "trailing_data", p.text[from], 0}
			break
		}
		var doc *value
		if doc, broken = p.document(); broken == nil {
			docs = append(docs, doc)
			continue
		}
		if len(docs) == 0 || !p.lines(docs[0]) {
			break
		}
		line := p.text[from:]
		code := broken.code
		if end := strings.IndexAny(line, "\r\n"); end >= 0 {
			line, code = line[:end], "bad_json"
		}
		docs, broken = append(docs, &value{kind: '!', at: from, text: line, str: broken.code, depth: broken.depth, bad: []string{code}}), nil
		p.at = from + len(line)
	}
	for _, d := range docs {
		d.move(skipped)
	}
	return docs, broken
}

// lines reports whether the first document stands on a line of its own, so that
// lines separate records.
func (p *parser) lines(first *value) bool {
	behind := strings.TrimLeft(p.text[first.at+len(first.text):], " \t")
	return !strings.ContainsAny(first.text, "\r\n") && (behind == "" || behind[0] == '\r' || behind[0] == '\n')
}

// document reads one, or says why it is none.
func (p *parser) document() (doc *value, broken *syntaxError) {
	first := p.text[p.at]
	defer func() {
		if r := recover(); r != nil {
			broken = &syntaxError{p.at, "bad_json", first, p.deepest}
			if p.at >= len(p.text) {
				broken.code = "truncated_json"
			}
		}
	}()
	p.open, p.deepest = 0, 0
	doc = p.value()
	if doc.kind == '0' && p.at < len(p.text) && strings.IndexByte(" \t\r\n{[\"", p.text[p.at]) < 0 {
		panic("a number runs on")
	}
	return doc, nil
}

func (v *value) move(n int) {
	v.at += n
	for _, e := range v.elems {
		e.move(n)
	}
	for _, m := range v.members {
		m.name.move(n)
		m.value.move(n)
	}
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) expect(s string) {
	for i := range len(s) {
		if p.text[p.at] != s[i] {
			panic(fmt.Sprintf("%q is missing", s))
		}
		p.at++
	}
}

func (p *parser) value() *value {
	p.space()
	v := &value{at: p.at, kind: p.text[p.at]}
	switch v.kind {
	case '{':
		v.depth = 1
		p.list('}', func() {
			if p.space(); p.text[p.at] != '"' {
				panic("a name is no string")
			}
			name := p.value()
			p.space()
			p.expect(":")
			m := member{name, p.value()}
			v.members, v.depth = append(v.members, m), max(v.depth, 1+m.value.depth)
		})
	case '[':
		v.depth = 1
		p.list(']', func() {
			e := p.value()
			v.elems, v.depth = append(v.elems, e), max(v.depth, 1+e.depth)
		})
	case '"':
		p.str(v)
	case 't':
		p.expect("true")
	case 'f':
		p.expect("false")
	case 'n':
		p.expect("null")
	default:
		v.kind = '0'
		from := p.at
		for p.at < len(p.text) && strings.IndexByte("+-.eE0123456789", p.text[p.at]) >= 0 {
			p.at++
		}
		if !numberText.MatchString(p.text[from:p.at]) {
			panic("no value")
		}
	}
	v.text = p.text[v.at:p.at]
	return v
}

// list reads what stands between brackets.
func (p *parser) list(end byte, element func()) {
	p.at++
	p.open++
	p.deepest = max(p.deepest, p.open)
	if p.space(); p.text[p.at] != end {
		element()
		for p.space(); p.text[p.at] != end; p.space() {
			p.expect(",")
			element()
		}
	}
	p.at++
	p.open--
}

func (p *parser) str(v *value) {
	var b strings.Builder
	var units []uint16 // of escapes one after another
	flush := func() {
		for i, r := range utf16.Decode(units) {
			if r == utf8.RuneError && units[min(i, len(units)-1)] != utf8.RuneError {
				v.bad = append(v.bad, "invalid_unicode")
			}
			b.WriteRune(r)
		}
		units = nil
	}
	for p.at++; p.text[p.at] != '"'; p.at++ {
		c := p.text[p.at]
		if c < ' ' {
			panic("a control character in a string")
		}
		if c != '\\' {
			flush()
			b.WriteByte(c)
			continue
		}
		p.at++
		if p.text[p.at] == 'u' {
			var u uint64
			for range 4 {
				p.at++
				digit, err := strconv.ParseUint(p.text[p.at:p.at+1], 16, 8)
				if err != nil {
					panic("a bad escape")
				}
				u = u<<4 | digit
			}
			units = append(units, uint16(u))
			continue
		}
		flush()
		i := strings.IndexByte(`"\/bfnrt`, p.text[p.at])
		if i < 0 {
			panic("an unknown escape")
		}
		b.WriteByte("\"\\/\b\f\n\r\t"[i])
	}
	flush()
	p.at++
	if v.str = b.String(); !utf8.ValidString(v.str) {
		v.bad = append(v.bad, "invalid_utf8")
	}
}

// member is the value of the first member of that name, or nil.
func (v *value) member(name string) *value {
	for _, m := range v.members {
		if m.name.str == name {
			return m.value
		}
	}
	return nil
}

// count is the number of members of that name.
func (v *value) count(name string) (n int) {
	for _, m := range v.members {
		if m.name.str == name {
			n++
		}
	}
	return n
}
