package meaning

import "slices"

// dropped reports whether the mapping drops what is at a path.
func (s *spec) dropped(p path) bool {
	return slices.ContainsFunc(s.drop, func(d path) bool { return slices.Equal(d, p) })
}

// dropFault says why a path cannot be dropped.
func (s *spec) dropFault() string {
	for i, d := range s.drop {
		if len(d) == 0 || d[len(d)-1].kind != '.' || d.filterAt() >= 0 {
			return "drop of no member"
		}
		if slices.ContainsFunc(s.drop[:i], func(o path) bool { return slices.Equal(o, d) }) {
			return "drop twice"
		}
		beside := false // a path leads to a member of the same object
		for _, t := range s.tables {
			for _, p := range t.paths() {
				beside = beside || len(p) >= len(d) && p[len(d)-1].kind == '.' && slices.Equal(p[:len(d)-1], d[:len(d)-1])
			}
			for _, c := range t.columns {
				for _, p := range c.paths() {
					switch n := len(p); {
					case slices.Equal(p, d):
						return "drop of a column"
					case n <= len(d) && c.kind == "json" && alike(p, d[:n]), d.below(p) && !c.memberName && !c.either(p):
						return "drop inside of a column"
					}
				}
			}
		}
		if !beside {
			return "drop where nobody looks"
		}
	}
	return ""
}

// alike reports whether two paths may lead to the same value.
func alike(p, q path) bool {
	for i := range p {
		a, b := p[i], q[i]
		switch {
		case (a.kind == '.') != (b.kind == '.') || (a.kind == 'm') != (b.kind == 'm') || a.kind == '.' && a != b:
			return false
		case a.kind == '[' && b.kind == '[' && a.i != b.i && a.i < 0 == (b.i < 0):
			return false
		}
	}
	return true
}

// drops draws paths to drop: beside paths of the mapping, mostly.
func (g *generator) drops(s *spec) {
	if !g.one(3) {
		return
	}
	for range 1 + g.IntN(3) {
		t := pick(g, s.tables...)
		p := pick(g, append(t.paths(), nil)...)
		if len(p) > 0 {
			p = p[:g.IntN(len(p))]
		}
		d := p.with(step{kind: '.', name: pick(g, "u", "v", "id", "a", "b", "c")})
		if s.drop = append(s.drop, d); s.dropFault() != "" && !g.one(30) {
			s.drop = s.drop[:len(s.drop)-1]
		}
	}
}
