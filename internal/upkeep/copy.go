package upkeep

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"sluice/internal/batch"
	"sluice/internal/iceberg"
	"sluice/internal/jsonscan"
	"sluice/internal/parquetread"
	"sluice/internal/store"
	"sluice/internal/tables"
	"sluice/schema"
)

// columnsOf are the columns of a table, as files of ours have them.
func columnsOf(s *iceberg.Schema) ([]schema.Column, error) {
	columns := make([]schema.Column, len(s.Fields))
	for i, f := range s.Fields {
		t, ok := f.Type.Column()
		if !ok {
			return nil, fmt.Errorf("column %s has type %s, which sluice does not write: have the engine that made it compact the table", f.Name, f.Type)
		}
		columns[i] = schema.Column{Name: f.Name, ID: f.ID, Type: t}
		if f.Type.List != nil {
			columns[i].ValueID = f.Type.List.ElementID
		}
	}
	return columns, nil
}

// copier copies the rows of data files that count into batches.
type copier struct {
	columns []schema.Column
	take    func(*batch.Batch) error
	batch   *batch.Batch
	text    []byte // of values that wait for their look-up

	rowsAtOnce, bytesAtOnce int // of a batch
}

func newCopier(columns []schema.Column, take func(*batch.Batch) error) *copier {
	return &copier{
		columns: columns, take: take, batch: batch.New(schema.Schema{Columns: columns}, make([]int, len(columns)), 0),
		rowsAtOnce: copiedRows, bytesAtOnce: copiedBytes,
	}
}

const (
	copiedRows  = 1 << 15
	copiedBytes = 8 << 20
	waitingText = 1 << 20
)

// smallFile is the size up to which a file is read at once.
const smallFile = 16 << 20

// errUnread says that a file is not of a form that is read: it stays as it is.
var errUnread = errors.New("it is not of a form that sluice reads")

// copied is a file that is copied, with the column of it that each column of the table
// is; -1: it has none.
type copied struct {
	file *parquetread.File
	at   []int
}

// anyRows is the number of rows of a file of which no manifest says it.
const anyRows = -1

// open opens a data file.
func (c *copier) open(ctx context.Context, s store.Store, f *tables.LiveFile) (*copied, error) {
	var r io.ReaderAt
	var size int64
	if f.Bytes <= smallFile {
		data, _, err := store.Get(ctx, s, f.Key, smallFile)
		if err != nil {
			return nil, err
		}
		r, size = bytes.NewReader(data), int64(len(data))
	} else {
		info, err := s.Head(ctx, f.Key)
		if err != nil {
			return nil, err
		}
		r, size = &storeReader{ctx, s, info}, info.Size
	}
	file, err := parquetread.Open(r, size)
	if err != nil {
		return nil, errUnread
	}
	file.PackLists()
	o := &copied{file: file, at: make([]int, len(c.columns))}
	of := file.Schema().Columns
	hasIDs := false
	for i := range of {
		hasIDs = hasIDs || of[i].ID != 0
	}
	rows := int64(0)
	for g := range file.NumRowGroups() {
		rows += file.RowGroupRows(g)
	}
	if rows != f.Rows && f.Rows != anyRows {
		return nil, fmt.Errorf("data file %s has %d rows, and its manifest says %d", f.Key, rows, f.Rows)
	}
	for i, want := range c.columns {
		o.at[i] = -1
		for j := range of {
			if hasIDs && of[j].ID == want.ID || !hasIDs && of[j].Name == want.Name {
				o.at[i] = j
			}
		}
		if o.at[i] >= 0 && !copies(of[o.at[i]].Type, want.Type) {
			return nil, errUnread
		}
	}
	return o, nil
}

// copies reports whether values of a type are those of another: the same, or narrower.
func copies(from, to schema.Type) bool {
	if from.Kind == schema.List || to.Kind == schema.List {
		return from.Kind == to.Kind && from.Value().Bytes() == to.Value().Bytes() && copies(from.Value(), to.Value())
	}
	switch {
	case from.Kind == to.Kind && to.Kind == schema.Decimal:
		return from.Scale == to.Scale && from.Precision <= to.Precision
	case from.Kind == schema.Int32 && to.Kind == schema.Int64:
		return true
	}
	return from == to
}

