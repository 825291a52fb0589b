package flatten

import (
	"sluice/internal/batch"
	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
)

// rescue collects the members of a record that no path names, for the column
// _rescued. A row gets the members of its own elements and those of the record.
// The latter may come after the rows in the text, so the texts are put together
// when the record ends.
type rescue struct {
	text   []byte                   // "path":value, one after another
	fields [batch.MaxLevels][]field // by level of the element they stand in
	rows   []rescueRow
}

type field struct {
	element  int // of its level, counted in the batch
	from, to int // in text
}

// rescueRow holds the element of each level that a row belongs to, or -1.
type rescueRow [batch.MaxLevels]int

func (r *rescue) reset() {
	r.text, r.rows = r.text[:0], r.rows[:0]
	for l := range r.fields {
		r.fields[l] = r.fields[l][:0]
	}
}

// row adds a row for the current elements of all levels below end.
func (r *rescue) row(b *batch.Batch, end int) {
	row := rescueRow{-1, -1, -1}
	for l := range end {
		row[l] = b.Elements(l)
	}
	r.rows = append(r.rows, row)
}

// rescueField keeps the member whose name begins at key and whose value is
// b[p:q], for the tables that do not get it by another path.
func (f *Flattener) rescueField(n *node, key, p, q int) {
	path := append(f.named(f.within(n.path)), f.nameAt(key)).String()
	if n.around {
		path = "$" + path
	}
	for _, o := range n.owners {
		if n.has(o) {
			continue
		}
		t := &f.tables[o.table]
		r := &t.rescue
		from := len(r.text)
		r.text = jsonscan.AppendQuoted(r.text, path)
		r.text = append(r.text, ':')
		r.text = append(r.text, f.b[p:q]...)
		element := t.b.Elements(o.level)
		if n.around && f.seen {
			element-- // the record has ended
		}
		r.fields[o.level] = append(r.fields[o.level], field{element, from, len(r.text)})
	}
}

// rescueTables gives each row of the record, which began at p, its text.
func (f *Flattener) rescueTables(p int) {
	for i := range f.tables {
		if t := &f.tables[i]; f.code == "" && !t.skipped {
			f.rescueRows(t, p)
		}
	}
}

func (f *Flattener) rescueRows(t *table, p int) {
	c := &t.b.Columns[t.extra.rescued]
	r := &t.rescue
	var next [batch.MaxLevels]int // first field that may belong to the row
	first := len(f.scratch)
	base := t.b.Elements(t.b.Depth) - len(r.rows) // the first row's element
	var last struct {
		row      rescueRow
		own      bool // it has fields of its own element
		off, end int
	}
	for i, row := range r.rows {
		if i > 0 && !last.own && row[0] == last.row[0] && t.b.Depth == 1 && !r.has(1, next[1], row[1]) {
			// Same fields as the row before: only those of the record.
			f.addRescued(c, base+i, last.off, last.end)
			continue
		}
		off := len(f.scratch)
		last.own = false
		for l, fields := range r.fields {
			for next[l] < len(fields) && fields[next[l]].element < row[l] {
				next[l]++
			}
			for j := next[l]; j < len(fields) && fields[j].element == row[l]; j++ {
				f.scratch = append(f.scratch, ',')
				f.scratch = append(f.scratch, r.text[fields[j].from:fields[j].to]...)
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
			f.bad(reason.FieldTooLarge, mapping.Path{{Kind: mapping.Name, Name: mapping.Rescued}}, p)
			return
		}
		f.addRescued(c, base+i, last.off, last.end)
	}
}

func (r *rescue) has(l, from, element int) bool {
	fields := r.fields[l]
	for from < len(fields) && fields[from].element < element {
		from++
	}
	return from < len(fields) && fields[from].element == element
}

func (f *Flattener) addRescued(c *batch.Column, element, off, end int) {
	if end > off {
		c.SetScratch(element, jsonscan.Hash(f.scratch[off:end]), off, end-off)
	}
}
