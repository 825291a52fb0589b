// Package drift counts, by path, how an input differs from what its mapping
// expects: members that no path names, columns that got no value, and values that
// do not fit.
package drift

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sluice/reason"
)

// Kind says how a path differs.
type Kind string

const (
	Unknown  Kind = "unknown"  // no path of the mapping names the member
	Mistyped Kind = "mistyped" // the value does not fit what the mapping says of its path
	Missing  Kind = "missing"  // the path of a column led to no value
)

// kinds is the order in which they are listed.
var kinds = []Kind{Unknown, Mistyped, Missing}

// Path is a path that differs. Paths are those of the mapping, with [*] for every
// element, so that their number does not grow with that of the records.
type Path struct {
	Kind   Kind
	Path   string
	Reason reason.Code // why values do not fit, or a record without one is quarantined
	Count  int64       // of members, of values, or of records
	Offset int64       // of the first record where it does; 0 of a column without any value
}

type key struct {
	kind   Kind
	path   string
	reason reason.Code
}

func (p *Path) key() key { return key{p.Kind, p.Path, p.Reason} }

const (
	// Most is how many paths are counted. Names in objects that are keyed by
	// data, such as ids, would need memory without bound. Those that came first
	// are counted: which ones depends on the input alone.
	Most = 1000

	// Listed is how many paths of each kind are reported.
	Listed = 100
)

// Slots are the places of paths in Counts, and one more: Most, of all paths that
// are one too many. There are a few more than that, so that a slot can be masked.
const Slots = 1 << 10

// Counts are the paths of an input, or of a part of it, in the order in which they
// came first. The zero value is ready to use.
type Counts struct {
	// N counts the members or values of each slot.
	N [Slots]int64

	paths []Path // without their counts
	index map[key]int
}

// Slot is the slot of a path that is in the record at offset.
func (c *Counts) Slot(kind Kind, path []byte, code reason.Code, offset int64) int {
	if i, ok := c.index[key{kind, string(path), code}]; ok {
		return i
	}
	return c.insert(Path{Kind: kind, Path: string(path), Reason: code, Offset: offset})
}

func (c *Counts) insert(p Path) int {
	i := len(c.paths)
	if i == Most {
		return Most
	}
	if c.index == nil {
		c.index = map[key]int{}
	}
	c.index[p.key()] = i
	c.paths = append(c.paths, p)
	return i
}

// Len is how many paths have a slot of their own.
func (c *Counts) Len() int { return len(c.paths) }

// Of is how many paths of a kind there are, and where the first record with one of
// them begins.
func (c *Counts) Of(kind Kind) (n int, first int64) {
	for i := range c.paths {
		if p := &c.paths[i]; p.Kind == kind {
			if n == 0 || p.Offset < first {
				first = p.Offset
			}
			n++
		}
	}
	return n, first
}

// Cut drops the slots from n on, in which nothing was counted.
func (c *Counts) Cut(n int) {
	for i := range c.paths[n:] {
		delete(c.index, c.paths[n+i].key())
	}
	c.paths = c.paths[:n]
}

// Add adds what follows in the input.
func (c *Counts) Add(d *Counts) {
	for i, p := range d.paths {
		at, ok := c.index[p.key()]
		if !ok {
			at = c.insert(p)
		}
		c.N[at] += d.N[i]
	}
	c.N[Most] += d.N[Most]
}

// counts is the JSON of Counts.
type counts struct {
	Paths []Path `json:"paths"`
	Rest  int64  `json:"rest"` // at other paths
}

// MarshalJSON implements [json.Marshaler]: a part of an input is counted in one process,
// and added up in another.
func (c *Counts) MarshalJSON() ([]byte, error) {
	all := counts{Paths: slices.Clone(c.paths), Rest: c.N[Most]}
	for i := range all.Paths {
		all.Paths[i].Count = c.N[i]
	}
	return json.Marshal(all)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (c *Counts) UnmarshalJSON(data []byte) error {
	var all counts
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	if len(all.Paths) > Most {
		return fmt.Errorf("%d paths are counted, and at most %d may be", len(all.Paths), Most)
	}
	*c = Counts{}
	for i, p := range all.Paths {
		n := p.Count
		p.Count = 0
		c.insert(p)
		c.N[i] = n
	}
	c.N[Most] = all.Rest
	return nil
}

// Mistyped are the paths at which values did not fit.
func (c *Counts) Mistyped() map[string]bool {
	all := map[string]bool{}
	for i := range c.paths {
		if c.paths[i].Kind == Mistyped {
			all[c.paths[i].Path] = true
		}
	}
	return all
}

// Top are the most frequent paths of each kind, and how many members and values
// are at others.
func (c *Counts) Top() (top []Path, rest int64) {
	all := slices.Clone(c.paths)
	for i := range all {
		all[i].Count = c.N[i]
	}
	top, rest = List(all)
	return top, rest + c.N[Most]
}

// List sorts paths by kind, count and name, and cuts each kind to its most
// frequent ones. rest is the count of the others.
func List(paths []Path) (top []Path, rest int64) {
	sorted := make([]*Path, len(paths)) // all sorts of pointers share their code
	for i := range paths {
		sorted[i] = &paths[i]
	}
	slices.SortFunc(sorted, func(a, b *Path) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), cmp.Compare(b.Count, a.Count),
			strings.Compare(a.Path, b.Path), cmp.Compare(a.Reason, b.Reason))
	})
	listed := map[Kind]int{}
	for _, p := range sorted {
		if listed[p.Kind]++; listed[p.Kind] <= Listed {
			top = append(top, *p)
		} else {
			rest += p.Count
		}
	}
	return top, rest
}
