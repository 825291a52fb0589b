package meaning

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// generator draws mappings and documents that know of each other. Most records
// fit their mapping as far as it lets them; in the others many values are wrong.
type generator struct {
	*rand.Rand
	routes []goal
	s      *spec
	plain  bool                // compact and in one order, as most writers write
	wild   bool                // the record may hold anything
	length map[*table]int      // of the arrays of zip in a record
	pool   map[string][]string // texts of elements, to be repeated, by what leads to them
}

// goal is a path of the mapping: of a column, or of what a table explodes.
type goal struct {
	rest path
	c    *column
	t    *table
	w    *condition // of where
}

// needed reports whether a record without it does not fit.
func (t goal) needed() bool { return t.w == nil && (t.c == nil || t.c.required) }

func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

var mappedNames = []string{"a", "b", "c", "a", "b", "x y", "é"}

func (g *generator) steps(n int) (p path) {
	for range n {
		if g.one(4) {
			p = append(p, step{kind: '[', i: pick(g, 0, 0, 1, -1, -2)})
		} else {
			p = append(p, step{kind: '.', name: pick(g, mappedNames...)})
		}
	}
	return p
}

// each is a wildcard.
func (g *generator) each() step {
	return step{kind: pick[byte](g, '*', '*', '*', 'm')}
}

// respell is a path without wildcards that leads to some of the same places.
func (g *generator) respell(p path) path {
	p = slices.Clone(p)
	for i := range p {
		if p[i].kind != '.' && p[i].kind != 'm' {
			p[i] = step{kind: '[', i: pick(g, 0, 0, -1)}
		}
	}
	return p
}

// wrong draws a mapping that may break a rule.
func (g *generator) wrong() *spec {
	s := g.mapping()
	t := &s.tables[g.IntN(len(s.tables))]
	c := &t.columns[g.IntN(len(t.columns))]
	switch g.IntN(26) {
	case 23:
		*pick(g, &c.path, &t.explode) = append(append(g.steps(1), g.filter(t)), pick(g, g.each(), g.filter(t)))
	case 24:
		inner := filtered(comparison{member: path{{kind: '.', name: "k"}}, key: append(g.steps(g.IntN(2)), g.filter(t), step{kind: '.', name: "k"})})
		c.path = path{{kind: '.', name: "b"}, pick(g, inner, g.filter(t))}
		s.records = pick(g, s.records, s.records, []path{{g.filter(t)}})
	case 25:
		s.parse = append(s.parse, pick(g, nil, c.path, t.explode, g.steps(1), g.respell(t.explode)))
	case 20, 21:
		g.wrongKey(s, c)
	case 22:
		c.nullOnError, c.required, s.recordBytes = true, g.one(2), 0 // as in onErrors
	case 19:
		c.list = !c.list
	case 0:
		s.records = []path{{{kind: '.', name: "w"}, pick(g, step{kind: '['}, step{kind: 'm'}, step{kind: '*'}), {kind: pick[byte](g, '*', '.')}}}
	case 1:
		t.explode = append(slices.Clone(t.explode), g.steps(g.IntN(2))...)
	case 2:
		t.explode = append(append(slices.Clone(t.explode), g.steps(g.IntN(2))...), step{kind: '*'})
	case 3:
		c.path = append(g.steps(g.IntN(2)), g.each())
	case 4:
		c.path = append(slices.Clone(c.path), g.each())
	case 5:
		t.when = pick(g, "keep", "skip")
	case 6:
		if c.constant == nil && !c.empty { // a program always sets what it comes from
			c.from = []string{pick(g, "string", "integer", "number", "boolean")}
		}
	case 7:
		c.unit = pick(g, "", "seconds", "milliseconds")
	case 8:
		c.kind, c.from, c.unit, c.precision, c.scale = "decimal", nil, "", g.IntN(41)-1, g.IntN(41)-1
	case 9:
		c.name = pick(g, "c0", "c1", "A", "1a", "_c", "a-b", "é", "a_1", "c 1", strings.Repeat("n", 255), strings.Repeat("n", 256))
	case 10:
		t.name = pick(g, "t0", "t1", "T", "1t", "_t", "t_2", strings.Repeat("n", 256))
	case 11:
		*pick(g, &s.fieldBytes, &s.recordRows, &s.depth) = pick(g, -1, 1, 2, 3, 10_000)
		if s.depth > 0 && s.depth < 5 && s.records != nil {
			s.depth = 5 // what stands beside records in a document is not that deep
		}
	case 12:
		s.share = pick(g, -0.5, 1.5, 0, 1)
	case 13:
		t.columns = nil
	case 14:
		c.kind, c.from, c.precision, c.scale = pick(g, "date", "timestamp"), nil, 0, 0
		c.times = times{zone: pick(g, "", "Mars", "Europe/Berlin"), format: pick(g, "", g.format(), "rfc2822", "epoch", "%Y", "%F %s", "%"), unit: pick(g, "", "days")}
	case 15:
		c.times = pick(g, times{ambiguous: "later"}, times{truncate: true}, times{zone: "UTC"}, times{format: "%F"}, times{zone: "UTC", ambiguous: "later"})
	case 16:
		c.kind, c.precision, c.scale = "timestamp", 0, 0
		c.times = times{format: g.format() + pick(g, "", "%", "%Y", "%p", "%Q", "%s", "%T")}
		c.from = pick(g, nil, []string{"integer"})
	case 17:
		c.memberName = !c.memberName
	case 18:
		c.path = append(t.explode.upTo(1+g.IntN(2)), g.steps(1)...)
	}
	if c.empty { // the keys of other columns are tried on other columns
		*c = column{name: c.name, kind: c.kind, precision: c.precision, scale: c.scale, list: c.list,
			required: c.required, nullOnError: c.nullOnError, late: late{empty: true}}
	}
	if c.key != "" && slices.Equal(c.from, []string{"string"}) {
		c.from = nil // a program says so, and a file must not
	}
	return s
}

