package catalog

import (
	"fmt"
	"slices"
	"strings"

	"sluice/schema"
)

// Column is a column as catalogs know it.
type Column struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // as Hive and Athena write it: bigint, decimal(18,4)
	Comment string `json:"comment,omitempty"`
}

// Columns are the columns of a schema, in the terms of catalogs.
func Columns(s schema.Schema) []Column {
	columns := make([]Column, len(s.Columns))
	for i, c := range s.Columns {
		columns[i] = Column{Name: c.Name, Type: hiveType(c.Type)}
		if c.PII != "" {
			columns[i].Comment = "pii: " + c.PII
		}
	}
	return columns
}

// hiveType is the name of a type in Glue and Athena
// (https://docs.aws.amazon.com/athena/latest/ug/data-types.html). The names
// that are not listed are the same in both.
func hiveType(t schema.Type) string {
	switch t.Kind {
	case schema.Int32:
		return "int"
	case schema.Int64:
		return "bigint"
	case schema.JSON:
		return "string" // neither has a type for JSON text; json_extract reads it
	case schema.List:
		return "array<" + hiveType(t.Value()) + ">"
	default:
		return t.String()
	}
}

// Merge combines the columns of a table with those that a mapping wants:
//
//   - columns of the table stay, in their order, even if the mapping lacks them;
//   - new columns come at the end, in the order of the mapping. Older files read
//     NULL in them, as Athena finds Parquet columns by name;
//   - a column's comment is set when it has none, and otherwise left to whoever wrote it;
//   - a changed type is an error. Athena cannot read the files of an
//     unpartitioned Parquet table by another type than they were written with,
//     not even by a wider one
//     (https://docs.aws.amazon.com/athena/latest/ug/updates-changing-column-type.html).
//
// It never removes a column, so processes with different mappings agree in the
// end, in whatever order they come. have and want are not changed.
func Merge(have, want []Column) (merged []Column, changed bool, err error) {
	merged = slices.Clone(have)
	var conflicts []string
	for _, w := range want {
		i := slices.IndexFunc(merged, func(c Column) bool { return strings.EqualFold(c.Name, w.Name) })
		switch {
		case i < 0:
			merged = append(merged, w)
			changed = true
		case normal(merged[i].Type) != normal(w.Type):
			conflicts = append(conflicts, fmt.Sprintf("%s is %s in the catalog and %s in the mapping", w.Name, merged[i].Type, w.Type))
		case merged[i].Comment == "" && w.Comment != "":
			merged[i].Comment = w.Comment
			changed = true
		}
	}
	if conflicts != nil {
		return nil, false, fmt.Errorf("the type of a column cannot change (%s): give the column or the table another name", strings.Join(conflicts, "; "))
	}
	return merged, changed, nil
}

// normal gives a type one spelling; crawlers and people use several.
func normal(hiveType string) string {
	t := strings.ToLower(strings.ReplaceAll(hiveType, " ", ""))
	if of, list := strings.CutPrefix(t, "array<"); list {
		return "array<" + normal(strings.TrimSuffix(of, ">")) + ">"
	}
	switch t {
	case "integer":
		return "int"
	case "decimal":
		return "decimal(10,0)" // the default of Hive
	}
	return t
}
