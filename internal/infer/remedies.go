package infer

import (
	"fmt"
	"strings"

	"sluice/internal/profile"
	"sluice/mapping"
	"sluice/schema"
)

// remedies notes what could stand in place of columns, where counts alone cannot
// choose it: what is in a string, what a symbol means, which arrays go together.
func (t *table) remedies() {
	for i := range t.columns {
		c := &t.columns[i]
		if c.of == nil || c.Type.Kind != schema.String || c.of.shape() != scalar {
			continue
		}
		texts := c.of.String.Count - c.of.Strings.Empty.Count
		if texts > 0 && texts == c.of.form(profile.JSONText) && texts == c.of.scalars()-c.of.Strings.Empty.Count {
			c.note(fmt.Sprintf("JSON in strings: with parse_json: [%q] at the top of the file, type: json takes it as JSON, and paths lead on into it", c.Path))
		}
		if formats := c.of.numberFormats(lastName(c.names)); len(formats) > 0 {
			keys := `format: "` + strings.Join(formats, `" or "`) + `"`
			symbol := ""
			if c.of.form(profile.Symbol) > 0 {
				keys, symbol = keys+", symbol: true", ", which drops the currency"
			}
			c.note(fmt.Sprintf(`numbers as people write them: for amounts write type: "decimal(18,4)", %s%s`, keys, symbol))
		}
	}
	if t.level() < 2 {
		t.sideBySide()
	}
}

// numberFormats are the formats with which a decimal takes all texts; none if they
// are no amounts by their looks and the name.
func (v *view) numberFormats(name string) (all []string) {
	texts := v.String.Count - v.Strings.Empty.Count
	symbols := v.form(profile.Symbol)
	if v.Boolean.Count > 0 || has(name, identifierWords) || symbols > 0 && !has(name, numberWords) {
		return nil
	}
	points, commas := v.form(profile.Decimal), v.form(profile.Decimal)-v.form(profile.Fractional)
	for _, f := range []struct {
		form   profile.Form
		plain  int64 // JSON numbers that it takes too
		format mapping.NumberFormat
	}{{profile.CommaPoint, points, mapping.CommaPoint}, {profile.PointComma, commas, mapping.PointComma},
		{profile.BlankComma, commas, mapping.BlankComma}, {profile.ApostrophePoint, points, mapping.ApostrophePoint}} {
		if n := v.form(f.form); n > 0 && n+f.plain == texts {
			all = append(all, f.format.String())
		}
	}
	// Without a separator of groups, the last two read what the first two do.
	if len(all) > 2 {
		all = all[:2]
	}
	return all
}

// sideBySide notes lists of one object that have the same numbers of elements, as
// columns of a table that is written array by array.
func (t *table) sideBySide() {
	groups := map[string][]*column{}
	for i := range t.columns {
		c := &t.columns[i]
		if c.of == nil || c.Type.Kind != schema.List || len(c.Path) == 0 || c.of.Elements.Greatest < 2 || c.of.element.Values() < fewElements {
			continue
		}
		v := c.of
		key := fmt.Sprint(c.Path[:len(c.Path)-1], v.Array.Count, v.Elements, v.Empty, v.element.Values())
		groups[key] = append(groups[key], c)
	}
	for _, lists := range groups {
		if len(lists) < 2 {
			continue
		}
		var all []string
		for _, c := range lists {
			all = append(all, fmt.Sprintf("%q", with(c.Path, mapping.Segment{Kind: mapping.Wildcard})))
		}
		always := ""
		if lists[0].of.Elements.Least < lists[0].of.Elements.Greatest {
			always = ", perhaps in each array"
		}
		lists[0].note(fmt.Sprintf("as many elements as in %s%s: for a row with one of each write, in place of these columns, a table with zip: [%s]", names(lists[1:]), always, strings.Join(all, ", ")))
	}
}

// fewElements is how many elements arrays may have that are of one length by
// chance.
const fewElements = 5

func names(columns []*column) string {
	var all []string
	for _, c := range columns {
		all = append(all, c.Path.String())
	}
	return printable(strings.Join(all, ", "))
}