// mapping draws a mapping. Most of them are valid.
func (g *generator) mapping() *spec {
	s := &spec{
		records: pick(g, nil, nil, []path{{}}, []path{{{kind: '*'}}, {{kind: '.', name: "w"}, {kind: '*'}}, {}},
			[]path{{{kind: '.', name: "v"}, {kind: '.', name: "w"}, {kind: '*'}, {kind: '.', name: "r"}}},
			[]path{{{kind: '*'}, {kind: '.', name: "r"}}}, []path{{{kind: '.', name: "r"}}}),
		unknown:    pick(g, "count", "keep", "keep", "reject"),
		provenance: g.one(4),
		envelope:   pick(g, "", "", "", "", "", "", "dynamodb", "mongodb"),
	}
	if g.one(10) {
		s.fieldBytes = 5 + g.IntN(20)
	}
	if g.one(10) && s.unknown != "keep" {
		s.recordBytes = 50 + g.IntN(200)
	}
	if g.one(10) {
		s.recordRows = 1 + g.IntN(4)
	}
	if g.one(10) && s.recordBytes == 0 {
		s.depth = 5 + g.IntN(4)
	}
	s.share = pick(g, 1, 1, 1, 1, 1, 0.5, 0.1)
	s.hold = g.one(20)
	for i := range pick(g, 1, 1, 1, 2, 3) {
		t := table{name: fmt.Sprintf("t%d", i)}
		if !g.one(4) {
			t.explode = append(g.steps(g.IntN(3)), g.each())
			if g.one(2) {
				t.explode = append(append(t.explode, g.steps(pick(g, 0, 1, 1, 2))...), g.each())
			}
			t.when = pick(g, "", "quarantine", "keep", "keep", "skip", "skip")
		}
		if i > 0 && t.explode != nil && s.tables[0].explode != nil && g.one(3) {
			p := s.tables[0].explode
			t.explode = append(g.respell(p[:len(p)-1]), p[len(p)-1])
		}
		if i > 0 && g.one(2) && s.tables[0].explode != nil { // beside or below another table
			t.explode = slices.Clone(s.tables[0].explode)
			if t.explode.levels() == 1 && g.one(2) {
				t.explode = append(append(t.explode, g.steps(g.IntN(2))...), step{kind: '*'})
			}
			if t.when == "" {
				t.when = "keep"
			}
		}
		g.zips(&t)
		s.tables = append(s.tables, table{})
		columns := 1 + g.IntN(6)
		if wide := g.one(30); wide { // more than a word of bits has
			columns = 60 + g.IntN(30)
		}
		for n := range columns {
			c := g.column(fmt.Sprintf("c%d", n), &t)
			if o := pick(g, s.tables[:i+1]...); len(o.paths()) > 0 && g.one(6) { // to what another path leads to
				c.path = append(g.respell(pick(g, o.paths()...)), g.steps(g.IntN(2))...)
			}
			if columns > 6 && !g.one(10) {
				c.path = append(t.explode[:len(t.explode):len(t.explode)], step{kind: '.', name: fmt.Sprintf("m%d", n)})
			}
			t.columns = append(t.columns, c)
			s.tables[i] = t
			if n == columns-1 {
				t.where = g.where(&t)
				s.tables[i] = t
				for range 5 {
					if s.fault() == "" {
						break
					}
					t.where = g.where(&t)
					s.tables[i] = t
				}
			}
			for again := range 6 { // most would go through another column's path
				if s.fault() == "" || again > 4 {
					break
				}
				t.columns[n] = g.column(c.name, &t)
			}
		}
	}
	g.drops(s)
	g.parses(s)
	g.keys(s)
	g.onErrors(s)
	return s
}

