package mappingdiff

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/infer"
	"sluice/internal/profile"
	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

// column is about what feeds a column.
func (d *differ) column(t, c int) {
	col := d.at(t, c)
	if len(col.Values()) == 0 {
		return
	}
	before := *col
	for _, p := range col.Values() {
		d.follow(t, c, p, 0)
	}
	if d.next.Validate() != nil {
		*d.at(t, c) = before // who has the documents tries other changes
		return
	}
	if d.feeds(d.at(t, c)) == 0 {
		d.gone = append(d.gone, [2]int{t, c})
	}
}

// feeds is how many values stand at the paths of a column, or are hidden from
// us.
func (d *differ) feeds(c *mapping.Column) (values int64) {
	for _, p := range c.Values() {
		s, rest := d.through(p)
		n := s.Node()
		if len(rest) > 0 { // in a string
			values += n.String.Count
			continue
		}
		values += n.Values() - n.Null.Count
	}
	return values
}

// through follows a path through the values into which it leads, whatever stands
// beside them. It stops only at strings that are read as JSON.
func (d *differ) through(path mapping.Path) (s infer.Seen, rest mapping.Path) {
	s = d.root
	for i, step := range path {
		if d.isEmbedded(path[:i], s) {
			return s, path[i:]
		}
		s = into(s, step)
	}
	return s, nil
}

// follow goes along a path that feeds a column, and changes the column where it
// does not lead on. deep counts paths that were added for it.
func (d *differ) follow(t, c int, p mapping.Path, deep int) {
	s := d.root
	for i, step := range p {
		if d.isEmbedded(p[:i], s) || step.Kind == mapping.Filtered {
			return
		}
		if n := s.Node(); !leads(n, step) && !step.Wild() && !d.at(t, c).Either(p[:i]) && deep < 8 {
			if !d.around(t, c, p, i, s, deep) {
				return
			}
		}
		s = into(s, step)
	}
	if d.isEmbedded(p, s) {
		return
	}
	d.leaf(t, c, p, s)
}

// around adds a path to a column where values at p[:i] are not what the path
// leads into; false if the path leads nowhere any more.
func (d *differ) around(t, c int, p mapping.Path, i int, s infer.Seen, deep int) (goesOn bool) {
	col, n, at := d.at(t, c), s.Node(), p[:i]
	right, wrong := n.Object, n.Array
	other := slices.Concat(at, mapping.Path{firstElement}, p[i:])
	if !wantsObject(p[i]) {
		right, wrong = n.Array, n.Object
		other = slices.Concat(at, p[i+1:])
	}
	change := Change{Class: Breaking, Kind: Shape, Table: d.table(t).Name, Column: col.Name, Path: at.String(), Old: shapeFor(p[i])}
	single := col.Type.Kind != schema.JSON && col.Type.Kind != schema.List
	if wrong.Count > 0 && len(at) > 0 {
		change.New, change.Values, change.First = "array", wrong.Count, first(d.p, wrong)
		if !wantsObject(p[i]) {
			change.New = "object"
		}
		switch {
		case single && !col.MemberName:
			col.Else = append(slices.Clone(col.Else), other)
			change.Patch = "coalesce: " + other.String() + " is added"
		case right.Count == 0:
			col.Path = other
			change.Patch = "path: " + other.String()
		default:
			*col = asJSON(*col)
			col.Path = slices.Clone(at)
			change.Patch = "path: " + at.String() + ", type: json"
		}
		d.add(change)
		d.follow(t, c, other, deep+1)
	}
	if k := plain(n); k > 0 {
		d.carry(t, c, p, i, s)
	}
	return right.Count > 0
}