// rows copies the rows of a file that count. drop, if not nil, is given the value that a
// column of the table has in such a row, and takes the row out.
func (c *copier) rows(o *copied, f *tables.LiveFile, drop func(value func(column int) parquetread.Value) (bool, error)) error {
	var columns, to []int
	for i, at := range o.at {
		if at >= 0 {
			columns, to = append(columns, at), append(to, i)
		}
	}
	if len(columns) == 0 {
		return errUnread
	}
	// What the file lacks, and has in all rows: Spec, Column Projection.
	constant := map[int]parquetread.Value{}
	for i, at := range o.at {
		if text, ok := f.Constants[c.columns[i].Name]; ok && at < 0 {
			constant[i] = parquetread.Value{Bytes: []byte(text)}
		}
	}
	place := make([]int, len(o.at)) // of a column, in what is read
	for i := range place {
		place[i] = -1
	}
	for n, i := range to {
		place[i] = n
	}
	row := int64(0)
	masked := f.Masked
	for g := range o.file.NumRowGroups() {
		err := o.file.Scan(g, columns, 0, o.file.RowGroupRows(g), func(values [][]parquetread.Value) error {
			for i := range values[0] {
				for len(masked) > 0 && masked[0].To <= row {
					masked = masked[1:]
				}
				if row++; len(masked) > 0 && masked[0].From < row {
					continue
				}
				if drop != nil {
					gone, err := drop(func(column int) parquetread.Value {
						if n := place[column]; n >= 0 {
							return values[n][i]
						}
						if v, is := constant[column]; is {
							return v
						}
						return parquetread.Value{Null: true}
					})
					if err != nil {
						return err
					}
					if gone {
						continue
					}
				}
				for n := range to {
					if err := c.value(&c.batch.Columns[to[n]], values[n][i]); err != nil {
						return err
					}
				}
				for n, v := range constant {
					c.scalar(&c.batch.Columns[n], v)
				}
				if err := c.endRow(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// value adds a value to the row.
func (c *copier) value(column *batch.Column, v parquetread.Value) error {
	switch {
	case v.Null:
	case column.List != nil:
		err := v.Unpack(column.Type.Value(), func(item parquetread.Value) {
			column.List.Next()
			if !item.Null {
				c.scalar(&column.List.Items, item)
			}
		})
		column.EndList()
		return err
	default:
		c.scalar(column, v)
	}
	return nil
}

func (c *copier) scalar(column *batch.Column, v parquetread.Value) {
	switch {
	case column.Type.Wide():
		at := len(c.text)
		if v.Bytes == nil { // of a narrower decimal
			v.Bytes = binary.BigEndian.AppendUint64(nil, uint64(v.Int))
		}
		const size = 16
		fill := byte(0)
		if len(v.Bytes) > 0 && v.Bytes[0] >= 0x80 {
			fill = 0xff
		}
		for range size - len(v.Bytes) {
			c.text = append(c.text, fill)
		}
		c.text = append(c.text, v.Bytes...)
		column.AddBytes(jsonscan.Hash(c.text[at:]), at, size)
	case column.Type.Bytes():
		at := len(c.text)
		c.text = append(c.text, v.Bytes...)
		column.AddBytes(jsonscan.Hash(c.text[at:]), at, len(v.Bytes))
	case column.Type.Kind == schema.Double:
		column.AddFixed(math.Float64bits(v.Float))
	default:
		column.AddFixed(uint64(v.Int))
	}
}

func (c *copier) endRow() error {
	c.batch.EndElement(0, 1)
	c.batch.EndRecord()
	if c.batch.Pending() || len(c.text) > waitingText {
		c.batch.Flush(c.text, nil)
		c.text = c.text[:0]
		if c.batch.Rows >= c.rowsAtOnce || c.batch.Held() > int64(c.bytesAtOnce) || c.batch.ListValues > 4*int64(c.rowsAtOnce) {
			return c.end()
		}
	}
	return nil
}

// end hands on the rows that are in the batch.
func (c *copier) end() error {
	c.batch.Flush(c.text, nil)
	c.text = c.text[:0]
	c.batch.Finish()
	err := c.take(c.batch)
	c.batch.Reset()
	return err
}

// ReaderAt reads an object as it is described, a small one at once.
func ReaderAt(ctx context.Context, s store.Store, info store.Info) (io.ReaderAt, error) {
	if info.Size > smallFile {
		return &storeReader{ctx, s, info}, nil
	}
	data, now, err := store.Get(ctx, s, info.Key, smallFile)
	if err == nil && now.ETag != info.ETag {
		err = &store.Error{Op: "read", Location: s.String() + "/" + info.Key, Err: store.ErrChanged}
	}
	return bytes.NewReader(data), err
}

// storeReader reads an object of a store.
type storeReader struct {
	ctx  context.Context
	s    store.Store
	info store.Info
}

func (r *storeReader) ReadAt(p []byte, offset int64) (int, error) {
	n := int(min(int64(len(p)), max(0, r.info.Size-offset)))
	if err := r.s.ReadAt(r.ctx, r.info, p[:n], offset); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
