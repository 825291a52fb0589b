//go:build meaning

package meaning

import (
	"fmt"
	"slices"
)

// outcome is what a mapping makes of a text.
type outcome struct {
	reject  string // why the input is rejected, or empty
	records []*record
}

// record is what becomes of one record.
type record struct {
	at        int
	text      string
	findings  findings // why it is quarantined, if there are any
	skipped   bool
	strangers []stranger
	elements  int64                 // left out by when_empty: skip
	rows      map[string][][]string // by table
	rescued   map[string][]map[string]string
}

// findings are all that is wrong with a record, by reason and path. A path may
// be spelled in more than one way; "*" is any path.
type findings map[string]map[string]bool

func (f findings) add(code string, paths ...string) {
	if f[code] == nil {
		f[code] = map[string]bool{}
	}
	for _, p := range paths {
		f[code][p] = true
	}
}

// stranger is a member that no path names.
type stranger struct {
	key, text string
	under     path  // of the exploded element that it stands in, up to its [*]; nil: of the record
	ordinals  []int // of that
}

// interpret reads docs/mapping.md and docs/formats.md once more, without an eye
// on speed.
func (s *spec) interpret(text, source string) outcome {
	docs, err := parseAll(text)
	if err != nil {
		panic(err) // the generator writes JSON
	}
	holders, tail, reject := s.find(docs)
	out := outcome{reject: reject}
	for i, h := range holders {
		out.records = append(out.records, s.record(h, tail, i, source))
	}
	return out
}

var defaultRecords = []path{{{kind: '*'}}, {}}

// find finds what holds the records, and the path of the record in it.
func (s *spec) find(docs []*value) (holders []*value, tail path, reject string) {
	if len(docs) == 0 {
		return nil, nil, "empty_file"
	}
	records := s.records
	if records == nil {
		records = defaultRecords
	}
	for _, p := range records {
		head := p.upTo(1)
		first := head.find(docs[0])
		switch {
		case len(p) == 0:
			return docs, nil, ""
		case p.levels() == 0:
			if first != nil && first.kind != 'n' {
				return docs, p, ""
			}
		case first != nil && first.kind == '[':
			if len(head) == 0 && len(docs) > 1 {
				return nil, nil, "trailing_data"
			}
			for _, d := range docs {
				list := head.find(d)
				if list == nil || list.kind != '[' && list.kind != 'n' {
					return nil, nil, "not_records"
				}
				holders = append(holders, list.elems...)
			}
			return holders, p[len(head)+1:], ""
		}
	}
	return nil, nil, "not_records"
}

// reading is the reading of one record.
type reading struct {
	*spec
	*record
	ranks map[string]int // of the indexes of a path, in the order of the mapping
}

func (s *spec) record(holder *value, tail path, ordinal int, source string) *record {
	r := reading{s, &record{at: holder.at, text: holder.text, findings: findings{}, rows: map[string][][]string{}, rescued: map[string][]map[string]string{}}, map[string]int{}}
	if s.recordBytes > 0 && len(holder.text) > s.recordBytes {
		r.findings.add("record_too_large", "$")
		return r.record
	}
	v := r.around(holder, tail)
	if v == nil {
		return r.record
	}
	r.walk(v, r.routes(), spot{}, true, false)
	r.skipped = true
	for i := range s.tables {
		r.rowsOf(&s.tables[i], v, source, ordinal)
		r.skipped = r.skipped && len(r.rows[s.tables[i].name]) == 0
	}
	return r.record
}

// around goes down to the record in what holds it.
func (r *reading) around(v *value, tail path) *value {
	for i, s := range tail {
		here := tail[:i].String()
		if v.kind != '{' {
			r.findings.add("not_object", here, tail.String())
			r.texts(v, here)
			return nil
		}
		r.names(v, func(string) []string { return []string{here, tail[:i+1].String()} })
		for _, m := range v.members {
			if m.name.str != s.name {
				r.texts(m.value, here)
				r.strange(stranger{key: "$" + tail[:i].with(step{kind: '.', name: m.name.str}).String(), text: m.value.text}, here)
			}
		}
		if v = v.member(s.name); v == nil {
			r.findings.add("not_object", tail.String())
			return nil
		}
	}
	return v
}