// carry has one column of a table take plain values that stand in place of an
// object or array at p[:i].
func (d *differ) carry(t, c int, p mapping.Path, i int, s infer.Seen) {
	table, at := d.table(t), slices.Clone(p[:i])
	if slices.ContainsFunc(table.Columns, func(c mapping.Column) bool { return c.Either(at) }) {
		return
	}
	n := s.Node()
	seen := profile.Seen{}
	for _, k := range []profile.Seen{n.Boolean, n.Integer, n.Number, n.String} {
		seen.Merge(k)
	}
	change := Change{
		Class: Breaking, Kind: Shape, Table: table.Name, Path: at.String(), Old: shapeFor(p[i]), New: strings.TrimSuffix(kinds(&profile.Node{
			Boolean: n.Boolean, Integer: n.Integer, Number: n.Number, String: n.String}), ", "), Values: seen.Count, First: first(d.p, seen),
	}
	best, rank := -1, 99
	for k := range table.Columns {
		col := &table.Columns[k]
		q := col.Path
		if len(col.Values()) == 0 || col.MemberName || len(q) != i+1 || !q.HasPrefix(at) || col.Type.Kind == schema.JSON || col.Type.Kind == schema.List {
			continue
		}
		if _, misfits := scalars(*col, s, false); len(misfits) > 0 {
			continue
		}
		if r := carrier(q[i].Name); r < rank {
			best, rank = k, r
		}
	}
	if best >= 0 {
		col := &table.Columns[best]
		col.Else = append(slices.Clone(col.Else), at)
		change.Column, change.Patch = col.Name, "coalesce: "+at.String()+" is added"
		d.add(change)
		return
	}
	col := mapping.Column{Path: slices.Clone(p[:i+1]), Else: []mapping.Path{at}}
	col.Name = d.unused(table, lastName(at)+"_value")
	col.Type.Kind, col.From = schema.String, mapping.FromString|mapping.FromInteger|mapping.FromNumber|mapping.FromBoolean
	table.Columns = append(table.Columns, col)
	d.notes[table.Name+"."+col.Name] = "new: a plain value where there was an " + shapeFor(p[i])
	change.Patch = "a column " + col.Name + " is added"
	d.add(change)
}

// carrier is how well the name of a member says that a plain value in place of
// the object is this member.
func carrier(name string) int {
	for i, word := range []string{"id", "value", "amount", "name", "code", "key"} {
		if name == word || strings.HasSuffix(name, "_"+word) {
			return i
		}
	}
	return 50
}

// leaf is about the values that feed a column.
func (d *differ) leaf(t, c int, p mapping.Path, s infer.Seen) {
	col, n := d.at(t, c), s.Node()
	if col.MemberName || col.Type.Kind == schema.JSON || n.Values() == 0 {
		return
	}
	table := d.table(t)
	change := Change{Class: Breaking, Kind: Shape, Table: table.Name, Column: col.Name, Path: p.String(), Old: col.Type.String()}
	if col.Type.Kind == schema.List {
		e := s.Element()
		wrong := plain(n) + n.Object.Count
		if en := e.Node(); wrong > 0 || en.Array.Count+en.Object.Count > 0 {
			change.New, change.Values, change.First = kinds(n), wrong, d.firstOf(other(n, true), t, c)
			if wrong == 0 {
				change.New, change.Values, change.First = "list of "+kinds(en), en.Array.Count+en.Object.Count, first(d.p, other(en, false))
			}
			*col = asJSON(*col)
			change.Patch = "type: json"
			d.add(change)
			return
		}
		d.retype(t, c, p, e)
		return
	}
	if n.Array.Count > 0 && !col.Either(p) {
		change.New, change.Values, change.First = "array", n.Array.Count, first(d.p, n.Array)
		element := with(p, firstElement)
		if e := s.Element().Node(); e.Object.Count+e.Array.Count > 0 {
			*col = asJSON(*col)
			change.Patch = "type: json"
			d.add(change)
			return
		}
		col.Else = append(slices.Clone(col.Else), element)
		change.Patch = "coalesce: " + element.String() + " is added"
		if n.Elements.Greatest > 1 {
			all := d.keep(t, p, col.Name+"_all", "new: all elements, where there are several")
			col = d.at(t, c)
			change.Patch += "; column " + all + ", json"
		}
		d.add(change)
		d.retype(t, c, element, s.Element())
	}
	if n.Object.Count > 0 && !col.Either(p) {
		change.New, change.Values, change.First = "object", n.Object.Count, first(d.p, n.Object)
		name := d.member(col, s)
		if name == "" {
			*col = asJSON(*col)
			change.Patch = "type: json"
			d.add(change)
			return
		}
		member := with(p, mapping.Segment{Kind: mapping.Name, Name: name})
		col.Else = append(slices.Clone(col.Else), member)
		change.Patch = "coalesce: " + member.String() + " is added"
		d.add(change)
	}
	d.retype(t, c, p, s)
}

