package meaning

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"sluice/mapping"
)

// What docs/mapping.md says of where.

type condition struct {
	path   path
	test   string   // equals, not_equals, in, not_in, null, not_null
	values []string // JSON
}

func (c *condition) yaml() string {
	switch c.test {
	case "null", "not_null":
		return fmt.Sprintf("{path: %q, is: %s}", c.path.String(), c.test)
	case "equals", "not_equals":
		return fmt.Sprintf("{path: %q, %s: %s}", c.path.String(), c.test, c.values[0])
	}
	return fmt.Sprintf("{path: %q, %s: [%s]}", c.path.String(), c.test, strings.Join(c.values, ", "))
}

func (c *condition) build() mapping.Condition {
	tests := map[string]mapping.Test{"equals": mapping.In, "in": mapping.In, "not_equals": mapping.NotIn, "not_in": mapping.NotIn, "null": mapping.IsNull, "not_null": mapping.IsNotNull}
	built := mapping.Condition{Path: c.path.build(), Test: tests[c.test]}
	for _, text := range c.values {
		built.Values = append(built.Values, literal(text))
	}
	return built
}

func literal(text string) mapping.Literal {
	docs, _ := parseAll(text)
	switch docs[0].kind {
	case '"':
		return mapping.Literal{Type: mapping.FromString, Text: docs[0].str}
	case 't', 'f':
		return mapping.Literal{Type: mapping.FromBoolean, Text: text}
	}
	return mapping.Literal{Type: mapping.FromNumber, Text: text}
}

// holds reports whether a value, or none, is what the condition wants.
func (c *condition) holds(v *value) bool {
	null := v == nil || v.kind == 'n'
	switch c.test {
	case "null":
		return null
	case "not_null":
		return !null
	}
	among := slices.ContainsFunc(c.values, func(text string) bool {
		docs, _ := parseAll(text)
		return !null && same(docs[0], v)
	})
	return among == (c.test == "equals" || c.test == "in")
}

// same reports whether scalars are equal: numbers by their value.
func same(a, b *value) bool {
	if b.numeric {
		b = &value{kind: '0', text: b.str}
	}
	switch {
	case a.kind != b.kind:
		return false
	case a.kind == '"':
		return a.str == b.str
	case a.kind != '0':
		return a.text == b.text
	case strings.ContainsAny(a.text+b.text, "eE"):
		d, p, n := scientific(a.text)
		e, q, m := scientific(b.text)
		return d == e && p == q && n == m
	}
	x, _ := new(big.Rat).SetString(a.text)
	y, _ := new(big.Rat).SetString(b.text)
	return x.Cmp(y) == 0
}

func (t *table) whereFault() string {
	for i, c := range t.where {
		for _, o := range t.where[:i] {
			if m := (condition{path: c.path, test: c.test, values: c.values}); slices.Equal(o.path, m.path) && o.build().Test == m.build().Test && slices.Equal(o.values, m.values) {
				return "a condition twice"
			}
		}
		if len(slices.Compact(slices.Sorted(slices.Values(c.values)))) < len(c.values) {
			return "a value twice"
		}
		for _, p := range withKeys(c.path) {
			if !t.follows(p) {
				return "a condition on other rows"
			}
			if fault := p.filterFault(); fault != "" {
				return fault
			}
		}
	}
	return ""
}

// lastWild is the number of steps up to the last wildcard.
func (p path) lastWild() (n int) {
	for i, s := range p {
		if s.wild() {
			n = i + 1
		}
	}
	return n
}

// takes reports whether the conditions of a table on an element and those
// around it hold.
func (r *reading) takes(t *table, ordinals []ordinal) bool {
	for level := range len(ordinals) + 1 {
		var fault *stuck
		var at path
		for _, c := range t.where {
			if c.path.levels() != level {
				continue
			}
			p := c.path.at(ordinals[:level])
			v, wrong := p.lookup(r.value)
			switch {
			case wrong != nil && fault == nil:
				fault, at = wrong, p[:wrong.steps]
			case wrong == nil && !c.holds(v):
				return false
			}
		}
		if fault != nil {
			r.findings.add(fault.code, fault.value.at, at.String())
			return false
		}
	}
	return true
}

