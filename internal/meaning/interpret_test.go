package meaning

import (
	"cmp"
	"fmt"
	"slices"
)

// outcome is what a mapping makes of a text.
type outcome struct {
	rejects []string // why the input is rejected: one of these
	mayHold bool     // it may also be rejected for drift: what is told of a record decides
	mayDeep bool     // it may also be rejected for its depth: strings of a broken record are not read here
	records []*record
}

// record is what becomes of one record.
type record struct {
	at        int
	text      string
	findings  findings // why it is quarantined, if there are any
	skipped   bool
	strangers []stranger
	uncertain int64                 // strangers in what some path finds unfit, in rows that are left out: they may count or not
	elements  int64                 // left out by when_empty: skip
	filtered  int64                 // rows left out by where
	rows      map[string][][]string // by table
	rescued   map[string][]map[string]rescue
	errors    map[string][]valueError        // by table
	rowErrors map[string][]map[string]string // by table: of each row
}

// finding is something that is wrong with a record: the code, the path and the
// byte of it. One of them is told.
type finding struct {
	code, path string
	at         int
}

// anywhere is a byte that is not compared.
const anywhere = -1

type findings map[finding]bool

// has reports whether what is told of a record is one of its findings.
func (f findings) has(told finding) bool {
	return f[told] || f[finding{told.code, told.path, anywhere}]
}

// add notes what is wrong at a byte. Several paths may lead there.
func (f findings) add(code string, at int, paths ...string) {
	for _, p := range paths {
		f[finding{code, p, at}] = true
	}
}

// stranger is a member that no path names. Several paths may lead to what it
// stands in.
type stranger struct {
	name, text string
	places     []place
	uncertain  bool
}

// rescue is the text of a member in _rescued, which may have it or not if it is
// uncertain.
type rescue struct {
	text      string
	uncertain bool
}

// place is where a value stands, as the mapping spells it: one value can be at
// $.a[*], $.a[0] and $.a[-1]. Elements that no path names have their ordinals.
type place struct {
	path     path
	ordinals []ordinal // of the wildcards
	routes   []path    // what follows it in the mapping's paths; an empty one ends here
	order    []int     // at each array: 0 for [*], and else the rank of the index in the mapping
	element  bool      // the record, or an exploded element
	around   bool      // path is that of what holds the record
	chosen   bool      // an element into which only filters look
}

func (p *place) String() string { return p.path.at(p.ordinals).String() }

// through is the place one step further, of the routes that go there.
func (p *place) through(s step) place {
	sub := place{path: p.path.with(s), ordinals: p.ordinals, order: p.order}
	for _, r := range p.routes {
		if len(r) > 0 && r[0] == s {
			sub.routes = append(sub.routes, r[1:])
		}
	}
	return sub
}

func (p *place) goesOn(kind byte) bool {
	return slices.ContainsFunc(p.routes, func(r path) bool { return len(r) > 0 && r[0].kind == kind })
}

// leads reports whether a path goes on from here.
func (p *place) leads() bool {
	return p.goesOn('.') || p.goesOn('[') || p.goesOn('?') || p.goesOn('*') || p.goesOn('m')
}

// under is the path of the exploded element that the place is in, or nil.
func (p *place) under() path {
	for i := len(p.path) - 1; i >= 0; i-- {
		if p.path[i].wild() {
			return p.path[:i+1]
		}
	}
	return nil
}

func paths(places []place) (all []string) {
	for i := range places {
		all = append(all, places[i].String())
	}
	return all
}

// interpret reads docs/mapping.md and docs/formats.md once more, without an eye
// on speed.
func (s *spec) interpret(text, source string) (out outcome) {
	cells, ok := s.keyCells(source)
	if !ok {
		return outcome{rejects: []string{"key_mismatch"}}
	}
	docs, broken := parseAll(text)
	if len(docs) == 0 && broken == nil {
		return outcome{rejects: []string{"empty_file"}}
	}
	var holders []*value
	var tail path
	if len(docs) > 0 {
		holders, tail, out.rejects = s.find(docs, broken)
	}
	if out.rejects == nil && broken != nil {
		out.rejects = []string{broken.code}
	}
	bad := 0
	for i, h := range holders {
		read, depth := h, h.depth
		switch {
		case s.parse == nil:
		case h.kind == '!':
			out.mayDeep = out.mayDeep || s.depth > 0
		default:
			read, depth = s.unfold(h, tail)
		}
		r := s.record(h, read, tail, i, source, cells)
		out.records = append(out.records, r)
		if len(r.findings) > 0 {
			bad++
		}
		if s.depth > 0 && max(h.depth, depth) > s.depth {
			out.rejects = append(out.rejects, "depth_limit")
		}
	}
	if s.hold && out.rejects == nil {
		s.held(&out)
	}
	// Of an input that is rejected, more may have been read than is known here.
	if s.depth > 0 && out.rejects != nil {
		out.rejects = append(out.rejects, "depth_limit")
	}
	if s.share < 1 && (out.rejects != nil || len(holders) > 10 && float64(bad) > s.share*float64(len(holders))) {
		out.rejects = append(out.rejects, "quarantine_share")
	}
	return out
}

