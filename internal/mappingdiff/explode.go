package mappingdiff

import (
	"fmt"
	"slices"

	"sluice/internal/profile"
	"sluice/mapping"
)

// explode is about the rows of a table: whether they are where the mapping
// says.
func (d *differ) explode(t int) {
	table := d.table(t)
	if len(table.Zip) > 0 {
		return // the documents must be tried
	}
	for i := 0; i < len(table.Explode); i++ {
		step, at := table.Explode[i], table.Explode[:i]
		if !step.Wild() {
			continue
		}
		s, rest := d.look(at)
		n := s.Node()
		if len(rest) > 0 {
			if !d.isEmbedded(at[:len(at)-len(rest)], s) && n.Values() > 0 {
				d.blocked(t, at[:len(at)-len(rest)])
			}
			return
		}
		if d.isEmbedded(at, s) {
			return
		}
		if n.Values() == n.Null.Count && d.moveRows(t, i) {
			continue
		}
		other, what := n.Object, "object"
		if step.Kind == mapping.Members {
			other, what = n.Array, "array"
		}
		same := n.Array.Count + n.Object.Count - other.Count
		wrong := other.Count + plain(n)
		if wrong == 0 {
			d.noRows(t, i, n)
			continue
		}
		change := Change{Class: Breaking, Kind: Rows, Table: table.Name, Path: at.String(), Old: shapeFor(step), New: kinds(n), Values: wrong}
		seen := profile.Seen{}
		for _, k := range []profile.Seen{other, n.Boolean, n.Integer, n.Number, n.String} {
			seen.Merge(k)
		}
		change.First = first(d.p, seen)
		switch {
		case same == 0 && plain(n) == 0 && (what == "array" || d.keyed(at)):
			to := mapping.Segment{Kind: mapping.Members}
			if what == "array" {
				to.Kind = mapping.Wildcard
			}
			d.replace(t, at, []mapping.Segment{step}, []mapping.Segment{to})
			d.see()
			change.Patch = "explode: " + table.Explode.String()
			i-- // it may lead on from here now
		case same == 0:
			d.replace(t, at, []mapping.Segment{step}, nil)
			d.shorten(t, at)
			change.Patch = "explode is taken away: what was an element is part of the row"
			i = -1
		default:
			d.blocked(t, at)
			change.Patch = "the columns below hold nothing; a json column holds all of it"
		}
		d.rows[table.Name] = true
		d.add(change)
	}
}

// keyed reports whether the names of an object's members are data.
func (d *differ) keyed(at mapping.Path) bool {
	for i := range d.inferred.Tables {
		e := d.inferred.Tables[i].Explode
		if len(e) > len(at) && e.HasPrefix(at) && e[len(at)].Kind == mapping.Members {
			return true
		}
	}
	return false
}

// replace puts other steps in place of those after a path, in all paths of a
// table.
func (d *differ) replace(t int, at mapping.Path, was, is []mapping.Segment) {
	swap := func(p mapping.Path) mapping.Path {
		if p.HasPrefix(at) && p[len(at):].HasPrefix(was) {
			return slices.Concat(at, is, p[len(at)+len(was):])
		}
		return p
	}
	at = slices.Clone(at)
	table := d.table(t)
	table.Explode = swap(table.Explode)
	table.Where = slices.Clone(table.Where)
	for i := range table.Where {
		table.Where[i].Path = swap(table.Where[i].Path)
	}
	for i := range table.Columns {
		c := &table.Columns[i]
		if c.MemberName && c.Path.HasPrefix(with(at, was...)) && (len(is) == 0 || is[len(is)-1].Kind != mapping.Members) {
			empty(c)
			continue
		}
		c.Path = swap(c.Path)
		c.MinorUnits.Path = swap(c.MinorUnits.Path)
		c.Else = slices.Clone(c.Else)
		for k := range c.Else {
			c.Else[k] = swap(c.Else[k])
		}
	}
}

// shorten ends explode at its last wildcard.
func (d *differ) shorten(t int, at mapping.Path) {
	table := d.table(t)
	e := table.Explode
	for len(e) > 0 && !e[len(e)-1].Wild() {
		e = e[:len(e)-1]
	}
	if table.Explode = e; len(e) == 0 {
		table.Explode, table.WhenEmpty = nil, mapping.Quarantine
	}
}

