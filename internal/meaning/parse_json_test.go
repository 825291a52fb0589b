package meaning

import (
	"fmt"
	"slices"
	"strings"
)

// What docs/mapping.md says of parse_json.

// unfolding is the text of a record while what stands in its strings takes their
// place: of each byte, where it comes from, and whether a string that is no JSON
// begins with it.
type unfolding struct {
	text   string
	from   []int
	unread []bool
}

// replace puts JSON in the place of a string.
func (u *unfolding) replace(at, n int, text string) {
	from := slices.Repeat([]int{u.from[at]}, len(text))
	u.text = u.text[:at] + text + u.text[at+n:]
	u.from = slices.Replace(u.from, at, at+n, from...)
	u.unread = slices.Replace(u.unread, at, at+n, make([]bool, len(text))...)
}

// unfold is what holds a record at tail, with JSON in place of the strings that
// hold it, and the depth of it. What stood in a string is at the byte of that
// string.
func (s *spec) unfold(holder *value, tail path) (unfolded *value, depth int) {
	u := &unfolding{text: holder.text, unread: make([]bool, len(holder.text))}
	for i := range len(holder.text) {
		u.from = append(u.from, holder.at+i)
	}
	again := func() *value {
		p := &parser{text: u.text}
		v, broken := p.document()
		if broken != nil {
			panic(fmt.Sprintf("%s is no JSON any more", u.text))
		}
		return v
	}
	all := slices.Clone(s.parse)
	slices.SortStableFunc(all, func(a, b path) int { return len(a) - len(b) })
	for _, p := range all {
		type found struct {
			v     *value
			depth int
		}
		var strs []found
		v := again()
		record := tail.find(v)
		if record == nil {
			break
		}
		s.strings(record, p, true, 0, func(v *value, depth int) { strs = append(strs, found{v, depth}) })
		slices.SortFunc(strs, func(a, b found) int { return b.v.at - a.v.at })
		for _, f := range strs {
			text, deepest := content(f.v.str)
			if text == "" {
				u.unread[f.v.at] = true
				depth = max(depth, len(tail)+f.depth+deepest)
				continue
			}
			u.replace(f.v.at, len(f.v.text), text)
		}
	}
	unfolded = again()
	u.place(unfolded)
	return unfolded, max(depth, unfolded.depth)
}

// content is the JSON in a string, or nothing if it holds none, and how deep it
// is as far as it is JSON.
func content(str string) (text string, deepest int) {
	if str == "" {
		return "null", 0
	}
	p := &parser{text: str}
	if p.space(); p.at == len(str) {
		return "", 0
	}
	v, broken := p.document()
	if broken != nil {
		return "", p.deepest
	}
	if p.space(); p.at < len(str) {
		return "", p.deepest
	}
	return v.text, 0
}

// strings finds the strings at a path from a value, which is in that many arrays
// and objects of the record. open says that it has no envelope.
func (s *spec) strings(v *value, p path, open bool, depth int, found func(*value, int)) {
	if tag := s.tag(v); tag != "" && !open {
		if tag != "null" {
			s.strings(v.members[0].value, p, true, depth+1, found)
		}
		return
	}
	if len(p) == 0 {
		if v.kind == '"' && v.bad == nil {
			found(v, depth)
		}
		return
	}
	for i, e := range v.elems {
		if p[0].kind == '*' || p[0].kind == '[' && (p[0].i == i || p[0].i == i-len(v.elems)) {
			s.strings(e, p[1:], false, depth+1, found)
		}
	}
	for _, m := range v.members {
		if p[0].kind == 'm' || p[0].kind == '.' && p[0].name == m.name.str {
			s.strings(m.value, p[1:], false, depth+1, found)
		}
	}
}

// place says of a value and all in it where they come from.
func (u *unfolding) place(v *value) {
	at := v.at
	v.at, v.unread = u.from[at], u.unread[at]
	v.inString = at+1 < len(u.from) && u.from[at+1] == u.from[at]
	for _, e := range v.elems {
		u.place(e)
	}
	for _, m := range v.members {
		u.place(m.name)
		u.place(m.value)
	}
}

func (s *spec) parseFault() string {
	for i, p := range s.parse {
		if len(p) == 0 {
			return "the record as JSON in a string"
		}
		if p.filterAt() >= 0 {
			return "JSON in a string that a filter chooses"
		}
		needed := false
		for _, t := range s.tables {
			needed = needed || slices.ContainsFunc(t.paths(), func(q path) bool { return len(q) >= len(p) && alike(p, q[:len(p)]) })
		}
		if !needed {
			return "JSON in a string that nobody needs"
		}
		for _, q := range s.parse[:i] {
			if slices.Equal(p, q) {
				return "JSON in a string twice"
			}
			for n := range min(len(p), len(q)) {
				if p[n] != q[n] {
					if alike(p[:n+1], q[:n+1]) {
						return "an element with JSON that has two spellings"
					}
					break
				}
			}
		}
	}
	return ""
}

func (s *spec) parseYAML() string {
	if len(s.parse) == 0 {
		return ""
	}
	var all []string
	for _, p := range s.parse {
		all = append(all, fmt.Sprintf("%q", p.String()))
	}
	return fmt.Sprintf("parse_json: [%s]\n", strings.Join(all, ", "))
}

// parses draws paths of strings that hold JSON: on the way of others, mostly.
func (g *generator) parses(s *spec) {
	if !g.one(3) {
		return
	}
	for range 1 + g.IntN(3) {
		t := pick(g, s.tables...)
		p := pick(g, append(t.paths(), nil)...)
		if len(p) > 0 && g.one(2) {
			p = p[:1+g.IntN(len(p))]
		}
		if g.one(10) {
			p = g.respell(p)
		}
		if s.parse = append(s.parse, slices.Clone(p)); s.parseFault() != "" && !g.one(30) {
			s.parse = s.parse[:len(s.parse)-1]
		}
	}
}

// inString is what leads to a string with JSON.
var inString = &condition{}

// embed writes JSON as a string, if goals say so.
func (g *generator) embed(goals []goal, text string) string {
	if !slices.ContainsFunc(goals, func(t goal) bool { return t.w == inString && len(t.rest) == 0 }) || g.one(8) {
		return text
	}
	if g.wild && g.one(6) || g.one(60) {
		return pick(g, `""`, `"x"`, `"  "`, `"{"`, `"[1] 2"`, `"\u0000"`, `"7\u0000"`, `"[[[[[[[[[["`, `"{\"k\":1,\"k\":2}"`, `"{\"\\ud800\":1}"`, `"\ud800"`, `"\"text\""`, `"\"{\\\"a\\\":1}\""`, `"nul"`, `"7"`)
	}
	return g.text(g.space() + text + g.space())
}
