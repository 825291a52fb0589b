//go:build meaning

package meaning

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// step is one step of a path: a name, an index, or [*].
type step struct {
	kind byte // . [ *
	name string
	i    int
}

type path []step

func (s step) String() string {
	switch s.kind {
	case '*':
		return "[*]"
	case '[':
		return "[" + strconv.Itoa(s.i) + "]"
	}
	plain := s.name != ""
	for i, r := range s.name {
		plain = plain && (r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80 || i > 0 && r >= '0' && r <= '9')
	}
	if plain {
		return "." + s.name
	}
	var b strings.Builder
	for _, r := range s.name {
		switch i := strings.IndexRune("\b\t\n\f\r'\\", r); {
		case i >= 0:
			b.WriteString(`\` + `btnfr'\`[i:i+1])
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return "['" + b.String() + "']"
}

func (p path) String() string {
	s := "$"
	for _, step := range p {
		s += step.String()
	}
	return s
}

func (p path) with(s step) path { return append(slices.Clone(p), s) }

func (p path) levels() (n int) {
	for _, s := range p {
		if s.kind == '*' {
			n++
		}
	}
	return n
}

// upTo is the path before its level-th wildcard.
func (p path) upTo(level int) path {
	for i, s := range p {
		if s.kind == '*' {
			if level--; level == 0 {
				return p[:i]
			}
		}
	}
	return p
}

// at puts ordinals in place of wildcards.
func (p path) at(ordinals []int) path {
	p = slices.Clone(p)
	for i := range p {
		if p[i].kind == '*' && len(ordinals) > 0 {
			p[i] = step{kind: '[', i: ordinals[0]}
			ordinals = ordinals[1:]
		}
	}
	return p
}

// find is the value at a path without wildcards, or nil.
func (p path) find(v *value) *value {
	for _, s := range p {
		switch {
		case v == nil:
			return nil
		case s.kind == '.' && v.kind == '{':
			v = v.member(s.name)
		case s.kind == '[' && v.kind == '[':
			i := s.i
			if i < 0 {
				i += len(v.elems)
			}
			if i < 0 || i >= len(v.elems) {
				return nil
			}
			v = v.elems[i]
		default:
			return nil
		}
	}
	return v
}

// spec is a mapping, as this package understands it.
type spec struct {
	records    []path
	tables     []table
	unknown    string // count, keep, reject
	provenance bool

	fieldBytes, recordBytes, recordRows int // 0: the default
}

type table struct {
	name    string
	explode path
	when    string // empty: the default
	columns []column
}

type column struct {
	name             string
	path             path
	kind             string
	precision, scale int
	from             []string
	unit             string
	required         bool
}

func (c *column) typeText() string {
	if c.kind == "decimal" {
		return fmt.Sprintf("decimal(%d,%d)", c.precision, c.scale)
	}
	return c.kind
}

// yaml writes the mapping file.
func (s *spec) yaml() string {
	var b strings.Builder
	if s.records != nil {
		b.WriteString("records:\n")
		for _, p := range s.records {
			fmt.Fprintf(&b, "  - %q\n", p.String())
		}
	}
	fmt.Fprintf(&b, "unknown_fields: %s\nprovenance: %t\nlimits:\n  quarantine_share: 1\n", s.unknown, s.provenance)
	for name, n := range map[string]int{"field_bytes": s.fieldBytes, "record_bytes": s.recordBytes, "record_rows": s.recordRows} {
		if n > 0 {
			fmt.Fprintf(&b, "  %s: %d\n", name, n)
		}
	}
	b.WriteString("tables:\n")
	for _, t := range s.tables {
		fmt.Fprintf(&b, "  - table: %s\n", t.name)
		if t.explode != nil {
			fmt.Fprintf(&b, "    explode: %q\n", t.explode.String())
		}
		if t.when != "" {
			fmt.Fprintf(&b, "    when_empty: %s\n", t.when)
		}
		b.WriteString("    columns:\n")
		for _, c := range t.columns {
			fmt.Fprintf(&b, "      - {name: %s, path: %q, type: %q, required: %t", c.name, c.path.String(), c.typeText(), c.required)
			if c.from != nil {
				fmt.Fprintf(&b, ", from: [%s]", strings.Join(c.from, ", "))
			}
			if c.unit != "" {
				fmt.Fprintf(&b, ", unit: %s", c.unit)
			}
			b.WriteString("}\n")
		}
	}
	return b.String()
}
