package mapping

import (
	"fmt"
	"slices"
	"strings"

	"sluice/schema"
)

// Cautions lists what surely causes trouble in a valid mapping with some documents,
// or lets a table take no row, and what to do about it.
func (m *Mapping) Cautions() (all []string) {
	for i := range m.Tables {
		t := &m.Tables[i]
		for _, text := range t.cautions() {
			all = append(all, fmt.Sprintf("table %s: %s", t.Name, text))
		}
		for j := range t.Columns {
			c := &t.Columns[j]
			for _, text := range c.cautions() {
				all = append(all, fmt.Sprintf("table %s, column %s: %s", t.Name, c.Name, text))
			}
		}
	}
	return all
}

// WidthCautions lists bloom filters that are wrong where the table declares a
// column with another width than the file has. It does not where we declare it. A
// filter holds hashes of four or eight bytes, and a reader that reads the column as
// the other type looks for the hash of the wrong bytes (trinodb/trino#30544).
func (m *Mapping) WidthCautions() (all []string) {
	for i := range m.Tables {
		for _, c := range m.Tables[i].Columns {
			if declared, integer := otherWidth[c.Type.Kind]; c.Bloom && integer {
				all = append(all, fmt.Sprintf(
					"table %s, column %s: bloom on %s: if the table declares the column as %s, as a crawler may, Trino finds no rows when it uses the filter; declare the column as %s, or remove bloom",
					m.Tables[i].Name, c.Name, c.Type, declared, ownWidth[c.Type.Kind]))
			}
		}
	}
	return all
}

var (
	otherWidth = map[schema.Kind]string{schema.Int32: "bigint", schema.Int64: "int"}
	ownWidth   = map[schema.Kind]string{schema.Int32: "int", schema.Int64: "bigint"}
)

func (c *Column) cautions() (all []string) {
	texts := c.From&FromString != 0
	if (c.Hash == SHA256 || c.Hash == HMAC) && texts && !c.Required && !slices.Contains(c.NullValues, "") {
		all = append(all, fmt.Sprintf("hash: %s: \"\" has a hash, too, so all rows with an empty text match each other; add null_values: [\"\"]", c.Hash))
	}
	if c.Mask == Domain && texts && !slices.Contains(c.Transform, Trim) {
		all = append(all, "mask: domain: blanks after an address stay, so the same domain is two values; add transform: [trim]")
	}
	digits := 0
	if c.MinorUnits.By == Fixed {
		digits = c.MinorUnits.Digits
	}
	for _, d := range c.MinorUnits.Except {
		digits = max(digits, d)
	}
	if over := digits - c.Type.Scale; c.MinorUnits.By != NoMinorUnits && over > 0 {
		all = append(all, fmt.Sprintf("minor_units: amounts may have %d digits after the point, and %s holds %d: all that are no multiple of 1%s units do not fit (decimal_scale); give the decimal %d digits",
			digits, c.Type, c.Type.Scale, strings.Repeat("0", over), digits))
	}
	return all
}

func (t *Table) cautions() (all []string) {
	var told []Path
	for i := range t.Where {
		p := t.Where[i].Path
		if slices.ContainsFunc(told, func(q Path) bool { return slices.Equal(p, q) }) || t.satisfiable(p) {
			continue
		}
		told = append(told, p)
		all = append(all, fmt.Sprintf("where: no value at %s fulfils all conditions on it, so the table takes no row; remove one of them, or list the values to take in one condition with in", p))
	}
	for _, c := range t.Where {
		if t.WhenEmpty == Keep && c.WantsValue() && c.Path.Wildcards() == t.Explode.Wildcards() {
			all = append(all, fmt.Sprintf("when_empty: keep keeps no row: it would have no value at %s, and where wants one; use when_empty: skip, or let the condition hold without a value", c.Path))
			break
		}
	}
	return all
}

// WantsValue reports whether the condition fails where there is no value.
func (c *Condition) WantsValue() bool { return c.Test == In || c.Test == IsNotNull }

// satisfiable reports whether one value, or none, can fulfil all conditions on p.
func (t *Table) satisfiable(p Path) bool {
	var on []Condition
	for _, c := range t.Where {
		if slices.Equal(c.Path, p) {
			on = append(on, c)
		}
	}
	fulfils := func(holds func(*Condition) bool) bool {
		return !slices.ContainsFunc(on, func(c Condition) bool { return !holds(&c) })
	}
	if fulfils(func(c *Condition) bool { return !c.WantsValue() }) {
		return true // none
	}
	i := slices.IndexFunc(on, func(c Condition) bool { return c.Test == In })
	if i < 0 { // any that is not listed
		return fulfils(func(c *Condition) bool { return c.Test != IsNull })
	}
	return slices.ContainsFunc(on[i].Values, func(l Literal) bool {
		return fulfils(func(c *Condition) bool {
			switch c.Test {
			case In:
				return slices.ContainsFunc(c.Values, l.equals)
			case NotIn:
				return !slices.ContainsFunc(c.Values, l.equals)
			}
			return c.Test == IsNotNull
		})
	})
}
