package iceberg

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"sluice/schema"
)

// Evolve returns the schema with which a table takes files that have columns, and the
// last field ID that it uses. It is the current schema if nothing has to change. A
// [ColumnsError] says why there is none.
//
// Columns are found by name. The rules are those of Spec, Schema Evolution, for version
// 2 of the format (https://iceberg.apache.org/spec/#schema-evolution):
//
//	table           columns         the table then has
//	-               any type        the column, optional, after all others, with new IDs
//	any type        the same        the same
//	int             long            long
//	long            int             long; the files have int, which readers promote
//	float           double          double
//	decimal(P, S)   decimal(Q, S)   the larger precision; the files may have the smaller
//	list of these   list of these   the values promoted in the same way
//	any type        another type    (refused)
//	a column        -               the column, optional: NULL in the rows of the files
//	required        any             optional: rows may have NULL
//
// So a column never goes, a type never gets narrower, and no ID changes: a renamed
// column is one that is left out and one that is new, and columns that only stand in
// another order change nothing. If two mappings fit a table in any order, it has the same
// columns in the end; only their order and their IDs depend on which was first.
//
// Files with narrower types than the table's are as those that were written before a
// promotion, which rewrites none. All promotions of version 2 leave the value of each
// partition transform as it is.
//
// Refused are also names that readers cannot tell from those of other columns, and a
// column that would be NULL though it is one of the table's identifier fields.
func (m *Metadata) Evolve(columns []schema.Column) (s *Schema, lastID int, err error) {
	current := m.CurrentSchema()
	next := Schema{ID: current.ID, Fields: slices.Clone(current.Fields), rest: current.rest}
	lastID = m.LastColumnID
	newID := func() int { lastID++; return lastID }
	refused := &ColumnsError{}
	refuse := func(format string, args ...any) {
		refused.Reasons = append(refused.Reasons, fmt.Sprintf(format, args...))
	}

	identifiers := current.identifiers()
	for i := range next.Fields {
		f := &next.Fields[i]
		if f.Required && slices.Contains(identifiers, f.ID) {
			refuse("%s is an identifier field of the table, so no row may have NULL there: drop the identifier fields", f.Name)
		}
		f.Required = false
	}
	for _, c := range columns {
		if f := next.Field(c.Name); f != nil {
			to, ok := f.Type.promoted(c.Type)
			if !ok {
				refuse("%s is %s in the table and %s in the mapping: give it another name, or its former type", c.Name, f.Type, c.Type)
			}
			f.Type = to
			continue
		}
		if i := slices.IndexFunc(next.Fields, func(f Field) bool { return strings.EqualFold(f.Name, c.Name) }); i >= 0 {
			refuse("%s is %s in the table, and many engines take both for one: give it another name", c.Name, next.Fields[i].Name)
			continue
		}
		if m.dividesBy(c.Name) {
			refuse("%s is the name of a partition field of the table, and engines refuse a column of that name: give it another name", c.Name)
			continue
		}
		f := Field{ID: newID(), Name: c.Name}
		f.Type = typeOf(c.Type, newID)
		next.Fields = append(next.Fields, f)
	}
	switch {
	case len(refused.Reasons) > 0:
		return nil, 0, refused
	case reflect.DeepEqual(next.Fields, current.Fields):
		return current, m.LastColumnID, nil
	}
	next.ID = m.schemaID(&next)
	return &next, lastID, nil
}

// schemaID is the ID of a schema, or that which it gets. Catalogs give a schema that was
// there before its former ID.
func (m *Metadata) schemaID(s *Schema) int {
	id := 0
	for i := range m.Schemas {
		old := &m.Schemas[i]
		if old.same(s) {
			return old.ID
		}
		id = max(id, old.ID+1)
	}
	return id
}

// same reports whether both have the same columns. IDs of schemas are not compared.
func (s *Schema) same(other *Schema) bool {
	return reflect.DeepEqual(s.Fields, other.Fields) && slices.Equal(s.identifiers(), other.identifiers())
}

// identifiers are the IDs of the columns that identify a row.
func (s *Schema) identifiers() (ids []int) {
	_ = json.Unmarshal(s.rest["identifier-field-ids"], &ids) // absent: none
	return ids
}

// dividesBy reports whether a partition spec has a field of a name.
func (m *Metadata) dividesBy(name string) bool {
	return slices.ContainsFunc(m.Specs, func(s PartitionSpec) bool {
		return slices.ContainsFunc(s.Fields, func(f PartitionField) bool { return strings.EqualFold(f.Name, name) })
	})
}

// promoted is the type of a column that has values of t, and gets those of a column of
// ours; ok is false if there is none.
func (t Type) promoted(c schema.Type) (to Type, ok bool) {
	if t.List != nil && c.Kind == schema.List {
		element, ok := t.List.Element.promoted(c.Value())
		return Type{List: &List{ElementID: t.List.ElementID, Element: element}}, ok
	}
	want := typeOf(c, func() int { return 0 })
	precision, scale, isDecimal := t.Decimal()
	wanted, wantedScale, wantsDecimal := want.Decimal()
	switch {
	case t.Same(want), t.Primitive == Long && want.Primitive == Int:
		return t, true
	case t.Primitive == Int && want.Primitive == Long, t.Primitive == "float" && want.Primitive == Double:
		return want, true
	case isDecimal && wantsDecimal && scale == wantedScale:
		return Type{Primitive: DecimalOf(max(precision, wanted), scale)}, true
	}
	return t, false
}

// ColumnsError says why a table cannot take files with some columns.
type ColumnsError struct {
	Reasons []string // one for each column, with what to do
}

func (e *ColumnsError) Error() string {
	return "the columns of the mapping do not fit: " + strings.Join(e.Reasons, "; ")
}

// Changes say what is new in a schema that [Metadata.Evolve] made of another one.
func (s *Schema) Changes(of *Schema) (all []string) {
	for _, f := range s.Fields {
		switch old := of.FieldByID(f.ID); {
		case old == nil:
			all = append(all, fmt.Sprintf("%s %s is new", f.Name, f.Type))
		case old.Type.String() != f.Type.String():
			all = append(all, fmt.Sprintf("%s %s becomes %s", f.Name, old.Type, f.Type))
		case old.Required != f.Required:
			all = append(all, f.Name+" becomes optional")
		}
	}
	return all
}
