package infer

import (
	"fmt"

	"sluice/internal/profile"
	"sluice/mapping"
	"sluice/schema"
)

// choice is the type of a column and the keys that go with it.
type choice struct {
	schema.Type
	from       mapping.From // 0: what the type takes by itself
	unit       mapping.Unit
	format     string
	nullValues bool   // "" is no value
	advice     string // what the comment says about it
}

const (
	integers = mapping.FromInteger
	numbers  = mapping.FromInteger | mapping.FromNumber
)

func of(k schema.Kind) choice { return choice{Type: schema.Type{Kind: k}} }

// text is a string column that takes numbers too, as they are written.
func text(from mapping.From, advice string) choice {
	c := of(schema.String)
	c.from, c.advice = mapping.FromString|from, advice
	return c
}

// scalarType is the type of values none of which is an array or object.
func (v *view) scalarType(name string) choice {
	c := v.filledType(name)
	// A string takes "" as what it is; json and boolean take it or not by kind.
	c.nullValues = v.Strings.Empty.Count > 0 && c.Kind != schema.String && c.Kind != schema.JSON
	return c
}

// filledType is the type of all values but "".
func (v *view) filledType(name string) choice {
	texts := v.String.Count - v.Strings.Empty.Count
	nums := v.Integer.Count + v.Number.Count
	switch {
	case v.scalars() == 0:
		c := of(schema.JSON)
		c.advice = "always null: json takes what comes later"
		return c
	case v.Boolean.Count > 0:
		if nums == 0 && texts == v.form(profile.TrueFalse) {
			return of(schema.Boolean)
		}
		c := of(schema.JSON)
		c.advice = "values of several kinds"
		return c
	case texts == 0 && nums == 0:
		return of(schema.String)
	case nums == 0:
		return v.textType(name)
	case texts == 0:
		return v.numberType(name)
	}
	return v.eitherType(name)
}

// evenly reports whether all texts that are numbers have the same number of digits
// after the point. "1.1" beside "1.10" may be a section, and they differ.
func (v *view) evenly() bool { return v.Strings.Scale.Least == v.Strings.Scale.Greatest }

func (v *view) form(f profile.Form) int64 { return v.Strings.Forms.Of(f).Count }

// textType is the type of strings.
func (v *view) textType(name string) choice {
	texts := v.String.Count - v.Strings.Empty.Count
	version := has(name, []string{"version"}) // "2024-01-10" today, "2024-04-10.beta" tomorrow
	switch {
	case version:
	case texts == v.form(profile.Decimal):
		pointed := v.Strings.Fraction > 0 || v.form(profile.Fractional) > 0
		switch {
		case v.digits && !pointed && v.Strings.Digits <= 18:
			return of(schema.Int64)
		case v.digits, pointed && !has(name, identifierWords) && (has(name, numberWords) || v.evenly()):
			if c, ok := decimal(v.Strings.Digits, v.Strings.Fraction, pointed, name); ok {
				return c
			}
		}
	case texts == v.form(profile.TrueFalse):
		return of(schema.Boolean)
	case texts == v.form(profile.Date):
		return of(schema.Date)
	case texts == v.form(profile.Timestamp):
		c := of(schema.Timestamp)
		switch local := v.form(profile.Local); {
		case local == 0:
		case local == texts:
			c.advice = "no zone: taken as UTC; zone: names another"
		default: // of some it is not known when they are
			c.Kind, c.advice = schema.String, "some times have a zone and some have none"
		}
		return c
	case texts == v.form(profile.RFC2822):
		c := of(schema.Timestamp)
		c.format = mapping.RFC2822
		return c
	case texts == v.form(profile.Twitter):
		c := of(schema.Timestamp)
		c.format = mapping.TwitterTime
		return c
	}
	c := of(schema.String)
	if n := v.form(profile.FineTimestamp); n > 0 && n+v.form(profile.Timestamp) == texts {
		c.advice = "times finer than a microsecond: for a timestamp without what is finer write type: timestamp, truncate: true"
	}
	return c
}

