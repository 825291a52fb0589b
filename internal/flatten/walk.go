package flatten

import (
	"sluice/internal/batch"
	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
)

// element reads the value at p for n, and ends the elements that are complete
// with it.
func (f *Flattener) element(p int, n *node, depth int) int {
	f.seen = f.seen || n.record
	for i := range n.ends {
		e := &n.ends[i]
		e.start = e.t.b.Rows
	}
	if n.notes != nil && n.notes.begin(p) {
		return f.zip(p, n, depth)
	}
	q, given := f.value(p, n, depth)
	if q < 0 {
		return q
	}
	for i := range n.ends {
		if f.code != "" {
			break // the record will be dropped
		}
		f.end(&n.ends[i], n, p, given)
	}
	return q
}

// value reads the value at p for n, which lies in depth containers. It returns
// the position after it and, of an object, the members that gave values.
func (f *Flattener) value(p int, n *node, depth int) (end int, given set) {
	if n.notes != nil && n.notes.note(p) && f.b[p] == '"' && f.unfolder.isUnread(p) {
		return f.unread(p, n), 0
	}
	switch c := f.b[p]; {
	case c == '{' && f.envelope != nil && !n.record && !n.around:
		return f.wrapped(p, n, depth)
	case c == '{' && n.object:
		end, given = f.object(p, n, depth+1)
	case c == '[' && n.array:
		end = f.array(p, n, depth+1)
	case c == '[' && n.list != nil:
		end = f.list(p, n, depth+1)
	case c == '[' && n.any:
		return f.inside(p, n, depth+1), 0
	case c == '{' || c == '[':
		if end = f.skip.Value(f.b, p, depth); end < 0 {
			return end, 0
		}
		f.found(n)
		if n.into() {
			f.misfit(n, p)
		}
	default:
		end = f.scalar(p, n)
		// null counts as absent, and as an empty array to explode.
		if end >= 0 && n.into() && !n.either() && (c != 'n' || !n.nullable()) {
			f.misfit(n, p)
		}
		return end, 0
	}
	if end >= 0 && n.leaves != nil {
		f.container(n, p, end)
	}
	return end, given
}

// either reports whether a plain value will do as well as one that paths lead
// into.
func (n *node) either() bool { return n.noted() && n.list == nil }

// nullable reports whether null is as good as no value. It is not an element or
// record that has something inside.
func (n *node) nullable() bool {
	return !n.into() || n.either() || n.ends == nil || n.each != nil || n.every != nil || n.list != nil
}

// wants notes what is wrong with a value that is not a container of the right
// kind.
func (n *node) wants() reason.Code {
	if n.object {
		return reason.NotObject
	}
	return reason.NotArray
}

func (f *Flattener) array(p int, n *node, depth int) int {
	b := f.b
	if depth > f.limits.Depth {
		f.skip.TooDeep = true
		return -1 - p
	}
	count := 0
	if n.fromEnd {
		count = elements(b, p, f.limits.Depth)
	}
	p = jsonscan.Space(b, p+1)
	if b[p] == ']' {
		return p + 1
	}
	recall := n.each != nil && f.recalls(n.each)
	lines := recall && n.index == nil && f.plainLines(n.each, depth+1)
	for i := 0; ; i++ {
		q := 0 // position after the element, once it was read
		if f.code == "" && lines {
			var known int
			if known, q = f.known(p, i, n.each, depth+1); known > 0 {
				i += known - 1
			}
		}
		if f.code == "" && q == 0 {
			if n.index != nil || n.also != nil {
				n.pick(i, count)
			}
			if n.each != nil {
				f.ord[n.each.wild] = i
				if b[p] == '{' && recall && n.each.memo.on() {
					q = f.line(p, n.each, depth+1)
				} else {
					q = f.element(p, n.each, depth)
				}
			}
			for _, x := range n.index {
				if q >= 0 && x.node.read {
					q, _ = f.value(p, x.node, depth)
				}
			}
			if n.others != nil && n.others.read {
				q = f.other(p, i, n.others, depth)
			}
		}
		if q == 0 {
			q = f.skip.Value(b, p, depth)
			f.found(n)
		}
		if p = q; p < 0 {
			return p
		}
		if b[p] <= ' ' {
			p = jsonscan.Space(b, p)
		}
		switch b[p] {
		case ',':
			p++
			if b[p] <= ' ' {
				p = jsonscan.Space(b, p)
			}
			continue
		case ']':
			return p + 1
		}
		return -1 - p
	}
}

// other reads the i-th element of an array, at p, which no path names. It feeds
// no columns, but may hold unknown members.
func (f *Flattener) other(p, i int, n *node, depth int) int {
	f.stray = append(f.stray, i)
	q, _ := f.value(p, n, depth)
	f.stray = f.stray[:len(f.stray)-1]
	return q
}

