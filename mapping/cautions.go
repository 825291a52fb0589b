package mapping

import (
	"fmt"

	"sluice/schema"
)

// Cautions lists what in a valid mapping may still do harm, and what to do
// about it.
func (m *Mapping) Cautions() (all []string) {
	for i := range m.Tables {
		for _, c := range m.Tables[i].Columns {
			if declared, integer := otherWidth[c.Type.Kind]; c.Bloom && integer {
				all = append(all, fmt.Sprintf(
					"table %s, column %s: bloom on %s: where the table's column is %s, as a crawler may declare it, Trino finds no rows by it; keep the table's column %s, or remove bloom",
					m.Tables[i].Name, c.Name, c.Type, declared, ownWidth[c.Type.Kind]))
			}
		}
	}
	return all
}

// A bloom filter holds hashes of four or eight bytes. A reader that takes the
// column for the other integer type looks for the hash of other bytes
// (trinodb/trino#30544).
var (
	otherWidth = map[schema.Kind]string{schema.Int32: "bigint", schema.Int64: "int"}
	ownWidth   = map[schema.Kind]string{schema.Int32: "int", schema.Int64: "bigint"}
)