var defaultRecords = []path{{{kind: '*'}}, {}}

// find finds what holds the records, and the path of the record in it.
func (s *spec) find(docs []*value, broken *syntaxError) (holders []*value, tail path, rejects []string) {
	records := s.records
	if records == nil {
		records = defaultRecords
	}
	var empty path // the first place where the list is null
	for _, p := range records {
		head := p.upTo(1)
		first := head.find(docs[0])
		switch {
		case len(p) == 0 && empty != nil:
		case len(p) == 0:
			return docs, nil, s.scalars(docs)
		case first == nil:
		case p.levels() == 0 && first.kind != 'n':
			return docs, p, nil
		case p.levels() > 0 && first.kind == '[':
			return s.lists(docs, broken, p, head)
		case p.levels() > 0 && len(head) > 0 && first.kind == 'n' && empty == nil:
			empty = p
		}
	}
	if empty != nil {
		return s.lists(docs, broken, empty, empty.upTo(1))
	}
	return nil, nil, []string{"not_records"}
}

// scalars says why documents cannot be the records: they need a column for what
// is neither object nor array.
func (s *spec) scalars(docs []*value) (rejects []string) {
	for _, t := range s.tables {
		for _, c := range t.columns {
			if slices.ContainsFunc(c.paths(), func(p path) bool { return len(p) == 0 }) {
				return nil
			}
		}
	}
	if kind := docs[0].kind; kind != '{' && kind != '[' {
		return []string{"not_records"}
	}
	return nil
}

// lists gives the elements of the lists at p in documents.
func (s *spec) lists(docs []*value, broken *syntaxError, p, head path) (holders []*value, tail path, rejects []string) {
	tail = p[len(head)+1:]
	for i, d := range docs {
		list := head.find(d)
		switch {
		case d.kind == '!' && d.text[0] == '{':
			return holders, tail, []string{d.str, "not_records"}
		case i > 0 && (len(head) == 0 || d.kind != '{'):
			return holders, tail, []string{"trailing_data"}
		case list == nil || list.kind != '[' && list.kind != 'n':
			return holders, tail, []string{"not_records"}
		}
		holders = append(holders, list.elems...)
		for i, s := range head {
			if head[:i].find(d).count(s.name) > 1 {
				return holders, tail, []string{"duplicate_key"}
			}
		}
	}
	switch {
	case broken == nil:
		return holders, tail, nil
	case len(head) == 0 || broken.first != '{':
		return holders, tail, []string{"trailing_data"}
	}
	return holders, tail, []string{broken.code, "not_records"} // its list may stand before the fault, or not
}

// reading is the reading of one record.
type reading struct {
	*spec
	cells map[*column]string // of the columns that parts of the key feed
	*record
	value  *value
	ranks  map[string]int  // of the indexes of a path, in the order of the mapping
	read   map[*column]int // values of lists
	routes []path          // all paths of the mapping
}

// record reads a record in what holds it: as it stands in the text, and as it is
// read.
func (s *spec) record(holder, read *value, tail path, number int, source string, cells map[*column]string) *record {
	r := reading{s, cells, &record{at: holder.at, text: holder.text, findings: findings{}, rows: map[string][][]string{}, rescued: map[string][]map[string]rescue{}, errors: map[string][]valueError{}, rowErrors: map[string][]map[string]string{}}, nil, map[string]int{}, map[*column]int{}, nil}
	if s.recordBytes > 0 && len(holder.text) > s.recordBytes {
		r.findings.add("record_too_large", r.at, "$")
		return r.record
	}
	if holder.kind == '!' {
		r.findings.add(holder.bad[0], anywhere, "$")
		return r.record
	}
	v := r.around(read, tail)
	if v == nil {
		return r.record
	}
	if s.envelope != "" {
		s.openAll(v)
	}
	r.value = v
	r.walk(v, []place{r.top()}, false)
	r.skipped = true
	for i := range s.tables {
		r.rowsOf(&s.tables[i], v, source, number)
		r.skipped = r.skipped && len(r.rows[s.tables[i].name]) == 0
	}
	return r.record
}

