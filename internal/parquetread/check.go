package parquetread

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/parquetcodec"
	"sluice/internal/parquettype"
	"sluice/schema"
)

const (
	maxPageBytes  = 256 << 20 // of a page that is read back, decompressed
	maxPageValues = 1 << 24
	maxHeader     = 64 << 10 // of a page
)

// checkRowGroups checks the places and counts the footer gives.
func (f *File) checkRowGroups() error {
	var rows int64
	for i := range f.meta.RowGroups {
		g := &f.meta.RowGroups[i]
		if len(g.Columns) != len(f.schema.Columns) || g.NumRows < 0 {
			return fmt.Errorf("row group %d: malformed", i)
		}
		rows += g.NumRows
		for j := range g.Columns {
			m := &g.Columns[j].MetaData
			start, end := chunkRange(m)
			if start < int64(len(magic)) || end < start || end > f.size || m.DataPageOffset >= end ||
				m.NumValues < g.NumRows || m.NumValues > g.NumRows && f.schema.Columns[j].Type.Kind != schema.List {
				return fmt.Errorf("row group %d, column %s: malformed", i, f.schema.Columns[j].Name)
			}
		}
	}
	if rows != f.meta.NumRows {
		return fmt.Errorf("%d rows in the row groups, %d in the footer", rows, f.meta.NumRows)
	}
	return nil
}

// chunkRange is where the pages of a chunk lie in the file.
func chunkRange(m *format.ColumnMetaData) (start, end int64) {
	start = m.DataPageOffset
	if d := m.DictionaryPageOffset; d > 0 && d < start {
		start = d
	}
	return start, start + m.TotalCompressedSize
}

// checkPages checks all pages of a row group, before the library allocates what
// they claim: it decompresses a page without a limit.
func (f *File) checkPages(group int) error {
	g := &f.meta.RowGroups[group]
	for i := range g.Columns {
		if err := f.checkChunk(&g.Columns[i].MetaData); err != nil {
			return fmt.Errorf("column %s: %w", f.schema.Columns[i].Name, err)
		}
	}
	return nil
}

func (f *File) checkChunk(m *format.ColumnMetaData) error {
	pos, end := chunkRange(m)
	decompressor, err := parquetcodec.NewDecompressor(m.Codec)
	if err != nil {
		return err
	}
	buf := make([]byte, maxHeader)
	var values int64
	for pos < end {
		n, err := f.reader.ReadAt(buf[:min(maxHeader, end-pos)], pos)
		if err != nil && err != io.EOF {
			return fmt.Errorf("read page header: %w", err)
		}
		length, err := parquettype.CheckThrift(buf[:n])
		if err != nil {
			return errors.New("malformed page header")
		}
		var h format.PageHeader
		if err := thrift.Unmarshal(&compact, buf[:length], &h); err != nil {
			return errors.New("malformed page header")
		}
		size := int64(h.CompressedPageSize)
		if size < 0 || size > end-pos-int64(length) {
			return errors.New("page beyond its column chunk")
		}
		if err := checkHeader(&h); err != nil {
			return err
		}
		buf = slices.Grow(buf[:0], int(size))[:max(maxHeader, size)]
		if _, err := f.reader.ReadAt(buf[:size], pos+int64(length)); err != nil && err != io.EOF {
			return fmt.Errorf("read page: %w", err)
		}
		if _, err := decompressor.Decompress(buf[:size], int(h.UncompressedPageSize)); err != nil {
			return err
		}
		if h.Type == format.DataPage {
			values += int64(h.DataPageHeader.V.NumValues)
		}
		pos += int64(length) + size
	}
	if values != m.NumValues {
		return fmt.Errorf("%d values in its pages, %d in the footer", values, m.NumValues)
	}
	return nil
}

// checkHeader takes the pages that are written here, up to a size.
func checkHeader(h *format.PageHeader) error {
	var values int32
	switch {
	case h.Type == format.DataPage && h.DataPageHeader.Valid:
		values = h.DataPageHeader.V.NumValues
	case h.Type == format.DictionaryPage && h.DictionaryPageHeader.Valid:
		values = h.DictionaryPageHeader.V.NumValues
		if values > h.UncompressedPageSize { // an entry takes a byte at least
			return errors.New("dictionary page shorter than its entries")
		}
	default:
		return errors.New("page of a kind sluice does not write")
	}
	if h.UncompressedPageSize < 0 || h.UncompressedPageSize > maxPageBytes || values < 0 || values > maxPageValues {
		return fmt.Errorf("page of %d bytes and %d values: more than is read back", h.UncompressedPageSize, values)
	}
	return nil
}
