package mapping

import (
	"go.yaml.in/yaml/v3"

	"sluice/schema"
)

// memberName reads member_name: the column holds the name of the member that the
// last step of its path, .*, stands for. Type and from are known.
func (r *reader) memberName(n *yaml.Node, c *Column, pathRead bool, what string) {
	c.MemberName = r.Boolean(n, what+": member_name")
	switch {
	case !c.MemberName:
	case pathRead && c.Values() != nil && (len(c.Path) == 0 || c.Path[len(c.Path)-1].Kind != Members):
		r.Fail(n, "%s: member_name is the name of a member that explode goes over, but path %s does not end in .*; use a path such as $.items.*", what, c.Path)
	case c.Late():
		r.Fail(n, "%s: member_name goes with path alone, as it is the name of one member; remove member_name, or what stands in its way (coalesce, minor_units)", what)
	case c.Type.Kind == schema.JSON, c.Type.Kind == schema.List:
		r.Fail(n, "%s: member_name gives a string, the type is %s; use type: string", what, c.Type)
	case c.From != 0 && c.From&FromString == 0:
		r.Fail(n, "%s: member_name gives a string, but from has no string; add it or remove from", what)
	}
}

// The member names and the elements of a value that .* goes over belong to its
// rows, so no other path may lead into that value in another way. A value may
// be reached by several paths: $.a[0] and $.a[*] can be the same.

// overMembers finds paths that lead into a value that an explode goes over with
// .*, but in another way.
func (t *pathTree) overMembers(r *reader) {
	type over struct {
		use    pathUse
		prefix Path
	}
	byShape := map[string][]over{}
	for _, u := range t.rows {
		for i, s := range u.path {
			if s.Kind == Members {
				key := shape(u.path[:i])
				byShape[key] = append(byShape[key], over{u, u.path[:i]})
			}
		}
	}
	if len(byShape) == 0 {
		return
	}
	for _, u := range t.uses {
	steps:
		for i, s := range u.path {
			if s.Kind == Members {
				continue
			}
			for _, o := range byShape[shape(u.path[:i])] {
				if o.prefix.meets(u.path[:i]) {
					r.Fail(u.node, "%s %s leads into %s, but %s %s goes over its members with .*; use .* in both, or type json for all of %s",
						u.what, u.path, u.path[:i], o.use.what, o.use.path, u.path[:i])
					break steps
				}
			}
		}
	}
}

// Meets reports whether both paths may lead to the same value, as $.a[0] and
// $.a[*] may.
func (p Path) Meets(q Path) bool { return shape(p) == shape(q) && p.meets(q) }

// shape is the same for paths that may lead to the same value.
func shape(p Path) string {
	like := make(Path, len(p))
	for i, s := range p {
		if like[i] = s; s.Kind == Index || s.Kind == Filtered {
			like[i] = Segment{Kind: Wildcard}
		}
	}
	return like.String()
}

// meets reports whether paths of the same shape may lead to the same value.
func (p Path) meets(q Path) bool {
	for i, s := range p {
		// [0] and [1] are never the same element, but [0] and [-1] may be.
		if s.Kind == Index && q[i].Kind == Index && s.Index != q[i].Index && (s.Index < 0) == (q[i].Index < 0) {
			return false
		}
	}
	return true
}
