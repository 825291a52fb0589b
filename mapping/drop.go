package mapping

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/schema"
)

// drop reads the paths of members that are known and kept nowhere. Tables are
// read.
func (r *reader) drop(n *yaml.Node, m *Mapping) {
	if n == nil {
		return
	}
	valid := r.Failed() == 0
	for _, e := range r.List(n, "drop") {
		p, ok := r.path(e, "drop")
		switch {
		case !ok:
		case len(p) == 0 || p[len(p)-1].Kind != Name:
			r.Fail(e, "drop: %s is no member; end it with a name, as in $.customer.phone", p)
		case slices.ContainsFunc(m.Drop, func(q Path) bool { return slices.Equal(p, q) }):
			r.Fail(e, "drop: %s is listed twice; keep one", p)
		default:
			m.Drop = append(m.Drop, p)
			if valid {
				r.droppable(e, p, m)
			}
		}
	}
	slices.SortFunc(m.Drop, comparePaths) // the order decides nothing
}

func comparePaths(p, q Path) int { return strings.Compare(p.String(), q.String()) }

// droppable checks that no column keeps what is at p, and that other paths look
// into the object around it: a path of drop must not decide what that may be.
func (r *reader) droppable(n *yaml.Node, p Path, m *Mapping) {
	around, looked := p[:len(p)-1], false
	into := func(q Path) {
		looked = looked || len(q) >= len(p) && slices.Equal(q[:len(around)], around) && q[len(around)].Kind == Name
	}
	for i := range m.Tables {
		for _, q := range m.Tables[i].Exploded() {
			into(q)
		}
		for _, c := range m.Tables[i].Where {
			for _, q := range c.Paths() {
				into(q)
			}
		}
		for _, c := range m.Tables[i].Columns {
			for _, q := range c.Paths() {
				into(q)
				switch {
				case slices.Equal(q, p):
					r.Fail(n, "drop: %s feeds column %s; remove one of them", p, c.Name)
					return
				case c.Type.Kind == schema.JSON && q.around(p):
					r.Fail(n, "drop: %s is in what column %s keeps as json; use columns for the members to keep, or remove it from drop", p, c.Name)
					return
				case len(q) < len(p) && p.HasPrefix(q) && !c.MemberName && !c.Either(q):
					r.Fail(n, "drop: %s goes through %s, which column %s takes as %s; remove it from drop", p, q, c.Name, c.Type)
					return
				}
			}
		}
	}
	if !looked {
		r.Fail(n, "drop: no other path leads to a member of %s, so it is one unknown member; drop it as a whole, or use a column for a member to keep", around)
	}
}

// around reports whether what p leads to may hold what q leads to.
func (p Path) around(q Path) bool {
	return len(p) <= len(q) && p.Meets(q[:len(p)])
}

// appendPaths writes a list of paths whose order decides nothing.
func appendPaths(b []byte, key string, paths []Path) []byte {
	if len(paths) == 0 {
		return b
	}
	paths = slices.SortedFunc(slices.Values(paths), comparePaths)
	for i, p := range paths {
		b = strconv.AppendQuote(append(b, between(i, key+": [")...), p.String())
	}
	return append(b, "]\n"...)
}