// keep adds a json column for all that stands at a path.
func (d *differ) keep(t int, p mapping.Path, name, note string) string {
	table := d.table(t)
	c := mapping.Column{Path: slices.Clone(p)}
	c.Name, c.Type.Kind = d.unused(table, name), schema.JSON
	c.From = usualFrom(&c)
	table.Columns = append(table.Columns, c)
	d.notes[table.Name+"."+c.Name] = note
	return c.Name
}

// other are the values that are no array, or with lists false those that are no
// plain value.
func other(n *profile.Node, lists bool) (seen profile.Seen) {
	all := []profile.Seen{n.Object, n.Array}
	if lists {
		all = []profile.Seen{n.Object, n.Boolean, n.Integer, n.Number, n.String}
	}
	for _, k := range all {
		seen.Merge(k)
	}
	return seen
}

// member is the member of an object that is what the column held before; empty
// if none can be.
func (d *differ) member(c *mapping.Column, s infer.Seen) (best string) {
	rank := 99
	for _, name := range s.Names() {
		m := s.Member(name)
		n := m.Node()
		if n.Array.Count+n.Object.Count > 0 || plain(n) == 0 {
			continue
		}
		if _, misfits := scalars(*c, m, false); len(misfits) == 0 {
			if r := carrier(name); r < rank {
				best, rank = name, r
			}
		}
	}
	return best
}

// retype has a column take the plain values of a path.
func (d *differ) retype(t, c int, p mapping.Path, s infer.Seen) {
	col := d.at(t, c)
	was := *col
	next, misfits := scalars(was, s, d.tried)
	if len(misfits) == 0 {
		return
	}
	*col = next
	class, patch := edit(&was, col)
	for _, m := range misfits {
		change := Change{
			Class: class, Kind: m.kind, Table: d.table(t).Name, Column: col.Name, Path: p.String(), Old: takes(&was), New: m.what,
			Values: m.Count, First: d.firstOf(m.Seen, t, c), Patch: patch,
		}
		d.exact(&change, m.what, len(misfits) == 1)
		d.add(change)
		patch = ""
	}
}

// exact counts what the old mapping did not take, where counts of all values at
// the path are too coarse. alone says that the column has no other misfit.
func (d *differ) exact(c *Change, what string, alone bool) {
	values, at := int64(0), (*First)(nil)
	for i := range d.faults {
		f := &d.faults[i]
		if f.Table != c.Table || f.Column != c.Column || f.Path != c.Path || f.Reason == reason.MissingField || !alone && !strings.HasPrefix(what, f.Found) {
			continue
		}
		values += f.Values
		if w := where(f); at == nil || w != nil && (w.Source < at.Source || w.Source == at.Source && w.Offset < at.Offset) {
			at = w
		}
	}
	if values > 0 {
		c.Values, c.First = values, at
	}
}

// takes says what a column takes.
func takes(c *mapping.Column) string {
	if c.Type.Value().Kind == schema.String || c.Unit != mapping.NoUnit {
		s := c.Type.String() + " from " + c.From.String()
		if c.Unit != mapping.NoUnit {
			s += ", " + c.Unit.String()
		}
		return s
	}
	return c.Type.String()
}

// edit is the class of a change of a column, and what is written for it.
func edit(was, is *mapping.Column) (class Class, patch string) {
	class = Widening
	var all []string
	say := func(differs, breaks bool, format string, args ...any) {
		if differs {
			all = append(all, fmt.Sprintf(format, args...))
			if breaks {
				class = Breaking
			}
		}
	}
	say(was.Type != is.Type, !wider(was.Type, is.Type), "type: %s", is.Type)
	say(was.From != is.From, false, "from: [%s]", is.From)
	say(was.Unit != is.Unit && is.Unit != mapping.NoUnit, true, "unit: %s", is.Unit)
	say(was.Format != is.Format && is.Format != "", true, "format: %s", is.Format)
	say(was.NumberFormat != is.NumberFormat && is.NumberFormat != mapping.JSONNumber, true, "format: %q", is.NumberFormat)
	say(was.Symbol != is.Symbol && is.Symbol, true, "symbol: true")
	say(was.Truncate != is.Truncate && is.Truncate, true, "truncate: true")
	say(!slices.Equal(was.Transform, is.Transform), true, "transform is changed")
	say(!slices.Equal(was.NullValues, is.NullValues), false, "null_values: %q", is.NullValues)
	say(was.NullOnError != is.NullOnError && is.NullOnError, true, "on_error: null")
	say(was.Required && !is.Required, true, "required is taken away")
	return class, strings.Join(all, ", ")
}

