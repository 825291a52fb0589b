package infer

import (
	"cmp"
	"slices"
)

// budget bounds a mapping. What is beyond it becomes json.
type budget struct {
	columns int // of one table
	tables  int
}

// usual is a mapping that people and engines can still work with.
var usual = budget{columns: 2000, tables: 200}

// fold chooses objects and arrays that become one json column, so that the
// tables keep to the budget; false if they do, or nothing is left to choose.
func (b *builder) fold(limit budget) bool {
	n := len(b.folded)
	if over := len(b.tables) - limit.tables; over > 0 {
		below := slices.DeleteFunc(slices.Clone(b.tables), func(t *table) bool { return t.above == nil })
		slices.SortStableFunc(below, func(x, y *table) int {
			return cmp.Or(cmp.Compare(x.rows, y.rows), cmp.Compare(len(y.path), len(x.path)))
		})
		for _, t := range below[:min(over, len(below))] {
			b.folded[t.path[:len(t.path)-1].String()] = "there are many tables"
		}
		return len(b.folded) > n
	}
	for _, t := range b.tables {
		b.foldColumns(t, limit.columns)
	}
	return len(b.folded) > n
}

// foldColumns chooses objects with many members first, and of these the
// deepest.
func (b *builder) foldColumns(t *table, most int) {
	if len(t.columns) <= most {
		return
	}
	type part struct {
		path      string
		deep, own int
		columns   []int
	}
	parts := map[string]*part{}
	for i, c := range t.columns {
		for deep, path := range c.inside {
			if deep == 0 { // the row
				continue
			}
			p := parts[path]
			if p == nil {
				p = &part{path: path, deep: deep}
				parts[path] = p
			}
			p.columns = append(p.columns, i)
			if deep == len(c.inside)-1 {
				p.own++
			}
		}
	}
	var order []*part
	for _, p := range parts {
		order = append(order, p)
	}
	slices.SortFunc(order, func(x, y *part) int {
		return cmp.Or(cmp.Compare(y.own, x.own), cmp.Compare(y.deep, x.deep), cmp.Compare(x.path, y.path))
	})
	left, gone := len(t.columns), make([]bool, len(t.columns))
	for _, p := range order {
		if left <= most {
			return
		}
		for _, i := range p.columns {
			if !gone[i] {
				gone[i] = true
				left--
			}
		}
		left++
		b.folded[p.path] = "the table would have too many columns"
	}
}

// cut leaves the columns that have most values to the table, if it is too wide
// without an object to fold, and reports whether others are in _rescued.
func (t *table) cut(most int) bool {
	if len(t.columns) <= most {
		return false
	}
	order := make([]int, len(t.columns))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(t.columns[j].weight(), t.columns[i].weight()) })
	keep := order[:most]
	slices.Sort(keep)
	t.rescued = len(t.columns) - most
	columns := make([]column, 0, most)
	for _, i := range keep {
		columns = append(columns, t.columns[i])
	}
	t.columns = columns
	return true
}

func (c *column) weight() int64 {
	if c.MemberName || c.of == nil {
		return 1 << 62
	}
	return c.of.Values() - c.of.Null.Count
}

// raise makes the limits of rows and depth those of the records.
func (b *builder) raise(depth int) {
	b.limits.Depth = max(b.limits.Depth, depth)
	for _, t := range b.tables {
		rows := int64(1)
		for u := t; u.above != nil; u = u.above {
			if u.lists.any != nil {
				rows = times(rows, u.rows)
				continue
			}
			rows = times(rows, u.lists.Elements.Greatest)
		}
		rows = min(rows, t.rows+t.nulls)
		most := rows
		for _, c := range t.columns {
			if c.of != nil && c.of.element != nil {
				most = max(most, min(times(rows, c.of.Elements.Greatest), c.of.element.Values()))
			}
		}
		b.limits.RecordRows = min(max(b.limits.RecordRows, most), mostRows)
	}
}

const mostRows = 1<<31 - 1 // what a mapping can allow
