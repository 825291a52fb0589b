package upkeep

import (
	"context"
	"fmt"
	"io"
	"math/big"

	"sluice/internal/batch"
	"sluice/internal/parquetfile"
	"sluice/internal/parquetread"
	"sluice/internal/tables"
	"sluice/schema"
)

// Sums are what a file has: its rows, and the sums of its decimal columns.
type Sums struct {
	Rows    int64
	Columns map[string]string
}

// File is a Parquet file of one object, with the columns and conditions that rows are
// looked for by.
type File struct {
	file    *parquetread.File
	columns []schema.Column
	match   *Matcher
}

// OpenFile opens a file of an object. like are columns of its table as the mapping has
// them now: what a file does not say of its own is taken from those of the same name and
// type.
func OpenFile(r io.ReaderAt, size int64, like []schema.Column, conditions []Condition) (*File, error) {
	file, err := parquetread.Open(r, size)
	if err != nil {
		return nil, err
	}
	file.PackLists()
	f := &File{file: file, columns: file.Schema().Columns}
	for i, c := range f.columns {
		for _, l := range like {
			isText := l.Type.Kind == schema.JSON && c.Type.Kind == schema.String
			if l.Name == c.Name && (l.Type == c.Type || isText) {
				f.columns[i] = l
			}
		}
	}
	f.match, err = NewMatcher(f.columns, conditions)
	return f, err
}

// Columns are the names of those of the conditions that the file has.
func (f *File) Columns() (names []string) {
	for _, i := range f.match.Columns {
		names = append(names, f.columns[i].Name)
	}
	return names
}

// Matches counts the rows that meet a condition.
func (f *File) Matches(ctx context.Context) (rows int64, err error) {
	if len(f.match.Columns) == 0 {
		return 0, nil
	}
	for g := range f.file.NumRowGroups() {
		err := f.file.Scan(g, f.match.Columns, 0, f.file.RowGroupRows(g), func(values [][]parquetread.Value) error {
			for i := range values[0] {
				is, err := f.meets(func(n int) parquetread.Value { return values[n][i] })
				if err != nil {
					return err
				}
				if is {
					rows++
				}
			}
			return ctx.Err()
		})
		if err != nil {
			return 0, err
		}
	}
	return rows, nil
}

func (f *File) meets(value func(n int) parquetread.Value) (bool, error) {
	for n := range f.match.Columns {
		if has, err := f.match.Has(n, value(n)); err != nil || has {
			return has, err
		}
	}
	return false, nil
}

// Sums adds up what the file has.
func (f *File) Sums(ctx context.Context) (s Sums, err error) {
	s.Columns = map[string]string{}
	for i, c := range f.columns {
		if c.Type.Kind != schema.Decimal {
			continue
		}
		sum := new(big.Int)
		for g := range f.file.NumRowGroups() {
			err := f.file.Scan(g, []int{i}, 0, f.file.RowGroupRows(g), func(values [][]parquetread.Value) error {
				for _, v := range values[0] {
					if !v.Null {
						sum.Add(sum, v.Unscaled())
					}
				}
				return ctx.Err()
			})
			if err != nil {
				return s, err
			}
		}
		s.Columns[c.Name] = parquetread.Decimal(sum.String(), c.Type.Scale)
	}
	s.Rows = f.file.NumRows()
	return s, nil
}

// Row groups of a file of an object are as large as those that a conversion writes.
const (
	cutRows  = 1 << 20
	cutBytes = 13 << 20
)

// Cut writes the file again without the rows that meet a condition.
func (f *File) Cut(ctx context.Context, to io.Writer, table, codec, createdBy string, keyValues map[string]string) error {
	s := schema.Schema{Table: table, Columns: f.columns}
	w, err := parquetfile.NewWriter(to, s, parquetfile.Options{CreatedBy: createdBy, KeyValues: keyValues})
	if err != nil {
		return err
	}
	encoder, err := parquetfile.NewEncoder(codec)
	if err != nil {
		return err
	}
	c := newCopier(f.columns, func(b *batch.Batch) error {
		group, err := encoder.Encode(ctx, b)
		if err != nil {
			return err
		}
		return w.Write(group)
	})
	c.rowsAtOnce, c.bytesAtOnce = cutRows, cutBytes
	all := &copied{file: f.file, at: make([]int, len(f.columns))}
	for i := range all.at {
		all.at[i] = i
	}
	err = c.rows(all, &tables.LiveFile{}, func(value func(int) parquetread.Value) (bool, error) {
		return f.meets(func(n int) parquetread.Value { return value(f.match.Columns[n]) })
	})
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return fmt.Errorf("write the rows that stay: %w", err)
	}
	return w.Close()
}
