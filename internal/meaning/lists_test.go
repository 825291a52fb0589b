package meaning

import (
	"bytes"
	"encoding/json"
	"strings"
)

// item is a list's column, as it would be for one of its values.
func (c *column) item() *column {
	item := *c
	item.list, item.required = false, false
	return &item
}

// convertList is convert for a list. What is wrong with its values is told by values.
func (c *column) convertList(v *value, fieldBytes int) (cell string, codes []string) {
	if v.kind != '[' {
		return "", []string{"not_array"}
	}
	if fieldBytes > 0 && len(v.text) > fieldBytes {
		codes = []string{"field_too_large"}
	}
	var cells []string
	for _, e := range v.elems {
		cell, _ := c.item().convert(e, fieldBytes)
		switch {
		case cell == null:
			cell = "null"
		case c.kind == "string" || c.kind == "date" || c.kind == "timestamp":
			cell = inQuotes(cell)
		}
		cells = append(cells, cell)
	}
	return "[" + strings.Join(cells, ",") + "]", codes
}

// inQuotes is a text as the reader of the files shows it in a list.
func inQuotes(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// misfits reports whether a value of the list does not fit.
func (c *column) misfits(v *value, fieldBytes int) bool {
	for _, e := range v.elems {
		if _, codes := c.item().convert(e, fieldBytes); codes != nil {
			return true
		}
	}
	return false
}

// values notes what is wrong with the values of a list at p, or with their number.
func (r *reading) values(c *column, p path, v *value) {
	if v == nil || v.kind != '[' {
		return
	}
	for i, e := range v.elems {
		at := p.with(step{kind: '[', i: i}).String()
		_, codes := c.item().convert(e, r.fieldBytes)
		for _, code := range codes {
			r.findings.add(code, e.at, at)
		}
		for _, wrong := range e.wrong {
			r.findings.add("wrong_type", wrong, at)
		}
		if r.read[c]++; r.recordRows > 0 && r.read[c] == r.recordRows+1 {
			r.findings.add("too_many_rows", e.start(), at)
		}
	}
}

// boundLists notes lists with too many values in all rows, whose elements have
// these ordinals.
func (r *reading) boundLists(t *table, v *value, rows [][]ordinal) {
	for i := range t.columns {
		c := &t.columns[i]
		values := 0
		for _, ordinals := range rows {
			if level := c.path.levels(); level <= len(ordinals) && c.list && !c.empty {
				if list := c.path.at(ordinals[:level]).find(v); list != nil {
					values += len(list.elems)
				}
			}
		}
		if r.recordRows > 0 && values > r.recordRows {
			r.findings.add("too_many_rows", r.at, c.path.String())
		}
	}
}

// lists is the number of lists with values in some rows of the table.
func (t *table) lists(rows [][]string) (n int) {
	for i := range t.columns {
		for _, row := range rows {
			if t.columns[i].list && row[i] != null && row[i] != "[]" {
				n++
			}
		}
	}
	return n
}

// listOf writes a value for a list, mostly one that it takes.
func (g *generator) listOf(c *column, depth int) string {
	if g.one(40) {
		return pick(g, "[]", "null", "7", `{"a":1}`)
	}
	var elems []string
	item := c.item()
	for range pick(g, 0, 0, 1, 1, 2, 3, 5, 30) {
		e := g.scalar(item, depth+1)
		for range 6 {
			if docs, broken := parseAll(e); broken == nil && len(docs) == 1 {
				if _, codes := item.convert(docs[0], g.s.fieldBytes); codes == nil {
					break
				}
			}
			e = g.scalar(item, depth+1)
		}
		if g.one(8) {
			e = "null"
		}
		elems = append(elems, e)
	}
	return "[" + g.space() + strings.Join(elems, g.space()+","+g.space()) + g.space() + "]"
}
