package conversion

import (
	"slices"

	"sluice/internal/flatten"
	"sluice/internal/jsonscan"
	"sluice/mapping"
)

// newRecords finds out where the mapping's records are in the text of w.
func newRecords(w *jsonscan.Window, m *mapping.Mapping) *jsonscan.Records {
	l := jsonscan.Limits{RecordBytes: int(m.Limits.RecordBytes), Depth: m.Limits.Depth}
	r := jsonscan.NewRecords(w, flatten.Places(m.Records), scalars(m), l)
	r.MayLack = m.NoRecords == mapping.NoRecordsAccepted
	return r
}

// scalars reports whether a record may be a string, number, boolean or null:
// whether a column takes the record itself.
func scalars(m *mapping.Mapping) bool {
	for _, t := range m.Tables {
		for _, c := range t.Columns {
			if slices.ContainsFunc(c.Paths(), func(p mapping.Path) bool { return len(p) == 0 }) {
				return true
			}
		}
	}
	return false
}

// replayPlace is the index of the path in records that a quarantined record
// came from, as its entry says, or of the first if the mapping no longer has
// that path.
func replayPlace(m *mapping.Mapping, entry string) int {
	for i, path := range m.Records {
		if path.String() == entry {
			return i
		}
	}
	return 0
}
