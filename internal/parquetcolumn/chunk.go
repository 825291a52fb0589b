package parquetcolumn

import (
	"context"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/parquettype"
)

// window is the number of bytes that are read at once.
const window = 1 << 20

// Column calls fn with the pages of a column in a row group, until it returns an
// error.
func (f *File) Column(ctx context.Context, group, column int, fn func(*Page) error) error {
	if err := f.readColumn(ctx, group, column, fn); err != nil {
		return fmt.Errorf("read column %s of row group %d: %w", f.columns[column].name, group, err)
	}
	return nil
}

func (f *File) readColumn(ctx context.Context, group, column int, fn func(*Page) error) error {
	g := &f.meta.RowGroups[group]
	m := &g.Columns[column].MetaData
	d, err := newPageDecoder(f.columns[column], m.Codec)
	if err != nil {
		return err
	}
	r := chunkReader{file: f, ctx: ctx}
	r.next, r.end = parquettype.ChunkRange(m)
	first := f.firstRow(group)
	for rows := int64(0); rows < g.NumRows; {
		h, data, err := r.page()
		if err != nil {
			return err
		}
		page, err := d.decode(h, data)
		if err != nil {
			return err
		}
		if page == nil {
			continue
		}
		page.First = first + rows
		if rows += int64(page.Rows); rows > g.NumRows {
			return errDamaged
		}
		if err := fn(page); err != nil {
			return err
		}
	}
	return nil
}

// decode decodes a page; nil is one without rows of its own.
func (d *pageDecoder) decode(h *format.PageHeader, data []byte) (page *Page, err error) {
	defer recovered(&err)
	switch h.Type {
	case format.DictionaryPage:
		return nil, d.readDictionary(h, data)
	case format.DataPage, format.DataPageV2:
		return d.read(h, data)
	}
	return nil, nil
}

func (f *File) firstRow(group int) (n int64) {
	for i := range group {
		n += f.meta.RowGroups[i].NumRows
	}
	return n
}

// chunkReader reads a chunk from front to back.
type chunkReader struct {
	file      *File
	ctx       context.Context
	next, end int64 // not yet in buf
	buf       []byte
}

// fill has at least n bytes in buf, or all that are left.
func (r *chunkReader) fill(n int) error {
	if len(r.buf) >= n || r.next == r.end {
		return nil
	}
	more := int(min(int64(max(n-len(r.buf), window)), r.end-r.next))
	buf := make([]byte, len(r.buf)+more)
	copy(buf, r.buf)
	if err := r.file.read(r.ctx, buf[len(r.buf):], r.next); err != nil {
		return err
	}
	r.buf, r.next = buf, r.next+int64(more)
	return nil
}

// page reads a page with its header.
func (r *chunkReader) page() (*format.PageHeader, []byte, error) {
	const mostHeader = 16 << 20 // it may have bounds
	h := new(format.PageHeader)
	size := 0
	for try := 256; ; try *= 4 {
		if err := r.fill(try); err != nil {
			return nil, nil, err
		}
		if len(r.buf) == 0 {
			return nil, nil, errors.New("pages are missing")
		}
		n, err := parquettype.CheckThrift(r.buf)
		if err == nil {
			size = n
			break
		}
		if r.next == r.end && len(r.buf) <= try || try > mostHeader {
			return nil, nil, errDamaged
		}
	}
	if err := unmarshal(r.buf[:size], h); err != nil {
		return nil, nil, err
	}
	r.buf = r.buf[size:]
	length := int(h.CompressedPageSize)
	if length < 0 || length > mostPage {
		return nil, nil, errDamaged
	}
	if err := r.fill(length); err != nil {
		return nil, nil, err
	}
	if len(r.buf) < length {
		return nil, nil, errDamaged
	}
	data := r.buf[:length:length]
	r.buf = r.buf[length:]
	return h, data, nil
}

func unmarshal(data []byte, v any) (err error) {
	defer recovered(&err)
	if err := thrift.Unmarshal(&compact, data, v); err != nil {
		return errDamaged
	}
	return nil
}

