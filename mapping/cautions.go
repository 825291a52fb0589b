package mapping

import (
	"fmt"
	"slices"

	"sluice/schema"
)

// Cautions lists what may cause trouble in a valid mapping, and what to do about
// it.
func (m *Mapping) Cautions() (all []string) {
	for i := range m.Tables {
		for _, c := range m.Tables[i].Columns {
			if declared, integer := otherWidth[c.Type.Kind]; c.Bloom && integer {
				all = append(all, fmt.Sprintf(
					"table %s, column %s: bloom on %s: if the table declares the column as %s, as a crawler may, Trino finds no rows when it uses the filter; declare the column as %s, or remove bloom",
					m.Tables[i].Name, c.Name, c.Type, declared, ownWidth[c.Type.Kind]))
			}
			if (c.Hash == SHA256 || c.Hash == HMAC) && c.From&FromString != 0 && !c.Required && !slices.Contains(c.NullValues, "") {
				all = append(all, fmt.Sprintf(
					"table %s, column %s: hash: %s: \"\" has a hash, too, so all rows with an empty text match each other; add null_values: [\"\"]",
					m.Tables[i].Name, c.Name, c.Hash))
			}
		}
	}
	return all
}

// A bloom filter holds hashes of four or eight bytes. A reader that reads the
// column as the other integer type looks for the hash of the wrong bytes
// (trinodb/trino#30544).
var (
	otherWidth = map[schema.Kind]string{schema.Int32: "bigint", schema.Int64: "int"}
	ownWidth   = map[schema.Kind]string{schema.Int32: "int", schema.Int64: "bigint"}
)
