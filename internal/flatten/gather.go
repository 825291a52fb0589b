package flatten

import (
	"sluice/internal/batch"
	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
)

// gathered are members of the JSON objects in a column that sluice adds: of
// _rescued, or of _errors. A row gets those of its own elements and of the
// record. The latter may come after the rows in the text, so the objects are
// put together when the record ends.
type gathered struct {
	column string
	text   []byte                   // "name":value, one after another
	fields [batch.MaxLevels][]field // by level of the element they are about
}

type field struct {
	element  int // of its level, counted in the batch
	from, to int // in text
}

// gatherRow holds the element of each level that a row belongs to, or -1.
type gatherRow [batch.MaxLevels]int

// reset begins a record.
func (g *gathered) reset() {
	g.text = g.text[:0]
	for l := range g.fields {
		g.fields[l] = g.fields[l][:0]
	}
}

// add makes what was appended to the text after from a member for an element.
func (g *gathered) add(level, element, from int) {
	g.fields[level] = append(g.fields[level], field{element, from, len(g.text)})
}

// gatherRow notes a row for the current elements of all levels below end.
func (t *table) gatherRow(end int) {
	row := gatherRow{-1, -1, -1}
	for l := range end {
		row[l] = t.b.Elements(l)
	}
	t.rows = append(t.rows, row)
}

// giveGathered gives each row of the record, which began at p, its objects.
func (f *Flattener) giveGathered(p int) {
	for i := range f.tables {
		if t := &f.tables[i]; f.code == "" && !t.skipped {
			f.giveRows(t, &t.rescued, t.extra.rescued, p)
			f.giveRows(t, &t.errors, t.extra.errors, p)
		}
	}
}

func (f *Flattener) giveRows(t *table, g *gathered, column, p int) {
	if len(g.text) == 0 {
		return
	}
	c := &t.b.Columns[column]
	var next [batch.MaxLevels]int // first field that may belong to the row
	first := len(f.scratch)
	base := t.b.Elements(t.b.Depth) - len(t.rows) // the first row's element
	var last struct {
		row      gatherRow
		own      bool // it has fields of its own element
		off, end int
	}
	for i, row := range t.rows {
		if i > 0 && !last.own && row[0] == last.row[0] && t.b.Depth == 1 && !g.has(1, next[1], row[1]) {
			// Same fields as the row before: only those of the record.
			f.giveObject(c, base+i, last.off, last.end)
			continue
		}
		off := len(f.scratch)
		last.own = false
		for l, fields := range g.fields {
			for next[l] < len(fields) && fields[next[l]].element < row[l] {
				next[l]++
			}
			for j := next[l]; j < len(fields) && fields[j].element == row[l]; j++ {
				f.scratch = append(f.scratch, ',')
				f.scratch = append(f.scratch, g.text[fields[j].from:fields[j].to]...)
				last.own = last.own || l > 0
			}
		}
		if len(f.scratch) > off {
			f.scratch[off] = '{'
			f.scratch = append(f.scratch, '}')
		}
		last.row, last.off, last.end = row, off, len(f.scratch)
		if int64(len(f.scratch)-first) > f.limits.RecordBytes {
			// A member of the record would be repeated in every row.
			f.tooLarge(g, p)
			return
		}
		f.giveObject(c, base+i, last.off, last.end)
	}
}

func (g *gathered) has(l, from, element int) bool {
	fields := g.fields[l]
	for from < len(fields) && fields[from].element < element {
		from++
	}
	return from < len(fields) && fields[from].element == element
}

func (f *Flattener) giveObject(c *batch.Column, element, off, end int) {
	if end > off {
		c.SetScratch(element, jsonscan.Hash(f.scratch[off:end]), off, end-off)
	}
}

func (f *Flattener) tooLarge(g *gathered, p int) {
	f.bad(reason.FieldTooLarge, mapping.Path{{Kind: mapping.Name, Name: g.column}}, p)
}
