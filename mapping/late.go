package mapping

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"sluice/schema"
)

// lateKeys are the keys of a column that this file reads, beside path.
var lateKeys = []string{"coalesce", "const", "minor_units"}

// MinorUnits says that a decimal column is fed an integer that counts the
// smallest units of a currency, such as cents, and how many decimal digits that
// unit has.
type MinorUnits struct {
	By     MinorUnitsBy
	Digits int            // if they are Fixed
	Path   Path           // of the currency's code, or of the number of digits
	Except map[string]int // by currency: digits that differ from those of ISO 4217
}

// MinorUnitsBy says where the number of digits comes from.
type MinorUnitsBy uint8

const (
	NoMinorUnits MinorUnitsBy = iota // the column takes whole units
	Fixed                            // from the mapping
	ByCurrency                       // from ISO 4217, by the currency at Path
	ByDigits                         // from the document, at Path
)

// maxMinorDigits is more than any currency has; it keeps the values in range.
const maxMinorDigits = 18

// Late reports whether the column gets its value when its element ends, and not
// when the value is read: the value depends on other values of the record.
func (c *Column) Late() bool {
	return c.Const != nil || c.Empty || c.Else != nil || c.MinorUnits.By != NoMinorUnits || c.Path.LastFilter() >= 0
}

// Values are the paths that may feed the column. The first that leads to a
// value does.
func (c *Column) Values() []Path {
	if c.Const != nil || c.Empty || c.Key != "" {
		return nil
	}
	return append([]Path{c.Path}, c.Else...)
}

// Either reports whether a value or an object may stand at p: with
// coalesce: [$.customer.id, $.customer], at $.customer.
func (c *Column) Either(p Path) bool {
	isOne := func(q Path) bool { return slices.Equal(p, q) }
	goesOn := func(q Path) bool { return len(q) > len(p) && q.HasPrefix(p) }
	return slices.ContainsFunc(c.Values(), isOne) && slices.ContainsFunc(c.Values(), goesOn)
}

// Paths are all paths that the column depends on.
func (c *Column) Paths() []Path {
	paths := c.Values()
	if c.MinorUnits.By >= ByCurrency {
		paths = append(paths, c.MinorUnits.Path)
	}
	return withKeys(paths)
}

// Level is the level of rows that the column has one value for: 0 for the
// record, else a number of wildcards.
func (c *Column) Level() int {
	return levelOf(c.Paths())
}

// levelOf is the most wildcards that one of the paths has.
func levelOf(paths []Path) (level int) {
	for _, p := range paths {
		level = max(level, p.Wildcards())
	}
	return level
}

// source reads what feeds the column: path, coalesce, const or key.
func (r *reader) source(n *yaml.Node, f map[string]*yaml.Node, c *Column, what string) (ok bool) {
	if f["path"] != nil && f["coalesce"] != nil {
		r.Fail(f["coalesce"], "%s: coalesce and path both say what feeds the column; put all paths into coalesce", what)
	}
	switch {
	case f["key"] != nil:
		return r.partOfKey(f, c, what)
	case f["const"] != nil:
		text, isText := "", true
		switch n := f["const"]; {
		case isMissing(n):
			r.Fail(n, "%s: const has no value; write null if no row has one, or \"\" for an empty text", what)
			return false
		case n.ShortTag() == "!!null":
			c.Empty = true
		default:
			text, isText = r.Text(f["const"], what+": const")
			c.Const = &text
		}
		for _, key := range slices.Sorted(maps.Keys(f)) {
			if !slices.Contains([]string{"name", "type", "const", "required", "pii", "bloom"}, key) {
				r.Fail(f[key], "%s: const gives each row the same text; remove %s, or const", what, key)
			}
		}
		if c.Required {
			r.Fail(f["required"], "%s: a const column has a value in all rows, or in none; remove required", what)
		}
		return isText
	case f["coalesce"] != nil:
		ok = true
		var all []Path
		for _, e := range r.List(f["coalesce"], what+": coalesce") {
			p, read := r.place(e, what)
			if ok = ok && read; !read {
				continue
			}
			if slices.ContainsFunc(all, func(q Path) bool { return slices.Equal(p, q) }) {
				r.Fail(e, "%s: coalesce: %s stands twice; keep one", what, p)
			}
			all = append(all, p)
		}
		switch {
		case !ok || len(all) == 0:
			return false
		case len(all) == 1:
			r.Fail(f["coalesce"], "%s: coalesce has one path; add those to try after it, or write path: %s", what, all[0])
		}
		c.Path, c.Else = all[0], all[1:]
		return true
	case f["path"] == nil:
		r.Fail(n, "%s: no path; say what feeds the column, as in path: $.order_id", what)
		return false
	}
	c.Path, ok = r.place(f["path"], what)
	return ok
}