// takesEmpty reports whether they hold for what is missing below a level.
func (t *table) takesEmpty(level int) bool {
	for _, c := range t.where {
		if c.path.levels() > level && !c.holds(nil) {
			return false
		}
	}
	return true
}

// leaveOut counts the rows of an element that its table does not take.
func (r *reading) leaveOut(t *table, ordinals []ordinal) {
	level := len(ordinals)
	if level == t.explode.levels() {
		r.filtered++
		return
	}
	below := t.longest(r.value, ordinals)
	for _, o := range below {
		r.leaveOut(t, append(slices.Clone(ordinals), o))
	}
	if len(below) == 0 && t.when == "keep" {
		r.filtered++
	}
}

// wanted reports whether a table with a path through a place takes the element
// that the place is in.
func (r *reading) wanted(p *place) bool {
	for i := range r.tables {
		t := &r.tables[i]
		if t.leads(p.path) && r.takes(t, p.ordinals) {
			return true
		}
	}
	return false
}

// leads reports whether a path of the table leads through a place. One of a
// condition that wants a value does not above the rows that the condition is
// about: without the value these are left out.
func (t *table) leads(to path) bool {
	through := func(q path) bool { return q.below(to) }
	if slices.ContainsFunc(t.exploded(), through) {
		return true
	}
	for _, c := range t.where {
		if (!c.wantsValue() || to.levels() >= c.path.levels()) && slices.ContainsFunc(withKeys(c.path), through) {
			return true
		}
	}
	return slices.ContainsFunc(t.columns, func(c column) bool { return slices.ContainsFunc(c.paths(), through) })
}

func (c *condition) wantsValue() bool { return !c.holds(nil) }

// asks reports whether a condition is about a place.
func (s *spec) asks(p path) bool {
	return slices.ContainsFunc(s.tables, func(t table) bool {
		return slices.ContainsFunc(t.where, func(c condition) bool {
			return slices.ContainsFunc(withKeys(c.path), func(q path) bool { return slices.Equal(q, p) })
		})
	})
}

// uses is wanted, also of tables with a column at the place.
func (r *reading) uses(p *place) bool {
	for i := range r.tables {
		t := &r.tables[i]
		here := func(c column) bool {
			return !c.memberName && slices.ContainsFunc(c.paths(), func(q path) bool { return slices.Equal(p.path, q) })
		}
		if slices.ContainsFunc(t.columns, here) && r.takes(t, p.ordinals) {
			return true
		}
	}
	return r.wanted(p)
}

// asked reports whether a condition is about a place into which no path leads.
func (r *reading) asked(p *place) bool {
	return r.asks(p.path) && !p.leads()
}

var literals = []string{`"a"`, `"b"`, `""`, `"text"`, `"7"`, `"é"`, `"true"`, "7", "7.0", "70e-1", "-0", "0.0", "100", "1e2", "1.50", "1e400", "-1e-400", "2147483647", "true", "false"}

// where draws conditions, mostly none.
func (g *generator) where(t *table) (all []condition) {
	for g.one(4) && len(all) < 3 {
		c := condition{test: pick(g, "equals", "not_equals", "in", "not_in", "not_in", "null", "not_null")}
		switch levels := t.explode.levels(); {
		case len(all) > 0 && g.one(3): // also one that contradicts it
			c.path = all[0].path
		case levels > 0 && !g.one(3):
			head := t.explode.upTo(1 + g.IntN(levels))
			c.path = append(t.explode[:len(head)+1:len(head)+1], g.steps(pick(g, 0, 1, 1, 2))...)
		case len(t.columns) > 0 && g.one(2):
			c.path = pick(g, t.columns...).path
		default:
			c.path = g.steps(pick(g, 1, 1, 2))
		}
		c.path = g.filtered(c.path, t)
		switch c.test {
		case "equals", "not_equals":
			c.values = []string{pick(g, literals...)}
		case "in", "not_in":
			for range 1 + g.IntN(4) {
				if l := pick(g, literals...); !slices.Contains(c.values, l) || g.one(20) {
					c.values = append(c.values, l)
				}
			}
		}
		if t.zip == nil || c.path.levels() < t.explode.levels() || g.one(30) {
			all = append(all, c)
		}
	}
	return all
}
