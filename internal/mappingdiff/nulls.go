package mappingdiff

import (
	"slices"

	"sluice/mapping"
)

// nulls is about records and elements that are null, where paths of a table look
// into them: they give no row any more.
func (d *differ) nulls(t int) {
	table := d.table(t)
	if len(table.Zip) > 0 {
		return // the documents must be tried
	}
	for i := range len(table.Explode) + 1 {
		at := table.Explode[:i]
		if i > 0 && !at[i-1].Wild() {
			continue
		}
		s, rest := d.look(at)
		n := s.Node()
		if len(rest) > 0 || n.Null.Count == 0 || !looksInto(table, at) || leftOut(table, at) {
			continue
		}
		table.Where = append(slices.Clone(table.Where), mapping.Condition{Path: slices.Clone(at), Test: mapping.IsNotNull})
		d.rows[table.Name] = true
		d.add(Change{
			Class: Breaking, Kind: Rows, Table: table.Name, Path: at.String(), Old: "object", New: "null", Values: n.Null.Count,
			First: first(d.p, n.Null), Patch: "where: is: not_null is added, so null gives no row",
		})
	}
}

// looksInto reports whether a path of the table goes on from what stands at at.
func looksInto(t *mapping.Table, at mapping.Path) bool {
	on := func(p mapping.Path) bool { return len(p) > len(at) && p.HasPrefix(at) }
	for i := range t.Columns {
		c := &t.Columns[i]
		if slices.ContainsFunc(c.Paths(), on) {
			return true
		}
	}
	return slices.ContainsFunc(t.Exploded(), on)
}

// leftOut reports whether null at a path gives no row of the table.
func leftOut(t *mapping.Table, at mapping.Path) bool {
	return slices.ContainsFunc(t.Where, func(c mapping.Condition) bool {
		return c.WantsValue() && c.Path.HasPrefix(at) && c.Path.Wildcards() == at.Wildcards()
	})
}

// rowsOf is how many rows of a table the deepest wildcard of a path stands for.
// ok is false if that cannot be told of counts.
func (d *differ) rowsOf(t *mapping.Table, p mapping.Path) (rows int64, ok bool) {
	for len(p) > 0 && !p[len(p)-1].Wild() {
		p = p[:len(p)-1]
	}
	rows = d.values(p)
	for i := range t.Where {
		c := &t.Where[i]
		switch rowNotNull := c.Test == mapping.IsNotNull && (len(c.Path) == 0 || c.Path[len(c.Path)-1].Wild()); {
		case !rowNotNull:
			return rows, false
		case slices.Equal(c.Path, p):
			s, _ := d.look(p)
			rows -= s.Node().Null.Count
		}
	}
	return rows, true
}
