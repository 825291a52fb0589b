package meaning

import (
	"slices"
	"strings"
)

// What docs/mapping.md says of .* and member_name.

// fed is what feeds a column in the element that the ordinals lead to, or nil.
func (c *column) fed(v *value, ordinals []ordinal) *value {
	if !c.memberName {
		return c.path.at(ordinals).find(v)
	}
	p := c.path.at(ordinals)
	last := len(p) - 1
	in := p[:last].find(v)
	if in == nil || p[last].nth > len(in.members) {
		return nil // as in find
	}
	return in.members[p[last].nth-1].name
}

// elementsIn are the elements or members of a value that a wildcard goes over.
func elementsIn(v *value, kind byte) (all []ordinal) {
	switch {
	case v == nil:
	case kind == '*' && v.kind == '[':
		for i := range v.elems {
			all = append(all, ordinal{i: i})
		}
	case kind == 'm' && v.kind == '{':
		for i, m := range v.members {
			all = append(all, ordinal{i, m.name.str})
		}
	}
	return all
}

// named puts the names of members in place of .*
func (p path) named(ordinals []ordinal) path {
	p = slices.Clone(p)
	for i, at := range p.at(ordinals) {
		if p[i].kind == 'm' && at.kind == '.' {
			p[i] = at
		}
	}
	return p
}

func (c *column) memberFault() string {
	if n := len(c.path); c.memberName && (n == 0 || c.path[n-1].kind != 'm' || c.kind == "json" || c.list || !c.sources()["string"]) {
		return "a name of no member, or not as a string"
	}
	return ""
}

// overMembers says that a path leads in another way into a value that an explode
// goes over with .*
func (s *spec) overMembers(p path) string {
	for _, t := range s.tables {
		for i, step := range t.explode {
			if step.kind == 'm' && len(p) > i && p[i].kind != 'm' && mayMeet(t.explode[:i], p[:i]) {
				return "a path beside .*"
			}
		}
	}
	return ""
}

// mayMeet reports whether paths of one length may lead to one value.
func mayMeet(p, q path) bool {
	for i := range p {
		a, b := p[i], q[i]
		element := func(s step) bool { return s.kind == '[' || s.kind == '*' || s.kind == '?' }
		switch {
		case a == b:
		case !element(a) || !element(b):
			return false
		case a.kind == '[' && b.kind == '[' && (a.i < 0) == (b.i < 0):
			return false
		}
	}
	return true
}

// members writes an object whose members are all read in one way.
func (g *generator) members(goals []goal, depth int) string {
	n := pick(g, 0, 1, 1, 2, 2, 3, 5, 20)
	var sub, names []goal
	for _, t := range goals {
		rest := goal{t.rest[1:], t.c, t.t, t.w}
		if t.c != nil && t.c.memberName && len(rest.rest) == 0 {
			names = append(names, rest)
			continue
		}
		sub = append(sub, rest)
		if t.t.when != "keep" && t.t.when != "skip" {
			n = max(n, 1)
		}
	}
	used := map[string]bool{}
	var members []string
	for range n {
		name := g.memberName(names)
		if !g.wild && (used[name] || !g.fits(quoted(name), names)) {
			continue
		}
		used[name] = true
		members = append(members, g.name(name)+g.value(sub, depth+1))
	}
	return "{" + g.space() + strings.Join(members, g.space()+","+g.space()) + g.space() + "}"
}

// memberName draws a name that the columns take, if chance finds one.
func (g *generator) memberName(columns []goal) (name string) {
	for range 12 {
		name = pick(g, "a", "b", "sku-1", "it's", "", "é", "日本", "7", "12.5", "2024-01-10", "true", " a ", "N/A", "id", strings.Repeat("k", g.IntN(30)))
		if len(columns) > 0 && g.one(2) {
			docs, broken := parseAll(g.scalar(pick(g, columns...).c, 0))
			if broken == nil && len(docs) == 1 && docs[0].kind == '"' && docs[0].bad == nil {
				name = docs[0].str
			}
		}
		if g.wild && g.one(3) || g.fits(quoted(name), columns) {
			break
		}
	}
	return name
}
