package mappingdiff

import (
	"fmt"
	"math"
	"strings"

	"sluice/internal/infer"
	"sluice/internal/profile"
	"sluice/mapping"
	"sluice/schema"
)

// misfit is a way in which values do not fit a column.
type misfit struct {
	kind Kind
	what string // that was found
	profile.Seen
}

// usualFrom is what a column takes if from does not say.
func usualFrom(c *mapping.Column) mapping.From {
	const numbers = mapping.FromInteger | mapping.FromNumber
	switch kind := c.Type.Value().Kind; {
	case c.MinorUnits.By != mapping.NoMinorUnits:
		return mapping.FromInteger | mapping.FromString
	case kind == schema.String:
		return mapping.FromString
	case kind == schema.Boolean:
		return mapping.FromBoolean | mapping.FromString
	case kind == schema.JSON:
		return numbers | mapping.FromString | mapping.FromBoolean
	case kind != schema.Date && kind != schema.Timestamp:
		return numbers | mapping.FromString
	case c.Format == mapping.Epoch:
		return numbers | mapping.FromString
	case c.Unit != mapping.NoUnit:
		return mapping.FromInteger | mapping.FromString
	}
	return mapping.FromString
}

// plainTexts reports whether the texts of a column are read as they stand, so
// that their forms say whether they fit.
func plainTexts(c *mapping.Column) bool {
	extra := c.Transform != nil || c.NumberFormat != mapping.JSONNumber || c.Symbol || c.Format != "" || c.Zone != "" || c.Hash != mapping.NoHash ||
		c.Mask != mapping.NoMask || c.MinorUnits.By != mapping.NoMinorUnits
	for _, v := range c.NullValues {
		extra = extra || v != ""
	}
	return !extra
}

// scalars is a column that takes the plain values at a path, and what of these
// the column c does not take. Values that the counts say too little about are
// taken to fit, and with tried all texts of unknown forms: who has the documents
// tries them.
func scalars(c mapping.Column, s infer.Seen, tried bool) (mapping.Column, []misfit) {
	n, list := s.Node(), c.Type.Kind == schema.List
	kind := c.Type.Value().Kind
	if kind == schema.JSON {
		return c, nil
	}
	f := fitter{column: c, n: n, plain: plainTexts(&c), list: list, tried: tried}
	f.column.Type = c.Type.Value()
	switch kind {
	case schema.String:
		f.from()
	case schema.Boolean:
		f.texts(profile.TrueFalse)
		f.nothing(n.Integer, "integer")
		f.nothing(n.Number, "number")
	case schema.Date, schema.Timestamp:
		f.times()
	default:
		f.numbers()
	}
	if list {
		t := f.column.Type
		f.column.Type = schema.Type{Kind: schema.List, Of: t.Kind, Precision: t.Precision, Scale: t.Scale}
	}
	return f.column, f.misfits
}

// fitter changes a column until all values at a path fit.
type fitter struct {
	column  mapping.Column
	n       *profile.Node
	plain   bool // texts are read as they stand
	list    bool // the column is a list of these values
	tried   bool // texts of unknown forms are tried later
	misfits []misfit
}

func (f *fitter) note(kind Kind, what string, s profile.Seen) {
	f.misfits = append(f.misfits, misfit{kind, what, s})
}

// found are the JSON types of the values.
func found(n *profile.Node) (from mapping.From) {
	for _, k := range []struct {
		seen profile.Seen
		from mapping.From
	}{{n.String, mapping.FromString}, {n.Integer, mapping.FromInteger}, {n.Number, mapping.FromInteger | mapping.FromNumber}, {n.Boolean, mapping.FromBoolean}} {
		if k.seen.Count > 0 {
			from |= k.from
		}
	}
	return from
}

// from lets a string column take more types.
func (f *fitter) from() {
	n, c := f.n, &f.column
	for _, k := range []struct {
		seen profile.Seen
		what string
		from mapping.From
	}{{n.String, "string", mapping.FromString}, {n.Integer, "integer", mapping.FromInteger}, {n.Number, "number", mapping.FromInteger | mapping.FromNumber}, {n.Boolean, "boolean", mapping.FromBoolean}} {
		if k.seen.Count > 0 && c.From&k.from != k.from {
			c.From |= k.from
			f.note(Type, k.what, k.seen)
		}
	}
}

// nothing is about values of a type that the column cannot take.
func (f *fitter) nothing(s profile.Seen, what string) {
	if s.Count > 0 {
		f.note(Type, what, s)
		f.text()
	}
}

