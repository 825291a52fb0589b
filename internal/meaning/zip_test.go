package meaning

import (
	"fmt"
	"slices"
	"strings"
)

// What docs/mapping.md says of zip.

// exploded are the paths of what becomes rows.
func (t *table) exploded() []path {
	if t.explode == nil {
		return nil
	}
	return append([]path{t.explode}, t.zip...)
}

func (t *table) zipYAML() string {
	var all []string
	for _, p := range t.exploded() {
		all = append(all, fmt.Sprintf("%q", p.String()))
	}
	return fmt.Sprintf("    zip: [%s]\n", strings.Join(all, ", "))
}

// follows reports whether the rows of the table go over all wildcards of a path.
func (t *table) follows(p path) bool {
	last := p.lastWild()
	return last == 0 || slices.ContainsFunc(t.exploded(), func(q path) bool { return len(q) >= last && slices.Equal(p[:last], q[:last]) })
}

func (t *table) zipFault() string {
	if t.zip == nil {
		return ""
	}
	all := t.exploded()
	for i, p := range all {
		last := len(p) - 1
		switch {
		case last < 0 || p[last].kind != '*' || p.levels() > 2:
			return "zip of no array"
		case !slices.Equal(p[:p[:last].lastWild()], all[0][:all[0][:len(all[0])-1].lastWild()]):
			return "zip of arrays in other elements"
		case slices.ContainsFunc(all[:i], func(q path) bool { return slices.Equal(p, q) }):
			return "zip of an array with itself"
		case slices.ContainsFunc(all, func(q path) bool { return p.below(q[:len(q)-1]) && !slices.Equal(p, q) }):
			return "zip of an array with what is in it"
		}
	}
	for _, c := range t.where {
		if c.path.levels() == t.explode.levels() {
			return "a condition in an array of zip"
		}
	}
	for i := range t.columns {
		var first path
		for _, p := range t.columns[i].paths() {
			in := p[:p.lastWild()]
			if in.levels() == t.explode.levels() && first != nil && !slices.Equal(in, first) {
				return "a column of two arrays of zip"
			}
			if in.levels() == t.explode.levels() {
				first = in
			}
		}
	}
	return ""
}

// elementsAt are the paths of the exploded element that the ordinals lead to; of
// zip, of the elements of all arrays. Without ordinals it is the record.
func (t *table) elementsAt(ordinals []ordinal) (all []path) {
	if len(ordinals) == 0 {
		return []path{nil}
	}
	for _, p := range t.exploded() {
		all = append(all, p[:len(p.upTo(len(ordinals)))+1].at(ordinals))
	}
	return all
}

// elementOf is the path of the element that feeds a column.
func (t *table) elementOf(c *column, ordinals []ordinal) path {
	for _, p := range c.paths() {
		if in := p[:p.lastWild()]; in.levels() == len(ordinals) && len(ordinals) > 0 {
			return in.at(ordinals)
		}
	}
	return t.elementsAt(ordinals)[0]
}

// arrays are the elements of the arrays, or the members of the object, that the
// next level goes over in an element.
func (t *table) arrays(v *value, ordinals []ordinal) (all [][]ordinal) {
	for _, p := range t.exploded() {
		target := p.upTo(len(ordinals) + 1)
		all = append(all, elementsIn(target.at(ordinals).find(v), p[len(target)].kind))
	}
	return all
}

func (t *table) longest(v *value, ordinals []ordinal) []ordinal {
	return slices.MaxFunc(t.arrays(v, ordinals), func(a, b []ordinal) int { return len(a) - len(b) })
}

// lengths notes that arrays side by side differ in length.
func (r *reading) lengths(t *table, v *value, ordinals []ordinal, begin int) {
	all := t.arrays(v, ordinals)
	for i, p := range t.exploded() {
		if len(all[i]) != len(all[0]) {
			r.findings.add("zip_length", begin, p.upTo(len(ordinals)+1).at(ordinals).String())
			return
		}
	}
}

// zips puts arrays beside that of explode.
func (g *generator) zips(t *table) {
	last := len(t.explode) - 1
	if last < 0 || t.explode[last].kind != '*' || !g.one(4) {
		return
	}
	around := t.explode[:t.explode[:last].lastWild()]
	for range 1 + g.IntN(2) {
		p := append(append(slices.Clone(around), g.steps(pick(g, 1, 1, 2))...), step{kind: '*'})
		if !slices.ContainsFunc(t.exploded(), func(q path) bool { return slices.Equal(p, q) }) {
			t.zip = append(t.zip, p)
		}
	}
}

// zipped is the length of an array: mostly that of the arrays beside it.
func (g *generator) zipped(goals []goal, n int) int {
	for _, t := range goals {
		if t.c != nil || t.w != nil || t.t.zip == nil || len(t.rest) != 1 || g.one(40) {
			continue
		}
		if _, known := g.length[t.t]; !known {
			g.length[t.t] = n
		}
		return g.length[t.t]
	}
	return n
}

// besides moves paths of a column into another array of zip.
func (g *generator) besides(c *column, t *table) {
	for _, p := range append([]*path{&c.path, &c.minor.path}, pointers(c.others)...) {
		if n := len(t.explode); t.zip != nil && p.levels() == t.explode.levels() && p.lastWild() == n && (g.one(2) || c.isLate()) {
			*p = append(slices.Clone(t.zip[0]), (*p)[n:]...)
		}
	}
}

func pointers(paths []path) (all []*path) {
	for i := range paths {
		all = append(all, &paths[i])
	}
	return all
}
