package conversion

import (
	"slices"

	"sluice/internal/jsonscan"
	"sluice/mapping"
)

// newRecords finds out where the mapping's records are in the text of w.
func newRecords(w *jsonscan.Window, m *mapping.Mapping) *jsonscan.Records {
	l := jsonscan.Limits{RecordBytes: int(m.Limits.RecordBytes), Depth: m.Limits.Depth}
	r := jsonscan.NewRecords(w, places(m), scalars(m), l)
	r.MayLack = m.NoRecords == mapping.NoRecordsAccepted
	return r
}

// places are the mapping's paths to records, as the scanner takes them. The steps
// after the wildcard of a path are inside the record, so the flattener follows them. A
// path without a wildcard makes the whole document the record.
func places(m *mapping.Mapping) []jsonscan.Place {
	var ps []jsonscan.Place
	for _, path := range m.Records {
		var p jsonscan.Place
		for _, s := range path {
			if s.Kind == mapping.Wildcard {
				p.Each = true
				break
			}
			if s.Kind == mapping.Name {
				p.Names = append(p.Names, s.Name)
			}
		}
		ps = append(ps, p)
	}
	return ps
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
