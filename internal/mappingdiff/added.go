package mappingdiff

import (
	"fmt"
	"slices"

	"sluice/internal/profile"
	"sluice/mapping"
	"sluice/schema"
)

// covered reports whether the changed mapping keeps what stands at a path, or
// says that it is to be left out. whole says that all of it is meant, with what
// is inside.
func (d *differ) covered(q mapping.Path, whole bool) bool {
	q = d.single(q)
	leadsOn := false
	meets := func(p mapping.Path, all bool) bool {
		chosen := slices.ContainsFunc(d.named, func(o mapping.Path) bool { return slices.Equal(o, p) })
		p = d.single(indexed(p))
		if !chosen && !(len(p) <= len(q) && p.HasPrefix(q[:len(p)])) && !p.HasPrefix(q) {
			return false // an element that was added, of several
		}
		leadsOn = leadsOn || len(p) > len(q) && p[:len(q)].Meets(q)
		return len(p) == len(q) && p.Meets(q) || all && len(p) <= len(q) && p.Meets(q[:len(p)])
	}
	for _, p := range d.next.Drop {
		if meets(p, true) {
			return true
		}
	}
	for i := range d.next.Tables {
		t := &d.next.Tables[i]
		for k := range t.Where {
			if slices.ContainsFunc(t.Where[k].Paths(), func(p mapping.Path) bool { return meets(p, false) }) {
				return true
			}
		}
		for k := range t.Columns {
			c := &t.Columns[k]
			for _, p := range c.Paths() {
				if meets(p, c.Type.Kind == schema.JSON || c.Type.Kind == schema.List || p.LastFilter() >= 0) {
					return true
				}
			}
		}
		for _, e := range t.Exploded() {
			leadsOn = leadsOn || len(e) > len(q) && e[:len(q)].Meets(q)
		}
	}
	if !leadsOn || !whole {
		return leadsOn
	}
	s, rest := d.through(q)
	return len(rest) > 0 || s.Node().Array.Count == 0 || s.Node().Elements.Greatest <= 1 || d.exploded(with(q, mapping.Segment{Kind: mapping.Wildcard}))
}

// indexed is a path with a wildcard in place of a filter, which may choose any
// element.
func indexed(p mapping.Path) mapping.Path {
	q := slices.Clone(p)
	for i, s := range q {
		if s.Kind == mapping.Filtered {
			q[i] = mapping.Segment{Kind: mapping.Wildcard}
		}
	}
	return q
}

// added adds columns and tables for what the mapping does not name.
func (d *differ) added() {
	for i := range d.inferred.Tables {
		u := &d.inferred.Tables[i]
		var fresh []mapping.Column
		for k := range u.Columns {
			c := u.Columns[k]
			if len(c.Path) == 0 || c.MemberName || d.isKey(u, &c) || d.covered(c.Path, c.Type.Kind == schema.JSON) {
				continue
			}
			c.Path = d.single(c.Path)
			fresh = append(fresh, c)
		}
		if len(fresh) == 0 {
			continue
		}
		if t := d.tableFor(fresh[0].Path); t >= 0 {
			d.addColumns(t, fresh)
			continue
		}
		d.addTable(u)
	}
}

// isKey reports whether a column of an inferred table only joins it with another.
func (d *differ) isKey(u *mapping.Table, c *mapping.Column) bool {
	return c.Path.Wildcards() < u.Explode.Wildcards()
}

// tableFor is the table whose rows a column with this path is of; -1 if there is
// none.
func (d *differ) tableFor(p mapping.Path) int {
	over := 0
	for i := range p {
		if p[i].Wild() {
			over = i + 1
		}
	}
	best := -1
	for i := range d.next.Tables {
		t := &d.next.Tables[i]
		switch exploded := t.Exploded(); {
		case over == 0 && len(exploded) == 0, slices.ContainsFunc(exploded, func(e mapping.Path) bool { return slices.Equal(e, p[:over]) }):
			return i
		case best < 0 && (over == 0 || slices.ContainsFunc(exploded, func(e mapping.Path) bool { return e.HasPrefix(p[:over]) })):
			best = i
		}
	}
	return best
}

// class is that of a path that the mapping does not name.
func (d *differ) class() Class {
	if d.old.UnknownFields == mapping.Refused || d.old.OnDrift == mapping.DriftHeld {
		return Breaking
	}
	return Additive
}

func (d *differ) addColumns(t int, fresh []mapping.Column) {
	keep := func(c mapping.Column) {
		table := d.table(t)
		c.Name, c.Required = d.unused(table, c.Name), false
		if u := c.MinorUnits.Path; u != nil && d.tableFor(u) != t {
			c.MinorUnits, c.Type = mapping.MinorUnits{}, schema.Type{Kind: schema.Int64}
			c.From = usualFrom(&c)
		}
		table.Columns = append(table.Columns, c)
		s, _ := d.through(c.Path)
		n := s.Node()
		change := Change{
			Class: d.class(), Kind: Added, Table: table.Name, Column: c.Name, Path: c.Path.String(), New: kinds(n), Values: n.Values(),
			First: first(d.p, profile.Seen{Count: n.Values(), First: n.First()}), Patch: fmt.Sprintf("column %s, %s", c.Name, c.Type),
		}
		if d.next.Validate() != nil {
			d.table(t).Columns = table.Columns[:len(table.Columns)-1]
			change.Column, change.Patch = "", ""
		} else {
			d.notes[table.Name+"."+c.Name] = fmt.Sprintf("new: in %d of %d %s", n.Values(), d.values(c.Path), rowWord(c.Path))
		}
		d.add(change)
	}
	for _, c := range fresh {
		keep(c)
	}
}

func rowWord(p mapping.Path) string {
	if p.Wildcards() > 0 {
		return "rows"
	}
	return "records"
}

func (d *differ) addTable(u *mapping.Table) {
	t := *u
	t.Columns = slices.Clone(u.Columns)
	for i := range t.Columns {
		if !t.Columns[i].MemberName {
			t.Columns[i].Required = false
		}
	}
	for i := 2; tableOf(d.next, t.Name) != nil; i++ {
		t.Name = fmt.Sprintf("%s_%d", u.Name, i)
	}
	if len(t.Explode) > 0 {
		t.WhenEmpty = mapping.Skip
	}
	s, _ := d.through(t.Explode)
	n := s.Node()
	change := Change{
		Class: d.class(), Kind: Added, Table: t.Name, Path: t.Explode.String(), New: "rows", Values: n.Values(),
		First: first(d.p, profile.Seen{Count: n.Values(), First: n.First()}), Patch: fmt.Sprintf("table %s", t.Name),
	}
	d.next.Tables = append(d.next.Tables, t)
	if d.next.Validate() != nil {
		d.next.Tables = d.next.Tables[:len(d.next.Tables)-1]
		change.Patch, change.Table = "", ""
	} else {
		d.notes[t.Name] = fmt.Sprintf("new: %d rows, one for each of %s", n.Values(), t.Explode)
	}
	d.add(change)
}