// around goes down to the record in what holds it.
func (r *reading) around(v *value, tail path) *value {
	for i, s := range tail {
		here := []place{{path: tail[:i], around: true}}
		if v.kind != '{' {
			r.findings.add("not_object", v.at, tail[:i].String())
			r.findings.add("not_object", r.at, tail.String())
			r.texts(v, tail[:i].String())
			return nil
		}
		r.names(v, paths(here), func(name string) []string {
			if name == s.name {
				return []string{tail[:i+1].String()}
			}
			return nil
		})
		for _, m := range v.members {
			if m.name.str != s.name {
				r.texts(m.value, tail[:i].String())
				r.strange(m, here)
			}
		}
		if v = v.member(s.name); v == nil {
			r.findings.add("not_object", r.at, tail.String())
			return nil
		}
	}
	return v
}

// strange notes a member that no path names.
func (r *reading) strange(m member, at []place) {
	r.strangers = append(r.strangers, stranger{name: m.name.str, text: m.value.whole().text, places: at})
	if r.unknown == "reject" {
		r.findings.add("unknown_field", m.name.at, paths(at)...)
	}
}

// texts looks at all strings in a value that nobody looks into.
func (r *reading) texts(v *value, at ...string) {
	v = v.whole()
	for _, code := range v.bad {
		r.findings.add(code, v.at, at...)
	}
	for _, e := range v.elems {
		r.texts(e, at...)
	}
	r.names(v, at, nil)
	for _, m := range v.members {
		r.texts(m.value, at...)
	}
}

// names looks for names that stand twice, or are no text, in an object at some
// paths. inside gives the paths of a member.
func (r *reading) names(v *value, at []string, inside func(name string) []string) {
	seen := map[string]bool{}
	for _, m := range v.members {
		for _, code := range m.name.bad {
			begin := m.name.at + 1
			if m.name.inString {
				begin = m.name.at
			}
			r.findings.add(code, begin, at...)
		}
		if seen[m.name.str] {
			r.findings.add("duplicate_key", m.name.at, at...)
			if inside != nil {
				r.findings.add("duplicate_key", m.name.at, inside(m.name.str)...)
			}
		}
		seen[m.name.str] = true
	}
}

// top is the place of the record.
func (r *reading) top() place {
	p := place{element: true}
	for _, t := range r.tables {
		p.routes = append(p.routes, t.exploded()...)
		for _, c := range t.where {
			p.routes = append(p.routes, withKeys(c.path)...)
		}
		for _, c := range t.columns {
			p.routes = append(p.routes, c.paths()...)
		}
	}
	r.routes = p.routes
	p.routes = append(append(p.routes, r.drop...), r.filterNames()...)
	for _, route := range p.routes {
		for i, s := range route {
			if key := route[:i+1].String(); s.kind == '[' && r.ranks[key] == 0 {
				r.ranks[key] = len(r.ranks) + 1
			}
		}
	}
	return p
}

// column reports whether there is a column of that path and kind.
func (r *reading) column(p path, is func(*column) bool) bool {
	for _, t := range r.tables {
		for i := range t.columns {
			c := &t.columns[i]
			if slices.ContainsFunc(c.paths(), func(q path) bool { return slices.Equal(p, q) }) && !c.memberName && is(c) {
				return true
			}
		}
	}
	return false
}

