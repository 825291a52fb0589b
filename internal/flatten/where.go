package flatten

import (
	"bytes"
	"slices"

	"sluice/internal/batch"
	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/schema"
)

// filter is what a table wants of an element of a level, and of those around it.
// It is judged by looking ahead when it is first needed: what does not fit in a
// row that the table does not take is no fault.
type filter struct {
	conditions []condition // on values of the element
	outer      *filter     // of the elements around it; nil: nothing is wanted of them
	verdict    verdict     // on the current element
}

type verdict uint8

const (
	unjudged verdict = iota
	taken
	leftOut
)

// condition is a mapping.Condition on a value below an element.
type condition struct {
	spot   *spot
	record bool // it is about the record itself
	test   mapping.Test
	keys   [][]byte // of the values
}

// filters are those of a table, by level: a level without conditions of its own
// has the filter of the level around it.
type filters [batch.MaxLevels]*filter

// compileFilters compiles the conditions of a table.
func compileFilters(root *node, table int, t *mapping.Table, homes *homes) (all filters) {
	for l, home := range homes.level {
		w := &filter{}
		if l > 0 {
			w.outer = all[l-1]
		}
		for i := range t.Where {
			if c := &t.Where[i]; c.Level() == l {
				w.conditions = append(w.conditions, newCondition(root, c, homes))
			}
		}
		if all[l] = w.outer; w.conditions != nil {
			all[l] = w
			notes := home.noting()
			notes.filters = append(notes.filters, w)
		}
		for i := range home.ends {
			if e := &home.ends[i]; e.table == table && e.level == l {
				e.filter, e.refuses = all[l], !withoutValue(t, l)
			}
		}
	}
	for _, n := range homes.beside { // of whose elements there are no conditions
		n.ends[len(n.ends)-1].filter = all[n.wild]
	}
	return all
}

// gate notes that a plain member of n feeds a column for rows that a filter
// takes.
func (n *node) gate(w *filter) {
	if w != nil && !slices.Contains(n.gated, w) {
		n.gated = append(n.gated, w)
	}
}

func newCondition(root *node, c *mapping.Condition, homes *homes) condition {
	n := condition{spot: root.spot(c.Path, homes, true), record: len(c.Path) == 0, test: c.Test}
	for _, v := range c.Values {
		n.keys = append(n.keys, literalKey(v))
	}
	return n
}

// withoutValue reports whether the conditions of a table on levels below l hold
// where there is no value.
func withoutValue(t *mapping.Table, l int) bool {
	for _, c := range t.Where {
		if c.Level() > l && c.WantsValue() {
			return false
		}
	}
	return true
}

// takes reports whether the current element is one that the filter, if there is
// any, takes.
func (f *Flattener) takes(w *filter) bool { return w == nil || f.judge(w) == taken }

// takesAll reports whether all of the filters take the current elements.
func (f *Flattener) takesAll(all []*filter) bool {
	for _, w := range all {
		if f.judge(w) != taken {
			return false
		}
	}
	return true
}

func (f *Flattener) judge(w *filter) verdict {
	if w.verdict == unjudged {
		w.verdict = taken
		if !f.takes(w.outer) {
			w.verdict = leftOut
		}
		var wrong *misplaced // of the first look-up that is at fault
		for i := range w.conditions {
			c := &w.conditions[i]
			if w.verdict != taken {
				break
			}
			switch p := f.find(c.spot, 0); {
			case p == unfit && wrong == nil:
				wrong = &c.spot.wrong
			case p != unfit && !f.holds(c, p):
				w.verdict = leftOut
			}
		}
		if w.verdict == taken && wrong != nil { // it alone decides
			f.bad(wrong.code, wrong.path, wrong.at)
			w.verdict = leftOut
		}
	}
	return w.verdict
}