func (g *generator) column(name string, t *table) column {
	c := column{name: name, required: g.one(8)}
	switch levels := t.explode.levels(); {
	case levels > 0 && !g.one(3): // below a wildcard
		head := t.explode.upTo(1 + g.IntN(levels))
		c.path = append(t.explode[:len(head)+1:len(head)+1], g.steps(pick(g, 0, 1, 1, 1, 2))...)
	case len(t.columns) > 0 && g.one(4): // beside, above or below another column
		o := pick(g, t.columns...).path
		c.path = append(slices.Clone(o[:g.IntN(len(o)+1)]), g.steps(g.IntN(2))...)
	default:
		c.path = g.steps(pick(g, 0, 1, 1, 1, 1, 2, 2, 3))
	}
	c.list = g.one(6)
	c.kind = pick(g, "string", "string", "int64", "int32", "decimal", "decimal", "double", "boolean", "date", "timestamp", "json", "json", "json")
	c.list = c.list && c.kind != "json"
	switch c.kind {
	case "decimal":
		c.precision = pick(g, 1, 5, 18, 19, 38)
		c.scale = g.IntN(min(c.precision, 6) + 1)
	case "string":
		c.from = pick(g, nil, []string{"string", "integer"}, []string{"integer"}, []string{"number", "boolean"}, []string{"boolean", "string", "number", "integer"})
	case "int64", "int32", "double":
		c.from = pick(g, nil, nil, []string{"number"}, []string{"integer"}, []string{"string"})
	case "date", "timestamp":
		c.times, c.from = g.times(c.kind)
	}
	if n := len(c.path); n > 0 && c.path[n-1].kind == 'm' {
		c.memberName = c.kind != "json" && !c.list && c.sources()["string"] && g.one(2)
	}
	c.texts = g.texts(&c)
	if !c.memberName {
		c.path = g.filtered(c.path, t)
	}
	if g.one(5) && !c.memberName {
		g.makeLate(&c, t)
	}
	g.besides(&c, t)
	return c
}

