package profile

import "slices"

// New is a profile of nothing.
func New() *Profile { return &Profile{Root: &Node{}} }

// Merge adds what o has seen. o cannot be used afterwards. The result does not
// depend on the order of merges.
func (p *Profile) Merge(o *Profile) {
	sources := slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.Sources, o.Sources))))
	p.Root.renumber(indexes(p.Sources, sources))
	o.Root.renumber(indexes(o.Sources, sources))
	p.Sources = sources

	p.Places = MergePlaces(slices.Concat(p.Places, o.Places))
	p.Others = MergePlaces(slices.Concat(p.Others, o.Others))
	p.Records += o.Records
	p.Broken += o.Broken
	p.BrokenFirst = p.BrokenFirst || o.BrokenFirst
	p.Bytes += o.Bytes
	p.Root.Merge(o.Root)
}

// indexes are where the names of some sources stand among all. It is nil if they
// stay where they are.
func indexes(some, all []string) []int {
	var to []int
	for _, name := range some {
		i, _ := slices.BinarySearch(all, name)
		to = append(to, i)
	}
	if len(to) == 0 || to[len(to)-1] == len(to)-1 {
		return nil
	}
	return to
}

// renumber replaces each index of a source.
func (n *Node) renumber(to []int) {
	if n == nil || to == nil {
		return
	}
	for _, s := range n.seen() {
		if s.Count > 0 {
			s.First.Source = to[s.First.Source]
		}
	}
	for i := range n.Strings.Forms {
		f := &n.Strings.Forms[i].First
		f.Source = to[f.Source]
	}
	for _, child := range n.Members {
		child.renumber(to)
	}
	n.Element.renumber(to)
	n.Map.renumber(to)
	n.Names.renumber(to)
}

// seen is every Seen of the node itself, but the forms.
func (n *Node) seen() [9]*Seen {
	return [...]*Seen{
		&n.Null, &n.Boolean, &n.Integer, &n.Number, &n.String, &n.Array, &n.Object,
		&n.Numbers.Exponent, &n.Strings.Empty,
	}
}

// Values is the number of values at the path, null too.
func (n *Node) Values() int64 {
	return n.Null.Count + n.Boolean.Count + n.Integer.Count + n.Number.Count + n.String.Count + n.Array.Count + n.Object.Count
}

// First is where the first value stands, of whatever kind.
func (n *Node) First() Position {
	var all Seen
	for _, s := range []Seen{n.Null, n.Boolean, n.Integer, n.Number, n.String, n.Array, n.Object} {
		all.Merge(s)
	}
	return all.First
}

// Merge adds what o has seen.
func (s *Seen) Merge(o Seen) {
	if o.Count > 0 && (s.Count == 0 || o.First.Before(s.First)) {
		s.First = o.First
	}
	s.Count += o.Count
}

// merge adds the lengths of o, which some says are any; s says so of e.
func (e *Extent) merge(o Extent, s, some int64) {
	switch {
	case some == 0:
	case s == 0:
		*e = o
	default:
		e.Least, e.Greatest = min(e.Least, o.Least), max(e.Greatest, o.Greatest)
	}
}

// merge leaves out what Node.seen has.
func (n *Numbers) merge(o *Numbers) {
	switch {
	case o.Fits == 0:
	case n.Fits == 0:
		n.Least, n.Greatest = o.Least, o.Greatest
	default:
		n.Least, n.Greatest = min(n.Least, o.Least), max(n.Greatest, o.Greatest)
	}
	n.Digits, n.Fraction = max(n.Digits, o.Digits), max(n.Fraction, o.Fraction)
	n.Negative += o.Negative
	n.Doubles += o.Doubles
	n.Fits += o.Fits
}

// Merge adds what o has seen. o cannot be used afterwards.
func (n *Node) Merge(o *Node) {
	n.Elements.merge(o.Elements, n.Array.Count, o.Array.Count)
	n.Strings.Scale.merge(o.Strings.Scale, n.Strings.Forms.Of(Decimal).Count, o.Strings.Forms.Of(Decimal).Count)
	n.Strings.Length.merge(o.Strings.Length, n.String.Count, o.String.Count)
	n.Strings.Digits = max(n.Strings.Digits, o.Strings.Digits)
	n.Strings.Fraction = max(n.Strings.Fraction, o.Strings.Fraction)
	n.Numbers.merge(&o.Numbers)
	n.Records += o.Records
	n.Empty += o.Empty
	others := o.seen()
	for i, s := range n.seen() {
		s.Merge(*others[i])
	}
	for _, f := range o.Strings.Forms {
		n.Strings.Forms.Add(f.Form, f.Seen)
	}
	n.Distinct.Merge(&o.Distinct)

	mergeChild(&n.Element, o.Element)
	switch {
	case n.Map != nil:
		o.Collapse()
	case o.Map != nil:
		n.Collapse()
	}
	mergeChild(&n.Map, o.Map)
	mergeChild(&n.Names, o.Names)
	if n.Members == nil {
		n.Members = o.Members
		return
	}
	for name, child := range o.Members {
		to := n.Members[name]
		mergeChild(&to, child)
		n.Members[name] = to
	}
	if len(n.Members) > MaxMembers {
		n.Collapse()
	}
}

func mergeChild(to **Node, child *Node) {
	switch {
	case child == nil:
	case *to == nil:
		*to = child
	default:
		(*to).Merge(child)
	}
}

// Collapse takes the names of the objects at this path as data: what stands under
// any of them is merged into Map, and Names describes them. An object that has
// no members, or is a map, stays as it is.
func (n *Node) Collapse() {
	if len(n.Members) == 0 {
		return
	}
	members := n.Members
	n.Members, n.Map, n.Names = nil, &Node{}, &Node{}
	for name, child := range members {
		n.Names.AddName(name, Seen{child.Values(), child.First()})
		child.forget()
		n.Map.Merge(child)
	}
}

// AddName describes a name of a member that has these values.
func (n *Node) AddName(name string, values Seen) {
	n.Strings.Length.Add(int64(len(name)), n.String.Count == 0)
	n.String.Merge(values)
	if name == "" {
		n.Strings.Empty.Merge(values)
	}
	n.Distinct.Add(Hash([]byte(name)))
}

// forget forgets in how many records each path is.
func (n *Node) forget() {
	if n == nil {
		return
	}
	n.Records = 0
	for _, child := range n.Members {
		child.forget()
	}
	n.Element.forget()
	n.Map.forget()
}
