//go:build meaning

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
	kind    byte // { [ " 0 (a number) t f n
	at      int  // of its first byte
	text    string
	str     string   // of a string
	bad     []string // reasons, of a string
	elems   []*value
	members []member
}

type member struct{ name, value *value }

// parser reads JSON (RFC 8259) the plain way.
type parser struct {
	text string
	at   int
}

// parseAll reads the documents of a text, one after another.
func parseAll(text string) (docs []*value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("parse: %v", r)
		}
	}()
	p := &parser{text: strings.TrimPrefix(text, "\ufeff"), at: 0}
	skipped := len(text) - len(p.text)
	for p.space(); p.at < len(p.text); p.space() {
		docs = append(docs, p.value())
	}
	for _, d := range docs {
		d.move(skipped)
	}
	return docs, nil
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
	if !strings.HasPrefix(p.text[p.at:], s) {
		panic(fmt.Sprintf("%q is missing at byte %d", s, p.at))
	}
	p.at += len(s)
}

func (p *parser) value() *value {
	p.space()
	v := &value{at: p.at, kind: p.text[p.at]}
	switch v.kind {
	case '{':
		p.list('}', func() {
			p.space()
			name := p.value()
			if name.kind != '"' {
				panic("a name is no string")
			}
			p.space()
			p.expect(":")
			v.members = append(v.members, member{name, p.value()})
		})
	case '[':
		p.list(']', func() { v.elems = append(v.elems, p.value()) })
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
			panic(fmt.Sprintf("no value at byte %d", from))
		}
	}
	v.text = p.text[v.at:p.at]
	return v
}

// list reads what stands between brackets.
func (p *parser) list(end byte, element func()) {
	p.at++
	if p.space(); p.text[p.at] == end {
		p.at++
		return
	}
	for {
		element()
		p.space()
		if p.text[p.at] == end {
			p.at++
			return
		}
		p.expect(",")
	}
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
			u, err := strconv.ParseUint(p.text[p.at+1:p.at+5], 16, 16)
			if err != nil {
				panic("a bad escape")
			}
			units = append(units, uint16(u))
			p.at += 4
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