// late checks that the type of the column goes with what feeds it.
func (r *reader) late(f map[string]*yaml.Node, c *Column, what string) {
	switch {
	case c.Const != nil && c.Type.Kind != schema.String:
		r.Fail(f["const"], "%s: const is a text, but the type is %s; use type: string", what, c.Type)
	case c.Else != nil && (c.Type.Kind == schema.JSON || c.Type.Kind == schema.List):
		r.Fail(f["coalesce"], "%s: coalesce cannot choose between values of type %s; use a column for each path", what, c.Type)
	}
	for _, p := range c.Values() {
		if last := len(p) - 1; p.LastFilter() == last && last >= 0 && c.Type.Kind != schema.JSON {
			r.Fail(cmp.Or(f["path"], f["coalesce"]), "%s: path %s ends with a filter, which chooses an element that has members; name one of them, as in %s.value, or use type: json", what, p, p)
		}
	}
	if n := f["minor_units"]; n != nil {
		if c.Type.Kind != schema.Decimal {
			r.Fail(n, "%s: minor_units is for decimal, the type is %s; remove minor_units", what, c.Type)
			return
		}
		c.MinorUnits = r.minorUnits(n, what+": minor_units")
		r.oneUnit(n, c, what)
	}
}

// oneUnit checks that an amount has one currency, and not one for each row below
// it.
func (r *reader) oneUnit(n *yaml.Node, c *Column, what string) {
	if u := c.MinorUnits.Path; levelOf(withKeys([]Path{u})) > levelOf(withKeys(c.Values())) {
		r.Fail(n, "%s: minor_units: %s has more wildcards than the path of the amount, which would have several; use a path beside the amount or above it", what, u)
	}
}

// minorUnits reads a number of digits, or an object that says where they come
// from.
func (r *reader) minorUnits(n *yaml.Node, what string) (u MinorUnits) {
	if n.Kind == yaml.ScalarNode {
		u.By, u.Digits = Fixed, r.digits(n, what)
		return u
	}
	f := r.Object(n, what, "currency", "digits", "except")
	switch {
	case f == nil:
		return u
	case (f["currency"] == nil) == (f["digits"] == nil):
		r.Fail(n, "%s: give either currency, the path of its ISO 4217 code, or digits, the path of their number", what)
		return u
	case f["digits"] != nil && f["except"] != nil:
		r.Fail(f["except"], "%s: except is for currency; remove it", what)
	}
	if f["digits"] != nil {
		u.By = ByDigits
		u.Path, _ = r.place(f["digits"], what+": digits")
		return u
	}
	u.By = ByCurrency
	u.Path, _ = r.place(f["currency"], what+": currency")
	if e := f["except"]; e != nil {
		u.Except = r.exceptions(e, what+": except")
	}
	return u
}

// exceptions reads digits by currency.
func (r *reader) exceptions(n *yaml.Node, what string) map[string]int {
	if n.Kind != yaml.MappingNode {
		r.Fail(n, "%s must give digits by currency, as in {ISK: 2}", what)
		return nil
	}
	digits := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		code := n.Content[i].Value
		if !isCurrency(code) {
			r.Fail(n.Content[i], "%s: %q is no currency; use the three capital letters of ISO 4217, as in {ISK: 2}", what, code)
			continue
		}
		if _, twice := digits[code]; twice {
			r.Fail(n.Content[i], "%s: %s stands twice; keep one", what, code)
		}
		digits[code] = r.digits(n.Content[i+1], what+": "+code)
	}
	return digits
}

func isCurrency(code string) bool {
	for _, c := range []byte(code) {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(code) == 3
}

// digits reads a number of decimal digits.
func (r *reader) digits(n *yaml.Node, what string) int {
	d, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || d < 0 || d > maxMinorDigits || strconv.Itoa(d) != n.Value {
		r.Fail(n, "%s must be a number of digits from 0 to %d, as in 2 for cents", what, maxMinorDigits)
		return 0
	}
	return d
}

// appendSource writes what feeds the column.
func (c *Column) appendSource(b []byte) []byte {
	if c.Key != "" {
		b = strconv.AppendQuote(append(b, ", key: "...), c.Key)
	}
	if c.Const != nil {
		b = strconv.AppendQuote(append(b, ", const: "...), *c.Const)
	}
	if c.Empty {
		b = append(b, ", const: null"...)
	}
	switch { // what a program sets beside each other is refused when this is read
	case c.Else != nil:
		for i, p := range append([]Path{c.Path}, c.Else...) {
			b = strconv.AppendQuote(append(b, between(i, ", coalesce: [")...), p.String())
		}
		return append(b, ']')
	case c.Path != nil, c.Key == "" && c.Const == nil && !c.Empty:
		return strconv.AppendQuote(append(b, ", path: "...), c.Path.String())
	}
	return b
}

func (u *MinorUnits) appendCanonical(b []byte) []byte {
	switch u.By {
	case NoMinorUnits:
		return b
	case Fixed:
		return fmt.Appendf(b, ", minor_units: %d", u.Digits)
	case ByDigits:
		return fmt.Appendf(b, ", minor_units: {digits: %q}", u.Path.String())
	}
	b = fmt.Appendf(b, ", minor_units: {currency: %q", u.Path.String())
	if len(u.Except) > 0 {
		b = append(b, ", except: {"...)
		for i, code := range slices.Sorted(maps.Keys(u.Except)) {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = fmt.Appendf(b, "%s: %d", code, u.Except[code])
		}
		b = append(b, '}')
	}
	return append(b, '}')
}