// numberType is the type of numbers.
func (v *view) numberType(name string) choice {
	n := &v.Numbers
	switch {
	case n.Exponent.Count > 0:
		if n.Exponent.Count == n.Doubles && n.Digits+n.Fraction <= doubleDigits {
			c := of(schema.Double)
			c.advice = "some have an exponent"
			return c
		}
		return text(numbers, "more digits than a double holds")
	case v.Number.Count > 0:
		if c, ok := decimal(n.Digits, n.Fraction, true, name); ok {
			return c
		}
		return text(numbers, "more digits than a decimal holds")
	case n.Fits < v.Integer.Count:
		return text(integers, "beyond 64 bits")
	case (n.Greatest > exactly || n.Least < -exactly) && last(name, identifierWords):
		return text(integers, "beyond 2^53, which other programs round")
	}
	c := of(schema.Int64)
	if isTime(name) {
		switch c.unit = epoch(n.Least, n.Greatest); c.unit {
		case mapping.NoUnit:
		case mapping.Nanoseconds: // finer than a timestamp
			c.unit, c.advice = mapping.NoUnit, "nanoseconds since 1970, it seems: for a timestamp without what is finer than a microsecond write type: timestamp, unit: nanoseconds, truncate: true"
		default:
			c.Kind, c.advice = schema.Timestamp, fmt.Sprintf("%s since 1970, by its name and range", c.unit)
		}
	}
	return c
}

const (
	exactly      = 1 << 53 // integers up to here are exact in a double
	doubleDigits = 15      // all decimals with so many digits are exact in a double
)

// eitherType is the type of strings beside numbers.
func (v *view) eitherType(name string) choice {
	texts := v.String.Count - v.Strings.Empty.Count
	n := &v.Numbers
	switch {
	case texts == v.form(profile.Decimal) && n.Exponent.Count == 0 && n.Fits == v.Integer.Count && !has(name, identifierWords):
		pointed := v.Number.Count > 0 || v.Strings.Fraction > 0 || v.form(profile.Fractional) > 0
		if !pointed && v.Strings.Digits <= 18 {
			return of(schema.Int64)
		}
		if c, ok := decimal(max(n.Digits, v.Strings.Digits), max(n.Fraction, v.Strings.Fraction), pointed, name); ok {
			return c
		}
	case texts == v.form(profile.Timestamp) && v.Number.Count == 0 && n.Fits == v.Integer.Count && isTime(name):
		if unit := epoch(n.Least, n.Greatest); unit != mapping.NoUnit && unit != mapping.Nanoseconds {
			c := of(schema.Timestamp)
			c.unit, c.advice = unit, fmt.Sprintf("the numbers are %s since 1970, by its name and range", unit)
			return c
		}
	}
	if v.Number.Count > 0 {
		return text(numbers, "")
	}
	return text(integers, "")
}

// decimal is a decimal with room for what comes later: two digits more after the
// point than were seen, four at least, and three more before it, 18 digits at
// least in all. What has neither a point nor the name of an amount has no scale.
func decimal(digits, fraction int, pointed bool, name string) (choice, bool) {
	if digits+fraction > schema.MaxPrecision {
		return choice{}, false
	}
	scale := 0
	if pointed || has(name, moneyWords) {
		scale = min(max(4, fraction+2), schema.MaxPrecision-digits)
	}
	c := of(schema.Decimal)
	c.Precision, c.Scale = min(max(18, digits+scale+3), schema.MaxPrecision), scale
	return c, true
}

// epoch is the unit of numbers that count from 1970, if the range of all lies
// from 2000 to 2100.
func epoch(least, greatest int64) mapping.Unit {
	from, to := int64(946684800), int64(4102444800)
	for unit := mapping.Seconds; unit <= mapping.Nanoseconds; unit++ {
		if least >= from && greatest <= to {
			return unit
		}
		from *= 1000
		to = min(to, 9e15) * 1000
	}
	return mapping.NoUnit
}

// list is the list of values of this type, if there is one.
func (c choice) list() (choice, bool) {
	if c.Kind == schema.JSON {
		return c, false
	}
	c.Of, c.Kind = c.Kind, schema.List
	return c, true
}
