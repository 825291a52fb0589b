package parquetread

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"sluice/schema"
)

// RowGroupRows is the number of rows of a row group.
func (f *File) RowGroupRows(group int) int64 { return f.meta.RowGroups[group].NumRows }

// Scan calls fn with the values of some columns in the rows from up to to, without
// to, of a row group, in their order, until it returns an error. A batch has a slice
// for each of these columns, all of the same length. They are valid until fn returns.
// Other columns are not read, nor pages of other rows.
func (f *File) Scan(group int, columns []int, from, to int64, fn func(batch [][]Value) error) error {
	all := make([]*columnReader, len(columns))
	for i, c := range columns {
		r, err := f.openColumn(group, c, from)
		if err != nil {
			return f.failed(group, err)
		}
		defer r.close()
		all[i] = r
	}
	batch := make([][]Value, len(columns))
	for from < to {
		n := to - from
		for _, r := range all {
			if err := r.fill(); err != nil {
				return f.failed(group, err)
			}
			n = min(n, int64(len(r.left)))
		}
		for i, r := range all {
			batch[i], r.left = r.left[:n], r.left[n:]
		}
		if err := fn(batch); err != nil {
			return err
		}
		from += n
	}
	return nil
}

func (f *File) failed(group int, err error) error {
	return fmt.Errorf("read row group %d: %w", group, err)
}

// batchValues is the number of values that a columnReader takes from a page at once.
const batchValues = 1024

// columnReader reads the values of one column chunk.
type columnReader struct {
	name  string
	typ   schema.Type
	make  func([]parquet.Value, schema.Type) Value // a value of a list
	chunk *chunk
	pages parquet.Pages
	page  parquet.Page // being read, or nil
	from  parquet.ValueReader

	buf  []parquet.Value
	list []parquet.Value // of the list that is being read
	rows []Value
	left []Value // of rows, not yet given
	skip int64   // rows before the first one that is wanted
}

// openColumn opens a column chunk, to give the rows from a row on.
func (f *File) openColumn(group, column int, from int64) (*columnReader, error) {
	c := f.schema.Columns[column]
	r := &columnReader{name: c.Name, typ: c.Type, make: listOf, chunk: f.openChunk(group, column)}
	if f.packs {
		r.make = packed
	}
	r.buf = make([]parquet.Value, max(min(r.chunk.meta.NumValues, batchValues), 1))
	r.skip = from
	if c.Type.Kind != schema.List { // of lists, only the values of a page are counted
		if err := r.chunk.seek(from); err != nil {
			return nil, r.failed(err)
		}
		r.skip -= r.chunk.passed
	}
	var err error
	if r.pages, err = r.chunk.pages(c); err != nil {
		return nil, r.failed(err)
	}
	return r, nil
}

// failed prefers what the chunk has to say: what the library says may quote the file.
func (r *columnReader) failed(err error) error {
	switch {
	case r.chunk.err != nil && r.chunk.err != io.EOF:
		err = r.chunk.err
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	default:
		err = errors.New("damaged file")
	}
	return fmt.Errorf("column %s: %w", r.name, err)
}

func (r *columnReader) close() {
	r.release()
	r.pages.Close()
}

func (r *columnReader) release() {
	if r.page != nil {
		parquet.Release(r.page)
		r.page = nil
	}
}

// fill makes sure that there are values left.
func (r *columnReader) fill() error {
	for len(r.left) == 0 {
		r.rows = r.rows[:0]
		if err := r.read(); err != nil {
			return r.failed(err)
		}
		n := min(r.skip, int64(len(r.rows)))
		r.left, r.skip = r.rows[n:], r.skip-n
	}
	return nil
}

// read reads some more values. Those of a page are valid as long as it is held.
func (r *columnReader) read() (err error) {
	defer recovered(&err)
	if r.page == nil {
		if r.page, err = r.pages.ReadPage(); err != nil {
			return err
		}
		r.from = r.page.Values()
	}
	n, err := r.from.ReadValues(r.buf)
	if r.typ.Kind == schema.List {
		for _, v := range r.buf[:n] {
			if v.RepetitionLevel() == 0 {
				r.endList()
			} else if len(r.list) == 0 {
				return errors.New("a list goes on in another page")
			}
			r.list = append(r.list, v)
		}
	} else {
		for _, v := range r.buf[:n] {
			r.rows = append(r.rows, valueOf(v))
		}
	}
	if err == io.EOF || err == nil && n == 0 {
		r.endList()
		if len(r.rows) > 0 {
			// They may lie in the page, which is released once they are used.
			r.from = empty{}
			return nil
		}
		r.release()
		return nil
	}
	return err
}

// empty is a reader without values.
type empty struct{}

func (empty) ReadValues([]parquet.Value) (int, error) { return 0, io.EOF }

// endList makes a value of the list that was read.
func (r *columnReader) endList() {
	if len(r.list) > 0 {
		r.rows = append(r.rows, r.make(r.list, r.typ.Value()))
		r.list = r.list[:0]
	}
}
