package conversion

import (
	"slices"

	"sluice/internal/batch"
	"sluice/internal/drift"
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
	given   [][]bool       // which columns of each table have a value in some row
}

// add takes the file of the next table.
func (f *tableFiles) add(w *parquetfile.Writer) {
	t := &f.m.Tables[len(f.writers)]
	f.writers = append(f.writers, w)
	f.sums = append(f.sums, make([]batch.Sums, len(f.m.Schema(t).Columns)))
	f.given = append(f.given, make([]bool, len(t.Columns)))
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
		for j := range f.given[i] {
			f.given[i][j] = f.given[i][j] || group.Rows() > 0 && given(group, b, j)
		}
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

// given reports whether a column has a value in some row. An empty list is one,
// though a file has no value of it.
func given(group *parquetfile.RowGroup, b *batch.Batch, column int) bool {
	c := &b.Columns[column]
	if c.List == nil {
		return !group.IsNull(column)
	}
	return slices.ContainsFunc(c.Index, func(e uint32) bool { return e != batch.Null })
}

// missing counts in d the paths of columns that are NULL in all rows, of tables that
// have rows, unless that is because values did not fit. Of a column with several
// paths it is the first.
func (f *tableFiles) missing(d *drift.Counts, records int64) {
	var paths []string
	isGiven, mistyped := map[string]bool{}, d.Mistyped()
	for i := range f.m.Tables {
		if f.writers[i].Rows() == 0 {
			continue
		}
		for j := range f.m.Tables[i].Columns {
			col := &f.m.Tables[i].Columns[j]
			if len(col.Values()) == 0 {
				continue
			}
			path := col.Path.String()
			if _, ok := isGiven[path]; !ok {
				paths = append(paths, path)
			}
			isGiven[path] = isGiven[path] || f.given[i][j] ||
				len(mistyped) > 0 && slices.ContainsFunc(col.Paths(), func(p mapping.Path) bool { return mistyped[p.String()] })
		}
	}
	for _, path := range paths {
		if !isGiven[path] {
			d.N[d.Slot(drift.Missing, []byte(path), "", 0)] += records
		}
	}
}
