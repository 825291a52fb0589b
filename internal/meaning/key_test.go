package meaning

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"sluice/mapping"
)

// keyPieces are the pieces of which a pattern of keys consists.
var keyPieces = regexp.MustCompile(`\{[a-z][a-z0-9_]*\}|\*\*/|\*\*$|\*|[^{}*]+`)

// keyFault says why a pattern of keys is none.
func (s *spec) keyFault() string {
	if s.key == "" {
		return ""
	}
	pieces := keyPieces.FindAllString(s.key, -1)
	if strings.Join(pieces, "") != s.key {
		return "pieces that a key cannot have"
	}
	for i, p := range pieces {
		before := ""
		if i > 0 {
			before = pieces[i-1]
		}
		open := func(p string) bool { return p == "*" || strings.HasPrefix(p, "{") }
		switch {
		case strings.HasPrefix(p, "**") && (strings.HasPrefix(before, "**") || before != "" && !strings.HasSuffix(before, "/")):
			return "** that is no folder, or twice"
		case open(p) && open(before):
			return "parts with nothing between them"
		case strings.HasPrefix(p, "{") && slices.Contains(pieces[:i], p):
			return "a part twice"
		}
	}
	return ""
}

// keyFault says why a column cannot be fed from the key.
func (c *column) keyFault(s *spec) string {
	switch {
	case c.key == "":
		return ""
	case !strings.Contains(s.key, "{"+c.key+"}"):
		return "a part that the key has not"
	case c.kind == "json" || c.list:
		return "a part of a key that is no text"
	case c.from != nil || c.memberName || c.isLate():
		return "a column of a key that says where its value is"
	}
	return ""
}

// splits are all ways in which a key matches a pattern: the parts by name.
func splits(pattern, key string) (all []map[string]string) {
	var match func(pattern, key string, parts map[string]string)
	match = func(pattern, key string, parts map[string]string) {
		switch {
		case pattern == "":
			if key == "" {
				all = append(all, maps.Clone(parts))
			}
		case pattern == "**":
			match("", "", parts)
		case strings.HasPrefix(pattern, "**/"):
			for i := range len(key) + 1 {
				if i == 0 || key[i-1] == '/' {
					match(pattern[3:], key[i:], parts)
				}
			}
		case pattern[0] == '*':
			for i := 0; i <= len(key) && !strings.Contains(key[:i], "/"); i++ {
				match(pattern[1:], key[i:], parts)
			}
		case pattern[0] == '{':
			name, rest, _ := strings.Cut(pattern[1:], "}")
			for i := 1; i <= len(key) && !strings.Contains(key[:i], "/"); i++ {
				parts[name] = key[:i]
				match(rest, key[i:], parts)
			}
		case key != "" && pattern[0] == key[0]:
			match(pattern[1:], key[1:], parts)
		}
	}
	match(pattern, key, map[string]string{})
	return all
}

// keyCells are what the columns hold that parts of the key feed, or false: the
// object is rejected.
func (s *spec) keyCells(key string) (map[*column]string, bool) {
	if s.key == "" {
		return nil, true
	}
	all := splits(s.key, key)
	if len(all) == 0 || slices.ContainsFunc(all, func(parts map[string]string) bool { return !maps.Equal(parts, all[0]) }) {
		return nil, false
	}
	cells := map[*column]string{}
	for i := range s.tables {
		for j := range s.tables[i].columns {
			c := &s.tables[i].columns[j]
			if c.key == "" {
				continue
			}
			cell, codes := c.convert(&value{kind: '"', str: all[0][c.key]}, s.fieldBytes)
			if codes != nil || c.required && cell == null {
				return nil, false
			}
			cells[c] = cell
		}
	}
	return cells, true
}

