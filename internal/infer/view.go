package infer

import (
	"cmp"
	"maps"
	"slices"

	"sluice/internal/profile"
	"sluice/mapping"
)

// view is what was seen at a path of the mapping: a node of the profile without
// its envelope, where the names of an object either are all known or are data.
type view struct {
	*profile.Node // without Members, Element and Map, which the fields below have

	digits  bool             // its strings are numbers, by their envelope
	members map[string]*view // nil if the names are data
	element *view            // of arrays
	any     *view            // of an object whose names are data: what stands under any name
	unnamed bool             // one of these names is ""
	emails  bool             // one of them is an e-mail address
}

// see is the view of a node whose values have this envelope. Nodes cannot be used
// afterwards.
func see(n *profile.Node, e mapping.Envelope) *view {
	bare, tags := open(n, e)
	v := within(bare, e)
	v.digits = tags.digits
	if v.element != nil {
		v.element.digits = v.element.digits || tags.digitsInside
	}
	return v
}

// within is the view of a node that has no envelope itself, as the record. It
// takes the nodes below apart.
func within(n *profile.Node, e mapping.Envelope) *view {
	v := &view{Node: n}
	if n.Element != nil {
		v.element = see(n.Element, e)
	}
	if n.Map != nil {
		v.any = see(n.Map, e)
		v.unnamed = n.Names.Strings.Empty.Count > 0
		v.emails = n.Names.Strings.Forms.Of(profile.Email).Count > 0
	} else {
		v.members = make(map[string]*view, len(n.Members))
		for name, m := range n.Members {
			v.members[name] = see(m, e)
		}
	}
	n.Members, n.Element, n.Map = nil, nil, nil
	return v
}

// scalars is how many booleans, numbers and strings there were.
func (v *view) scalars() int64 {
	return v.Boolean.Count + v.Integer.Count + v.Number.Count + v.String.Count
}

// shape is what the values at a path are, but for null.
type shape uint8

const (
	nothing shape = iota // null, or no value at all
	scalar
	array
	object
	mixed
)

func (v *view) shape() shape {
	scalars, arrays, objects := v.scalars() > 0, v.Array.Count > 0, v.Object.Count > 0
	switch {
	case scalars && (arrays || objects), arrays && objects:
		return mixed
	case scalars:
		return scalar
	case arrays:
		return array
	case objects:
		return object
	}
	return nothing
}

// empty reports whether the values are arrays or objects with nothing in them.
func (v *view) empty() bool {
	switch v.shape() {
	case array:
		return v.element == nil || v.element.Values() == 0
	case object:
		return v.any == nil && len(v.members) == 0
	}
	return false
}

// names are the names of the members, in the order in which they were seen
// first.
func (v *view) names() []string {
	return slices.SortedFunc(maps.Keys(v.members), func(a, b string) int {
		return cmp.Or(before(v.members[a], v.members[b]), cmp.Compare(a, b))
	})
}

// before orders views by where their first value stands.
func before(a, b *view) int {
	p, q := a.First(), b.First()
	return cmp.Or(cmp.Compare(p.Source, q.Source), cmp.Compare(p.Offset, q.Offset))
}

// depth is the number of arrays and objects that stand in each other.
func depth(n *profile.Node) int {
	if n == nil {
		return 0
	}
	d := max(depth(n.Element), depth(n.Map))
	for _, m := range n.Members {
		d = max(d, depth(m))
	}
	if n.Array.Count+n.Object.Count > 0 {
		d++
	}
	return d
}
