package profile

import (
	"slices"
	"strings"
)

// Place is a path of `records`.
type Place struct {
	Path    string   `json:"path"`             // such as $.orders[*]
	Sources int64    `json:"sources"`          // inputs whose records are there
	Why     []string `json:"why,omitempty"`    // why it was taken for the place or, of Others, was not; sorted, each once
	Beside  []string `json:"beside,omitempty"` // names of members that the path leaves out: the first maxBeside, sorted
}

const maxBeside = 100

// MergePlaces are some places with each path once, sorted by it.
func MergePlaces(places []Place) []Place {
	places = slices.Clone(places)
	slices.SortStableFunc(places, func(a, b Place) int { return strings.Compare(a.Path, b.Path) })
	var merged []Place
	for _, p := range places {
		if last := len(merged) - 1; last >= 0 && merged[last].Path == p.Path {
			merged[last].Sources += p.Sources
			merged[last].Why = union(merged[last].Why, p.Why)
			merged[last].Beside = union(merged[last].Beside, p.Beside)
			continue
		}
		p.Why, p.Beside = union(p.Why, nil), union(p.Beside, nil)
		merged = append(merged, p)
	}
	return merged
}

func union(a, b []string) []string {
	all := slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
	return all[:min(len(all), maxBeside)]
}
