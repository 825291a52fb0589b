package iceberg

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"sluice/schema"
)

// Type is the type of a column or of a value in a list.
type Type struct {
	// Primitive is a primitive type as the metadata writes it: "long",
	// "decimal(18, 4)". It is empty for a list, and for a type that this package only
	// keeps.
	Primitive string
	List      *List
	other     json.RawMessage // struct or map: kept as it was
}

// List is the type of a column with lists of values.
type List struct {
	ElementID       int
	Element         Type
	ElementRequired bool
}

// The primitive types that sluice writes.
const (
	Boolean   = "boolean"
	Int       = "int"
	Long      = "long"
	Double    = "double"
	Date      = "date"
	Timestamp = "timestamptz" // microseconds, UTC
	String    = "string"
)

// DecimalOf is the primitive type of a decimal.
func DecimalOf(precision, scale int) string {
	return fmt.Sprintf("decimal(%d, %d)", precision, scale)
}

// Decimal returns the digits of a decimal type, and ok if it is one. Writers differ
// in whether a space stands after the comma.
func (t Type) Decimal() (precision, scale int, ok bool) {
	digits, isDecimal := strings.CutPrefix(t.Primitive, "decimal(")
	digits, closed := strings.CutSuffix(digits, ")")
	p, s, two := strings.Cut(digits, ",")
	if !isDecimal || !closed || !two {
		return 0, 0, false
	}
	precision, err := strconv.Atoi(strings.TrimSpace(p))
	scale, err2 := strconv.Atoi(strings.TrimSpace(s))
	return precision, scale, err == nil && err2 == nil && precision > 0 && precision <= schema.MaxPrecision && scale >= 0 && scale <= precision
}

// typeOf is the type of a column of ours. A list takes the next field ID for its
// values.
func typeOf(t schema.Type, nextID func() int) Type {
	switch t.Kind {
	case schema.Boolean:
		return Type{Primitive: Boolean}
	case schema.Int32:
		return Type{Primitive: Int}
	case schema.Int64:
		return Type{Primitive: Long}
	case schema.Double:
		return Type{Primitive: Double}
	case schema.Decimal:
		return Type{Primitive: DecimalOf(t.Precision, t.Scale)}
	case schema.Date:
		return Type{Primitive: Date}
	case schema.Timestamp:
		return Type{Primitive: Timestamp}
	case schema.List:
		return Type{List: &List{ElementID: nextID(), Element: typeOf(t.Value(), nextID)}}
	}
	return Type{Primitive: String} // text, and JSON
}

// Column is the type of a column of ours that has values of t; false if there is none.
func (t Type) Column() (schema.Type, bool) {
	if t.List != nil {
		of, ok := t.List.Element.Column()
		return schema.Type{Kind: schema.List, Of: of.Kind, Precision: of.Precision, Scale: of.Scale}, ok && of.Kind != schema.List
	}
	if p, s, ok := t.Decimal(); ok {
		return schema.Type{Kind: schema.Decimal, Precision: p, Scale: s}, true
	}
	kind, ok := map[string]schema.Kind{
		Boolean: schema.Boolean, Int: schema.Int32, Long: schema.Int64, Double: schema.Double, Date: schema.Date, Timestamp: schema.Timestamp, String: schema.String,
	}[t.Primitive]
	return schema.Type{Kind: kind}, ok
}

// Same reports whether values of both types are alike. Field IDs are not compared.
func (t Type) Same(other Type) bool {
	if t.List != nil && other.List != nil {
		return t.List.Element.Same(other.List.Element)
	}
	return t.List == nil && other.List == nil && t.Primitive != "" && t.Primitive == other.Primitive
}

// String names the type for people, by the mapping's word if there is one.
func (t Type) String() string {
	if c, ok := t.Column(); ok {
		return c.String()
	}
	switch {
	case t.List != nil:
		return "list<" + t.List.Element.String() + ">"
	case t.Primitive == "timestamp": // the mapping's is in UTC
		return "timestamp without time zone"
	case t.Primitive != "":
		return t.Primitive
	}
	return "struct or map"
}

