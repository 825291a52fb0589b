package infer

import (
	"fmt"
	"slices"

	"sluice/internal/profile"
	"sluice/mapping"
	"sluice/schema"
)

// table is a table of the mapping, and what its comments say.
type table struct {
	name    string
	names   []string // of members that lead to its rows, from the row above
	path    mapping.Path
	rows    int64
	nulls   int64          // elements, or records, that are null and give no row
	where   []mapping.Path // of values that are not null in any row, though some are in the documents
	above   *table         // whose rows have these; nil for the record
	columns []column
	lists   *view // the arrays or objects that hold the rows; nil for the record
	rescued int   // columns that stand in _rescued, as the table would be too wide

	currencies []*column // that hold the currency of amounts
}

// column is a column, and what its comment says.
type column struct {
	mapping.Column
	names    []string // of members that lead to it, from the row
	of       *view
	advice   string
	object   *view    // that it is a member of; nil if it is none
	inside   []string // paths of the objects that lead to it, from the row
	nullable bool     // a value is missing, null or "" in some row
}

// level is the number of wildcards that lead to a row.
func (t *table) level() int { return t.path.Wildcards() }

// lead are the names of all members that lead to the rows.
func (t *table) lead() []string {
	if t.above == nil {
		return nil
	}
	return slices.Concat(t.above.lead(), t.names)
}

// builder makes tables of a view.
type builder struct {
	bytes  int64             // of all inputs
	folded map[string]string // paths of what becomes one json column, and why
	tables []*table
	limits mapping.Limits
}

// rowsOf makes the table whose rows are fed from v.
func (b *builder) rowsOf(v *view, path mapping.Path, names []string, above *table, lists *view) {
	t := &table{names: names, path: path, rows: v.Values(), above: above, lists: lists}
	if above != nil {
		t.where = slices.Clip(above.where)
	}
	// null in place of an object has no member to lose: it gives no row.
	if v.shape() == object && v.Null.Count > 0 {
		t.rows, t.nulls, t.where = t.rows-v.Null.Count, v.Null.Count, append(t.where, path)
	}
	b.tables = append(b.tables, t)
	if lists != nil && path[len(path)-1].Kind == mapping.Members {
		key := column{names: []string{"key"}, nullable: lists.unnamed, advice: "the name of the member"}
		key.Type, key.Path, key.MemberName, key.Required = of(schema.String).Type, path, true, !lists.unnamed
		if lists.emails {
			key.PII = "email"
		}
		t.columns = append(t.columns, key)
	}
	b.value(t, v, path, nil, nil)
}

// deepest is the number of steps beyond which objects are kept as json.
const deepest = 32

// value adds what stands at a path to the table: its columns, and the tables
// below it.
func (b *builder) value(t *table, v *view, path mapping.Path, names []string, inside []string) {
	text := path.String()
	why, folded := b.folded[text]
	self := append(slices.Clip(inside), text)
	switch s := v.shape(); {
	case folded:
		b.json(t, v, path, names, inside, why)
	case s == nothing && v.Values() == 0:
	case s == nothing, s == scalar:
		b.scalar(t, v, v.scalarType(lastName(names)), path, names, inside)
	case s == mixed:
		b.json(t, v, path, names, inside, "values of several kinds")
	case v.empty() && len(path) == 0:
	case v.empty():
		b.json(t, v, path, names, inside, "always empty: json takes what comes later")
	case len(path) >= deepest:
		b.json(t, v, path, names, inside, "too deep for columns")
	case s == array:
		b.array(t, v, path, names, inside)
	case v.any != nil:
		b.keyed(t, v, path, names, inside)
	default:
		for _, name := range v.names() {
			step := mapping.Segment{Kind: mapping.Name, Name: name}
			n := len(t.columns)
			b.value(t, v.members[name], with(path, step), append(slices.Clip(names), name), self)
			if len(t.columns) == n+1 && len(t.columns[n].Path) == len(path)+1 {
				t.columns[n].object = v
			}
		}
	}
}

func with(p mapping.Path, s mapping.Segment) mapping.Path { return append(slices.Clip(p), s) }

func lastName(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1]
}