// makeLate makes it a column that depends on several places, or on none.
func (g *generator) makeLate(c *column, t *table) {
	beside := func() path {
		if levels := t.explode.levels(); levels > 0 && g.one(2) {
			head := t.explode.upTo(1 + g.IntN(levels))
			return append(t.explode[:len(head)+1:len(head)+1], g.steps(pick(g, 0, 1, 1))...)
		}
		return g.steps(pick(g, 1, 1, 2))
	}
	switch {
	case g.one(6):
		text := pick(g, "", "x", `a "b"`, "é\n")
		*c = column{name: c.name, kind: "string", late: late{constant: &text}}
	case g.one(6):
		*c = column{name: c.name, kind: pick(g, "string", "int64", "decimal", "json"), late: late{empty: true}}
		if c.kind == "decimal" {
			c.precision, c.scale = 9, 2
		}
		return
	case g.one(2) && c.kind != "json":
		for range 1 + g.IntN(2) {
			p := beside()
			if g.one(4) && len(c.path) > 0 { // an object, or the member of it
				p = c.path[:len(c.path)-1]
			}
			c.others = append(c.others, p)
		}
	}
	if c.kind == "decimal" && c.constant == nil {
		c.from = pick(g, nil, nil, []string{"integer"}, []string{"string"})
		c.minor.by = pick(g, "fixed", "currency", "currency", "digits")
		switch c.minor.by {
		case "fixed":
			c.minor.digits = g.IntN(4)
		case "currency":
			c.minor.except = pick(g, nil, map[string]int{"ISK": 2, "XYZ": 1})
			c.minor.path = beside()
		default:
			c.minor.path = beside()
		}
	}
}

// goals are the places that a column needs.
func (g *generator) goals(c *column, t *table) (all []goal) {
	for _, p := range c.paths() {
		all = append(all, g.keyGoals(p, t)...)
	}
	for _, p := range c.values() {
		one := c
		if c.isLate() {
			one = &column{}
			*one = *c
			one.required = c.required && g.one(2)
			if c.minor.by != "" {
				one.words = pick(g, []string{"1", "-250", "1999", `"1999"`, "0"}, []string{"7", "12345678", `"1.5"`, "1.5", `"x"`, "100"})
			}
		}
		all = append(all, goal{rest: p, c: one, t: t})
	}
	if c.minor.path != nil {
		words := []string{`"EUR"`, `"JPY"`, `"kwd"`, `"ISK"`, `"CLF"`, `"EUR"`, `"QQQ"`, `"EURO"`}
		if c.minor.by == "digits" {
			words = []string{"0", "2", "2", `"3"`, "10", "2.0"}
		}
		all = append(all, goal{rest: c.minor.path, c: &column{kind: "string", from: []string{"string", "number", "integer"}, required: true, words: words}, t: t})
	}
	return all
}

// open gets ready to write documents for a mapping.
func (g *generator) open(s *spec) {
	g.s, g.plain, g.pool, g.routes = s, g.one(2), map[string][]string{}, nil
	for _, p := range s.parse {
		g.routes = append(g.routes, goal{rest: p, t: &table{when: "skip"}, w: inString})
	}
	for i := range s.tables {
		t := &s.tables[i]
		for _, p := range t.exploded() {
			g.routes = append(g.routes, goal{rest: p, t: t})
		}
		for c := range t.where {
			g.routes = append(g.routes, goal{rest: t.where[c].path, t: t, w: &t.where[c]})
			g.routes = append(g.routes, g.keyGoals(t.where[c].path, t)...)
		}
		for c := range t.columns {
			g.routes = append(g.routes, g.goals(&t.columns[c], t)...)
		}
	}
}

