package parquetfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/thrift"

	"sluice/schema"
)

const magic = "PAR1"

// Options of a [Writer].
type Options struct {
	// KeyValues are written to the footer, in the order of keys. They must hold no
	// time and nothing random, so that the same rows give the same bytes.
	KeyValues map[string]string
	// CreatedBy names the writing program, as "sluice version 1.2.3".
	CreatedBy string
}

// Writer writes a file of row groups to an io.Writer, front to back. Between
// row groups it keeps only their metadata, encoded. After an error the file is
// incomplete and every further call returns that error.
type Writer struct {
	w     io.Writer
	bytes int64
	rows  int64
	err   error

	columns int
	meta    fileMetaData // without row groups
	groups  []groupMetaData
	totals  []ColumnTotal
	noBound []bool // of each column: a chunk of it lacks bounds
	thrift  *thriftEncoder
	scratch [3][]byte
}

// groupMetaData is what is kept about a row group until the file ends. A large
// file has thousands of chunks, so it is kept encoded, in as few allocations as
// possible.
type groupMetaData struct {
	rowGroup      // without columns
	columns       []byte
	columnIndexes []byte
	offsetIndexes []byte
	chunks        []chunkSizes
}

// chunkSizes says how many bytes of each kind belong to one chunk.
type chunkSizes struct{ metaData, columnIndex, offsetIndex int32 }

// NewWriter begins a file of the schema.
func NewWriter(w io.Writer, s schema.Schema, o Options) (*Writer, error) {
	if len(s.Columns) == 0 {
		return nil, fmt.Errorf("write parquet file of table %s: no columns", s.Table)
	}
	f := &Writer{w: w, columns: len(s.Columns), totals: make([]ColumnTotal, len(s.Columns)), noBound: make([]bool, len(s.Columns)), thrift: newThriftEncoder()}
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
	ordinal := len(f.groups)
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

// describe keeps what the footer will say about a row group that begins at
// base.
func (f *Writer) describe(g *RowGroup, base int64, ordinal int) (err error) {
	group := groupMetaData{
		rowGroup: rowGroup{NumRows: int64(g.rows), FileOffset: base, Ordinal: int16(ordinal)},
		chunks:   make([]chunkSizes, len(g.chunks)),
	}
	columns, columnIndexes, offsetIndexes := f.scratch[0][:0], f.scratch[1][:0], f.scratch[2][:0]
	for i := range g.chunks {
		ch, size := &g.chunks[i], &group.chunks[i]
		f.noBound[i] = f.noBound[i] || ch.unbounded()
		f.totals[i].add(ch)
		group.TotalByteSize += int64(ch.uncompressed)
		group.TotalCompressedSize += int64(ch.end - ch.start)

		n := len(columns)
		if columns, err = f.thrift.append(columns, ch.metaData(base)); err != nil {
			return err
		}
		size.metaData = int32(len(columns) - n)

		columnIndexes = append(columnIndexes, ch.columnIndex...)
		size.columnIndex = int32(len(ch.columnIndex))

		n = len(offsetIndexes)
		if offsetIndexes, err = f.thrift.append(offsetIndexes, ch.offsetIndex(base)); err != nil {
			return err
		}
		size.offsetIndex = int32(len(offsetIndexes) - n)
	}
	f.scratch = [3][]byte{columns, columnIndexes, offsetIndexes}
	group.columns, group.columnIndexes, group.offsetIndexes = bytes.Clone(columns), bytes.Clone(columnIndexes), bytes.Clone(offsetIndexes)
	f.groups = append(f.groups, group)
	return nil
}

// Close ends the file with the page index and the footer. It does not close
// the io.Writer.
func (f *Writer) Close() error {
	if f.err != nil {
		return f.err
	}
	size := 0
	columnIndexes := f.bytes
	for i := range f.groups {
		if err := f.write(f.groups[i].columnIndexes, "column indexes"); err != nil {
			return err
		}
	}
	offsetIndexes := f.bytes
	for i := range f.groups {
		if err := f.write(f.groups[i].offsetIndexes, "offset indexes"); err != nil {
			return err
		}
		g := &f.groups[i]
		if err := f.dropBounds(g); err != nil {
			return f.fail(fmt.Errorf("write bounds of row group %d: %w", i, err))
		}
		f.meta.RowGroups = append(f.meta.RowGroups, g.footer(&columnIndexes, &offsetIndexes))
		size += len(g.columns) + len(g.chunks)*chunkOverhead
	}
	f.meta.NumRows = f.rows
	footer, err := f.thrift.append(make([]byte, 0, size+1<<10), &f.meta)
	if err != nil {
		return f.fail(fmt.Errorf("write footer: %w", err))
	}
	footer = binary.LittleEndian.AppendUint32(footer, uint32(len(footer)))
	footer = append(footer, magic...)
	if err := f.write(footer, "footer"); err != nil {
		return err
	}
	f.err = errors.New("write parquet file: it is closed")
	return nil
}

// dropBounds removes the bounds of a column from a row group if another row
// group has no bounds for that column: some readers take the bounds they find
// for those of the whole file (pyiceberg's add_files, delta-rs's convert).
func (f *Writer) dropBounds(g *groupMetaData) (err error) {
	if !slices.Contains(f.noBound, true) {
		return nil
	}
	rest, columns := g.columns, []byte(nil)
	for i := range g.chunks {
		size := &g.chunks[i].metaData
		chunk := rest[:*size]
		rest = rest[*size:]
		if f.noBound[i] {
			var m columnMetaData
			if err = thrift.Unmarshal(&compact, chunk, &m); err != nil {
				return err
			}
			m.Statistics.setBounds(bounds{})
			if chunk, err = f.thrift.append(nil, &m); err != nil {
				return err
			}
			*size = int32(len(chunk))
		}
		columns = append(columns, chunk...)
	}
	g.columns = columns
	return nil
}

// chunkOverhead is about how many bytes a chunk takes in the footer in addition
// to its metadata.
const chunkOverhead = 32

// footer is the row group as it stands in the footer. Its column and offset
// indexes begin at the given offsets, which footer then moves past them.
func (g *groupMetaData) footer(columnIndexes, offsetIndexes *int64) rowGroup {
	group, rest := g.rowGroup, g.columns
	group.Columns = make([]columnChunk, len(g.chunks))
	for i, size := range g.chunks {
		c := &group.Columns[i]
		c.MetaData, rest = rest[:size.metaData], rest[size.metaData:]
		c.OffsetIndexOffset, c.OffsetIndexLength = *offsetIndexes, size.offsetIndex
		*offsetIndexes += int64(size.offsetIndex)
		if size.columnIndex > 0 { // otherwise the chunk has no column index
			c.ColumnIndexOffset, c.ColumnIndexLength = *columnIndexes, size.columnIndex
			*columnIndexes += int64(size.columnIndex)
		}
	}
	return group
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
