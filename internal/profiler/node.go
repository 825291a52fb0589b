package profiler

import (
	"bytes"

	"sluice/internal/jsonscan"
	"sluice/internal/profile"
)

// node is a profile.Node while it is counted. It is small, and what only some
// paths need is apart, so that 10^5 paths fit in memory several times.
type node struct {
	raw     []byte // the name as it stands in the text
	first   *node  // the member that came first in the last object, or nil
	next    *node  // the member that came after this one in the last object, or nil
	members map[string]*node
	element *node
	mapped  *node         // profile.Node.Map
	names   *profile.Node // and Names

	records int64
	last    int64 // ordinal of the last record that was counted
	kinds   [kinds]profile.Seen

	numbers  *profile.Numbers
	texts    *profile.Strings
	elements profile.Extent
	empty    int64
	distinct profile.Sketch
}

// The kinds of values.
const (
	null = iota
	boolean
	integer
	number
	text
	array
	object

	kinds
)

// see counts a value at a position.
func see(s *profile.Seen, at profile.Position) {
	if s.Count == 0 || at.Before(s.First) {
		s.First = at
	}
	s.Count++
}

// follow is the member of n with that raw name, which comes after the member
// before, or first if that is nil.
func (w *walker) follow(n, before *node, raw []byte, escaped bool) *node {
	to := &n.first
	if before != nil {
		to = &before.next
	}
	if *to != nil && bytes.Equal((*to).raw, raw) {
		return *to
	}
	name := string(raw)
	if escaped {
		name = string(jsonscan.Unescape(nil, raw))
	}
	m := n.members[name]
	if m == nil {
		if n.members == nil {
			n.members = map[string]*node{}
		}
		m = &node{last: -1}
		w.nodes++
		n.members[name] = m
	}
	if !bytes.Equal(m.raw, raw) {
		m.raw = bytes.Clone(raw)
	}
	*to = m
	return m
}

// size is the number of nodes below n.
func (n *node) size() (nodes int) {
	for _, m := range n.members {
		nodes += 1 + m.size()
	}
	for _, m := range []*node{n.element, n.mapped} {
		if m != nil {
			nodes += 1 + m.size()
		}
	}
	return nodes
}

// export makes the profile of what was counted. The node cannot be used
// afterwards. Below a map, records were counted in vain.
func (n *node) export(inMap bool) *profile.Node {
	if n == nil {
		return nil
	}
	p := &profile.Node{
		Null: n.kinds[null], Boolean: n.kinds[boolean], Integer: n.kinds[integer], Number: n.kinds[number],
		String: n.kinds[text], Array: n.kinds[array], Object: n.kinds[object],
		Elements: n.elements, Empty: n.empty, Distinct: n.distinct,
		Map: n.mapped.export(true), Names: n.names, Element: n.element.export(inMap),
	}
	if !inMap {
		p.Records = n.records
	}
	if n.numbers != nil {
		p.Numbers = *n.numbers
	}
	if n.texts != nil {
		p.Strings = *n.texts
	}
	if n.members != nil {
		p.Members = make(map[string]*profile.Node, len(n.members))
		for name, m := range n.members {
			p.Members[name] = m.export(inMap)
			delete(n.members, name)
		}
	}
	return p
}

// imported goes on counting where a profile ended.
func imported(p *profile.Node) *node {
	if p == nil {
		return nil
	}
	n := &node{
		last: -1, records: p.Records,
		kinds:    [kinds]profile.Seen{p.Null, p.Boolean, p.Integer, p.Number, p.String, p.Array, p.Object},
		elements: p.Elements, empty: p.Empty, distinct: p.Distinct,
		mapped: imported(p.Map), names: p.Names, element: imported(p.Element),
	}
	if p.Integer.Count+p.Number.Count > 0 {
		numbers := p.Numbers // a pointer into p would keep all of it
		n.numbers = &numbers
	}
	if p.String.Count > 0 {
		texts := p.Strings
		n.texts = &texts
	}
	if p.Members != nil {
		n.members = make(map[string]*node, len(p.Members))
		for name, m := range p.Members {
			n.members[name] = imported(m)
		}
	}
	return n
}

// collapse takes the names of the members as data.
func (n *node) collapse() {
	p := &profile.Node{Members: make(map[string]*profile.Node, len(n.members))}
	for name, m := range n.members {
		p.Members[name] = m.export(false)
	}
	p.Collapse()
	n.members, n.first = nil, nil
	n.mapped, n.names = imported(p.Map), p.Names
}