// input writes an input of about n records, which now and then is none.
func (g *generator) input(n int) string {
	text := g.documents(n)
	switch g.IntN(40) {
	case 0:
		return "\ufeff" + text
	case 1:
		return pick(g, "", " \r\n", "null", "7", `"text"`, "[]", "{}", "[[]]", `{"w":null}`, `{"w":7}`, `{"v":{"w":null}}`)
	}
	if g.s.recordBytes > 0 {
		return text // what is held of a record that is too large depends on where it ends
	}
	switch g.IntN(20) {
	case 0:
		return text[:g.IntN(len(text)+1)]
	case 1:
		return text + pick(g, " ", "{}", "]", " x", "\n7", ",", "\n{\"a\":1}")
	case 2:
		lines := strings.SplitAfter(text, "\n")
		at := g.IntN(len(lines)) + 1
		bad := pick(g, `{"a":1`, "{bad}", "none", `{"a":tru}`, "]", `{"a":1}}`, `{"a":1} {"b"}`, `{"a`, "{\"a\":\"\x01\"}", `{"a":01}`, "{")
		return strings.Join(slices.Insert(lines, at, bad+"\n"), "")
	case 3:
		first, _ := parseAll(text)
		if behind := first[0].at + len(first[0].text); len(text) > behind {
			at := behind + g.IntN(len(text)-behind)
			return text[:at] + pick(g, ",", ":", "{", "}", "[", "]", "\"", "x", "\n", "1") + text[at+1:]
		}
	}
	return text
}

// documents writes an input of about n records.
func (g *generator) documents(n int) string {
	var records []string
	wild := g.one(6)
	for range n {
		g.wild = wild || g.one(12)
		g.length = map[*table]int{}
		records = append(records, g.value(g.routes, 0))
	}
	g.wild = wild
	is := func(first string) bool {
		for _, r := range records {
			if !strings.HasPrefix(r, first) {
				return false
			}
		}
		return true
	}
	s := g.s
	tail := path(nil)
	if s.records != nil && len(s.records[0]) > 0 {
		tail = s.records[0]
	}
	switch {
	case s.records == nil && (g.one(2) || !is("{")), len(tail) == 1 && tail[0].kind == '*' && g.one(2):
		return g.list(records)
	case len(tail) == 0 && s.records != nil && !is("{") && !is("["), len(tail) == 1 && tail[0].kind == '*' && !is("{"):
		return strings.Join(g.objects(records), "\n")
	case len(tail) == 1 && tail[0].kind == '*':
		if g.one(2) {
			return g.pages(records, "w")
		}
		return strings.Join(records, g.between())
	case len(tail) == 1: // $.r
		docs := g.holders(records)
		docs[0] = `{"r":{}}`
		return strings.Join(docs, g.between())
	case len(tail) == 2: // $[*].r
		return g.list(g.holders(records))
	case len(tail) == 4: // $.v.w[*].r
		return g.pages(g.holders(records), "v")
	case is("{"):
		return strings.Join(records, g.between())
	}
	return strings.Join(records, "\n")
}

func (g *generator) between() string { return pick(g, "\n", "\n", "\r\n\r\n", "", " ") }

// objects keeps the objects: others cannot stand without brackets everywhere.
func (g *generator) objects(records []string) (all []string) {
	for _, r := range records {
		if strings.HasPrefix(r, "{") {
			all = append(all, r)
		}
	}
	return append(all, "{}")
}

func (g *generator) list(records []string) string {
	return "[" + strings.Join(records, pick(g, ",", " ,\n", ", ")) + "]"
}

// holders puts records under r.
func (g *generator) holders(records []string) (all []string) {
	for _, r := range records {
		members := []string{`"r":` + r}
		if g.one(5) && g.strangers() {
			members = append(members, `"id":`+g.any(1))
		}
		if g.wild && g.one(20) {
			members = nil
		}
		g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		all = append(all, "{"+strings.Join(members, ",")+"}")
	}
	if g.wild && g.one(2) {
		all = append(all, pick(g, `{"r":null}`, `{"r":7}`, `{"q":[]}`, "{}"))
	}
	return all
}

// strangers reports whether there may be members that no path names.
func (g *generator) strangers() bool { return g.wild || g.s.unknown != "reject" }

// pages puts records into wrappers.
func (g *generator) pages(records []string, name string) string {
	var pages []string
	for first := true; len(records) > 0 || first; first = false {
		n := g.IntN(len(records) + 1)
		list := g.list(records[:n])
		if n == 0 && (!first || len(records) == 0) && g.one(2) {
			list = "null"
		}
		if records = records[n:]; name == "v" {
			list = `{"w":` + list + `,"n":1}`
		}
		pages = append(pages, fmt.Sprintf(`{%s%q: %s%s}`, pick(g, "", `"p":1,`), name, list, pick(g, "", `,"next":{"w":[]}`)))
	}
	return strings.Join(pages, g.between())
}

