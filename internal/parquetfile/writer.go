package parquetfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"sluice/schema"
)

const magic = "PAR1"

// Options of a [Writer].
type Options struct {
	// KeyValues are written to the footer, sorted by key. For the same rows to
	// give the same bytes, no time and nothing random may be among them.
	KeyValues []KeyValue
	// CreatedBy names the writing program, as "sluice version 1.2.3".
	CreatedBy string
}

// KeyValue is an entry of the metadata of a file.
type KeyValue struct{ Key, Value string }

// Writer writes a file of row groups to an io.Writer, front to back. Between
// row groups it keeps only their metadata, encoded. After an error the file is
// incomplete and every further call returns that error.
type Writer struct {
	w     io.Writer
	bytes int64
	rows  int64
	err   error

	columns int
	meta    fileMetaData
	thrift  *thriftEncoder

	columnIndexes []byte // of all row groups so far
	offsetIndexes []byte
}

// NewWriter begins a file of the schema.
func NewWriter(w io.Writer, s schema.Schema, o Options) (*Writer, error) {
	if len(s.Columns) == 0 {
		return nil, fmt.Errorf("write parquet file of table %s: no columns", s.Table)
	}
	f := &Writer{w: w, columns: len(s.Columns), thrift: newThriftEncoder()}
	f.meta = newFileMetaData(s, o)
	return f, f.write([]byte(magic), "magic")
}

// Rows is the number of rows written.
func (f *Writer) Rows() int64 { return f.rows }

// Bytes is the number of bytes written.
func (f *Writer) Bytes() int64 { return f.bytes }

// Write appends a row group. One without rows is left out.
func (f *Writer) Write(g *RowGroup) error {
	if f.err != nil || g.rows == 0 {
		return f.err
	}
	ordinal := len(f.meta.RowGroups)
	switch {
	case len(g.chunks) != f.columns:
		return f.fail(fmt.Errorf("write row group %d: it has %d columns, the file %d", ordinal, len(g.chunks), f.columns))
	case ordinal > math.MaxInt16:
		return f.fail(fmt.Errorf("write row group %d: the format allows no more than %d", ordinal, math.MaxInt16+1))
	}
	base := f.bytes
	if err := f.write(g.bytes, "row group"); err != nil {
		return err
	}
	if err := f.describe(g, base, ordinal); err != nil {
		return f.fail(fmt.Errorf("write metadata of row group %d: %w", ordinal, err))
	}
	f.rows += int64(g.rows)
	return nil
}

// describe keeps what the footer says of a row group that begins at base.
func (f *Writer) describe(g *RowGroup, base int64, ordinal int) (err error) {
	group := rowGroup{
		NumRows:    int64(g.rows),
		FileOffset: base,
		Ordinal:    int16(ordinal),
		Columns:    make([]columnChunk, len(g.chunks)),
	}
	var encoded []byte
	for i := range g.chunks {
		ch, out := &g.chunks[i], &group.Columns[i]
		group.TotalByteSize += int64(ch.uncompressed)
		group.TotalCompressedSize += int64(ch.end - ch.start)

		out.ColumnIndexOffset = int64(len(f.columnIndexes))
		out.ColumnIndexLength = int32(len(ch.columnIndex))
		f.columnIndexes = append(f.columnIndexes, ch.columnIndex...)

		out.OffsetIndexOffset = int64(len(f.offsetIndexes))
		if f.offsetIndexes, err = f.thrift.append(f.offsetIndexes, ch.offsetIndex(base)); err != nil {
			return err
		}
		out.OffsetIndexLength = int32(int64(len(f.offsetIndexes)) - out.OffsetIndexOffset)

		if encoded, err = f.thrift.append(encoded[:0], ch.metaData(base, g.rows)); err != nil {
			return err
		}
		out.MetaData = bytes.Clone(encoded)
	}
	f.meta.RowGroups = append(f.meta.RowGroups, group)
	return nil
}

// Close ends the file with the page index and the footer. It does not close
// the io.Writer.
func (f *Writer) Close() error {
	if f.err != nil {
		return f.err
	}
	columnIndexes := f.bytes
	offsetIndexes := columnIndexes + int64(len(f.columnIndexes))
	for i := range f.meta.RowGroups {
		for j := range f.meta.RowGroups[i].Columns {
			c := &f.meta.RowGroups[i].Columns[j]
			c.OffsetIndexOffset += offsetIndexes
			if c.ColumnIndexLength == 0 {
				c.ColumnIndexOffset = 0 // the chunk has none
			} else {
				c.ColumnIndexOffset += columnIndexes
			}
		}
	}
	f.meta.NumRows = f.rows
	footer, err := f.thrift.append(nil, &f.meta)
	if err != nil {
		return f.fail(fmt.Errorf("write footer: %w", err))
	}
	footer = binary.LittleEndian.AppendUint32(footer, uint32(len(footer)))
	footer = append(footer, magic...)
	if err := f.write(f.columnIndexes, "column indexes"); err != nil {
		return err
	}
	if err := f.write(f.offsetIndexes, "offset indexes"); err != nil {
		return err
	}
	if err := f.write(footer, "footer"); err != nil {
		return err
	}
	f.err = errors.New("write parquet file: it is closed")
	return nil
}

func (f *Writer) write(b []byte, what string) error {
	n, err := f.w.Write(b)
	f.bytes += int64(n)
	if err != nil {
		return f.fail(fmt.Errorf("write %s: %w", what, err))
	}
	return nil
}

func (f *Writer) fail(err error) error {
	f.err = err
	return err
}
