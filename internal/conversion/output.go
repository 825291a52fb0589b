package conversion

import (
	"sluice/internal/batch"
	"sluice/internal/parquetfile"
	"sluice/mapping"
	"sluice/schema"
)

// output is where row groups go, in their order: a file for each table, and
// the totals of its decimal columns.
type output struct {
	m       *mapping.Mapping
	writers []*parquetfile.Writer
	sums    [][]batch.Sums // of each column of each table
}

// add takes the file of the next table.
func (o *output) add(w *parquetfile.Writer) {
	t := &o.m.Tables[len(o.writers)]
	o.writers = append(o.writers, w)
	o.sums = append(o.sums, make([]batch.Sums, len(o.m.Schema(t).Columns)))
}

// write writes the encoded row groups of a lane and empties its batches.
func (o *output) write(l *lane) error {
	for i, group := range l.groups {
		if group.Rows() > 0 {
			if err := o.writers[i].Write(group); err != nil {
				return err
			}
		}
		b := l.batches[i]
		for j := range b.Columns {
			o.sums[i][j].Add(b, &b.Columns[j])
		}
	}
	l.reset()
	return nil
}

// close writes the footers.
func (o *output) close() error {
	for _, w := range o.writers {
		if err := w.Close(); err != nil {
			return err
		}
	}
	return nil
}

// written is how many rows and bytes were written.
func (o *output) written() (rows, bytes int64) {
	for _, w := range o.writers {
		rows += w.Rows()
		bytes += w.Bytes()
	}
	return rows, bytes
}

// totals are the sums of the decimal columns, by "table.column": over the rows
// and, where a value can stand in several rows, over the records.
func (o *output) totals() (rows, once map[string]string) {
	rows, once = map[string]string{}, map[string]string{}
	for i := range o.m.Tables {
		t := &o.m.Tables[i]
		for j := range t.Columns {
			col, sums := &t.Columns[j], &o.sums[i][j]
			if col.Type.Kind != schema.Decimal {
				continue
			}
			name := t.Name + "." + col.Name
			rows[name] = sums.Rows.Decimal(col.Type.Scale)
			if col.Path.Wildcards() < t.Levels() {
				once[name] = sums.Once.Decimal(col.Type.Scale)
			}
		}
	}
	return rows, once
}
