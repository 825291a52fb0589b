package conversion

import (
	"slices"

	"sluice/internal/batch"
	"sluice/internal/drift"
	"sluice/internal/parquetfile"
	"sluice/mapping"
	"sluice/schema"
)

// tableFiles are where row groups go, in their order: an output for each table, and
// the totals of its decimal columns.
type tableFiles struct {
	m       *mapping.Mapping
	outputs []Output
	rows    []int64        // of each table
	sums    [][]batch.Sums // of each column of each table
	given   [][]bool       // which columns of each table have a value in some row
}

// add takes the output of the next table.
func (f *tableFiles) add(out Output) {
	t := &f.m.Tables[len(f.outputs)]
	f.outputs = append(f.outputs, out)
	f.rows = append(f.rows, 0)
	f.sums = append(f.sums, make([]batch.Sums, len(out.Schema.Columns)))
	f.given = append(f.given, make([]bool, len(t.Columns)))
}

// write hands on the row groups of a lane.
func (f *tableFiles) write(l *lane) error {
	for i := range f.outputs {
		out, b, begin := &f.outputs[i], l.batches[i], l.begins[i].Position
		rows := b.Rows - begin.Rows
		for j := range f.given[i] {
			f.given[i][j] = f.given[i][j] || rows > 0 && given(l.groups[i], b, j, begin)
		}
		for j := range b.Columns {
			f.sums[i][j].Add(b, &b.Columns[j], begin)
		}
		if rows == 0 {
			continue
		}
		f.rows[i] += int64(rows)
		if out.File == nil {
			var err error
			if l.batches[i], err = out.Take(b); err != nil {
				return err
			}
		} else if err := out.File.Write(l.groups[i]); err != nil {
			return err
		}
	}
	return nil
}

// close writes the footers.
func (f *tableFiles) close() error {
	for i := range f.outputs {
		if w := f.outputs[i].File; w != nil {
			if err := w.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// written is how many rows were handed on, and how many bytes files have.
func (f *tableFiles) written() (rows, bytes int64) {
	for i := range f.outputs {
		rows += f.rows[i]
		if w := f.outputs[i].File; w != nil {
			bytes += w.Bytes()
		}
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
// though a file has no value of it. group is the row group of b after begin, or nil.
func given(group *parquetfile.RowGroup, b *batch.Batch, column int, begin batch.Position) bool {
	c := &b.Columns[column]
	if c.List == nil && group != nil {
		return !group.IsNull(column)
	}
	first := begin.Elems[c.Level]
	for i, e := range c.Index[first:] {
		if e != batch.Null && (c.List != nil || c.Level == b.Depth || b.Runs[c.Level][first+i] > 0) {
			return true
		}
	}
	return false
}

// missing counts in d the paths of columns that are NULL in all rows, of tables that
// have rows, unless that is because values did not fit. Of a column with several
// paths it is the first.
func (f *tableFiles) missing(d *drift.Counts, records int64) {
	var paths []string
	isGiven, mistyped := map[string]bool{}, d.Mistyped()
	for i := range f.m.Tables {
		if f.rows[i] == 0 {
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
