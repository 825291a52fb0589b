package mapping

import (
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Exploded are the paths of what becomes rows: Explode and, beside it, Zip.
func (t *Table) Exploded() []Path {
	if len(t.Explode) == 0 && len(t.Zip) == 0 {
		return nil
	}
	return append([]Path{t.Explode}, t.Zip...)
}

// zip reads the paths of arrays whose elements stand side by side: the i-th
// elements of all are the i-th row.
func (r *reader) zip(n *yaml.Node, t *Table, paths *pathTree, what string) (ok bool) {
	var all []Path
	before := r.Failed()
	for _, e := range r.List(n, what+": zip") {
		p, read := r.path(e, what+": zip")
		if !read {
			continue
		}
		last := len(p) - 1
		switch {
		case last < 0 || p[last].Kind != Wildcard:
			r.Fail(e, "%s: zip: %s does not end in [*]; name the elements of an array, as in $.hourly.time[*]", what, p)
		case p.Wildcards() > 2:
			r.Fail(e, "%s: zip: %s has more than two wildcards; use at most two", what, p)
		case slices.ContainsFunc(all, func(q Path) bool { return slices.Equal(p, q) }):
			r.Fail(e, "%s: zip: %s is listed twice; keep one", what, p)
		case len(all) > 0 && !slices.Equal(p[:last].lastWildcard(), all[0][:len(all[0])-1].lastWildcard()):
			r.Fail(e, "%s: zip: %s and %s are not arrays of one element: up to their last wildcard, the wildcards must be the same; use tables for arrays in other places", what, all[0], p)
		default:
			for _, q := range all {
				if p.HasPrefix(q[:len(q)-1]) || q.HasPrefix(p[:last]) {
					r.Fail(e, "%s: zip: of %s and %s, one is inside the other; use arrays that stand beside each other", what, q, p)
				}
			}
			paths.explode(e, what+": zip", p)
		}
		if last >= 0 {
			all = append(all, p)
		}
	}
	switch {
	case r.Failed() > before || len(all) == 0:
		return false
	case len(all) == 1:
		r.Fail(n, "%s: zip has one path; add the arrays beside it, or write explode: %s", what, all[0])
		return false
	}
	t.Explode, t.Zip = all[0], all[1:]
	return true
}

// oneArray checks that a column takes values of one array of zip: the arrays are
// read one after another.
func (r *reader) oneArray(n *yaml.Node, c *Column, t *Table) {
	if len(t.Zip) == 0 {
		return
	}
	var first Path
	for _, p := range c.Paths() {
		switch in := p.lastWildcard(); {
		case p.Wildcards() < t.Levels():
		case first == nil:
			first = in
		case !slices.Equal(first, in):
			r.Fail(n, "column %s: its paths lead into two arrays of zip, %s and %s; use a column for each", c.Name, first, in)
			return
		}
	}
}

func (t *Table) appendZip(b []byte) []byte {
	for i, p := range t.Exploded() {
		b = strconv.AppendQuote(append(b, between(i, "    zip: [")...), p.String())
	}
	return append(b, "]\n"...)
}