// value writes a value for the goals that lead here.
func (g *generator) value(goals []goal, depth int) string {
	text := g.bare(goals, depth)
	if depth == 0 {
		return text
	}
	return g.wrap(g.embed(goals, text))
}

// bare writes a value without an envelope.
func (g *generator) bare(goals []goal, depth int) string {
	var objects, arrays, members, ends []goal
	exploded := false
	for _, t := range goals {
		switch {
		case len(t.rest) > 0 && t.rest[0].kind == 'm':
			members = append(members, t)
		case len(t.rest) == 0:
			ends = append(ends, t)
		case t.rest[0].kind == '.':
			objects = append(objects, t)
		default:
			arrays = append(arrays, t)
			exploded = exploded || t.rest[0].kind == '*'
		}
	}
	if n := g.IntN(200); g.wild && depth > 0 || n == 0 { // most records are whole
		switch {
		case n < 8:
			return "null"
		case n < 12:
			return g.any(depth)
		}
	}
	if objects != nil && arrays != nil && (exploded && !g.wild || g.one(2)) {
		objects = nil
	}
	switch {
	case members != nil:
		return g.members(members, depth)
	case objects != nil:
		return g.object(objects, depth)
	case arrays != nil:
		return g.array(arrays, depth)
	}
	return g.end(ends, depth)
}

// end writes a value for what ends here: one that all columns take, if chance
// finds one.
func (g *generator) end(ends []goal, depth int) (text string) {
	columns := slices.DeleteFunc(slices.Clone(ends), func(t goal) bool { return t.c == nil })
	var asked []goal
	for _, t := range ends {
		if t.w != nil && len(t.w.values) > 0 {
			asked = append(asked, t)
		}
	}
	if len(asked) > 0 && g.one(2) {
		text = pick(g, pick(g, asked...).w.values...)
		if len(columns) == 0 || g.fits(text, columns) {
			return text
		}
	}
	if len(columns) == 0 {
		return g.any(depth)
	}
	for range 12 {
		text = g.scalar(pick(g, columns...).c, depth)
		if g.wild && g.one(3) || g.fits(text, columns) {
			return text
		}
	}
	if slices.ContainsFunc(columns, goal.needed) || g.wild {
		return text
	}
	return "null"
}

// fits reports whether a text is a value of all the columns.
func (g *generator) fits(text string, columns []goal) bool {
	docs, broken := parseAll(text)
	if broken != nil || len(docs) != 1 {
		return false
	}
	return !slices.ContainsFunc(columns, func(t goal) bool {
		cell, codes := t.c.convert(docs[0], g.s.fieldBytes)
		if t.c.nullOnError && g.one(2) {
			codes = nil
		}
		return codes != nil || t.c.required && cell == null || t.c.list && t.c.misfits(docs[0], g.s.fieldBytes)
	})
}

