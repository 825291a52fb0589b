package infer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/profile"
	"sluice/mapping"
)

// yaml is the mapping file. A comment says of each column where it comes from.
func (f *file) yaml() []byte {
	var b []byte
	line := func(format string, args ...any) { b = append(fmt.Appendf(b, format, args...), '\n') }
	p, m := f.profile, &f.mapping

	line("# Made by sluice mapping infer from %s of %s, %s.", count(p.Records, "record"), count(int64(len(p.Sources)), "input"), count(p.Bytes, "byte"))
	if p.Broken > 0 {
		line("# %s more cannot be read; nothing below counts them.", count(p.Broken, "record"))
	}
	line("#")
	line("# The comment after each column says in how many rows there is something at its path, null")
	line("# too; how many values there are of each JSON type; and at which byte of the decompressed")
	line("# input the first one begins.")
	line("# required: every row had a value that is neither null nor \"\". A later record without one")
	line("# is quarantined; where a value may be missing, remove required: true.")
	for _, l := range f.left {
		line("# Left out: %s: %s.", printable(l.Path), l.Why)
	}
	line("")

	if len(m.Records) > 1 {
		line("# The inputs have their records in several places. Of these, the first one that an input has is used.")
	}
	place := func(where string, p profile.Place) {
		why := ""
		if len(p.Why) > 0 {
			why = ": " + strings.Join(p.Why, "; ")
		}
		line("# %s %s in %s%s.", where, printable(p.Path), count(p.Sources, "input"), printable(why))
	}
	for _, p := range p.Places {
		place("The records are at", p)
	}
	for _, p := range p.Others {
		place("They are not at", p)
	}
	b = append(b, "records: ["...)
	for i, path := range m.Records {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendQuote(b, path.String())
	}
	line("]")
	if m.Envelope != mapping.NoEnvelope {
		line("envelope: %s # each value stands in an object that names its type", m.Envelope)
	}
	if m.UnknownFields != mapping.Count {
		line("unknown_fields: %s # values without a column stand in _rescued", m.UnknownFields)
	}
	line("provenance: true # _source_key, _record, _line and _subline join the tables")
	f.limits(line)
	line("tables:")
	for _, t := range f.tables {
		f.table(line, t)
	}
	return b
}

func (f *file) limits(line func(string, ...any)) {
	var all []string
	l, d := f.mapping.Limits, mapping.DefaultLimits
	for _, limit := range []struct {
		key       string
		is, usual int64
	}{{"field_bytes", l.FieldBytes, d.FieldBytes}, {"record_rows", l.RecordRows, d.RecordRows}, {"depth", int64(l.Depth), int64(d.Depth)}} {
		if limit.is != limit.usual {
			all = append(all, fmt.Sprintf("%s: %d", limit.key, limit.is))
		}
	}
	if len(all) > 0 {
		line("limits: {%s} # as the records need", strings.Join(all, ", "))
	}
}

func (f *file) table(line func(string, ...any), t *table) {
	line("")
	f.about(line, t)
	line("  - table: %s", quoted(t.name))
	if t.above != nil {
		line("    explode: %s", quoted(t.path.String()))
		line("    when_empty: skip")
	}
	if len(t.where) > 0 {
		var all []string
		for _, path := range t.where {
			all = append(all, fmt.Sprintf("{path: %s, is: not_null}", quoted(path.String())))
		}
		line("    where: [%s]", strings.Join(all, ", "))
	}
	line("    columns:")
	flows := make([]string, len(t.columns))
	width := 0
	for i := range t.columns {
		flows[i] = "      - " + t.columns[i].flow()
		if n := len(flows[i]); n <= widest {
			width = max(width, n)
		}
	}
	for i := range t.columns {
		line("%-*s # %s", width, flows[i], f.comment(t, &t.columns[i]))
	}
}

// widest is the widest column that comments of others are aligned with.
const widest = 130

// about says what the rows of a table are.
func (f *file) about(line func(string, ...any), t *table) {
	if t.above == nil {
		line("  # %s: one for each record.", count(t.rows, "row"))
	} else {
		what, each, in, held := "element", "array", printable(t.path[:len(t.path)-1].String()), t.lists.Array.Count
		if t.lists.any != nil && t.lists.shape() == object {
			what, each, held = "member", "object", t.lists.Object.Count
		}
		line("  # %s: one for each %s of %s.", count(t.rows, "row"), what, in)
		many := fmt.Sprintf("%s, with %s rows on average", count(held, each), ratio(t.rows, held))
		if what == "element" {
			many += fmt.Sprintf(", %d to %d; %d of them empty (%s%%)", t.lists.Elements.Least, t.lists.Elements.Greatest, t.lists.Empty, ratio(100*t.lists.Empty, held))
		} else {
			many += "; the names of the members are data, and stand in a column"
		}
		line("  # %s.", many)
	}
	if t.nulls > 0 {
		what := "element"
		if t.above == nil {
			what = "record"
		}
		line("  # null in place of %s: no row.", count(t.nulls, what))
	}
	if t.rescued > 0 {
		line("  # %s more would make the table too wide: their values stand in _rescued.", count(int64(t.rescued), "column"))
	}
}

