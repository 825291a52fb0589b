package meaning

import (
	"slices"
	"strings"

	"sluice/mapping"
)

// What docs/mapping.md says of elements by a value.

// filter is what a step wants of an element. Equal ones are the same pointer.
type filter struct{ tests []comparison }

type comparison struct {
	member  path
	literal string // JSON, if there is no key
	key     path
}

var filters = map[string]*filter{}

// filtered is a step with a filter.
func filtered(tests ...comparison) step {
	f := &filter{tests}
	if known := filters[f.String()]; known != nil {
		return step{kind: '?', filter: known}
	}
	filters[f.String()] = f
	return step{kind: '?', filter: f}
}

func (f *filter) String() string {
	var all []string
	for _, t := range f.tests {
		value := t.literal
		if t.key != nil {
			value = t.key.String()
		} else if value[0] == '"' {
			value = "'" + value[1:len(value)-1] + "'"
		}
		all = append(all, "@"+t.member.String()[1:]+"=="+value)
	}
	return strings.Join(all, "&&")
}

func (f *filter) build() mapping.Segment {
	var built mapping.Filter
	for _, t := range f.tests {
		c := mapping.Comparison{Member: t.member.build(), Key: t.key.build()}
		if t.key == nil {
			c.Value = literal(t.literal)
		}
		built = append(built, c)
	}
	return built.Segment()
}

// keys are the paths from the record that the filters of a path compare with.
func (p path) keys() (all []path) {
	for _, s := range p {
		if s.kind == '?' {
			for _, t := range s.filter.tests {
				if t.key != nil {
					all = append(all, t.key)
				}
			}
		}
	}
	return all
}

// withKeys are paths, and all that they compare with.
func withKeys(paths ...path) (all []path) {
	for _, p := range paths {
		all = append(append(all, p), p.keys()...)
	}
	return all
}

// filterAt is the place of the first filter, or -1.
func (p path) filterAt() int {
	return slices.IndexFunc(p, func(s step) bool { return s.kind == '?' })
}

// at puts ordinals in place of wildcards of what the step compares with. Members
// of one name are different then, though they are written the same.
func (s step) at(ordinals []ordinal) step {
	var tests []comparison
	for _, t := range s.filter.tests {
		if t.key != nil {
			t.key = t.key.at(ordinals)
		}
		tests = append(tests, t)
	}
	return step{kind: '?', filter: &filter{tests}}
}

// filterFault says why the filters of a path are none.
func (p path) filterFault() string {
	first := p.filterAt()
	if first < 0 {
		return ""
	}
	if slices.ContainsFunc(p[first:], step.wild) {
		return "a wildcard after a filter"
	}
	for _, key := range p.keys() {
		if key.filterAt() >= 0 || len(key) == 0 {
			return "a filter in a filter"
		}
	}
	return ""
}

// stuck is why a path does not lead on after a number of its steps: a code, and the value there.
type stuck struct {
	code  string
	steps int
	value *value
}

// lookup is the value at a path without wildcards, or nil; or says what is wrong
// in what a filter has chosen.
func (p path) lookup(record *value) (*value, *stuck) {
	v, first := record, p.filterAt()
	for i, s := range p {
		if s.kind != '?' {
			chosen := first >= 0 && i > first
			if v = p[i : i+1].find(v); v != nil || !chosen {
				continue
			}
			in, _ := p[:i].lookup(record)
			switch {
			case in == nil || in.kind == 'n':
			case in.unread && (s.kind == '.' || s.kind == '['):
				return nil, &stuck{"bad_embedded_json", i, in}
			case s.kind == '.' && in.kind != '{':
				return nil, &stuck{"not_object", i, in}
			case s.kind == '[' && in.kind != '[':
				return nil, &stuck{"not_array", i, in}
			}
			return nil, nil
		}
		switch {
		case v == nil || v.kind == 'n':
			return nil, nil
		case v.unread && i > first:
			return nil, &stuck{"bad_embedded_json", i, v}
		case v.kind != '[' && i > first:
			return nil, &stuck{"not_array", i, v}
		case v.kind != '[':
			return nil, nil
		}
		var matches []*value
		for _, e := range v.elems {
			if s.filter.matches(e, record) {
				matches = append(matches, e)
			}
		}
		switch len(matches) {
		case 0:
			return nil, nil
		case 1:
			v = matches[0]
		default:
			return nil, &stuck{"several_matches", i + 1, matches[1]}
		}
	}
	return v, nil
}

func (f *filter) matches(e, record *value) bool {
	for _, t := range f.tests {
		has := t.member.find(e)
		var wanted *value
		if t.key != nil {
			wanted = t.key.find(record)
		} else {
			docs, _ := parseAll(t.literal)
			wanted = docs[0]
		}
		if !has.scalar() || !wanted.scalar() {
			return false
		}
		if wanted.numeric {
			wanted = &value{kind: '0', text: wanted.str}
		}
		if !same(wanted, has) {
			return false
		}
	}
	return true
}