func (r *reading) strange(u stranger, at ...string) {
	r.strangers = append(r.strangers, u)
	if r.unknown == "reject" {
		r.findings.add("unknown_field", at...)
	}
}

// names looks for names that stand twice, or are no text.
func (r *reading) names(v *value, paths func(name string) []string) {
	seen := map[string]bool{}
	for _, m := range v.members {
		for _, code := range m.name.bad {
			r.findings.add(code, paths(m.name.str)...)
		}
		if seen[m.name.str] {
			r.findings.add("duplicate_key", paths(m.name.str)...)
		}
		seen[m.name.str] = true
	}
}

// texts looks at all strings in a value that nobody looks into.
func (r *reading) texts(v *value, at ...string) {
	for _, code := range v.bad {
		r.findings.add(code, at...)
	}
	for _, e := range v.elems {
		r.texts(e, at...)
	}
	if v.kind == '{' {
		r.names(v, func(string) []string { return at })
	}
	for _, m := range v.members {
		r.texts(m.value, at...)
	}
}

// route is a path of the mapping on its way through a record.
type route struct {
	rest     path
	gone     path  // as the mapping writes it
	ordinals []int // of its wildcards
	order    []int // its rank at each array: [*] before the indexes
	json     bool
}

func (t route) here() string { return t.gone.at(t.ordinals).String() }

func (t route) step() route {
	t.gone = t.gone.with(t.rest[0])
	t.rest = t.rest[1:]
	return t
}

// routes are all paths of the mapping.
func (r *reading) routes() (all []route) {
	for _, t := range r.tables {
		if t.explode != nil {
			all = append(all, route{rest: t.explode})
		}
		for _, c := range t.columns {
			all = append(all, route{rest: c.path, json: c.kind == "json"})
		}
	}
	for _, t := range all {
		for i, s := range t.rest {
			if key := t.rest[:i+1].String(); s.kind == '[' && r.ranks[key] == 0 {
				r.ranks[key] = len(r.ranks) + 1
			}
		}
	}
	return all
}

// spot is an element that no path names: where it stands.
type spot struct {
	gone     path
	ordinals []int
}

// walk checks what the routes go through, and finds the members that none of
// them names. element says that v is the record or an exploded element, held
// that a json column has it.
func (r *reading) walk(v *value, routes []route, stray spot, element, held bool) {
	slices.SortStableFunc(routes, func(a, b route) int { return slices.Compare(a.order, b.order) })
	if len(routes) > 0 {
		stray = spot{routes[0].gone, routes[0].ordinals}
	}
	here := []string{stray.gone.at(stray.ordinals).String()}
	var names, indexes, each bool
	for _, t := range routes {
		here = append(here, t.here())
		held = held || t.json && len(t.rest) == 0
		if len(t.rest) > 0 {
			names = names || t.rest[0].kind == '.'
			indexes = indexes || t.rest[0].kind == '['
			each = each || t.rest[0].kind == '*'
		}
	}
	for _, code := range v.bad {
		r.findings.add(code, here...)
	}
	r.structure(v, here, names, indexes, each, element)
	switch v.kind {
	case '{':
		r.object(v, routes, stray, here, held)
	case '[':
		for i, e := range v.elems {
			r.element(e, i, len(v.elems), routes, stray, held)
		}
	}
}

// structure checks that what paths go through is an object or an array.
func (r *reading) structure(v *value, here []string, names, indexes, each, element bool) {
	switch {
	case !names && !indexes && !each:
	case v.kind == 'n' && (!element || each):
	case v.kind == '[' && (indexes || each):
	case v.kind == '{' && names && !each:
	case names && !each:
		r.findings.add("not_object", here...)
	default:
		r.findings.add("not_array", here...)
	}
}

func (r *reading) object(v *value, routes []route, stray spot, here []string, held bool) {
	into := func(name string) (sub []route) {
		for _, t := range routes {
			if len(t.rest) > 0 && t.rest[0].kind == '.' && t.rest[0].name == name {
				sub = append(sub, t.step())
			}
		}
		return sub
	}
	r.names(v, func(name string) []string {
		at := slices.Clone(here)
		for _, t := range into(name) {
			at = append(at, t.here())
		}
		return at
	})
	for _, m := range v.members {
		if sub := into(m.name.str); sub != nil {
			r.walk(m.value, sub, spot{}, false, held)
			continue
		}
		r.texts(m.value, here...)
		if held {
			continue
		}
		u := stranger{key: stray.gone.with(step{kind: '.', name: m.name.str}).String(), text: m.value.text, ordinals: stray.ordinals}
		for i, s := range stray.gone {
			if s.kind == '*' {
				u.under = stray.gone[:i+1]
			}
		}
		r.strange(u, here...)
	}
}