// keys makes some columns ones of the key.
func (g *generator) keys(s *spec) {
	if !g.one(4) {
		return
	}
	s.key = pick(g, "raw/{a}/{b}", "{a}-{b}/*", "**/x={a}/**", "raw/**/{b}.*", "*{a}", "raw*/{a}_{b_1}", "**", "{a}/**/{b}/y", "x/{a}/*-*")
	var names []string
	for _, p := range keyPieces.FindAllString(s.key, -1) {
		if p[0] == '{' {
			names = append(names, p[1:len(p)-1])
		}
	}
	for i := range s.tables {
		for j := range s.tables[i].columns {
			if c := &s.tables[i].columns[j]; len(names) > 0 && g.one(3) {
				was := *c
				*c = column{name: c.name, kind: c.kind, precision: c.precision, scale: c.scale, required: c.required || g.one(3), texts: c.texts, times: c.times, key: pick(g, names...)}
				if c.unit != "" {
					c.format = "epoch"
				}
				if s.fault() != "" {
					*c = was
				}
			}
		}
	}
}

// wrongKey gives the mapping or a column a key that may be wrong.
func (g *generator) wrongKey(s *spec, c *column) {
	if g.one(2) {
		c.key = pick(g, "a", "b", "c")
	}
	if g.one(2) {
		s.key = pick(g, "{a}{b}", "{a}*", "*{b}/{a}", "**a/{a}", "x**/{a}", "a**", "***", "**/**/{a}", "**/**", "{a", "a}/{b}", "{A}", "{}", "{a}/{a}", "{ a}", "{1}", "{_}", "/{a}/", "{a}/**{b}", "{a}.{b}/{c}")
	}
}

// source is a key, which mostly fits the mapping.
func (g *generator) source(s *spec) string {
	if s.key == "" {
		return pick(g, "source", "a/b", "é")
	}
	var key strings.Builder
	for _, p := range keyPieces.FindAllString(s.key, -1) {
		switch {
		case p == "**/":
			key.WriteString(pick(g, "", "", "a/", "x=1/", "/", "a/b/"))
		case p == "**":
			key.WriteString(pick(g, "", "a.json", "a/b", "x=1/c"))
		case p == "*":
			key.WriteString(pick(g, "", "", "a", "a.json", "-", "_"))
		case p[0] == '{':
			key.WriteString(g.part(s, p[1:len(p)-1]))
		default:
			key.WriteString(p)
		}
	}
	if g.one(20) {
		return pick(g, "", key.String()+"/", "/"+key.String(), strings.ToUpper(key.String()))
	}
	return key.String()
}

// part is a text that one of the columns of the part takes, if chance finds one
// that all take.
func (g *generator) part(s *spec, name string) (text string) {
	var columns []*column
	for i := range s.tables {
		for j := range s.tables[i].columns {
			if c := &s.tables[i].columns[j]; c.key == name {
				columns = append(columns, c)
			}
		}
	}
	for range 20 {
		text = pick(g, "7", "berlin", "é", "x y", "%20", "a@b.c", "2024-01-10")
		if len(columns) > 0 {
			docs, _ := parseAll(g.scalar(pick(g, columns...), 9))
			if len(docs) > 0 && docs[0].kind == '"' && docs[0].bad == nil {
				text = docs[0].str
			} else if len(docs) > 0 {
				text = docs[0].text
			}
		}
		fits := text != "" && !strings.Contains(text, "/")
		for _, c := range columns {
			cell, codes := c.convert(&value{kind: '"', str: text}, s.fieldBytes)
			fits = fits && codes == nil && !(c.required && cell == null)
		}
		if fits || g.one(60) {
			break
		}
	}
	return text
}

// cell is what a column holds for the element that the ordinals lead to.
func (r *reading) cell(c *column, v *value, ordinals []ordinal) (string, *fault) {
	if c.key != "" {
		return r.cells[c], nil
	}
	return c.cell(v, ordinals, r.fieldBytes)
}

func (c *column) keyYAML() string { return fmt.Sprintf(", key: %q", c.key) }

func (c *column) buildKey(col *mapping.Column) {
	if col.Key = c.key; c.key != "" {
		col.Path = nil
	}
}