// inside reads the array at p, into which no path leads.
func (f *Flattener) inside(p int, n *node, depth int) int {
	b := f.b
	if depth > f.limits.Depth {
		f.skip.TooDeep = true
		return -1 - p
	}
	count := 0
	if n.fromEnd {
		count = elements(b, p, f.limits.Depth)
	}
	p = jsonscan.Space(b, p+1)
	if b[p] == ']' {
		return p + 1
	}
	element := n
	if n.others != nil {
		element = n.others
	}
	for i := 0; ; i++ {
		if n.also != nil {
			n.pick(i, count)
		}
		if p = f.other(p, i, element, depth); p < 0 {
			return p
		}
		switch p = jsonscan.Space(b, p); b[p] {
		case ',':
			p = jsonscan.Space(b, p+1)
		case ']':
			return p + 1
		default:
			return -1 - p
		}
	}
}

// elements is the number of elements of the array at b[p], as [jsonscan.Skim]
// counts them.
func elements(b []byte, p, maxDepth int) (n int) {
	if p = jsonscan.Space(b, p+1); b[p] == ']' {
		return 0
	}
	for p >= 0 {
		n++
		if p = jsonscan.Skim(b, p, maxDepth); p < 0 {
			break
		}
		if p = jsonscan.Space(b, p); b[p] != ',' {
			break
		}
		p = jsonscan.Space(b, p+1)
	}
	return n
}

// end ends the element e, whose value began at p and has the given members:
// columns that got no value are NULL, and rows are counted.
func (f *Flattener) end(e *element, n *node, p int, given set) {
	if !f.takes(e.filter) {
		f.leaveOut(e)
		return
	}
	t := e.t
	b := t.b
	if t.traced {
		f.provenance(t, e.level)
	}
	for _, c := range e.late {
		if f.settle(c, t); f.code != "" {
			return
		}
	}
	if given&e.needs != e.needs || e.others {
		if column := e.missing(given); column >= 0 {
			if f.lacks(e, n, column, p); f.code != "" {
				return
			}
		}
	}
	if e.level == b.Depth {
		if t.gathers {
			t.gatherRow(e.level + 1)
		}
		b.EndElement(e.level, 1)
		f.bound(b, n, p)
		return
	}
	rows := b.Rows - e.start
	switch {
	case rows == 0 && t.left.has(e.level):
		if t.without(e.level); e.level == 0 {
			return
		}
	case rows == 0:
		switch t.when {
		case mapping.Quarantine:
			if f.noRows(e, n, p); f.code != "" {
				return
			}
			if e.level == 0 {
				t.skipped = true
				return
			}
		case mapping.Skip:
			if e.level == 0 {
				t.skipped = true
				return
			}
			f.empty++
		case mapping.Keep:
			if e.refuses {
				t.filtered++
				t.without(e.level)
				break
			}
			f.emptyRow(t, e.level+1)
			f.bound(b, n, p)
			rows = 1
		}
	}
	t.left &^= 1 << e.level
	b.EndElement(e.level, rows)
}

// bound checks record_rows after a row of n, at p, was added.
func (f *Flattener) bound(b *batch.Batch, n *node, p int) {
	if int64(b.RecordRows()) > f.limits.RecordRows {
		f.bad(reason.TooManyRows, n.path, p)
	}
}

// missing is the first column of e that must have a value and has none, or -1.
func (e *element) missing(given set) int {
	b := e.t.b
	for _, r := range e.required {
		if given&r.bit == 0 && b.Columns[r.column].Index[b.Elements(e.level)] == batch.Null {
			return r.column
		}
	}
	return -1
}

// emptyRow adds a row for a record or element that has none: NULL in all
// columns of level from and deeper.
func (f *Flattener) emptyRow(t *table, from int) {
	b := t.b
	for l := from; l <= b.Depth; l++ {
		if t.gathers && l == b.Depth {
			t.gatherRow(from)
		}
		b.EndElement(l, 1)
	}
}

// target is the path of the array whose elements are level l of the table.
func (t *table) target(l int) mapping.Path {
	for i, s := range t.explode {
		if s.Wild() {
			if l--; l == 0 {
				return t.explode[:i]
			}
		}
	}
	return t.explode
}

// provenance fills the columns that say where a row comes from.
func (f *Flattener) provenance(t *table, level int) {
	cols := t.b.Columns
	switch level {
	case 0:
		f.sourceOf(t)
		if t.extra.offset >= 0 {
			cols[t.extra.offset].AddFixed(uint64(f.origin.Offset))
			cols[t.extra.record].AddFixed(uint64(f.origin.Record))
		}
	case 1:
		if t.extra.line >= 0 {
			cols[t.extra.line].AddFixed(uint64(f.ord[1]))
		}
	case 2:
		if t.extra.subline >= 0 {
			cols[t.extra.subline].AddFixed(uint64(f.ord[2]))
		}
	}
}