// array adds an array: rows of their own, a list, or json.
func (b *builder) array(t *table, v *view, path mapping.Path, names []string, inside []string) {
	e := v.element
	switch {
	case e.shape() == object && e.empty():
		b.json(t, v, path, names, inside, "its objects are empty")
	case e.shape() == object && t.level() >= 2:
		b.json(t, v, path, names, inside, "a third level of rows")
	case e.shape() == object && len(path) > 0 && path[len(path)-1].Kind == mapping.Wildcard:
		b.json(t, v, path, names, inside, "an array in an array")
	case e.shape() == object:
		b.rowsOf(e, with(path, mapping.Segment{Kind: mapping.Wildcard}), names, t, v)
	case e.shape() == scalar:
		if c, ok := e.scalarType(lastName(names)).list(); ok {
			b.scalar(t, v, c, path, names, inside)
			return
		}
		b.json(t, v, path, names, inside, "elements of several kinds")
	case e.shape() == nothing:
		b.json(t, v, path, names, inside, "all elements are null")
	case e.shape() == array:
		b.json(t, v, path, names, inside, "arrays in an array")
	default:
		b.json(t, v, path, names, inside, "elements of several kinds")
	}
}

// keyed adds an object whose names are data.
func (b *builder) keyed(t *table, v *view, path mapping.Path, names []string, inside []string) {
	e := v.any
	switch {
	case t.level() >= 2:
		b.json(t, v, path, names, inside, "a third level of rows")
	case e.shape() == object && e.Null.Count > 0: // whose names would be lost
		b.json(t, v, path, names, inside, fmt.Sprintf("null in place of an object; for a table of the others write explode: %q, where: [{path: %[1]q, is: not_null}]", with(path, mapping.Segment{Kind: mapping.Members})))
	case e.shape() == mixed, e.shape() == scalar && e.scalarType("").Kind == schema.JSON:
		b.json(t, v, path, names, inside, "members of several kinds, whose names are data")
	default:
		b.rowsOf(e, with(path, mapping.Segment{Kind: mapping.Members}), names, t, v)
	}
}

func (b *builder) json(t *table, v *view, path mapping.Path, names []string, inside []string, why string) {
	c := of(schema.JSON)
	c.advice = why
	b.scalar(t, v, c, path, names, inside)
}

// scalar adds a column.
func (b *builder) scalar(t *table, v *view, c choice, path mapping.Path, names []string, inside []string) {
	filled := v.Values() - v.Null.Count - v.Strings.Empty.Count
	col := column{names: names, of: v, advice: c.advice, inside: inside, nullable: filled < t.rows || filled == 0}
	col.Type, col.Path, col.From, col.Unit, col.Format = c.Type, path, c.from, c.unit, c.format
	col.Required = !col.nullable
	if c.nullValues {
		col.NullValues = []string{""}
	}
	kind := c.Type.Value().Kind
	if kind == schema.String && c.Type.Kind != schema.List {
		col.Bloom = last(lastName(names), idWords) || v.form(profile.UUID) > 0 && v.form(profile.UUID) == v.String.Count
	}
	if kind == schema.String || kind == schema.Date || kind == schema.JSON {
		col.PII = piiOf(slices.Concat(t.lead(), names))
		if texts := v.texts(); texts.String.Count > 0 && texts.form(profile.Email) > 0 {
			col.PII = "email"
		}
	}
	b.bound(v)
	t.columns = append(t.columns, col)
}

// texts is what has the strings of a column: its values, or those of its list.
func (v *view) texts() *view {
	if v.shape() == array && v.element != nil {
		return v.element
	}
	return v
}

// bound raises the limit of a value's size, where it could be met. White space
// between the values of an array or object is not known.
func (b *builder) bound(v *view) {
	if b.bytes > b.limits.FieldBytes && v.size() > b.limits.FieldBytes/2 {
		b.limits.FieldBytes = b.limits.RecordBytes
	}
}

// size is about the largest text that a value can have in a document without
// white space.
func (v *view) size() int64 {
	const most = 1 << 40
	n := int64(32 + v.Numbers.Digits + v.Numbers.Fraction)
	if v.String.Count > 0 {
		n = max(n, 2+6*v.Strings.Length.Greatest)
	}
	if v.element != nil {
		n = max(n, times(v.Elements.Greatest, 1+v.element.size()))
	}
	if v.any != nil {
		n = most // how many members it has is not known
	}
	all := int64(2)
	for name, m := range v.members {
		all = min(most, all+int64(4+6*len(name))+m.size())
	}
	return min(most, max(n, all))
}

// times multiplies, up to a bound.
func times(a, b int64) int64 {
	if b > 0 && a > (1<<40)/b {
		return 1 << 40
	}
	return a * b
}