// text makes the column one of texts, unless most of its values fit: then those
// that do not are NULL, and kept in _errors.
func (f *fitter) text() {
	c := &f.column
	bad := int64(0)
	for _, m := range f.misfits {
		bad += m.Count
	}
	all := f.n.Boolean.Count + f.n.Integer.Count + f.n.Number.Count + f.n.String.Count - f.n.Strings.Empty.Count
	switch {
	case c.NullOnError || c.Type.Kind == schema.String:
		return
	case 2*bad <= all && !f.list:
		c.NullOnError, c.Required = true, false
		return
	}
	*c = asText(*c, found(f.n))
}

// asText is the column with texts in place of its type.
func asText(c mapping.Column, more mapping.From) mapping.Column {
	if c.Type.Value().Kind == schema.JSON {
		return c
	}
	t := schema.Type{Kind: schema.String}
	if c.Type.Kind == schema.List {
		t = schema.Type{Kind: schema.List, Of: schema.String}
	}
	c.Type, c.From = t, c.From|more|mapping.FromString
	c.Unit, c.MinorUnits, c.Times, c.NumberFormat, c.Symbol, c.NullOnError = mapping.NoUnit, mapping.MinorUnits{}, mapping.Times{}, mapping.JSONNumber, false, false
	return c
}

// asJSON is the column with any value.
func asJSON(c mapping.Column) mapping.Column {
	out := mapping.Column{Column: c.Column, Path: c.Path}
	out.Type, out.Bloom = schema.Type{Kind: schema.JSON}, false
	out.From = usualFrom(&out)
	return out
}

// texts is about strings that must have a form, or be "".
func (f *fitter) texts(forms ...profile.Form) {
	n, c := f.n, &f.column
	if n.String.Count == 0 {
		return
	}
	if c.From&mapping.FromString == 0 {
		c.From |= mapping.FromString
		f.note(Type, "string", n.String)
	}
	if !f.plain {
		return
	}
	if e := n.Strings.Empty; e.Count > 0 && len(c.NullValues) == 0 {
		c.NullValues = []string{""}
		f.note(Empty, `""`, e)
	}
	good := int64(0)
	for _, form := range forms {
		good += n.Strings.Forms.Of(form).Count
	}
	if bad := n.String.Count - n.Strings.Empty.Count - good; bad > 0 && !f.tried {
		s := profile.Seen{Count: bad, First: n.String.First}
		f.note(Type, "string", s)
		f.text()
	}
}

// numbers is about a column of integers, decimals or doubles.
func (f *fitter) numbers() {
	n, c := f.n, &f.column
	if c.MinorUnits.By != mapping.NoMinorUnits || n.Numbers.Exponent.Count > 0 {
		return // the documents must be tried
	}
	was := c.Type
	texts := n.Strings.Forms.Of(profile.Decimal).Count > 0 && f.plain
	digits, fraction := n.Numbers.Digits, n.Numbers.Fraction
	if texts {
		digits, fraction = max(digits, n.Strings.Digits), max(fraction, n.Strings.Fraction)
	}
	if from := found(n) &^ (mapping.FromString | mapping.FromBoolean); c.From&from != from {
		c.From |= from
		f.note(Type, "number", n.Number)
	}
	seen := n.Integer
	seen.Merge(n.Number)
	if texts {
		seen.Merge(n.Strings.Forms.Of(profile.Decimal))
	}
	whole := 0
	switch was.Kind {
	case schema.Int32, schema.Int64:
		whole = 10
		fits := n.Numbers.Fits == n.Integer.Count && n.Numbers.Least >= -1<<31 && n.Numbers.Greatest < 1<<31 && (!texts || n.Strings.Digits <= 9)
		if was.Kind == schema.Int64 {
			whole, fits = 19, n.Numbers.Fits == n.Integer.Count && (!texts || n.Strings.Digits <= 18)
		}
		switch {
		case fraction > 0:
			f.wider(max(whole, digits), fraction, seen, "number with "+digitsWord(fraction)+" after the point")
		case fits:
		case was.Kind == schema.Int32 && digits <= 18:
			c.Type = schema.Type{Kind: schema.Int64}
			f.note(Type, "integer with "+digitsWord(digits), seen)
		default:
			f.wider(max(whole, digits), 0, seen, "integer with "+digitsWord(digits))
		}
	case schema.Decimal:
		whole = was.Precision - was.Scale
		switch {
		case fraction > was.Scale:
			f.wider(max(whole, digits), fraction, seen, "number with "+digitsWord(fraction)+" after the point")
		case digits > whole:
			f.wider(digits, was.Scale, seen, "number with "+digitsWord(digits)+" before the point")
		}
	}
	if was.Kind == schema.Double {
		f.texts(profile.Decimal, profile.Exponential)
	} else {
		f.texts(profile.Decimal)
	}
	f.nothing(n.Boolean, "boolean")
}

