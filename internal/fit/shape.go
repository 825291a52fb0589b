package fit

import (
	"slices"
	"strings"

	"sluice/internal/profile"
	"sluice/mapping"
)

// shape is what stands in a record, or in several: which members there are, and
// where there are values.
type shape struct {
	scalar  bool // not null
	object  bool
	array   bool
	members map[string]*shape
	other   *shape // what stands under any name, where names are data
	element *shape // what stands in the elements of arrays; nil: all were empty
}

// add adds a decoded JSON value.
func (s *shape) add(v any) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		s.object = true
		for name, member := range v {
			if s.members == nil {
				s.members = map[string]*shape{}
			}
			if s.members[name] == nil {
				s.members[name] = &shape{}
			}
			s.members[name].add(member)
		}
	case []any:
		s.array = true
		for _, element := range v {
			if s.element == nil {
				s.element = &shape{}
			}
			s.element.add(element)
		}
	default:
		s.scalar = true
	}
}

// shapeOf is the shape of all that a profile saw.
func shapeOf(n *profile.Node) *shape {
	if n == nil {
		return nil
	}
	s := &shape{
		scalar: n.Boolean.Count+n.Integer.Count+n.Number.Count+n.String.Count > 0,
		object: n.Object.Count > 0, array: n.Array.Count > 0,
		other: shapeOf(n.Map), element: shapeOf(n.Element), members: make(map[string]*shape, len(n.Members)),
	}
	for name, m := range n.Members {
		s.members[name] = shapeOf(m)
	}
	return s
}

// at calls found for what stands at a path.
func (s *shape) at(p mapping.Path, found func(*shape)) {
	if len(p) == 0 {
		found(s)
		return
	}
	switch step := p[0]; step.Kind {
	case mapping.Name:
		if m := s.members[step.Name]; m != nil {
			m.at(p[1:], found)
		} else if s.other != nil {
			s.other.at(p[1:], found)
		}
	case mapping.Members:
		for _, m := range s.members {
			m.at(p[1:], found)
		}
		if s.other != nil {
			s.other.at(p[1:], found)
		}
	default:
		if s.element != nil {
			s.element.at(p[1:], found)
		}
	}
}

// has reports whether a path leads to anything but null.
func (s *shape) has(p mapping.Path) (has bool) {
	s.at(p, func(at *shape) { has = has || at.scalar || at.object || at.array })
	return has
}

// reaches reports whether there is something that could have what the last step
// of a path asks for: an object, an element of an array.
func (s *shape) reaches(p mapping.Path) bool {
	return len(p) == 0 || s.has(p[:len(p)-1])
}

// leftOut are the paths to values that no path of a mapping names, sorted.
func (s *shape) leftOut(m *mapping.Mapping) []string {
	known := map[*shape]bool{} // with all below it
	for _, p := range named(m) {
		s.at(p, func(at *shape) { known[at] = true })
	}
	var left []string
	var look func(*shape, mapping.Path)
	look = func(s *shape, p mapping.Path) {
		if known[s] {
			return
		}
		if s.scalar {
			left = append(left, p.String())
		}
		for name, m := range s.members {
			look(m, append(slices.Clip(p), mapping.Segment{Kind: mapping.Name, Name: name}))
		}
		if s.other != nil {
			look(s.other, append(slices.Clip(p), mapping.Segment{Kind: mapping.Members}))
		}
		if s.element != nil {
			look(s.element, append(slices.Clip(p), mapping.Segment{Kind: mapping.Wildcard}))
		}
	}
	look(s, nil)
	slices.SortFunc(left, strings.Compare)
	return left
}
