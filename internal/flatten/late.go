package flatten

import (
	"slices"

	"github.com/bojanz/currency"

	"sluice/internal/batch"
	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

// late is a column that gets its value when its element ends, since the value
// depends on several places in the record.
type late struct {
	level  int
	values []lateValue // in order: the first that gives a value does
	text   string      // of a constant
}

// lateValue is a place that may feed a late column.
type lateValue struct {
	spot   *spot
	node   *node // not of the tree: only its leaf is used, and its path for reasons
	leaf   *leaf
	either bool // an object or array is no value: another path of the column leads into it
}

// spot is a place that a late column needs, and where its value stands.
type spot struct {
	path    mapping.Path // below its element; with a choice from the record
	level   int          // of its element
	home    *node        // which ends it
	ahead   bool         // it may be needed before its element ends
	choice  *choice      // of an element that the value is in, or nil
	indexes []*index     // of the array that is here
	at      int          // position of the value, or one of these:
	wrong   misplaced    // if it is unfit
}

// notes is what a node notes for late columns.
type notes struct {
	spots   []*spot   // that are here
	value   bool      // one of them is of a value, and not of an array to choose from
	below   []*spot   // whose element is here
	start   int       // position of that element
	member  int       // position of the member of it that is being read, or 0
	passed  []passed  // members from that one on, by look-ups
	end     bool      // there are no others
	filters []*filter // that judge it
	indexes []*index  // of arrays in it
	parsed  bool      // parse_json names the value
	zip     bool      // it is one of a zipped array, or holds such arrays
}

// noting are the notes of a node that needs some.
func (n *node) noting() *notes {
	if n.notes == nil {
		n.notes = &notes{}
	}
	return n.notes
}

// noted reports whether a late column needs the value of the node.
func (n *node) noted() bool { return n.notes != nil && n.notes.value }

// leads reports whether a path leads on from the node.
func (n *node) leads() bool {
	return n.members != nil || n.each != nil || n.every != nil || n.index != nil || n.chosen != nil
}

// begin begins an element at p. It reports whether the element has to do with
// zipped arrays.
func (n *notes) begin(p int) (zip bool) {
	n.start = p
	if n.below != nil {
		n.member, n.passed, n.end = 0, n.passed[:0], false
	}
	for _, s := range n.below {
		s.at = unread
	}
	for _, x := range n.indexes {
		x.built = false
	}
	for _, w := range n.filters {
		w.verdict = unjudged
	}
	return n.zip
}

// note notes that a value begins at p. It reports whether the value may be a
// string that was to hold JSON.
func (n *notes) note(p int) (parsed bool) {
	for _, s := range n.spots {
		s.at = p
	}
	return n.parsed
}

const (
	unread = -1 // not read in this element
	absent = -2 // the element has no such value
	unfit  = -3 // what the path leads through is not as it must be
)

// later compiles a late column of a table into the top node n.
func (n *node) later(m *mapping.Mapping, table, column int, homes *homes) {
	col := &m.Tables[table].Columns[column]
	if col.Empty {
		return
	}
	l := newLeaf(m, table, column)
	l.late = true
	c := &late{level: col.Level()}
	if u := col.MinorUnits; u.By != mapping.NoMinorUnits {
		l.minor = &minorUnits{MinorUnits: u, level: c.level}
		if u.By != mapping.Fixed {
			l.minor.spot = n.spot(u.Path, homes, false)
		}
		l.quick = quickNothing
		if u.By == mapping.ByCurrency && l.Type.Wide() && l.From&mapping.FromInteger != 0 && l.scale <= quickScale && m.Limits.FieldBytes >= int64(quickBytes) {
			l.quick = quickUnits
		}
	}
	for _, p := range col.Values() {
		v := lateValue{spot: n.spot(p, homes, false), node: &node{path: p}, either: col.Either(p)}
		if col.Type.Kind == schema.List {
			v.node.addToList(l)
			v.leaf = &v.node.list.value.leaves[0]
		} else {
			v.node.leaves = []leaf{l}
			v.leaf = &v.node.leaves[0]
		}
		c.values = append(c.values, v)
	}
	if col.Const != nil {
		c.text = *col.Const
		v := lateValue{node: &node{leaves: []leaf{l}}}
		v.leaf = &v.node.leaves[0]
		c.values = []lateValue{v}
	}
	home := homes.level[c.level]
	for _, p := range col.Paths() {
		if p.Wildcards() == c.level {
			home = homes.of(p)
		}
	}
	for i := range home.ends {
		if e := &home.ends[i]; e.table == table && e.level == c.level {
			e.late = append(e.late, c)
		}
	}
}

// spot is the spot of a value at a path from the record, of which n is the top
// node. If it is needed ahead, nothing notes it: it is looked for.
func (n *node) spot(p mapping.Path, homes *homes, ahead bool) *spot {
	if i := p.LastFilter(); i >= 0 {
		return n.choose(p, i, homes, ahead)
	}
	here := n.descend(p)
	if ahead {
		here.asked = true
	} else {
		here.noting().value = true
	}
	return here.located(p, homes, ahead)
}

// located is the spot of what stands at n, whose path from the record is p.
func (n *node) located(p mapping.Path, homes *homes, ahead bool) *spot {
	s := &spot{level: p.Wildcards(), home: homes.of(p), ahead: ahead}
	s.path = p[len(s.home.path):]
	home := s.home.noting()
	for _, other := range home.below {
		if other.choice == nil && other.ahead == ahead && slices.Equal(other.path, s.path) {
			return other
		}
	}
	home.below = append(home.below, s)
	if !ahead {
		here := n.noting()
		here.spots = append(here.spots, s)
	}
	return s
}

// settle gives a late column its value, if it has one.
func (f *Flattener) settle(c *late, t *table) {
	for i := range c.values {
		v := &c.values[i]
		l := v.leaf
		if v.spot == nil {
			f.constant(l, c.text)
			return
		}
		p := f.find(v.spot, c.level)
		if p == unfit && l.Either(v.spot.wrong.path) {
			continue // what another path of the column leads into
		}
		if p == unfit {
			f.unfit(l, &v.spot.wrong)
			return
		}
		if p < 0 {
			continue
		}
		if v.either && f.composite(p) {
			continue
		}
		if l.quick != quickNothing && v.node.list == nil && v.node.notes == nil && f.quickValue(p, l) > 0 {
			return
		}
		faults := len(f.faults)
		f.value(p, v.node, 0)
		if v.node.list != nil || f.code != "" || len(f.faults) > faults || l.c.Index[t.b.Elements(c.level)] != batch.Null {
			return
		}
	}
}

// unfit notes why a column has no value. That several elements match is about
// this column alone.
func (f *Flattener) unfit(l *leaf, m *misplaced) {
	if m.code == reason.SeveralMatches {
		f.fault(l, &node{path: m.path}, m.code, m.at)
		return
	}
	f.bad(m.code, m.path, m.at)
}

// constant gives a column the text that all its elements have: once it was
// looked up, it is the only entry.
func (f *Flattener) constant(l *leaf, text string) {
	if l.c.Entries() > 0 {
		l.c.AddEntry(0)
		return
	}
	off := len(f.scratch)
	f.scratch = append(f.scratch, text...)
	l.addText(&token{text: f.scratch[off:], hash: jsonscan.Hash(f.scratch[off:]), off: off, scratch: true})
}

// find is the position of the value of a spot, for an element of the level that
// ends, or a negative number. The members around that element may still follow
// it in the text: these are looked for.
func (f *Flattener) find(s *spot, level int) int {
	if s.at == unread {
		s.at = absent
		if s.choice != nil {
			s.at, s.wrong = f.chosen(s.choice, level)
		} else if s.ahead || s.level < level {
			s.at = f.lookUp(s)
		}
	}
	return s.at
}

// passed is a member that a look-up has passed.
type passed struct{ name, value int }

// lookUp looks for the value of a spot that the walk has not come to.
func (f *Flattener) lookUp(s *spot) int {
	n := s.home.notes
	if s.ahead || len(s.path) != 1 || s.path[0].Kind != mapping.Name || f.envelope != nil || n.member == 0 {
		return f.seekIn(s.home, s.path)
	}
	// The walk has noted what stands before the member that is being read, and
	// no look-up passes a member twice.
	b, name := f.b, s.path[0].Name
	for _, m := range n.passed {
		if is, _ := isMember(b, m.name, name); is {
			return m.value
		}
	}
	p := n.member
	if last := len(n.passed) - 1; last >= 0 {
		p = f.nextMember(n.passed[last].value)
	}
	for p >= 0 && !n.end {
		is, value := isMember(b, p, name)
		if value < 0 {
			break
		}
		n.passed = append(n.passed, passed{p, value})
		if is {
			return value
		}
		p = f.nextMember(value)
	}
	n.end = true
	return absent
}

// nextMember is the position of the member after the value at p, or a negative
// number.
func (f *Flattener) nextMember(p int) int {
	if p = jsonscan.Skim(f.b, p, f.limits.Depth); p < 0 {
		return p
	}
	if p = jsonscan.Space(f.b, p); f.b[p] != ',' {
		return -1
	}
	return jsonscan.Space(f.b, p+1)
}

// seekIn is seek from the element on that a node reads, which has begun.
func (f *Flattener) seekIn(home *node, path mapping.Path) int {
	p, _ := f.seek(home.notes.start, path, home.record)
	if p < 0 {
		return absent
	}
	return p
}

// seek looks for the value at path from the value at p on, which may be read
// later; it has no envelope if it is bare. What is wrong with the text is found
// then. It returns the position, or a negative number; if that is -1-p, the value
// at p is not what the path goes through after so many steps, or else steps is
// negative.
func (f *Flattener) seek(p int, path mapping.Path, bare bool) (_, steps int) {
	b := f.b
	for step, s := range path {
		whole := p
		if !bare || step > 0 {
			p = f.peel(p)
		}
		i, opening := 0, byte('[')
		if s.Kind == mapping.Name {
			opening = '{'
		} else {
			i = s.Index
		}
		if b[p] != opening || p != whole && !f.composite(whole) {
			if f.isNull(whole) {
				return absent, -1
			}
			return -1 - p, step
		}
		if i < 0 {
			if i += elements(b, p, f.limits.Depth); i < 0 {
				return absent, -1
			}
		}
		p = jsonscan.Space(b, p+1)
		for {
			if b[p] == '}' || b[p] == ']' {
				return absent, -1
			}
			here := i == 0
			if opening == '{' {
				if here, p = isMember(b, p, s.Name); p < 0 {
					return absent, -1
				}
			}
			if here {
				break
			}
			i--
			if p = jsonscan.Skim(b, p, f.limits.Depth); p < 0 {
				return absent, -1
			}
			if p = jsonscan.Space(b, p); b[p] == ',' {
				p = jsonscan.Space(b, p+1)
			}
		}
	}
	return p, -1
}

// isNull reports whether null stands at p, in an envelope or not.
func (f *Flattener) isNull(p int) bool {
	if f.envelope != nil {
		if _, tag := f.open(p); tag == tagNull {
			return true
		}
		p = f.peel(p)
	}
	return jsonscan.Literal(f.b, p, "null") > 0
}

// isMember reports whether the member at b[p] has the name, and returns the
// position of its value.
func isMember(b []byte, p int, name string) (is bool, value int) {
	if b[p] != '"' {
		return false, -1
	}
	end, escaped := jsonscan.SkimString(b, p+1)
	if end < 0 {
		return false, -1
	}
	if escaped {
		found, _ := memberName(b, p)
		is = string(found) == name
	} else {
		is = string(b[p+1:end]) == name
	}
	if p = jsonscan.Space(b, end+1); b[p] != ':' {
		return false, -1
	}
	return is, jsonscan.Space(b, p+1)
}

// memberName reads the name of a member at b[p], and returns the position of
// its value. A name that is no sound Unicode is nil: it is no name of a path.
func memberName(b []byte, p int) (name []byte, value int) {
	if b[p] != '"' {
		return nil, -1
	}
	end, _, _ := jsonscan.String(b, p+1)
	if end < 0 {
		return nil, -1
	}
	name, _ = text(b, p)
	if p = jsonscan.Space(b, end+1); b[p] != ':' {
		return nil, -1
	}
	return name, jsonscan.Space(b, p+1)
}

// text is the text of the string at b[p], and the position after it; or a
// negative number if no string stands there that is sound Unicode.
func text(b []byte, p int) (s []byte, end int) {
	if b[p] != '"' {
		return nil, -1
	}
	end, _, flags := jsonscan.String(b, p+1)
	if end < 0 {
		return nil, -1
	}
	switch s = b[p+1 : end]; flags {
	case 0:
	case jsonscan.Escaped:
		s = jsonscan.Unescape(nil, s)
	default:
		return nil, -1
	}
	return s, end + 1
}

// scalarText is text for a string or a number.
func scalarText(b []byte, p int) (s []byte, end int) {
	if b[p] == '"' {
		return text(b, p)
	}
	if end, _ = jsonscan.ScanNumber(b, p); end < 0 {
		return nil, -1
	}
	return b[p:end], end
}

// minorUnits says how many digits an integer has after the point.
type minorUnits struct {
	mapping.MinorUnits
	spot  *spot // of the currency, or of the number of digits
	level int   // of the column
	last  currencyDigits
}

// currencyDigits is the last currency that a column met, and its digits: most
// documents have one.
type currencyDigits struct {
	code   [3]byte
	digits int
}

// fraction is the number of digits that t, which counts minor units, has after
// the point. If it is not known, that is noted.
func (f *Flattener) fraction(l *leaf, n *node, t *token, num jsonscan.Number) (digits int, ok bool) {
	if !num.Integer() {
		f.fault(l, n, reason.BadDecimal, t.at)
		return 0, false
	}
	s := l.minor.spot
	if s == nil {
		return l.minor.Digits, true
	}
	p := f.find(s, l.minor.level)
	if p == unfit && l.NullOnError && s.wrong.code == reason.SeveralMatches {
		f.fault(l, n, s.wrong.code, t.at) // what is lost is the amount
		return 0, false
	}
	if p == unfit {
		f.unfit(l, &s.wrong)
		return 0, false
	}
	if digits, ok = f.digits(l.minor, p); ok {
		return digits, true
	}
	if l.NullOnError { // what is lost is the amount
		f.fault(l, n, reason.UnknownMinorUnit, t.at)
		return 0, false
	}
	if p < 0 {
		p = t.at
	}
	f.badFor(l.table, l.column, reason.UnknownMinorUnit, l.minor.Path, f.peel(p))
	return 0, false
}

// digits reads the number of digits, or the currency that has them, at p.
func (f *Flattener) digits(u *minorUnits, p int) (int, bool) {
	if p < 0 || f.unfolder != nil && f.unfolder.isUnread(f.peel(p)) {
		return 0, false
	}
	if f.envelope != nil {
		var t typeTag
		if p, t = f.open(p); t == tagDate && f.b[p] != '"' {
			return 0, false // a time is no number of digits
		}
	}
	if b := f.b[p : p+5]; b[0] == '"' && [3]byte(b[1:4]) == u.last.code && b[4] == '"' {
		return u.last.digits, true
	}
	s, end := scalarText(f.b, p)
	switch {
	case end < 0:
		return 0, false
	case u.By == mapping.ByDigits:
		if len(s) != 1 || s[0]-'0' > 9 {
			return 0, false
		}
		return int(s[0] - '0'), true
	}
	digits, ok := minorDigits(u.Except, s)
	if ok {
		u.last = currencyDigits{[3]byte(s), digits}
	}
	return digits, ok
}

// minorDigits is the number of digits of the minor unit of a currency, which may
// be written in small letters.
func minorDigits(except map[string]int, code []byte) (int, bool) {
	if len(code) != 3 {
		return 0, false
	}
	var upper [3]byte
	for i, c := range code {
		if upper[i] = c; c >= 'a' && c <= 'z' {
			upper[i] = c - 'a' + 'A'
		}
	}
	if d, ok := except[string(upper[:])]; ok {
		return d, true
	}
	d, ok := currency.GetDigits(string(upper[:]))
	return int(d), ok
}