// empty makes a column one that has no value in any row.
func empty(c *mapping.Column) {
	c.Column.Required, c.Column.Bloom = false, false
	*c = mapping.Column{Column: c.Column, Empty: true}
	c.From = usualFrom(c)
}

// blocked gives up what is below a path of a table, where no path leads into all
// values: a json column takes it instead.
func (d *differ) blocked(t int, at mapping.Path) {
	table := d.table(t)
	at = slices.Clone(at)
	held := false
	for i := range table.Columns {
		c := &table.Columns[i]
		if slices.ContainsFunc(c.Paths(), func(p mapping.Path) bool { return len(p) > len(at) && p.HasPrefix(at) }) {
			empty(c)
		} else if slices.Equal(c.Path, at) && len(c.Values()) > 0 {
			*c, held = asJSON(*c), true
		}
	}
	table.Where = slices.DeleteFunc(slices.Clone(table.Where), func(w mapping.Condition) bool {
		return slices.ContainsFunc(w.Paths(), func(p mapping.Path) bool { return p.HasPrefix(at) })
	})
	if len(table.Explode) > len(at) && table.Explode.HasPrefix(at) {
		table.Explode = table.Explode[:len(at)]
		d.shorten(t, at)
	}
	if !held && len(at) > 0 {
		d.keep(t, at, lastName(at), "new: what stands there is of several shapes")
	}
}

// noRows is about records without rows.
func (d *differ) noRows(t, i int, n *profile.Node) {
	table := d.table(t)
	parents := d.values(table.Explode[:i])
	none := parents - n.Values() + n.Null.Count + n.Empty
	if table.WhenEmpty != mapping.Quarantine || none <= 0 {
		return
	}
	d.add(Change{
		Class: Breaking, Kind: Rows, Table: table.Name, Path: table.Explode[:i].String(), Old: "at least one row", New: "no row", Values: none,
		First: d.firstOf(n.Null, t, -1), Patch: "when_empty: keep",
	})
	table.WhenEmpty = mapping.Keep
}

// values is how many rows the deepest wildcard of a path stands for.
func (d *differ) values(p mapping.Path) int64 {
	for i := len(p); i > 0; i-- {
		if p[i-1].Wild() {
			s, _ := d.look(p[:i])
			return s.Node().Values()
		}
	}
	return d.p.Records
}

// moveRows finds the rows of a table, which are gone, elsewhere: in a table of
// the inferred mapping that no other table has, with the same members.
func (d *differ) moveRows(t, i int) bool {
	table := d.table(t)
	old := table.Explode[:i+1]
	var best mapping.Path
	most, again := 0, false
	for k := range d.inferred.Tables {
		u := &d.inferred.Tables[k]
		e := u.Explode
		if e.Wildcards() != old.Wildcards() || slices.ContainsFunc(d.next.Tables, func(x mapping.Table) bool { return x.Explode.HasPrefix(e) }) {
			continue
		}
		common, all := 0, 0
		for c := range table.Columns {
			p := table.Columns[c].Path
			if !p.HasPrefix(old) || table.Columns[c].MemberName {
				continue
			}
			all++
			if s, rest := d.look(slices.Concat(e, p[len(old):])); len(rest) == 0 && s.Node().Values() > 0 {
				common++
			}
		}
		if 2*common < all || common == 0 {
			continue
		}
		if again = common == most; common > most {
			best, most, again = e, common, false
		}
	}
	if best == nil || again {
		return false
	}
	s, _ := d.look(best[:len(best)-1])
	n := s.Node()
	d.add(Change{
		Class: Breaking, Kind: Renamed, Table: table.Name, Path: old.String(), Old: old.String(), New: best.String(), Values: n.Values(),
		First: first(d.p, profile.Seen{Count: n.Values(), First: n.First()}), Patch: fmt.Sprintf("explode: %s (perhaps renamed: %d columns are there)", best, most),
	})
	d.replace(t, nil, old, best)
	d.rows[table.Name] = true
	return true
}