// walk checks what the paths go through at the places of v, and finds the
// members that none of them names. held says that a json column has v, or that
// it is dropped.
func (r *reading) walk(v *value, places []place, held bool) {
	slices.SortStableFunc(places, func(a, b place) int { return slices.Compare(a.order, b.order) })
	for _, code := range v.bad {
		r.findings.add(code, v.at, paths(places)...)
	}
	for _, at := range v.wrong {
		r.texts(v, paths(places)...)
		for _, p := range places {
			goesOn := slices.ContainsFunc(p.routes, func(rest path) bool { return len(rest) > 0 })
			if r.asks(p.path) || (goesOn || r.column(p.path, func(*column) bool { return true })) && r.uses(&p) {
				r.findings.add("wrong_type", at, p.String())
			}
		}
	}
	var into []place // which look into v
	unfit, before := false, len(r.strangers)
	for i := range places {
		p := &places[i]
		dropped := r.dropped(p.path) || r.asked(p) || p.chosen || r.namedByFilter(p.path)
		held = held || dropped || r.column(p.path, func(c *column) bool { return c.kind == "json" || (c.isLate() || c.nullOnError) && !c.either(p.path) })
		code := p.misfit(v)
		if v.kind != '{' && v.kind != '[' && r.column(p.path, func(c *column) bool { return c.either(p.path) }) {
			code = ""
		}
		if code != "" && v.unread {
			code = "bad_embedded_json"
		}
		if v.unread && r.asks(p.path) {
			r.findings.add("bad_embedded_json", v.at, p.String())
		}
		unfit = unfit || code != ""
		if code != "" && r.wanted(p) {
			r.findings.add(code, v.at, p.String())
		}
		if code != "" || dropped || r.column(p.path, func(*column) bool { return true }) { // it is not looked into
			r.texts(v, p.String())
		}
		if r.column(p.path, func(c *column) bool { return c.list }) {
			for i, e := range v.elems {
				r.texts(e, p.String()+step{kind: '[', i: i}.String())
			}
		}
		if ends := p.chosen || r.column(p.path, func(*column) bool { return true }) && !p.leads(); code == "" && !ends {
			into = append(into, *p)
		}
	}
	switch {
	case into == nil:
	case v.kind == '{':
		r.object(v, into, paths(into), held)
	case v.kind == '[':
		for i, e := range v.elems {
			r.element(e, i, len(v.elems), into, held)
		}
	}
	if unfit {
		for i := range r.strangers[before:] {
			if s := &r.strangers[before+i]; !s.uncertain {
				s.uncertain = true
				r.uncertain++
			}
		}
	}
}

// misfit is why the mapping's paths cannot go through v here, or empty.
func (p *place) misfit(v *value) string {
	every := p.goesOn('m')
	names, indexes, each := p.goesOn('.') || every, p.goesOn('[') || p.goesOn('?'), p.goesOn('*')
	switch {
	case !names && !indexes && !each:
	case v.kind == 'n' && (!p.element || each || every):
	case v.kind == '[' && (indexes || each):
	case v.kind == '{' && names && !each:
	case names && !each:
		return "not_object"
	default:
		return "not_array"
	}
	return ""
}

func (r *reading) object(v *value, places []place, here []string, held bool) {
	// into are the places of a member, and the paths that do not know it.
	into := func(name string, nth int) (sub []place, others []string) {
		for i := range places {
			if p := places[i].through(step{kind: 'm'}); p.routes != nil {
				p.ordinals, p.element = append(slices.Clone(p.ordinals), ordinal{nth, name}), true
				sub = append(sub, p)
			} else if p := places[i].through(step{kind: '.', name: name}); p.routes != nil {
				sub = append(sub, p)
			} else {
				others = append(others, here[i])
			}
		}
		return sub, others
	}
	r.names(v, here, func(name string) []string {
		sub, _ := into(name, 0)
		return paths(sub)
	})
	for i, m := range v.members {
		sub, others := into(m.name.str, i)
		r.texts(m.value, others...)
		switch {
		case sub != nil:
			r.walk(m.value, sub, held)
		case !held:
			r.strange(m, places)
		}
	}
}

// last is the order of elements that no path names: after all others.
const last = 1 << 30

// element reads the i-th of n elements of an array.
func (r *reading) element(v *value, i, n int, places []place, held bool) {
	var sub []place
	for at := range places {
		p := &places[at]
		add := func(s step, order int, edit func(*place)) {
			q := p.through(s)
			q.order = append(slices.Clone(p.order), order)
			edit(&q)
			sub = append(sub, q)
		}
		found := p.goesOn('*')
		if found {
			add(step{kind: '*'}, 0, func(q *place) { q.ordinals, q.element = append(slices.Clone(p.ordinals), ordinal{i: i}), true })
		}
		for _, index := range []int{i, i - n} {
			if s := (step{kind: '[', i: index}); p.through(s).routes != nil {
				add(s, r.ranks[p.path.with(s).String()], func(*place) {})
				found = true
			}
		}
		if !found {
			add(step{kind: '[', i: i}, last, func(q *place) { q.chosen = p.goesOn('?') })
		}
	}
	r.walk(v, sub, held)
}