// flow is a column as the mapping file has it.
func (c *column) flow() string {
	b := []byte("{name: " + quoted(c.Name) + ", path: " + quoted(c.Path.String()) + ", type: " + quoted(c.Type.String()))
	if c.From != 0 {
		b = append(b, ", from: ["+c.From.String()+"]"...)
	}
	if c.Unit != mapping.NoUnit {
		b = append(b, ", unit: "+c.Unit.String()...)
	}
	if c.Format != "" {
		b = append(b, ", format: "+quoted(c.Format)...)
	}
	switch u := c.MinorUnits; u.By {
	case mapping.Fixed:
		b = fmt.Appendf(b, ", minor_units: %d", u.Digits)
	case mapping.ByCurrency:
		b = append(b, ", minor_units: {currency: "+quoted(u.Path.String())+"}"...)
	case mapping.ByDigits:
		b = append(b, ", minor_units: {digits: "+quoted(u.Path.String())+"}"...)
	}
	if c.MemberName {
		b = append(b, ", member_name: true"...)
	}
	if c.NullValues != nil {
		b = append(b, `, null_values: [""]`...)
	}
	if c.Required {
		b = append(b, ", required: true"...)
	}
	if c.PII != "" {
		b = append(b, ", pii: "+c.PII...)
	}
	if c.Bloom {
		b = append(b, ", bloom: true"...)
	}
	return string(append(b, '}'))
}

// comment is what was seen of a column.
func (f *file) comment(t *table, c *column) string {
	var parts []string
	if c.of != nil {
		v := c.of
		rows := "rows"
		if t.above == nil {
			rows = "records"
		}
		parts = append(parts, fmt.Sprintf("in %d of %d %s", v.Values(), t.rows, rows), v.kinds())
		if v.element != nil && v.shape() == array {
			parts = append(parts, fmt.Sprintf("%d to %d elements: %s", v.Elements.Least, v.Elements.Greatest, v.element.kinds()))
		}
		if c.Type.Kind.String() == "string" || c.Type.Kind.String() == "list" {
			if forms := v.texts().forms(); forms != "" {
				parts = append(parts, forms)
			}
		}
		first := v.First()
		where := ""
		if len(f.profile.Sources) > 1 && first.Source < len(f.profile.Sources) {
			where = "in " + printable(f.profile.Sources[first.Source]) + " "
		}
		parts = append(parts, fmt.Sprintf("first %sat byte %d", where, first.Offset))
	}
	if c.advice != "" {
		parts = append(parts, c.advice)
	}
	return strings.Join(parts, "; ")
}

// kinds counts the values by JSON type.
func (v *view) kinds() string {
	var all []string
	for _, k := range []struct {
		word  string
		count int64
	}{{"null", v.Null.Count}, {"boolean", v.Boolean.Count}, {"integer", v.Integer.Count}, {"number", v.Number.Count},
		{"string", v.String.Count}, {"array", v.Array.Count}, {"object", v.Object.Count}} {
		switch {
		case k.count == 0:
		case k.word == "string" && v.Strings.Empty.Count > 0:
			all = append(all, fmt.Sprintf("string %d (%d empty)", k.count, v.Strings.Empty.Count))
		default:
			all = append(all, fmt.Sprintf("%s %d", k.word, k.count))
		}
	}
	return strings.Join(all, ", ")
}

// forms says what strings look like that stay strings.
func (v *view) forms() string {
	var all []string
	for _, form := range []profile.Form{profile.LeadingZero, profile.UUID, profile.URL, profile.Email, profile.JSONText, profile.FineTimestamp} {
		if n := v.form(form); n > 0 {
			all = append(all, fmt.Sprintf("%s %d", strings.ReplaceAll(form.String(), "_", " "), n))
		}
	}
	return strings.Join(all, ", ")
}

// quoted is a text as YAML reads it inside { }, with quotes where it needs them.
func quoted(s string) string {
	plain := strings.IndexFunc(s, func(r rune) bool {
		return !(r == '$' || r == '.' || r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	}) < 0
	if plain && !slices.Contains(yamlWords, s) {
		return s
	}
	return strconv.Quote(s)
}

// yamlWords are texts that a reader of YAML 1.1 or 1.2 takes for something else.
var yamlWords = []string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"}

// printable is a text that a comment can hold.
func printable(s string) string {
	q := strconv.Quote(s)
	if q == `"`+s+`"` {
		return s
	}
	return q
}

func count(n int64, of string) string {
	if n != 1 {
		of += "s"
	}
	return fmt.Sprintf("%d %s", n, of)
}

// ratio is a/b with a digit after the point.
func ratio(a, b int64) string {
	if b == 0 {
		return "0"
	}
	return strconv.FormatFloat(float64(a)/float64(b), 'f', 1, 64)
}
