package conversion

import (
	"sluice/internal/batch"
	"sluice/internal/parquetfile"
	"sluice/mapping"
	"sluice/schema"
)

// tableFiles are where row groups go, in their order: a file for each table, and
// the totals of its decimal columns.
type tableFiles struct {
	m       *mapping.Mapping
	writers []*parquetfile.Writer
	sums    [][]batch.Sums // of each column of each table
}

// add takes the file of the next table.
func (f *tableFiles) add(w *parquetfile.Writer) {
	t := &f.m.Tables[len(f.writers)]
	f.writers = append(f.writers, w)
	f.sums = append(f.sums, make([]batch.Sums, len(f.m.Schema(t).Columns)))
}

// write writes the encoded row groups of a lane and empties its batches.
func (f *tableFiles) write(l *lane) error {
	for i, group := range l.groups {
		if group.Rows() > 0 {
			if err := f.writers[i].Write(group); err != nil {
				return err
			}
		}
		b := l.batches[i]
		for j := range b.Columns {
			f.sums[i][j].Add(b, &b.Columns[j])
		}
	}
	l.reset()
	return nil
}

// close writes the footers.
func (f *tableFiles) close() error {
	for _, w := range f.writers {
		if err := w.Close(); err != nil {
			return err
		}
	}
	return nil
}

// written is how many rows and bytes were written.
func (f *tableFiles) written() (rows, bytes int64) {
	for _, w := range f.writers {
		rows += w.Rows()
		bytes += w.Bytes()
	}
	return rows, bytes
}

// totals are the sums of the decimal columns, by "table.column": over the rows
// and, where a value can stand in several rows, over the records.
func (f *tableFiles) totals() (rows, once map[string]string) {
	rows, once = map[string]string{}, map[string]string{}
	for i := range f.m.Tables {
		t := &f.m.Tables[i]
		for j := range t.Columns {
			col, sums := &t.Columns[j], &f.sums[i][j]
			if col.Type.Kind != schema.Decimal {
				continue
			}
			name := t.Name + "." + col.Name
			rows[name] = sums.Rows.Decimal(col.Type.Scale)
			if col.Level() < t.Levels() {
				once[name] = sums.Once.Decimal(col.Type.Scale)
			}
		}
	}
	return rows, once
}