func digitsWord(n int) string {
	if n == 1 {
		return "1 digit"
	}
	return fmt.Sprintf("%d digits", n)
}

// wider makes the column a decimal with more digits, or text if none has enough.
func (f *fitter) wider(whole, fraction int, s profile.Seen, what string) {
	f.note(Type, what, s)
	digits := max(f.n.Numbers.Digits, f.n.Strings.Digits)
	if digits+fraction > schema.MaxPrecision {
		f.column = asText(f.column, found(f.n))
		return
	}
	f.column.Type = schema.Type{Kind: schema.Decimal, Precision: min(whole+fraction, schema.MaxPrecision), Scale: fraction}
}

// times is about a column of dates or timestamps.
func (f *fitter) times() {
	n, c := f.n, &f.column
	texts := n.String.Count - n.Strings.Empty.Count
	if form := func(p profile.Form) int64 { return n.Strings.Forms.Of(p).Count }; f.plain && texts > 0 {
		switch fine, stamps := form(profile.FineTimestamp), form(profile.Timestamp); {
		case c.Type.Kind == schema.Date && !c.Truncate && form(profile.Date) < texts && stamps+fine == texts:
			f.note(Type, "timestamp", profile.Seen{Count: texts - form(profile.Date), First: n.String.First})
			c.Type.Kind = schema.Timestamp
			fallthrough
		case fine > 0 && fine+stamps == texts:
			if fine > 0 && !c.Truncate {
				f.note(Form, "times finer than a microsecond", n.Strings.Forms.Of(profile.FineTimestamp))
				c.Truncate = true
			}
		case form(profile.RFC2822) == texts:
			f.note(Form, "dates of RFC 2822", n.Strings.Forms.Of(profile.RFC2822))
			c.Format = mapping.RFC2822
			c.Truncate = c.Truncate || c.Type.Kind == schema.Date
		}
	}
	if n.Integer.Count > 0 && n.Number.Count == 0 {
		switch unit := infer.Epoch(&n.Numbers); {
		case unit == mapping.NoUnit || unit == c.Unit || c.Unit == mapping.Days || n.Numbers.Fits < n.Integer.Count:
		default:
			f.note(Form, "integers that count "+unit.String(), n.Integer)
			c.Unit, c.From = unit, c.From|mapping.FromInteger
			c.Truncate = c.Truncate || unit == mapping.Nanoseconds || c.Type.Kind == schema.Date
		}
	}
	if !f.tried && n.Integer.Count > 0 && c.From&mapping.FromInteger != 0 && outOfRange(&n.Numbers, n.Integer.Count, c.Unit) {
		f.nothing(n.Integer, "integer")
	}
	numbers := n.Integer
	numbers.Merge(n.Number)
	switch {
	case numbers.Count > 0 && c.From&mapping.FromInteger == 0:
		f.nothing(numbers, "number")
	case n.Number.Count > 0 && c.From&mapping.FromNumber == 0:
		c.From |= mapping.FromNumber
		f.note(Type, "number", n.Number)
	}
	switch {
	case c.Type.Kind == schema.String:
	case c.Format == mapping.RFC2822:
		f.texts(profile.RFC2822)
	case c.Type.Kind == schema.Date && !c.Truncate:
		f.texts(profile.Date)
	case c.Truncate:
		f.texts(profile.Timestamp, profile.FineTimestamp)
	default:
		f.texts(profile.Timestamp)
	}
	if c.Type.Kind != schema.String {
		f.nothing(n.Boolean, "boolean")
	}
}

// outOfRange reports whether some integers are no times of the years 1 to 9999.
func outOfRange(n *profile.Numbers, count int64, unit mapping.Unit) bool {
	least, most := int64(-62135596800), int64(253402300799) // seconds
	switch unit {
	case mapping.Days:
		least, most = least/86400, most/86400
	case mapping.Milliseconds:
		least, most = least*1e3, most*1e3
	case mapping.Microseconds:
		least, most = least*1e6, most*1e6
	case mapping.Nanoseconds:
		least, most = math.MinInt64, math.MaxInt64
	}
	return n.Fits < count || n.Least < least || n.Greatest > most
}

// kinds names the JSON types of values, but null.
func kinds(n *profile.Node) string {
	var all []string
	for _, k := range []struct {
		word string
		seen profile.Seen
	}{{"boolean", n.Boolean}, {"integer", n.Integer}, {"number", n.Number}, {"string", n.String}, {"array", n.Array}, {"object", n.Object}} {
		if k.seen.Count > 0 {
			all = append(all, k.word)
		}
	}
	return strings.Join(all, ", ")
}