func (g *generator) object(goals []goal, depth int) string {
	byName := map[string][]goal{}
	var names []string
	for _, t := range goals {
		name := t.rest[0].name
		if byName[name] == nil {
			names = append(names, name)
		}
		byName[name] = append(byName[name], goal{t.rest[1:], t.c, t.t, t.w})
	}
	used := map[string]bool{}
	var members []string
	add := func(name, value string) {
		if !used[name] || g.wild {
			members = append(members, g.name(name)+value)
		}
		used[name] = true
	}
	for _, name := range names {
		sub := byName[name]
		needed := !g.wild && slices.ContainsFunc(sub, goal.needed)
		switch {
		case !needed && g.one(12):
			used[name] = true // it is missing, and no stranger takes its place
			continue
		case !needed && g.one(20):
			add(name, "null")
			continue
		}
		add(name, g.value(sub, depth+1))
		if g.wild && g.one(100) {
			add(name, g.any(depth+1))
		}
	}
	for g.strangers() && g.one(4) {
		add(pick(g, "u", "v", "id", "it's", "x.y", "", "a", "b", "\n", "日本", "w"), g.any(depth+1))
	}
	if g.wild && g.one(60) { // names that are no text
		members = append(members, pick(g, `"\ud800":`, `"\udc00\u0061":`, "\"\xff\":", `"a\ud83d":`)+g.any(depth+1))
	}
	if !g.plain || g.one(20) {
		g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
	return "{" + g.space() + strings.Join(members, g.space()+","+g.space()) + g.space() + "}"
}

func (g *generator) array(goals []goal, depth int) string {
	n := pick(g, 0, 1, 1, 2, 2, 3, 5)
	if g.one(200) && len(goals) < 20 {
		n = 40
	}
	full := func(t goal) bool { // a record without elements does not fit
		return t.rest[0].kind == '*' && t.t.when != "keep" && t.t.when != "skip" || t.rest[0].kind == '[' && t.needed()
	}
	if depth == 0 || !g.wild && slices.ContainsFunc(goals, full) {
		n = 1 + g.IntN(3)
	}
	n = g.zipped(goals, n)
	var elems []string
	byFilter := map[int][]goal{}
	for _, t := range goals {
		if t.rest[0].kind == '?' {
			for i, sub := range g.chosen(t, n) {
				byFilter[i] = append(byFilter[i], sub...)
			}
		}
	}
	for i := range n {
		sub := byFilter[i]
		key := ""
		exploded := false
		for _, t := range goals {
			if t.rest[0].kind == '?' {
				continue
			}
			if s := t.rest[0]; s.kind == '*' || s.i == i || s.i == i-n {
				sub = append(sub, goal{t.rest[1:], t.c, t.t, t.w})
				exploded = exploded || s.kind == '*'
				if !g.wild {
					key += fmt.Sprintf("%p%v", t.c, t.rest)
				}
			}
		}
		if exploded && len(g.pool[key]) > 0 && g.one(2) {
			elems = append(elems, pick(g, g.pool[key]...))
			continue
		}
		e := g.value(sub, depth+1)
		elems = append(elems, e)
		if exploded && len(e) > 2 {
			g.pool[key] = append(g.pool[key][max(len(g.pool[key])-20, 0):], e)
		}
	}
	return "[" + g.space() + strings.Join(elems, g.space()+","+g.space()) + g.space() + "]"
}

func (g *generator) space() string {
	if g.plain {
		return ""
	}
	return pick(g, "", "", "", " ", "  ", "\t")
}

func (g *generator) name(s string) string {
	if g.plain {
		return quoted(s) + ":"
	}
	return g.text(s) + g.space() + ":" + g.space()
}

func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// text writes a string, with escapes now and then.
func (g *generator) text(s string) string {
	if g.plain || !g.one(4) {
		return quoted(s)
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r > 0xffff:
			fmt.Fprintf(&b, `\u%04X\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		case g.one(2) || r < ' ' || r == '"' || r == '\\':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// any writes any value.
func (g *generator) any(depth int) string {
	switch n := g.IntN(24); {
	case depth < 6 && n < 3 && g.strangers():
		return g.object([]goal{{rest: path{{kind: '.', name: "u"}}, t: &table{}}}, depth)
	case depth < 6 && n < 5:
		return g.array([]goal{{rest: path{{kind: '[', i: 0}}, t: &table{}}}, depth)
	case n == 5:
		return "null"
	case n == 6:
		return pick(g, "true", "false")
	case n == 7:
		return "{}"
	case n == 8:
		return "[]"
	case n == 9 && g.wild && g.one(8):
		return pick(g, "\"\xff\"", `"\ud800"`, `"\udc00\ud800"`, "\"\xed\xa0\x80\"", `{"k":1,"k":2}`, `[{"k":1,"\u006b":2}]`, "{\"\xff\":1}", `"\ud83d\ude00"`)
	case n < 16:
		return g.numberText()
	}
	return g.text(pick(g, "", "a", "text", "é\n", "😀", "2024-01-10", "12.30", "true", `say "x\y"`, strings.Repeat("long", 5), "\u2028\x7f"))
}

func (g *generator) numberText() string {
	return pick(g, "0", "-0", "7", "-12", "1.50", "0.001", "2.0", "1e2", "1E+2", "25e-1", "120e-1", "2147483647", "-2147483648", "2147483648",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e18", "1e19", "999999999999999999.9", "123456789012345678901234567890.12",
		"99999999999999999999999999999999999999", "1e37", "1e38", "0e99999999999999999999", "1e400", "-1e-400", "1e-7", "1704844800", "1704844800000", "-62135596801", "253402300799",
		"1.7976931348623157e308", "5e-324", "0.1", "100000000000000000000000e-20", fmt.Sprint(g.IntN(100)), fmt.Sprint(g.IntN(100_000)), fmt.Sprintf("%d.%02d", g.IntN(1000), g.IntN(100)))
}

// time writes a time that the column says more of.
func (g *generator) time(c *column) string {
	if c.unit != "" && (!c.sources()["string"] || c.sources()["integer"] && g.one(2)) {
		return g.epoch(c.unit)
	}
	return g.text(g.timeText(c))
}

// scalar writes a value for a column, mostly one that it takes.
func (g *generator) scalar(c *column, depth int) string {
	if g.wild && g.one(12) {
		return g.any(depth)
	}
	if c.list {
		return g.listOf(c, depth)
	}
	if c.words != nil {
		return pick(g, c.words...)
	}
	if (c.texts.format != "" || c.texts.symbol) && g.one(2) {
		return g.text(g.groupedText())
	}
	if c.texts.used() && c.sources()["string"] && g.one(2) {
		return g.text(pick(g, append(slices.Clone(c.texts.nullValues), g.edgeText(), g.edgeText())...))
	}
	switch c.kind {
	case "string":
		if c.sources()["string"] && !g.one(5) {
			return g.text(pick(g, "", "a", "b", "text", "é", "007", "x\ty", "日本語", "😀", strings.Repeat("ab", g.IntN(12))))
		}
		return pick(g, "7", "12", "true", "1.50")
	case "boolean":
		return pick(g, "true", "false", `"true"`, `"false"`, `"True"`)
	case "json":
		return g.any(depth)
	case "date":
		if c.times != (times{}) && g.one(2) {
			return g.time(c)
		}
		if c.unit != "" && g.one(2) {
			return pick(g, "0", "86400", "86400000", "86400000000", "-86400", "1704844800", "1", "253402214400", "-62135596800")
		}
		return quoted(pick(g, "2024-01-10", "2024-02-29", "2023-02-29", "0001-01-01", "9999-12-31", "0000-01-01", "2024-1-1", "2024-01-10T00:00:00Z"))
	case "timestamp":
		if c.times != (times{}) && !g.one(5) {
			return g.time(c)
		}
		if c.unit != "" && g.one(2) {
			return g.numberText()
		}
		return quoted(pick(g, "2024-01-10T08:30:00Z", "2024-01-10T08:30:00Z", "2024-01-10T08:30:01Z", "2024-01-10", "2024-01-10 08:30:00", "2024-01-10T08:30", "2024-01-10T09:30:00+01:00",
			"2024-01-10T09:30:00-0130", "2024-01-10T09:30:00+01", "2024-01-10T08:30:00.123456000Z", "2024-01-10T08:30:00.1234567Z", "2024-01-10T08:30:60Z", "2024-01-10T24:00:00Z",
			"0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-00:01", "10/01/2024", "2024-02-30T00:00:00Z", "2024-01-10T08:30:00.5", "2024-01-10T08:30Z", "0000-12-31T23:59:59-01:00"))
	}
	n := g.numberText()
	if g.one(2) {
		n = pick(g, "1", "2", "7", "12.5", "3.14", "100")
	}
	if c.sources()["string"] && g.one(3) {
		return quoted(pick(g, n, n, n, "1,5", "+5", " 5", "$3", "NaN", ""))
	}
	return n
}