// firstOf is where values were seen first, or where the old mapping found the
// first fault of a column if counts do not tell.
func (d *differ) firstOf(s profile.Seen, t, c int) *First {
	if at := first(d.p, s); at != nil {
		return at
	}
	if t < len(d.old.Tables) {
		for _, f := range d.faults {
			if f.Offset >= 0 && (c < 0 && f.Column == "" || c >= 0 && f.Table == d.table(t).Name && f.Column == d.at(t, c).Name) {
				return &First{f.Source, f.Offset}
			}
		}
	}
	return nil
}

func lastName(p mapping.Path) string {
	for _, s := range slices.Backward(p) {
		if s.Kind == mapping.Name {
			return infer.Legal(s.Name)
		}
	}
	return "value"
}

// unused is a name that no column of the table has.
func (d *differ) unused(t *mapping.Table, name string) string {
	unused := name
	for i := 2; columnOf(t, unused) != nil; i++ {
		unused = fmt.Sprintf("%s_%d", name, i)
	}
	return unused
}

// renamed finds other paths for columns that nothing feeds any more.
func (d *differ) renamed() {
	taken := map[string]bool{}
	for _, g := range d.gone {
		col := d.at(g[0], g[1])
		if d.values(col.Path) == 0 {
			continue // there are no rows
		}
		table := d.table(g[0])
		change := Change{Class: Additive, Kind: Gone, Table: table.Name, Column: col.Name, Path: source(col), Old: col.Type.String(), Values: d.values(col.Path)}
		if col.Required {
			change.Class = Breaking
		}
		to := d.elsewhere(g[0], col, taken)
		if to == nil {
			if col.Required {
				change.Patch = "required is taken away"
				change.First = d.firstOf(profile.Seen{}, g[0], g[1])
			}
			d.add(change)
			col.Required = false
			continue
		}
		taken[to.String()] = true
		s, _ := d.look(to)
		n := s.Node()
		change.Class, change.Kind, change.New = Breaking, Renamed, to.String()
		change.Values, change.First = n.Values(), first(d.p, profile.Seen{Count: n.Values(), First: n.First()})
		if single := col.Type.Kind != schema.JSON && col.Type.Kind != schema.List; single {
			col.Else = append(slices.Clone(col.Else), to)
			change.Patch = "coalesce: " + to.String() + " is added"
		} else {
			col.Path = to
			change.Patch = "path: " + to.String()
		}
		d.add(change)
	}
}

// elsewhere is the path at which what fed a column perhaps stands now; nil if
// there is none, or no telling which.
func (d *differ) elsewhere(t int, col *mapping.Column, taken map[string]bool) mapping.Path {
	var best mapping.Path
	least, again := 9, false
	for i := range d.inferred.Tables {
		for j := range d.inferred.Tables[i].Columns {
			c := &d.inferred.Tables[i].Columns[j]
			q := d.single(c.Path)
			if q == nil || c.MemberName || taken[q.String()] || !d.reaches(t, q) || d.covered(q, c.Type.Kind == schema.JSON) {
				continue
			}
			rank := d.likeness(col, q)
			switch {
			case rank >= 9:
			case rank == least:
				again = true
			case rank < least:
				best, least, again = q, rank, false
			}
		}
	}
	if again {
		return nil
	}
	return best
}

// single is a path with [0] in place of wildcards over arrays of at most one
// element that no table of the mapping explodes.
func (d *differ) single(p mapping.Path) mapping.Path {
	q := slices.Clone(p)
	for i, s := range p {
		if s.Kind != mapping.Wildcard || d.exploded(p[:i+1]) {
			continue
		}
		if seen, _ := d.through(p[:i]); seen.Node().Elements.Greatest <= 1 {
			q[i] = firstElement
		}
	}
	return q
}