// MarshalJSON follows Spec, appendix C.
func (t Type) MarshalJSON() ([]byte, error) {
	switch {
	case t.List != nil:
		return json.Marshal(map[string]any{
			"type": "list", "element-id": t.List.ElementID, "element": t.List.Element, "element-required": t.List.ElementRequired,
		})
	case t.other != nil:
		return t.other, nil
	}
	return json.Marshal(t.Primitive)
}

// UnmarshalJSON follows Spec, appendix C.
func (t *Type) UnmarshalJSON(data []byte) error {
	*t = Type{}
	if err := json.Unmarshal(data, &t.Primitive); err == nil {
		if p, s, ok := t.Decimal(); ok {
			t.Primitive = DecimalOf(p, s)
		}
		return nil
	}
	var nested struct {
		Type            string `json:"type"`
		ElementID       int    `json:"element-id"`
		Element         Type   `json:"element"`
		ElementRequired bool   `json:"element-required"`
	}
	if err := json.Unmarshal(data, &nested); err != nil {
		return err
	}
	if nested.Type == "list" {
		t.List = &List{nested.ElementID, nested.Element, nested.ElementRequired}
		return nil
	}
	t.other = append(json.RawMessage(nil), data...)
	return nil
}

// Field is a column.
type Field struct {
	ID       int    `json:"id"`
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Type     Type   `json:"type"`
	Doc      string `json:"doc,omitempty"`
}

// Schema is the columns of a table in one of its states.
type Schema struct {
	ID     int
	Fields []Field
	rest   members
}

type schemaJSON struct {
	Type   string  `json:"type"`
	ID     int     `json:"schema-id"`
	Fields []Field `json:"fields"`
}

// MarshalJSON follows Spec, appendix C.
func (s Schema) MarshalJSON() ([]byte, error) {
	return s.rest.with(schemaJSON{"struct", s.ID, s.Fields})
}

// UnmarshalJSON follows Spec, appendix C.
func (s *Schema) UnmarshalJSON(data []byte) error {
	var known schemaJSON
	if err := json.Unmarshal(data, &known); err != nil {
		return err
	}
	s.ID, s.Fields = known.ID, known.Fields
	return s.rest.read(data)
}

// Field is the column of a name, or nil.
func (s *Schema) Field(name string) *Field {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return &s.Fields[i]
		}
	}
	return nil
}

// FieldByID is the column of an ID, or nil.
func (s *Schema) FieldByID(id int) *Field {
	for i := range s.Fields {
		if s.Fields[i].ID == id {
			return &s.Fields[i]
		}
	}
	return nil
}

// NewSchema is the first schema of a table with these columns, and the last ID that
// it uses. All columns are optional: what a column of a mapping requires is checked
// for each record, and a later mapping may not require it.
func NewSchema(columns []schema.Column) (s Schema, lastID int) {
	for i := range columns {
		s.Fields = append(s.Fields, Field{ID: i + 1, Name: columns[i].Name})
	}
	lastID = len(columns)
	next := func() int { lastID++; return lastID }
	for i := range columns {
		s.Fields[i].Type = typeOf(columns[i].Type, next)
	}
	return s, lastID
}

// members are the members of a JSON object that are not known here. They are
// written again as they were.
type members map[string]json.RawMessage

func (m *members) read(data []byte) error {
	*m = nil
	return json.Unmarshal(data, (*map[string]json.RawMessage)(m))
}

// with writes what is known over the members that were read.
func (m members) with(known any) ([]byte, error) {
	data, err := json.Marshal(known)
	if err != nil || len(m) == 0 {
		return data, err
	}
	var over map[string]json.RawMessage
	if err := json.Unmarshal(data, &over); err != nil {
		return nil, err
	}
	all := maps.Clone(m)
	maps.Copy(all, over)
	return json.Marshal(all)
}