// rowsOf makes the rows of a table.
func (r *reading) rowsOf(t *table, v *value, source string, number int) {
	var rows [][]string
	var elements [][]ordinal
	row := func(ordinals []ordinal) {
		var cells []string
		for i := range t.columns {
			c := &t.columns[i]
			cell := null
			if c.level() <= len(ordinals) {
				cell, _ = r.cell(c, v, ordinals)
			}
			cells = append(cells, cell)
		}
		if r.provenance {
			cells = append(cells, source, fmt.Sprint(r.at), fmt.Sprint(number))
			for level := range t.explode.levels() {
				if level < len(ordinals) {
					cells = append(cells, fmt.Sprint(ordinals[level].i))
				} else {
					cells = append(cells, null)
				}
			}
		}
		rows, elements = append(rows, cells), append(elements, ordinals)
		if r.recordRows > 0 && len(rows) == r.recordRows+1 {
			for _, at := range t.elementsAt(ordinals) {
				if e := at.find(v); e != nil {
					r.findings.add("too_many_rows", e.start(), at.String())
				}
			}
		}
	}
	r.elementsOf(t, v, nil, row)
	r.rows[t.name] = rows
	r.boundLists(t, v, elements)
	for _, ordinals := range elements {
		r.rowErrors[t.name] = append(r.rowErrors[t.name], r.errorsOf(t, ordinals))
		rescued := map[string]rescue{}
		for _, u := range r.strangers {
			if p := t.owns(u.places); p != nil && slices.Equal(ordinals[:min(len(p.ordinals), len(ordinals))], p.ordinals) {
				key := p.path.named(p.ordinals).with(step{kind: '.', name: u.name}).String()
				if p.around {
					key = "$" + key
				}
				rescued[key] = rescue{u.text, u.uncertain}
			}
		}
		r.rescued[t.name] = append(r.rescued[t.name], rescued)
	}
}

// owns is the place of a member by which the rows of the table have it, or nil.
func (t *table) owns(places []place) (best *place) {
	for i := range places {
		p := &places[i]
		if under := p.under(); !slices.ContainsFunc(append(t.exploded(), nil), func(q path) bool { return slices.Equal(q[:min(len(under), len(q))], under) }) {
			continue
		}
		if best == nil || len(p.ordinals) > len(best.ordinals) {
			best = p
		}
	}
	return best
}

// elementsOf checks the columns of the element that the ordinals lead to (of
// the record, if there are none), and gives a row for each element below it. It
// reports whether there are any, taken or left out.
func (r *reading) elementsOf(t *table, v *value, ordinals []ordinal, row func([]ordinal)) (given bool) {
	level := len(ordinals)
	if !r.takes(t, ordinals) {
		r.leaveOut(t, ordinals)
		return true
	}
	for i := range t.columns {
		c := &t.columns[i]
		element := t.elementOf(c, ordinals).find(v)
		if c.level() != level || element == nil {
			continue
		}
		cell, wrong := r.cell(c, v, ordinals)
		if wrong != nil {
			for _, f := range wrong.also {
				r.findings[f] = true
			}
		}
		if wrong != nil && c.nullOnError && !wrong.always {
			r.errors[t.name] = append(r.errors[t.name], valueError{*wrong, c.name, ordinals})
		} else if wrong != nil {
			r.findings.add(wrong.code, wrong.at, wrong.path)
		}
		if c.list && !c.empty {
			p := c.path.at(ordinals)
			r.values(c, p, p.find(v))
		}
		if c.required && cell == null {
			r.findings.add("missing_field", element.start(), c.path.at(ordinals[:c.path.levels()]).String())
		}
	}
	if level == t.explode.levels() {
		row(ordinals)
		return true
	}
	target := t.explode.upTo(level + 1).at(ordinals)
	begin := t.elementsAt(ordinals)[0].find(v).start()
	r.lengths(t, v, ordinals, begin)
	for _, o := range t.longest(v, ordinals) {
		given = r.elementsOf(t, v, append(slices.Clone(ordinals), o), row) || given
	}
	switch {
	case given:
	case t.when == "keep" && !t.takesEmpty(level):
		r.filtered++
		return true
	case t.when == "keep":
		row(ordinals)
		return true
	case t.when == "skip":
		if level > 0 {
			r.elements++
		}
	default:
		r.findings.add("no_rows", begin, target.String())
	}
	return given
}

// sorted are the findings, to show them.
func (f findings) sorted() (all []finding) {
	for one := range f {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.code, b.code), cmp.Compare(a.path, b.path))
	})
	return all
}
