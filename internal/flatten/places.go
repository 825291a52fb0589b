package flatten

import (
	"sluice/internal/jsonscan"
	"sluice/mapping"
)

// Places are paths of records as the scanner takes them. A path without a
// wildcard makes the whole document the record.
func Places(records []mapping.Path) []jsonscan.Place {
	var ps []jsonscan.Place
	for _, path := range records {
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

// Inside is the part of a path of records that leads from what the scanner
// finds to the record: the steps after the wildcard.
func Inside(place mapping.Path) mapping.Path {
	inside := place
	for i, s := range place {
		if s.Kind == mapping.Wildcard {
			inside = place[i+1:]
		}
	}
	return inside
}