// Range is rows of a row group that have a page of their own in a column.
type Range struct {
	First, Rows int64 // in the row group
	// Low and High are bounds of the values; nil if there are none, or all are NULL.
	Low, High []byte

	offset, size int64
}

// Pages are the pages of a column in a row group, from the page index, which the file
// must have.
func (f *File) Pages(ctx context.Context, group, column int) ([]Range, error) {
	pages, err := f.pages(ctx, group, column)
	if err != nil {
		return nil, fmt.Errorf("read page index of column %s of row group %d: %w", f.columns[column].name, group, err)
	}
	return pages, nil
}

func (f *File) pages(ctx context.Context, group, column int) ([]Range, error) {
	g := &f.meta.RowGroups[group]
	c := &g.Columns[column]
	var offsets format.OffsetIndex
	if err := f.structure(ctx, c.OffsetIndexOffset, c.OffsetIndexLength, &offsets); err != nil {
		return nil, err
	}
	var bounds format.ColumnIndex
	if err := f.structure(ctx, c.ColumnIndexOffset, c.ColumnIndexLength, &bounds); err != nil {
		return nil, err
	}
	n := len(offsets.PageLocations)
	if len(bounds.MinValues) != n || len(bounds.MaxValues) != n || len(bounds.NullPages) != n {
		return nil, errDamaged
	}
	start, end := parquettype.ChunkRange(&c.MetaData)
	pages := make([]Range, n)
	for i := range pages {
		at := &offsets.PageLocations[i]
		next := g.NumRows
		if i+1 < n {
			next = offsets.PageLocations[i+1].FirstRowIndex
		}
		p := Range{First: at.FirstRowIndex, Rows: next - at.FirstRowIndex, offset: at.Offset, size: int64(at.CompressedPageSize)}
		if p.Rows < 0 || p.First < 0 || p.offset < start || p.size < 0 || p.offset+p.size > end {
			return nil, errDamaged
		}
		if !bounds.NullPages[i] {
			p.Low, p.High = bounds.MinValues[i], bounds.MaxValues[i]
		}
		pages[i] = p
	}
	return pages, nil
}

// structure reads a structure of the footer that lies elsewhere in the file.
func (f *File) structure(ctx context.Context, offset int64, length int32, v any) error {
	if offset <= 0 || length <= 0 || offset+int64(length) > f.size || length > mostFooter {
		return errors.New("there is none")
	}
	data := make([]byte, length)
	if err := f.read(ctx, data, offset); err != nil {
		return err
	}
	if n, err := parquettype.CheckThrift(data); err != nil || n != len(data) {
		return errDamaged
	}
	return unmarshal(data, v)
}

// ReadPage reads a page, which is one of Pages of the same column. It stays valid.
func (f *File) ReadPage(ctx context.Context, group, column int, at Range) (*Page, error) {
	page, err := f.readPage(ctx, group, column, at)
	if err != nil {
		return nil, fmt.Errorf("read column %s of row group %d: %w", f.columns[column].name, group, err)
	}
	return page, nil
}

func (f *File) readPage(ctx context.Context, group, column int, at Range) (*Page, error) {
	m := &f.meta.RowGroups[group].Columns[column].MetaData
	d, err := newPageDecoder(f.columns[column], m.Codec)
	if err != nil {
		return nil, err
	}
	if dictionary := m.DictionaryPageOffset; dictionary > 0 {
		_, end := parquettype.ChunkRange(m)
		if _, err := d.readAt(chunkReader{file: f, ctx: ctx, next: dictionary, end: end}); err != nil {
			return nil, err
		}
	}
	page, err := d.readAt(chunkReader{file: f, ctx: ctx, next: at.offset, end: at.offset + at.size})
	if err != nil {
		return nil, err
	}
	if page == nil || int64(page.Rows) != at.Rows {
		return nil, errDamaged
	}
	page.First = f.firstRow(group) + at.First
	alone := *page // without what the decoder holds
	return &alone, nil
}

// readAt reads the page where a reader begins.
func (d *pageDecoder) readAt(r chunkReader) (*Page, error) {
	h, data, err := r.page()
	if err != nil {
		return nil, err
	}
	return d.decode(h, data)
}