// element reads the i-th of n elements of an array.
func (r *reading) element(v *value, i, n int, routes []route, stray spot, held bool) {
	var sub []route
	exploded := false
	for _, t := range routes {
		if len(t.rest) == 0 {
			continue
		}
		s := t.rest[0]
		switch {
		case s.kind == '*':
			t = t.step()
			t.ordinals = append(slices.Clone(t.ordinals), i)
			t.order = append(slices.Clone(t.order), 0)
			sub, exploded = append(sub, t), true
		case s.kind == '[' && (s.i == i || s.i == i-n):
			t = t.step()
			t.order = append(slices.Clone(t.order), r.ranks[t.gone.String()])
			sub = append(sub, t)
		}
	}
	if sub == nil {
		stray.gone = stray.gone.with(step{kind: '[', i: i})
	}
	r.walk(v, sub, stray, exploded, held)
}

// rowsOf makes the rows of a table.
func (r *reading) rowsOf(t *table, v *value, source string, ordinal int) {
	var rows [][]string
	var places [][]int
	row := func(ordinals []int) {
		var cells []string
		for i := range t.columns {
			c := &t.columns[i]
			cell := null
			if level := c.path.levels(); level <= len(ordinals) {
				cell, _ = c.convert(c.path.at(ordinals[:level]).find(v), r.fieldBytes)
			}
			cells = append(cells, cell)
		}
		if r.provenance {
			cells = append(cells, source, fmt.Sprint(r.at), fmt.Sprint(ordinal))
			for level := range t.explode.levels() {
				if level < len(ordinals) {
					cells = append(cells, fmt.Sprint(ordinals[level]))
				} else {
					cells = append(cells, null)
				}
			}
		}
		rows, places = append(rows, cells), append(places, ordinals)
	}
	r.elementsOf(t, v, nil, row)
	if len(rows) > 0 && r.recordRows > 0 && len(rows) > r.recordRows {
		r.findings.add("too_many_rows", "*")
	}
	r.rows[t.name] = rows
	for _, ordinals := range places {
		rescued := map[string]string{}
		for _, u := range r.strangers {
			level := u.under.levels()
			if level == 0 || len(t.explode) >= len(u.under) && slices.Equal(t.explode[:len(u.under)], u.under) &&
				level <= len(ordinals) && slices.Equal(ordinals[:level], u.ordinals) {
				rescued[u.key] = u.text
			}
		}
		r.rescued[t.name] = append(r.rescued[t.name], rescued)
	}
}

// elementsOf checks the columns of the element that the ordinals lead to (of
// the record, if there are none), and gives a row for each element below it.
func (r *reading) elementsOf(t *table, v *value, ordinals []int, row func([]int)) {
	level := len(ordinals)
	for i := range t.columns {
		c := &t.columns[i]
		if c.path.levels() != level {
			continue
		}
		p := c.path.at(ordinals)
		cell, codes := c.convert(p.find(v), r.fieldBytes)
		for _, code := range codes {
			r.findings.add(code, p.String())
		}
		if c.required && cell == null {
			r.findings.add("missing_field", p.String())
		}
	}
	if level == t.explode.levels() {
		row(ordinals)
		return
	}
	target := t.explode.upTo(level + 1).at(ordinals)
	list := target.find(v)
	given := false
	counted := func(o []int) {
		given = true
		row(o)
	}
	if list != nil && list.kind == '[' {
		for i := range list.elems {
			r.elementsOf(t, v, append(slices.Clone(ordinals), i), counted)
		}
	}
	switch {
	case given:
	case t.when == "keep":
		row(ordinals)
	case t.when == "skip":
		if level > 0 {
			r.elements++
		}
	default:
		r.findings.add("no_rows", target.String())
	}
}
