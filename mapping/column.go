package mapping

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/schema"
)

const anyFrom = FromString | FromInteger | FromNumber | FromBoolean

// sources are the JSON types that the column's values can come from, and those
// they come from when the mapping does not say.
func (c *Column) sources(unit, epoch bool) (can, usual From) {
	if c.Key != "" {
		return FromString, FromString
	}
	if c.MinorUnits.By != NoMinorUnits {
		return FromInteger | FromString, FromInteger | FromString
	}
	switch c.Type.Value().Kind {
	case schema.String:
		return anyFrom, FromString
	case schema.Boolean:
		return FromBoolean | FromString, FromBoolean | FromString
	case schema.Date, schema.Timestamp:
		can = FromNumber | FromInteger | FromString
		switch {
		case epoch:
			return can, can
		case unit:
			return can, FromInteger | FromString
		}
		return can, FromString
	case schema.JSON:
		return anyFrom, anyFrom
	default:
		return FromNumber | FromInteger | FromString, FromNumber | FromInteger | FromString
	}
}

// column reads a column; false when its path or type is not known.
func (r *reader) column(n *yaml.Node, what string) (c Column, ok bool) {
	f := r.Object(n, what, slices.Concat([]string{"name", "path", "type", "from", "required", "pii", "bloom", "key", "member_name", "format", "symbol", "on_error"}, lateKeys, timeKeys, textKeys)...)
	if f == nil {
		return c, false
	}
	if f["name"] == nil {
		r.Fail(n, "%s: no name; add one, as in name: order_id", what)
	} else if name, ok := r.name(f["name"], what+": name"); ok {
		c.Name, what = name, "column "+name
	}
	c.Required = r.Boolean(f["required"], what+": required")
	c.Bloom = r.Boolean(f["bloom"], what+": bloom")
	c.Unit = Unit(r.Word(f["unit"], what+": unit", unitWords[:]))
	if p := f["pii"]; p != nil {
		if s, ok := r.Text(p, what+": pii"); ok && !isName(s) {
			r.Fail(p, "%s: pii %q must be lower case letters, digits and _; name the kind of data, such as email, name, address", what, s)
		} else {
			c.PII = s
		}
	}
	ok = r.source(n, f, &c, what)
	if f["type"] == nil {
		r.Fail(n, "%s: no type; add one, as in type: string", what)
		return c, false
	}
	s, isText := r.Text(f["type"], what+": type")
	if !isText {
		return c, false
	}
	var err error
	if c.Type, err = schema.ParseType(s); err != nil {
		if before, args, decimal := strings.Cut(s, "decimal("); decimal && !strings.Contains(args, ")") {
			whole := "decimal(18,4)"
			if before == "list<" {
				whole = "list<decimal(18,4)>"
			}
			r.Fail(f["type"], "%s: type %q ends at its comma, as YAML reads it inside { }; put it in quotes, as in type: %q", what, s, whole)
		} else {
			r.Fail(f["type"], "%s: %v", what, err)
		}
		return c, false
	}
	r.keyType(f, &c, what)
	r.late(f, &c, what)
	if r.from(f, &c, what) {
		r.times(f, &c, what)
	}
	r.texts(f, &c, what)
	r.numbers(f, &c, what)
	r.memberName(f["member_name"], &c, ok, what)
	r.onError(f["on_error"], &c, what)
	switch c.Type.Kind {
	case schema.Boolean, schema.Double, schema.JSON, schema.List:
		if c.Bloom {
			r.Fail(f["bloom"], "%s: no bloom filter is written for %s; remove bloom", what, c.Type)
		}
	}
	return c, ok
}

// from reads the JSON types the column takes.
func (r *reader) from(f map[string]*yaml.Node, c *Column, what string) bool {
	format := f["format"]
	can, usual := c.sources(f["unit"] != nil, format != nil && format.Value == Epoch)
	n := f["from"]
	if n == nil {
		c.From = usual
		return true
	}
	if c.Type.Kind == schema.JSON {
		r.Fail(n, "%s: json takes any value; remove from", what)
		return false
	}
	before := r.Failed()
	seen := map[From]bool{}
	for _, e := range r.List(n, what+": from") {
		f := fromBits[r.Word(e, what+": from", fromWords[:])]
		switch {
		case f&^can != 0:
			r.Fail(e, "%s: %s cannot come from %s; use %s", what, c.Type, e.Value, can)
		case f != 0 && seen[f]:
			r.Fail(e, "%s: from: %s is listed twice; keep one", what, e.Value)
		default:
			seen[f] = true
			c.From |= f
		}
	}
	return r.Failed() == before
}