// holds reports whether a condition holds for the value at p, or for none if p
// is negative.
func (f *Flattener) holds(c *condition, p int) bool {
	tag := tagNone
	if p >= 0 && f.envelope != nil && !c.record {
		p, tag = f.open(p)
	}
	null := p < 0 || tag == tagNull || jsonscan.Literal(f.b, p, "null") > 0
	switch c.test {
	case mapping.IsNull:
		return null
	case mapping.IsNotNull:
		return !null
	case mapping.In:
		return !null && f.among(c, p, tag)
	}
	return null || !f.among(c, p, tag)
}

// among reports whether the value at p, which has an envelope of that tag, is
// one of those of the condition.
func (f *Flattener) among(c *condition, p int, tag typeTag) bool {
	key, ok := f.appendKeyIn(f.compared[:0], p, tag)
	f.compared = key
	return ok && slices.ContainsFunc(c.keys, func(k []byte) bool { return bytes.Equal(k, key) })
}

// leaveOut ends an element that its table does not take. Nothing was written
// for it.
func (f *Flattener) leaveOut(e *element) {
	t := e.t
	if t.gathers {
		t.rescued.drop(e.level, t.b.Elements(e.level))
		t.errors.drop(e.level, t.b.Elements(e.level))
	}
	if e.level == t.b.Depth || t.when == mapping.Keep && !t.left.has(e.level) {
		t.filtered++
	}
	t.without(e.level)
}

// levels is a set of levels.
type levels uint8

func (l levels) has(level int) bool { return l>>level&1 != 0 }

// without notes that the current element of a level, and so those around it,
// had rows that were left out.
func (t *table) without(level int) {
	t.left &^= 1 << level
	t.left |= 1<<level - 1
	t.skipped = t.skipped || level == 0
}

// drop forgets the fields of an element.
func (g *gathered) drop(level, element int) {
	fields := g.fields[level]
	for n := len(fields); n > 0 && fields[n-1].element == element; n-- {
		fields = fields[:n-1]
	}
	g.fields[level] = fields
}

// misfit notes that the value at p is not what the paths that lead through n
// want, unless all of these are of tables that do not take the current element.
func (f *Flattener) misfit(n *node, p int) {
	if f.code != "" || len(n.leaders) > 0 && !f.takesAny(n.leaders) {
		return
	}
	f.bad(n.wants(), n.path, p)
}

func (f *Flattener) takesAny(all []*filter) bool {
	for _, w := range all {
		if f.takes(w) {
			return true
		}
	}
	return false
}

// lead notes for each node the filters of the tables whose paths lead through it.
func lead(root *node, m *mapping.Mapping, all []filters) {
	if !slices.ContainsFunc(m.Tables, func(t mapping.Table) bool { return t.Where != nil }) {
		return
	}
	none := filter{verdict: leftOut}
	for i := range m.Tables {
		t := &m.Tables[i]
		// Up to a level, what does not fit leaves all rows out.
		through := func(path mapping.Path, leavesOut int) (n *node, here *filter) {
			n = root
			for k, s := range path {
				level := path[:k].Wildcards()
				w := all[i][level]
				if level < leavesOut {
					w = &none
				}
				n.leaders, n.users = append(n.leaders, w), append(n.users, w)
				if s.Kind == mapping.Filtered {
					return nil, nil // what follows is found by looking ahead
				}
				n = n.child(s)
			}
			return n, all[i][path.Wildcards()]
		}
		for _, p := range t.Exploded() {
			through(p, 0)
		}
		for j := range t.Where {
			c, leavesOut := &t.Where[j], 0
			if c.WantsValue() {
				leavesOut = c.Level()
			}
			for _, p := range c.Paths() {
				through(p, leavesOut)
			}
		}
		for c := range t.Columns {
			for _, p := range t.Columns[c].Paths() {
				n, here := through(p, 0)
				if n == nil {
					continue
				}
				if n.users = append(n.users, here); t.Columns[c].Type.Kind == schema.List && !t.Columns[c].Late() {
					n.leaders = append(n.leaders, here)
					n.list.value.users = append(n.list.value.users, here)
				}
			}
		}
	}
}
