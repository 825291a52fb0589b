package gluecatalog

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/internal/glue"
	"sluice/internal/iceberg"
)

// mostComment is what Glue takes as a column's comment, in bytes.
const mostComment = 255

// describe has Glue show where a table is and what columns it has. Engines go by the
// metadata file; consoles, and permissions for columns, go by this. The columns of older
// schemas come after the current ones, as Iceberg's libraries have it.
func describe(d *glue.StorageDescriptor, m *iceberg.Metadata) {
	comments := map[string]string{} // of people, in Glue
	for _, c := range d.Columns {
		comments[c.Name] = c.Comment
	}
	d.Location, d.Columns = m.Location, nil
	have := map[string]bool{}
	add := func(s *iceberg.Schema, current bool) {
		for _, f := range s.Fields {
			if have[f.Name] {
				continue
			}
			have[f.Name] = true
			c := glue.Column{Name: f.Name, Type: typeName(f.Type), Comment: comments[f.Name], Parameters: map[string]string{
				"iceberg.field.id":       strconv.Itoa(f.ID),
				"iceberg.field.optional": strconv.FormatBool(!f.Required),
				"iceberg.field.current":  strconv.FormatBool(current),
			}}
			if f.Doc != "" && len(f.Doc) <= mostComment {
				c.Comment = f.Doc
			}
			d.Columns = append(d.Columns, c)
		}
	}
	add(m.CurrentSchema(), true)
	for i := range m.Schemas {
		add(&m.Schemas[i], false)
	}
}

// typeName is a type in the words of Hive. It is only shown.
func typeName(t iceberg.Type) string {
	if t.List != nil {
		return "array<" + typeName(t.List.Element) + ">"
	}
	if precision, scale, ok := t.Decimal(); ok {
		return fmt.Sprintf("decimal(%d,%d)", precision, scale)
	}
	name, _, _ := strings.Cut(t.Primitive, "[") // fixed[16]
	if hive, ok := hiveTypes[name]; ok {
		return hive
	}
	return "string" // structs and maps of others, and what the format has since
}

var hiveTypes = map[string]string{
	iceberg.Boolean: "boolean", iceberg.Int: "int", iceberg.Long: "bigint", iceberg.Double: "double", iceberg.Date: "date",
	iceberg.Timestamp: "timestamp", iceberg.String: "string", "float": "float", "timestamp": "timestamp", "binary": "binary", "fixed": "binary",
}
