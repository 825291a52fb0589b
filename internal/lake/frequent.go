package lake

import (
	"cmp"
	"slices"
	"strings"
)

// frequent counts texts in bounded memory, as Misra and Gries do: when there are too
// many different ones, all counts go down together and those at zero are forgotten.
// As long as nothing was forgotten, the counts are exact. Else each is too low by at
// most low, so a text that is not kept occurs at most low times.
// https://doi.org/10.1016/0167-6423(82)90012-0
type frequent struct {
	most   int
	counts map[string]int64
	low    int64
}

func newFrequent(most int) *frequent { return &frequent{most: most, counts: map[string]int64{}} }

// add counts a text.
func (f *frequent) add(text []byte) {
	if _, known := f.counts[string(text)]; known || len(f.counts) < f.most {
		f.counts[string(text)]++
		return
	}
	// To take the median away from all makes room for half of them at once.
	all := make([]int64, 0, len(f.counts))
	for _, n := range f.counts {
		all = append(all, n)
	}
	slices.Sort(all)
	less := all[len(all)/2]
	f.low += less
	for t, n := range f.counts {
		if n <= less {
			delete(f.counts, t)
		} else {
			f.counts[t] = n - less
		}
	}
	f.counts[string(text)] = 1
}

// exact reports whether the counts are those of all texts.
func (f *frequent) exact() bool { return f.low == 0 }

// first are the most frequent texts, up to most.
func (f *frequent) first(most int) []string {
	all := make([]string, 0, len(f.counts))
	for t := range f.counts {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(f.counts[b], f.counts[a]), strings.Compare(a, b)) })
	return all[:min(most, len(all))]
}
