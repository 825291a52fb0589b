package fit

import (
	"slices"

	"sluice/internal/profile"
	"sluice/mapping"
	"sluice/schema"
)

// Certain reports whether what a profile counted shows that a mapping takes every
// record. If it does not, only a conversion can tell. A number of more than
// field_bytes digits, which a profile does not know of, is not thought of.
func Certain(m *mapping.Mapping, p *profile.Profile) bool {
	d := mapping.DefaultLimits // those that profiles are made with
	switch {
	case p.Broken > 0, p.Root == nil, m.Key != "", m.Envelope != mapping.NoEnvelope, len(m.ParseJSON) > 0, m.UnknownFields != mapping.Count, m.OnDrift == mapping.DriftHeld:
		return false
	case m.Limits.Depth < d.Depth, m.Limits.RecordBytes < d.RecordBytes, !atPlace(m.Records, p):
		return false
	}
	for i := range m.Tables {
		t := certainty{m: m, t: &m.Tables[i], root: p.Root, records: p.Records}
		if !t.rows() || slices.ContainsFunc(t.t.Columns, func(c mapping.Column) bool { return !t.column(&c) }) {
			return false
		}
	}
	return true
}

// atPlace reports whether the mapping finds the records where the profile has
// them: no path before that one leads to a value in any document.
func atPlace(records []mapping.Path, p *profile.Profile) bool {
	if len(p.Places) != 1 {
		return false
	}
	place, err := mapping.ParsePath(p.Places[0].Path)
	if err != nil {
		return false
	}
	wrapped, beside := len(place) > 0 && place[0].Kind == mapping.Name, p.Places[0].Beside
	for _, path := range records {
		switch {
		case slices.Equal(path, place):
			return true
		case len(path) == 0:
			return false
		case path[0].Wild() && wrapped: // documents are objects
		case path[0].Wild() && len(place) == 0 && p.Root.Array.Count == 0:
		case path[0].Kind == mapping.Name && len(place) == 0 && p.Root.Map == nil && p.Root.Members[path[0].Name] == nil:
		case path[0].Kind == mapping.Name && wrapped && path[0].Name != place[0].Name && len(beside) < allBeside && !slices.Contains(beside, path[0].Name):
		default:
			return false
		}
	}
	return false
}

// allBeside is how many names of members beside the records a profile has at most.
const allBeside = 100

// certainty is about one table.
type certainty struct {
	m       *mapping.Mapping
	t       *mapping.Table
	root    *profile.Node
	records int64
}

// look follows a path of names and wildcards, if it leads on in all values: rows is
// how many values there would be if each was there.
func (c *certainty) look(path mapping.Path) (n *profile.Node, rows int64, ok bool) {
	n, rows = c.root, c.records
	for i, step := range path {
		plain := n.Boolean.Count + n.Integer.Count + n.Number.Count + n.String.Count
		null := n.Null.Count > 0 && (i == 0 || path[i-1].Wild()) // in place of a record or element
		switch {
		case plain > 0 || null || n.Map != nil:
			return nil, 0, false
		case step.Kind == mapping.Name && n.Array.Count == 0:
			n = n.Members[step.Name]
		case step.Kind == mapping.Wildcard && n.Object.Count == 0:
			if n, rows = n.Element, 0; n != nil {
				rows = n.Values()
			}
		default:
			return nil, 0, false
		}
		if n == nil {
			n = &profile.Node{}
		}
	}
	return n, rows, true
}

// rows reports whether each record, and each element of a first level, has rows
// where it must, and not too many of them.
func (c *certainty) rows() bool {
	if len(c.t.Zip) > 0 || len(c.t.Where) > 0 {
		return false
	}
	most := int64(1)
	for i, step := range c.t.Explode {
		if !step.Wild() {
			continue
		}
		n, rows, ok := c.look(c.t.Explode[:i])
		if !ok || step.Kind != mapping.Wildcard || n.Object.Count+n.Boolean.Count+n.Integer.Count+n.Number.Count+n.String.Count > 0 {
			return false
		}
		if c.t.WhenEmpty == mapping.Quarantine && (n.Array.Count < rows || n.Empty > 0) {
			return false
		}
		if n.Elements.Greatest > c.m.Limits.RecordRows/max(most, 1) {
			return false
		}
		most *= n.Elements.Greatest
	}
	return true
}

// column reports whether all values at its paths fit the column.
func (c *certainty) column(col *mapping.Column) bool {
	if col.Const != nil || col.Empty {
		return true
	}
	keys := col.Key != "" || col.MemberName || col.Unit != mapping.NoUnit || col.MinorUnits.By != mapping.NoMinorUnits || col.Times != mapping.Times{} ||
		col.Mask != mapping.NoMask || col.NumberFormat != mapping.JSONNumber || col.Symbol || col.Transform != nil && col.Type.Kind != schema.String
	always := false
	for _, path := range col.Values() {
		n, rows, ok := c.look(path)
		if keys || !ok || n.Array.Count+n.Object.Count > 0 || 6*n.Strings.Length.Greatest+2 > c.m.Limits.FieldBytes || !fits(col, n) {
			return false
		}
		filled := n.Values() - n.Null.Count - n.Strings.Empty.Count
		always = always || filled == rows
	}
	return !col.Required || always && col.Transform == nil && !slices.ContainsFunc(col.NullValues, func(v string) bool { return v != "" })
}

// fits reports whether a column takes all plain values of a node.
func fits(c *mapping.Column, n *profile.Node) bool {
	from := mapping.From(0)
	for _, k := range []struct {
		seen profile.Seen
		from mapping.From
	}{{n.String, mapping.FromString}, {n.Integer, mapping.FromInteger}, {n.Number, mapping.FromNumber}, {n.Boolean, mapping.FromBoolean}} {
		if k.seen.Count > 0 {
			from |= k.from
		}
	}
	nothing := int64(0) // texts that are no value
	if slices.Contains(c.NullValues, "") {
		nothing = n.Strings.Empty.Count
	}
	texts := func(f profile.Form) bool { return n.Strings.Forms.Of(f).Count == n.String.Count-nothing }
	whole, fraction := max(n.Numbers.Digits, n.Strings.Digits), max(n.Numbers.Fraction, n.Strings.Fraction)
	numbers := texts(profile.Decimal) && n.Numbers.Exponent.Count == 0
	if from&^c.From != 0 {
		return false
	}
	switch c.Type.Kind {
	case schema.String:
		return true
	case schema.Boolean:
		return texts(profile.TrueFalse)
	case schema.Date:
		return texts(profile.Date)
	case schema.Timestamp:
		return texts(profile.Timestamp)
	case schema.Int32:
		return numbers && whole <= 9 && fraction == 0
	case schema.Int64:
		return numbers && whole <= 18 && fraction == 0
	case schema.Decimal:
		return numbers && whole <= c.Type.Precision-c.Type.Scale && fraction <= c.Type.Scale
	case schema.Double:
		return numbers && whole <= 300
	}
	return false
}
