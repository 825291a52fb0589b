package mapping

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// parseJSON reads the paths of strings that hold JSON. Tables are read.
func (r *reader) parseJSON(n *yaml.Node, m *Mapping) {
	if n == nil {
		return
	}
	valid := r.Failed() == 0
	for _, e := range r.List(n, "parse_json") {
		p, ok := r.path(e, "parse_json")
		switch {
		case !ok:
		case len(p) == 0:
			r.Fail(e, "parse_json: $ is the record itself; let records end at what holds the string, and name the string, as in $.body")
		case p.LastFilter() >= 0:
			r.Fail(e, "parse_json: %s has a filter; use [*] in its place: strings of elements that no path needs do no harm", p)
		case slices.ContainsFunc(m.ParseJSON, func(q Path) bool { return slices.Equal(p, q) }):
			r.Fail(e, "parse_json: %s is listed twice; keep one", p)
		default:
			for _, q := range m.ParseJSON {
				if p.spelledApart(q) {
					r.Fail(e, "parse_json: %s and %s may lead through one element of an array; use [*] in both, or the same index", q, p)
				}
			}
			if valid && !m.leadsInto(p) {
				r.Fail(e, "parse_json: no other path leads to %s or on from it; use a column for what is in the string, or remove it", p)
			}
			m.ParseJSON = append(m.ParseJSON, p)
		}
	}
	slices.SortFunc(m.ParseJSON, comparePaths) // the order decides nothing
}

// spelledApart reports whether the paths may lead through the same element of an
// array, but say so in two ways.
func (p Path) spelledApart(q Path) bool {
	for i := range min(len(p), len(q)) {
		if p[i] != q[i] {
			return p[:i+1].Meets(q[:i+1])
		}
	}
	return false
}

// leadsInto reports whether a column, a condition or rows need what is at p or
// inside of it.
func (m *Mapping) leadsInto(p Path) bool {
	for i := range m.Tables {
		t := &m.Tables[i]
		all := t.Exploded()
		for _, c := range t.Where {
			all = append(append(all, c.Path), c.Path.Keys()...)
		}
		for c := range t.Columns {
			all = append(all, t.Columns[c].Paths()...)
		}
		if slices.ContainsFunc(all, p.around) {
			return true
		}
	}
	return false
}
