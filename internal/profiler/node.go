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
	texts    *texts
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

// texts is a profile.Strings while it is counted.
type texts struct {
	empty            profile.Seen
	length           profile.Extent
	digits, fraction int
	forms            []formSeen // in the order of their first occurrence
}

type formSeen struct {
	form profile.Form
	profile.Seen
}

// see counts a value at a position.
func see(s *profile.Seen, at profile.Position) {
	if s.Count == 0 || at.Before(s.First) {
		s.First = at
	}
	s.Count++
}

func (t *texts) see(f profile.Form, at profile.Position) {
	for i := range t.forms {
		if t.forms[i].form == f {
			see(&t.forms[i].Seen, at)
			return
		}
	}
	t.forms = append(t.forms, formSeen{f, profile.Seen{Count: 1, First: at}})
}

// follow is the member with that raw name, which comes after the member before,
// or first if that is nil.
func (n *node) follow(before *node, raw []byte, escaped bool) *node {
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
		n.members[name] = m
	}
	if !bytes.Equal(m.raw, raw) {
		m.raw = bytes.Clone(raw)
	}
	*to = m
	return m
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
	if t := n.texts; t != nil {
		p.Strings = profile.Strings{Empty: t.empty, Length: t.length, Digits: t.digits, Fraction: t.fraction}
		for _, f := range t.forms {
			p.Strings.Forms[f.form] = f.Seen
		}
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
		n.numbers = &p.Numbers
	}
	if s := &p.Strings; p.String.Count > 0 {
		n.texts = &texts{empty: s.Empty, length: s.Length, digits: s.Digits, fraction: s.Fraction}
		for f, seen := range s.Forms {
			if seen.Count > 0 {
				n.texts.forms = append(n.texts.forms, formSeen{profile.Form(f), seen})
			}
		}
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