func (d *differ) exploded(p mapping.Path) bool {
	return slices.ContainsFunc(d.next.Tables, func(t mapping.Table) bool {
		return slices.ContainsFunc(t.Exploded(), func(e mapping.Path) bool { return e.HasPrefix(p) })
	})
}

// reaches reports whether the rows of a table go over the wildcards of a path.
func (d *differ) reaches(t int, p mapping.Path) bool {
	for i := len(p); i > 0; i-- {
		if p[i-1].Wild() {
			return slices.ContainsFunc(d.table(t).Exploded(), func(e mapping.Path) bool { return e.HasPrefix(p[:i]) })
		}
	}
	return true
}

// likeness is how much a path is like that of a column, from 0; 9 if it cannot be
// meant.
func (d *differ) likeness(col *mapping.Column, q mapping.Path) int {
	p := col.Path
	if len(p) == 0 || len(q) == 0 || p[len(p)-1].Kind != mapping.Name || q[len(q)-1].Kind != mapping.Name {
		return 9
	}
	s, rest := d.through(q)
	n := s.Node()
	unknown := !plainTexts(col) && n.String.Count > 0 && !d.tried || col.MinorUnits.By != mapping.NoMinorUnits
	if len(rest) > 0 || n.Values() == n.Null.Count || unknown {
		return 9
	}
	switch list := col.Type.Kind == schema.List; {
	case col.Type.Kind == schema.JSON:
		if plain(n) > 0 {
			return 9
		}
	case list && (plain(n)+n.Object.Count > 0), !list && n.Array.Count+n.Object.Count > 0:
		return 9
	default:
		if list {
			s = s.Element()
		}
		if _, misfits := scalars(*col, s, false); len(misfits) > 0 {
			return 9
		}
	}
	was, is := p[len(p)-1].Name, q[len(q)-1].Name
	beside := slices.Equal(p[:len(p)-1], q[:len(q)-1])
	everywhere := n.Values()-n.Null.Count == d.values(q)
	switch {
	case infer.Legal(was) == infer.Legal(is):
		return 0
	case beside && alike(was, is):
		return 1
	case beside && col.Required && everywhere:
		return 2
	}
	return 9
}

// alike reports whether two names share a word, or one begins as the other does.
func alike(a, b string) bool {
	x, y := strings.Split(infer.Legal(a), "_"), strings.Split(infer.Legal(b), "_")
	for _, w := range x {
		if slices.ContainsFunc(y, func(v string) bool {
			return v == w || len(v) > 2 && len(w) > 2 && (strings.HasPrefix(v, w) || strings.HasPrefix(w, v))
		}) {
			return true
		}
	}
	return false
}

// required is about columns that must have a value and have none.
func (d *differ) required() {
	for t := range d.next.Tables {
		for c := range d.next.Tables[t].Columns {
			col := d.at(t, c)
			if !col.Required || len(col.Values()) == 0 || col.MemberName {
				continue
			}
			filled, none := int64(0), profile.Seen{}
			hidden := false
			level := -1
			for _, p := range col.Values() {
				s, rest := d.through(p)
				n := s.Node()
				hidden = hidden || len(rest) > 0 || p.LastFilter() >= 0 || level >= 0 && level != p.Wildcards()
				level = p.Wildcards()
				filled += n.Values() - n.Null.Count
				none.Merge(n.Null)
				if col.Type.Kind == schema.String || slices.Contains(col.NullValues, "") {
					filled -= n.Strings.Empty.Count
					none.Merge(n.Strings.Empty)
				}
				if col.Either(p) { // what is in it counts, at the other path
					filled -= n.Array.Count + n.Object.Count
				}
			}
			rows, counted := d.rowsOf(d.table(t), col.Path)
			hidden = hidden || !counted
			missing := rows - filled
			if hidden && d.tried || !hidden && missing <= 0 {
				continue
			}
			col.Required = false
			d.add(Change{
				Class: Breaking, Kind: Null, Table: d.table(t).Name, Column: col.Name, Path: source(col), Old: "required", New: "no value",
				Values: max(missing, 0), First: d.firstOf(none, t, c), Patch: "required is taken away",
			})
		}
	}
}
