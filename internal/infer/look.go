package infer

import (
	"sluice/internal/profile"
	"sluice/mapping"
	"sluice/schema"
)

// Seen is what was seen at a path of the records, without envelopes, for who
// compares it with a mapping. The zero value is a path that leads nowhere.
type Seen struct{ v *view }

// Look is what was seen of the records. The members of objects at these paths
// are taken for any member, as a mapping takes those of .*
func Look(p *profile.Profile, e mapping.Envelope, anyMember []mapping.Path) Seen {
	root := p.Root.Clone()
	for _, path := range anyMember {
		if n := below(root, path, e); n != nil {
			n.Collapse()
		}
	}
	return Seen{within(root, e)}
}

// below is the node at a path, in its envelope if it has one; nil if there is
// none.
func below(n *profile.Node, path mapping.Path, e mapping.Envelope) *profile.Node {
	for i, s := range path {
		if i > 0 {
			n = content(n, e)
		}
		switch s.Kind {
		case mapping.Name:
			n = n.Members[s.Name]
		case mapping.Members:
			n = n.Map
		default:
			n = n.Element
		}
		if n == nil {
			return nil
		}
	}
	if len(path) > 0 {
		n = content(n, e)
	}
	return n
}

// content is the object or array in the envelopes of a path.
func content(n *profile.Node, e mapping.Envelope) *profile.Node {
	if e == mapping.NoEnvelope || !isEnvelope(n, e) {
		return n
	}
	for _, tag := range []string{"M", "L"} {
		if m := n.Members[tag]; m != nil {
			return m
		}
	}
	return n
}

// Node counts the values at the path; what is inside them is not in it.
func (s Seen) Node() *profile.Node {
	if s.v == nil {
		return &profile.Node{}
	}
	return s.v.Node
}

// Member is what stands under a name.
func (s Seen) Member(name string) Seen {
	switch {
	case s.v == nil:
		return Seen{}
	case s.v.any != nil:
		return Seen{s.v.any}
	}
	return Seen{s.v.members[name]}
}

// Any is what stands under any name, if the names are data.
func (s Seen) Any() Seen {
	if s.v == nil {
		return Seen{}
	}
	return Seen{s.v.any}
}

// Element is what stands in arrays.
func (s Seen) Element() Seen {
	if s.v == nil {
		return Seen{}
	}
	return Seen{s.v.element}
}

// Names are those of the members, in the order in which they were seen first.
func (s Seen) Names() []string {
	if s.v == nil {
		return nil
	}
	return s.v.names()
}

// Column is a column that takes all values, with its type and the keys that go
// with that. From is 0 where it is what the type takes by itself.
func (s Seen) Column(name string) (c mapping.Column) {
	choice := of(schema.JSON)
	switch v := s.v; {
	case v == nil:
	case v.shape() == scalar, v.shape() == nothing:
		choice = v.scalarType(name)
	case v.shape() == array && v.element != nil && v.element.shape() == scalar:
		choice, _ = v.element.scalarType(name).list()
	}
	c.Type, c.From, c.Unit, c.Format = choice.Type, choice.from, choice.unit, choice.format
	if choice.nullValues {
		c.NullValues = []string{""}
	}
	return c
}

// Epoch is the unit of numbers that count from 1970, if all of them are times of
// our age; else NoUnit.
func Epoch(n *profile.Numbers) mapping.Unit { return epoch(n.Least, n.Greatest) }

// Legal is a name of a column for the name of a member.
func Legal(name string) string { return legal([]string{name}, "value") }
