package flatten

import (
	"sluice/internal/batch"
	"sluice/internal/jsonscan"
	"sluice/reason"
)

// list reads the values of an array into columns of lists.
type list struct {
	value   *node           // what is done with each: its leaves take values of the lists
	only    *leaf           // the leaf, if there is one and quick takes its usual values
	columns []*batch.Column // of the current batch, in the order of these leaves
	taking  []*batch.Column // those that take the current list: all, unless some are filtered
	gated   bool            // some are for rows that a filter takes
}

// addToList makes the array at n feed a column of lists, whose values the leaf
// takes.
func (n *node) addToList(l leaf) {
	if n.list == nil {
		n.list = &list{value: &node{path: n.path}}
	}
	n.list.value.leaves = append(n.list.value.leaves, l)
	n.list.gated = n.list.gated || l.filter != nil
}

func (l *list) bind(tables []table) {
	l.columns = l.columns[:0]
	for i := range l.value.leaves {
		leaf := &l.value.leaves[i]
		c := &tables[leaf.table].b.Columns[leaf.column]
		leaf.c = &c.List.Items
		l.columns = append(l.columns, c)
	}
	if leaf := &l.value.leaves[0]; len(l.value.leaves) == 1 && leaf.quick != quickNothing && l.value.notes == nil {
		l.only = leaf
	}
	if l.taking = l.columns; l.gated {
		l.taking = make([]*batch.Column, 0, len(l.columns))
	}
}

// choose finds the columns that take the list of the current element.
func (f *Flattener) choose(l *list) {
	l.taking = l.taking[:0]
	for i, c := range l.columns {
		if f.takes(l.value.leaves[i].filter) {
			l.taking = append(l.taking, c)
		}
	}
}

// list reads the array at p into the lists of n. It returns the position after it.
func (f *Flattener) list(p int, n *node, depth int) int {
	b, begin := f.b, p
	if depth > f.limits.Depth {
		f.skip.TooDeep = true
		return -1 - p
	}
	if n.list.gated {
		f.choose(n.list)
	}
	p = jsonscan.Space(b, p+1)
	for i := 0; b[p] != ']' || i > 0; i++ {
		if p = f.listed(p, i, n, depth); p < 0 {
			return p
		}
		if p = jsonscan.Space(b, p); b[p] == ']' {
			break
		}
		if b[p] != ',' {
			return -1 - p
		}
		p = jsonscan.Space(b, p+1)
	}
	p++
	if int64(p-begin) > f.limits.FieldBytes && len(n.list.taking) > 0 {
		f.longList(n, begin)
	}
	for _, c := range n.list.taking {
		c.EndList()
	}
	return p
}

// listed reads the i-th value of the lists of n, at p.
func (f *Flattener) listed(p, i int, n *node, depth int) int {
	if f.code != "" { // the lists will be dropped
		p = f.skip.Value(f.b, p, depth)
		f.found(n)
		return p
	}
	for _, c := range n.list.taking {
		c.List.Next()
	}
	if l := n.list.only; l != nil && len(n.list.taking) > 0 && n.list.room(f.limits.RecordRows) {
		if end := f.quickValue(p, l); end > 0 {
			return end
		}
	}
	f.stray = append(f.stray, i)
	if !n.list.room(f.limits.RecordRows) {
		f.bad(reason.TooManyRows, n.path, p)
	}
	p, _ = f.value(p, n.list.value, depth)
	f.stray = f.stray[:len(f.stray)-1]
	return p
}

// room reports whether the lists of the record have no more values than a
// record may have rows.
func (l *list) room(rows int64) bool {
	for _, c := range l.columns {
		if int64(c.List.RecordValues()) > rows {
			return false
		}
	}
	return true
}

// quickValue gives column l the value at p, if it is one that plains would take.
// It returns the position after it, or 0 if scalar must read the value.
func (f *Flattener) quickValue(p int, l *leaf) int {
	b := f.b
	switch c := b[p]; {
	case c == '"' && l.quick <= quickTextInt:
		end, hash, flags := jsonscan.String(b, p+1)
		size := end - p - 1
		if flags != 0 || uint64(size-1) >= uint64(f.limits.FieldBytes) {
			return 0
		}
		l.c.AddBytes(hash, p+1, size)
		return end + 1
	case c-'0' <= 9 && l.quick >= quickInt:
		if end := quickNumber(b, p, l); end > 0 {
			return end
		}
	}
	return f.quick(b, p, l)
}

// boundLists checks record_rows for the lists of the record at p: the values of
// a list count in each row it stands in, as they are written for each.
func (f *Flattener) boundLists(p int) {
	for i := range f.tables {
		t := &f.tables[i]
		for _, c := range t.lists {
			if f.code == "" && !t.skipped && t.b.RecordListValues(&t.b.Columns[c]) > f.limits.RecordRows {
				for l := range f.ord {
					f.ord[l] = -1 // it is not about one element
				}
				f.badFor(i, c, reason.TooManyRows, t.columns[c].Path, p)
			}
		}
	}
}
