package advice

import (
	"fmt"
	"slices"
	"strings"

	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

// advise says what to change in the mapping, so that records with a fault fit it.
func (c *collector) advise(g *group) string {
	if advised := c.advised(g); len(advised) > 0 {
		return said(g, advised)
	}
	var col *mapping.Column
	if g.column >= 0 {
		col = &c.m.Tables[g.table].Columns[g.column]
	}
	switch g.code {
	case reason.BadJSON, reason.TruncatedJSON, reason.InvalidUTF8, reason.InvalidUnicode, reason.DuplicateKey:
		return wrongText[g.code] + "; no mapping can read it"
	case reason.NotObject, reason.NotArray:
		return c.otherShape(g)
	case reason.MissingField:
		if col == nil || col.Key != "" {
			break
		}
		if g.found == "string" { // one of null_values, or of blanks
			return "remove required: true, or null_values: what is found counts as no value"
		}
		return "remove required: true; or, if it stands elsewhere in such records, " + coalesce(col)
	case reason.NoRows:
		return "when_empty: keep gives such a record one row, when_empty: skip none"
	case reason.ZipLength:
		return "the arrays under zip must have one length: take the one that differs out of zip, or fix the feed"
	case reason.SeveralMatches:
		return "choose the element by one more value; or explode the array; or " + orNull(col)
	case reason.BadEmbeddedJSON:
		return "if other strings there are JSON, leave these rows out by where: {path: …, is: not_null} on a member inside; else take the path out of parse_json"
	case reason.WrongType:
		return otherType(g, col)
	case reason.BadDecimal, reason.BadDouble, reason.BadDate, reason.BadTimestamp, reason.BadBoolean, reason.NotInteger:
		return unreadable(g, col)
	case reason.DecimalScale, reason.DecimalRange:
		return wider(g, col)
	case reason.UnknownMinorUnit:
		if col != nil && col.MinorUnits.By == mapping.ByDigits {
			return "nothing there is an integer from 0 to 9: look at the path under digits, or use minor_units: 2, if all amounts have as many"
		}
		return "name the currency in minor_units: {except: {…: 2}}, or look at its path; or use minor_units: 2, if all amounts have as many digits"
	case reason.IntRange:
		return "if it is an identifier, " + asText(col, 0) + "; else type: decimal(38,0)"
	case reason.DoubleRange:
		return "use type: decimal(p,s), which is exact, or " + asText(col, 0)
	case reason.TimestampPrecision:
		return "truncate: true cuts off what is finer than a microsecond"
	case reason.AmbiguousTime:
		return "ambiguous: earlier, or ambiguous: later, says which of the two is meant"
	case reason.NoSuchTime:
		return "the clocks of the column's zone were put forward over this time: look at zone; if it is right, " + orNull(col)
	case reason.KeyMismatch:
		return "change key in the mapping so that it describes the source of the records"
	case reason.NoDomain:
		return "list the texts that are no address in null_values; or use " + orNull(col)
	case reason.UnknownField:
		return c.unknown(g)
	case reason.RecordTooLarge:
		return "raise limits: record_bytes"
	case reason.FieldTooLarge:
		if g.column < 0 {
			return "raise limits: record_bytes, which bounds what the column holds for one record"
		}
		return "raise limits: field_bytes"
	case reason.TooManyRows:
		return "raise limits: record_rows; what comes after that many rows was not looked at"
	}
	return "see docs/reasons.md"
}

var wrongText = map[reason.Code]string{
	reason.BadJSON:        "the text is no JSON: fix the program that wrote it",
	reason.TruncatedJSON:  "the text ends inside the record: fetch or export it again",
	reason.InvalidUTF8:    "the text is not UTF-8: fix the program that wrote it",
	reason.InvalidUnicode: "half of a character stands there, such as \\ud83d: fix the program that wrote it",
	reason.DuplicateKey:   "a name stands twice in one object: fix the program that wrote it",
}

// said joins changes that were tried, of which any will do.
func said(g *group, advised []try) string {
	const most = 3
	more := ""
	var tried []string
	for _, t := range advised {
		tried = append(tried, t.says)
	}
	if len(tried) > most {
		tried, more = tried[:most], ", among others"
	}
	if advised[len(advised)-1].instead {
		return fmt.Sprintf("with %s these values would fit, but a column has one format: if some are written as it is set, fix the feed, or set %s", strings.Join(tried, " or ")+more, orNull(&g.trial))
	}
	s := "set " + strings.Join(tried, " or ") + more
	if len(tried) > 1 {
		s += ": the values found fit each, choose what is meant"
	}
	kind := g.trial.Type.Value().Kind
	if text := tried[0]; kind == schema.Timestamp && strings.HasPrefix(text, `format: "`) && !strings.Contains(strings.ToLower(text), "%z") && g.trial.Zone == "" {
		s += "; with zone: if the times are not UTC"
	}
	return s
}

// coalesce proposes a second path for a column.
func coalesce(col *mapping.Column) string {
	var paths []string
	for _, p := range col.Values() {
		paths = append(paths, fmt.Sprintf("%q", p.String()))
	}
	if col.Type.Kind == schema.List || col.Type.Kind == schema.JSON || col.MemberName {
		return "change its path"
	}
	return "coalesce: [" + strings.Join(append(paths, "…"), ", ") + "]"
}

// asText is a string column that takes all that a column takes, and a JSON type more.
func asText(col *mapping.Column, more mapping.From) string {
	from := mapping.FromString | col.From | more
	if from == mapping.FromString {
		return "type: string"
	}
	return "type: string, from: [" + from.String() + "]"
}

// orNull lets a column be NULL, which a required one cannot.
func orNull(col *mapping.Column) string {
	if col.Required {
		return "on_error: null in place of required: true"
	}
	return "on_error: null"
}

// otherType is about a value of a JSON type that no from lets in.
func otherType(g *group, col *mapping.Column) string {
	switch {
	case col == nil:
		return "an envelope has one member: look at envelope, or at the program that wrote it"
	case g.found == "object" || g.found == "array" || g.found == "empty array":
		switch {
		case col.Type.Kind == schema.List:
			return "use type: json in place of the list"
		case g.found == "object":
			return "let the path lead to a member of the object; or use type: json"
		}
		return "let the path lead to an element, such as [0]; or use type: list<" + col.Type.String() + ">, or type: json; or explode the array"
	}
	var from mapping.From
	for _, f := range []struct {
		found string
		bits  mapping.From
	}{{"boolean", mapping.FromBoolean}, {"integer", mapping.FromInteger}, {"number", mapping.FromInteger | mapping.FromNumber}} {
		if g.found == f.found {
			from |= f.bits
		}
	}
	return fmt.Sprintf("%s cannot come from a value of type %s: use %s; or %s", col.Type, g.found, asText(col, from), orNull(col))
}

// unreadable is about a value that none of the tries would read.
func unreadable(g *group, col *mapping.Column) string {
	switch {
	case col == nil:
	case g.code == reason.NotInteger && g.found == "number":
		return wider(g, col)
	case g.found == "integer" || g.found == "number":
		return "look at unit: no number found gives a time of the years 0001 to 9999, or for a date a midnight (truncate: true)"
	case col.Format != "" || col.NumberFormat != mapping.JSONNumber:
		return "the values are not written as the column's format says: fix the feed; or " + orNull(col) + ", or " + asText(col, 0)
	}
	what := "give the format in which they are written, if it is one; or "
	switch g.code {
	case reason.BadBoolean:
		what = ""
	case reason.BadDecimal, reason.BadDouble, reason.NotInteger: // often a word where there is no value
		what = "list the texts that are no number in null_values"
		if col.Required {
			what += ", in place of required: true"
		}
		what += "; or give the format in which they are written, if it is one; or "
	}
	return what + "use " + asText(col, 0) + ", or " + orNull(col)
}

// wider is about a number with more digits than the column has.
func wider(g *group, col *mapping.Column) string {
	t := g.trial.Type
	switch {
	case col.MinorUnits.By >= mapping.ByCurrency:
		return "give the decimal 3 or 4 digits after the point, and as many more in all: the currency decides how many are needed"
	case t.Value().Precision == 0:
		return "no decimal has so many digits: use " + asText(col, 0)
	case g.trial.Type == col.Type:
		return "use a decimal with more digits"
	}
	return "set type: " + quoted(t.String())
}

// quoted is a word of the mapping as it can stand inside { }.
func quoted(s string) string {
	if strings.ContainsAny(s, ",[]{}") {
		return `"` + s + `"`
	}
	return s
}

// otherShape is about a place where paths go on, and no object or array is.
func (c *collector) otherShape(g *group) string {
	path := g.finding.Path
	var through []string
	explodes, lists := false, false
	for i := range c.m.Tables {
		t := &c.m.Tables[i]
		explodes = explodes || slices.ContainsFunc(t.Exploded(), func(p mapping.Path) bool {
			return len(p) > len(path) && p.HasPrefix(path) && p[len(path)].Wild()
		})
		for j := range t.Columns {
			col := &t.Columns[j]
			if slices.ContainsFunc(col.Paths(), func(p mapping.Path) bool { return len(p) > len(path) && p.HasPrefix(path) }) {
				through = append(through, col.Name)
			}
			lists = lists || col.Type.Kind == schema.List && col.Path.String() == path.String()
		}
	}
	switch {
	case g.found == "null" && (len(path) == 0 || path[len(path)-1].Wild()):
		return fmt.Sprintf("null holds nothing: with where: [{path: %q, is: not_null}] in each table that looks into it, it gives no row", path)
	case len(path) == 0 && !explodes:
		return "look at records: what it leads to is not what the paths of the columns want"
	case explodes && g.found == "object" && g.code == reason.NotArray:
		return fmt.Sprintf("if the members of the object are the rows, explode: %s.*; if it is one row, take explode away", path)
	case explodes && strings.HasSuffix(g.found, "array"):
		return fmt.Sprintf("if the elements of the array are the rows, explode: %s[*]", path)
	case explodes:
		return "explode names what holds the rows: give the path of an array, or with .* of an object"
	case lists:
		return "use type: json, or the type of a single value, in place of the list"
	}
	s := "change the paths that go on from there (" + strings.Join(few(through), ", ") + ")"
	if strings.HasSuffix(g.found, "array") {
		return s + fmt.Sprintf(", for example to %s[0]; or explode: %s[*]", path, path)
	}
	if len(through) == 1 && g.found != "object" {
		return s + fmt.Sprintf("; if it is either, coalesce with %q after them", path.String())
	}
	return s
}

// few are the first of many names.
func few(names []string) []string {
	const most = 4
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > most {
		return append(names[:most:most], "…")
	}
	return names
}

// unknown is about a member that no path names.
func (c *collector) unknown(g *group) string {
	if g.finding.Around {
		return "it stands beside the record, where no column can name it: unknown_fields: count"
	}
	path := g.finding.Path.String()
	types := map[string]string{"string": "string", "boolean": "boolean", "integer": "int64", "number": "double", "object": "json", "array": "json", "empty array": "json"}
	t := types[g.found]
	if t == "" {
		t = "string"
	}
	return fmt.Sprintf("a column with path: %q, type: %s; or drop: [%q]; or unknown_fields: count", path, t, path)
}
