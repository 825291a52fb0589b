package mapping

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"sluice/schema"
)

// pathTree holds the paths of all tables, to find paths that can never have a
// value: $.a.b where another column takes $.a as text.
type pathTree struct {
	root pathStep
	uses []pathUse
	rows []pathUse // those of explode
}

type pathStep struct {
	next   map[Segment]*pathStep
	scalar *Column // a column that takes no object or array here
	as     string  // how it takes the value
}

type pathUse struct {
	node *yaml.Node
	what string
	path Path
}

// explode notes the path of what becomes rows.
func (t *pathTree) explode(n *yaml.Node, what string, p Path) {
	t.through(n, what, p)
	t.rows = append(t.rows, pathUse{n, what, p})
}

// through notes a path that must lead through objects and arrays.
func (t *pathTree) through(n *yaml.Node, what string, p Path) {
	t.uses = append(t.uses, pathUse{n, what, p})
}

func (t *pathTree) column(n *yaml.Node, c Column) {
	for _, p := range c.Paths() {
		t.through(n, "column "+c.Name+": path", p)
		switch feeds := slices.ContainsFunc(c.Values(), func(q Path) bool { return slices.Equal(p, q) }); {
		case !feeds:
			t.at(p).take(&c, "a single value")
		case c.Type.Kind != schema.JSON && !c.MemberName && !c.Either(p):
			t.at(p).take(&c, c.Type.String())
		}
	}
}

func (s *pathStep) take(c *Column, as string) { s.scalar, s.as = c, as }

// at is the step that a path ends with.
func (t *pathTree) at(p Path) *pathStep {
	step := &t.root
	for _, s := range p {
		if step.next == nil {
			step.next = map[Segment]*pathStep{}
		}
		if step.next[s] == nil {
			step.next[s] = &pathStep{}
		}
		step = step.next[s]
	}
	return step
}

func (t *pathTree) check(r *reader, depth int) {
	t.overMembers(r)
	for _, u := range t.uses {
		if len(u.path) > depth {
			r.Fail(u.node, "%s has %d steps, but limits allow a depth of %d; raise depth or shorten the path", u.what, len(u.path), depth)
			continue
		}
		step := &t.root
		for i, s := range u.path {
			if c := step.scalar; c != nil {
				r.Fail(u.node, "%s %s goes through %s, which column %s takes as %s; use type json there or remove one of them",
					u.what, u.path, u.path[:i], c.Name, step.as)
				break
			}
			if step = step.next[s]; step == nil {
				break
			}
		}
	}
}