func (v *value) scalar() bool {
	return v != nil && v.kind != 'n' && v.kind != '{' && v.kind != '['
}

// namedByFilter reports whether a filter names the member at a path, in an
// element into which another path looks.
func (r *reading) namedByFilter(p path) bool {
	n := len(p) - 2 // the element's array
	if n < 0 || p[n+1].kind != '.' || p[n].kind != '*' && p[n].kind != '[' {
		return false
	}
	looked := false
	names := false
	for _, route := range r.routes {
		looked = looked || len(route) > n+1 && slices.Equal(route[:n+1], p[:n+1]) && route[n+1].kind == '.'
		if len(route) <= n || route[n].kind != '?' || !slices.Equal(route[:n], p[:n]) {
			continue
		}
		names = names || len(route) > n+1 && route[n+1] == p[n+1]
		for _, t := range route[n].filter.tests {
			names = names || t.member[0] == p[n+1]
		}
	}
	return looked && names
}

// filterNames are paths to what namedByFilter says.
func (r *reading) filterNames() (all []path) {
	for _, route := range r.routes {
		i := route.filterAt()
		if i < 0 {
			continue
		}
		var names []step
		if len(route) > i+1 {
			names = append(names, route[i+1])
		}
		for _, t := range route[i].filter.tests {
			names = append(names, t.member[0])
		}
		for _, other := range r.routes {
			if len(other) <= i || !slices.Equal(other[:i], route[:i]) {
				continue
			}
			for _, name := range names {
				if p := other[:i+1].with(name); r.namedByFilter(p) {
					all = append(all, p)
				}
			}
		}
	}
	return all
}

// chosenBy is the number of values in some rows of the table that filters chose.
func (t *table) chosenBy(rows [][]string) (n int) {
	for i := range t.columns {
		for _, row := range rows {
			if t.columns[i].path.filterAt() >= 0 && t.columns[i].key == "" && row[i] != null {
				n++
			}
		}
	}
	return n
}

// filter draws a step with a filter, for a table.
func (g *generator) filter(t *table) step {
	var tests []comparison
	for range pick(g, 1, 1, 1, 1, 2) {
		c := comparison{member: path{{kind: '.', name: pick(g, "k", "k", "a", "x y")}}, literal: pick(g, keyWords...)}
		if g.one(8) {
			c.member = append(c.member, pick(g, step{kind: '.', name: "k"}, step{kind: '['}))
		}
		if g.one(2) {
			c.key = path{{kind: '.', name: pick(g, "k", "ref", "a")}}
			if levels := t.explode.levels(); levels > 0 && !g.one(3) {
				head := t.explode.upTo(1 + g.IntN(levels))
				c.key = append(t.explode[:len(head)+1:len(head)+1], c.key...)
			}
		}
		tests = append(tests, c)
	}
	return filtered(tests...)
}

var keyWords = []string{`"a"`, `"b"`, `"7"`, "7", "true", `""`}

// keyTexts are keyWords as documents write them.
var keyTexts = []string{`"a"`, `"a"`, `"a"`, `"b"`, `"7"`, "7", "7.0", "70e-1", "true", `""`, `"\u0061"`}

// filtered puts filters into some paths of a table.
func (g *generator) filtered(p path, t *table) path {
	if !g.one(4) {
		return p
	}
	i := p.lastWild()
	i += g.IntN(len(p) - i + 1)
	p = append(append(slices.Clone(p[:i]), g.filter(t)), p[i:]...)
	if g.one(6) {
		p = append(append(p, g.steps(g.IntN(2))...), g.filter(t))
	}
	if g.one(8) {
		return p
	}
	return append(p, g.steps(pick(g, 1, 1, 1, 2))...)
}

// chosen gives the goals of a filter to the elements of an array, mostly to one.
func (g *generator) chosen(t goal, n int) map[int][]goal {
	of := map[int][]goal{}
	if n == 0 {
		return of
	}
	match := func(i int) {
		for _, c := range t.rest[0].filter.tests {
			words := keyTexts
			if c.key == nil && !g.one(20) {
				words = []string{c.literal}
			}
			of[i] = append(of[i], goal{rest: c.member, c: &column{kind: "string", from: []string{"string", "number", "integer", "boolean"}, required: true, words: words}, t: t.t})
		}
		of[i] = append(of[i], goal{t.rest[1:], t.c, t.t, t.w})
	}
	if !g.one(6) {
		match(g.IntN(n))
	}
	if i := g.IntN(n); of[i] == nil && g.one(6) {
		match(i)
	}
	return of
}

// keyGoals are the places that filters of a path compare with.
func (g *generator) keyGoals(p path, t *table) (all []goal) {
	for _, key := range p.keys() {
		all = append(all, goal{rest: key, c: &column{kind: "string", from: []string{"string", "number", "integer", "boolean"}, words: keyTexts}, t: t})
	}
	return all
}
