package flatten

import (
	"cmp"
	"slices"

	"sluice/mapping"
	"sluice/reason"
)

// homes are the nodes that end the elements of a table.
type homes struct {
	level  []*node // of each level; with zip the first array's elements are the last
	beside []*node // the elements of the other arrays of zip
}

// newHomes makes the nodes that end the elements of a table. root is that of
// the record.
func newHomes(root *node, table int, t *mapping.Table) (h homes) {
	ends := func(p mapping.Path) *node {
		n, level := root.descend(p), p.Wildcards()
		n.wild = level
		n.ends = append(n.ends, element{table: table, level: level})
		return n
	}
	h.level = append(h.level, ends(nil))
	for i, s := range t.Explode {
		if s.Wild() {
			h.level = append(h.level, ends(t.Explode[:i+1]))
		}
	}
	for _, p := range t.Zip {
		h.beside = append(h.beside, ends(p))
	}
	if h.beside != nil {
		h.zip()
	}
	return h
}

// of is the node that ends the element that a path leads into.
func (h *homes) of(p mapping.Path) *node {
	for _, n := range h.beside {
		if p.HasPrefix(n.path) {
			return n
		}
	}
	return h.level[p.Wildcards()]
}

// zipped is an array whose elements stand in one row with those of others. The
// arrays come one after another in the text: the columns of each get its
// elements from the same row on, and the rows are added when the element
// around the arrays ends.
type zipped struct {
	path  mapping.Path // of the array
	count int          // elements of the current one
}

// zip is what an element has to do with such arrays.
type zip struct {
	array  *zipped   // that it is an element of, or nil
	arrays []*zipped // in it
}

// ofZipped reports whether it is an element of a zipped array.
func (e *element) ofZipped() bool { return e.zip != nil && e.zip.array != nil }

// zip notes which arrays stand side by side.
func (h *homes) zip() {
	last := len(h.level) - 1
	around := h.level[last-1]
	around.noting().zip = true
	all := &zip{}
	around.ends[len(around.ends)-1].zip = all
	for _, n := range append([]*node{h.level[last]}, h.beside...) {
		z := &zipped{path: n.path[:len(n.path)-1]}
		n.noting().zip = true
		n.ends[len(n.ends)-1].zip = &zip{array: z}
		all.arrays = append(all.arrays, z)
	}
}

// feeds reports whether a value below the node, of an element that ends there,
// may feed the column.
func (n *node) feeds(c *mapping.Column) bool {
	return slices.ContainsFunc(c.Paths(), func(p mapping.Path) bool { return p.HasPrefix(n.path) })
}

// zip is element for an element of a zipped array, or one around such arrays.
func (f *Flattener) zip(p int, n *node, depth int) int {
	for i := range n.ends {
		e := &n.ends[i]
		switch {
		case e.zip == nil:
		case e.zip.array != nil:
			e.t.b.Seek(e.level, e.start+f.ord[e.level])
		default:
			for _, z := range e.zip.arrays {
				z.count = 0
			}
		}
	}
	q, given := f.value(p, n, depth)
	if q < 0 {
		return q
	}
	for i := range n.ends {
		e := &n.ends[i]
		if f.code == "" && e.zip != nil && e.zip.array == nil {
			f.endArrays(e, p)
		}
		switch {
		case f.code != "":
			return q
		case e.ofZipped():
			f.endZipped(e, n, p, given)
		default:
			f.end(e, n, p, given)
		}
	}
	return q
}

// endZipped ends the element e of a zipped array, whose value began at p and
// has the given members.
func (f *Flattener) endZipped(e *element, n *node, p int, given set) {
	e.zip.array.count = f.ord[e.level] + 1
	if !f.takes(e.filter) {
		return
	}
	for _, c := range e.late {
		if f.settle(c, e.t); f.code != "" {
			return
		}
	}
	if column := e.missing(given); column >= 0 {
		if f.lacks(e, n, column, p); f.code != "" {
			return
		}
	}
	if int64(e.t.b.RecordRows()+e.zip.array.count) > f.limits.RecordRows {
		f.bad(reason.TooManyRows, n.path, p)
	}
}

// endArrays adds the rows of the zipped arrays in the element e, which began at p.
func (f *Flattener) endArrays(e *element, p int) {
	t, level := e.t, e.level+1
	b := t.b
	b.Seek(level, b.Rows)
	if !f.takes(e.filter) {
		longest := slices.MaxFunc(e.zip.arrays, func(y, z *zipped) int { return y.count - z.count }).count
		if t.filtered += int64(longest); longest > 0 {
			t.without(level)
		}
		t.rescued.cut(level, b.Rows)
		t.errors.cut(level, b.Rows)
		return
	}
	rows := e.zip.arrays[0].count
	for _, z := range e.zip.arrays {
		if z.count != rows {
			f.unequal(e, z, p)
			return
		}
	}
	for i := range rows {
		f.ord[level] = i
		if t.traced {
			f.provenance(t, level)
		}
		if t.gathers {
			t.gatherRow(level + 1)
		}
		b.EndElement(level, 1)
	}
	t.rescued.order(level, e.start)
	t.errors.order(level, e.start)
}

// since is where the fields of the elements of a level begin, from one on.
func (g *gathered) since(level, element int) int {
	i := len(g.fields[level])
	for i > 0 && g.fields[level][i-1].element >= element {
		i--
	}
	return i
}

// cut forgets the fields of the elements of a level, from one on.
func (g *gathered) cut(level, element int) {
	g.fields[level] = g.fields[level][:g.since(level, element)]
}

// order puts the fields of the elements of a level, from one on, into the order
// of the elements.
func (g *gathered) order(level, element int) {
	slices.SortStableFunc(g.fields[level][g.since(level, element):], func(x, y field) int { return cmp.Compare(x.element, y.element) })
}
