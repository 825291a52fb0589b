package infer

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/profile"
	"sluice/mapping"
	"sluice/schema"
)

// amounts finds integers that count the smallest units of a currency. Only names
// that can mean nothing else make a decimal of them.
func (t *table) amounts() {
	digits := map[*view]*column{} // by the object that has them
	for i := range t.columns {
		if c := &t.columns[i]; c.object != nil && c.isDigits() && digits[c.object] == nil {
			digits[c.object] = c
		}
	}
	for i := range t.columns {
		c := &t.columns[i]
		if c.Type.Kind != schema.Int64 || c.object == nil || !c.of.whole() {
			continue
		}
		name, digits, currency := lastName(c.names), digits[c.object], t.currencyOf(c)
		cents := len(words(name)) > 1 && last(name, []string{"cent", "cents"})
		switch {
		case name == "centAmount" && digits != nil && digits.always():
			c.minor(mapping.MinorUnits{By: mapping.ByDigits, Path: digits.Path}, 9)
		case cents && currency != nil && currency.isCurrency() && currency.always():
			c.minor(mapping.MinorUnits{By: mapping.ByCurrency, Path: currency.Path}, mostMinorDigits)
		case cents && currency != nil:
			c.note(fmt.Sprintf("cents, it seems, but %s is no currency code in some rows: for whole units write type: \"decimal(18,%d)\", minor_units: {currency: %q}, and such rows are quarantined", currency.Path, mostMinorDigits, currency.Path))
		case cents:
			c.minor(mapping.MinorUnits{By: mapping.Fixed, Digits: 2}, 2)
		case currency != nil && currency.object == c.object && currency.isCurrency() && has(name, moneyWords):
			c.note(fmt.Sprintf("if it counts cents, or the like, write type: \"decimal(18,%d)\", minor_units: {currency: %q}", mostMinorDigits, currency.Path))
		}
	}
}

// findCurrencies finds the columns with a currency, once for all amounts of a table
// and of those below it.
func (t *table) findCurrencies() {
	for i := range t.columns {
		c := &t.columns[i]
		if name := lastName(c.names); c.object != nil && strings.Contains(strings.ToLower(name), "currency") && has(name, []string{"currency"}) {
			t.currencies = append(t.currencies, c)
		}
	}
}

// currencyOf is the column with the currency of an amount: a member of the nearest
// object around the amount that has one, also of rows above; nil if there is none.
func (t *table) currencyOf(amount *column) (best *column) {
	around := amount.Path[:len(amount.Path)-1]
	for u := t; u != nil; u = u.above {
		for _, c := range u.currencies {
			object := c.Path[:len(c.Path)-1]
			if len(object) > len(around) || !slices.Equal(object, around[:len(object)]) {
				continue
			}
			if best == nil || len(c.Path) > len(best.Path) || len(c.Path) == len(best.Path) && lastName(c.names) == "currency" {
				best = c
			}
		}
	}
	return best
}

// isDigits reports whether the column can say how many digits an amount has.
func (c *column) isDigits() bool {
	n := c.of.Numbers
	return lastName(c.names) == "fractionDigits" && c.Type.Kind == schema.Int64 && c.of.Integer.Count == c.of.Values() && n.Least >= 0 && n.Greatest <= 9
}

// isCurrency reports whether all values of the column are codes of currencies.
func (c *column) isCurrency() bool {
	return c.Type.Kind == schema.String && c.of.String.Count > 0 && c.of.form(profile.Currency) == c.of.String.Count
}

// mostMinorDigits is the number of digits that the smallest unit of a currency
// has at most in ISO 4217.
const mostMinorDigits = 4

// whole reports whether all values are integers, or texts that an envelope calls
// numbers.
func (v *view) whole() bool {
	return v.Number.Count == 0 && v.Boolean.Count == 0 && (v.String.Count == 0 || v.digits && v.Strings.Fraction == 0 && v.form(profile.Fractional) == 0)
}

// minor makes the column an amount of whole units.
func (c *column) minor(u mapping.MinorUnits, scale int) {
	digits := max(c.of.Numbers.Digits, c.of.Strings.Digits)
	if digits+scale > schema.MaxPrecision {
		return
	}
	c.MinorUnits, c.Unit = u, mapping.NoUnit
	c.Type = schema.Type{Kind: schema.Decimal, Precision: min(max(18, digits+scale+3), schema.MaxPrecision), Scale: scale}
	c.note("in whole units")
}

// always reports whether each object has the member, with a value.
func (c *column) always() bool {
	return c.of.Values()-c.of.Null.Count-c.of.Strings.Empty.Count == c.object.Object.Count
}

// note adds to what the comment says.
func (c *column) note(s string) {
	if c.advice != "" {
		c.advice += "; "
	}
	c.advice += s
}
