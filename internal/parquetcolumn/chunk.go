package parquetcolumn

import (
	"context"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/parquettype"
)

// Bytes that are read at once: of a file, and of one that is in memory or read ahead.
const (
	window      = 1 << 20
	smallWindow = 4 << 10
)

// Column calls fn with the pages of a column in a row group, until it returns an
// error.
func (f *File) Column(ctx context.Context, group, column int, fn func(*Page) error) error {
	if err := f.readColumn(ctx, group, column, fn); err != nil {
		return f.failed(group, column, err)
	}
	return nil
}

func (f *File) readColumn(ctx context.Context, group, column int, fn func(*Page) error) error {
	c, err := f.chunk(group, column, window)
	if err != nil {
		return err
	}
	for {
		page, err := c.next(ctx)
		if err != nil || page == nil {
			return err
		}
		if err := fn(page); err != nil {
			return err
		}
	}
}

// Chunk goes through the pages of a column in a row group. It is for one goroutine.
type Chunk struct {
	file   *File
	group  int
	column int
	pages  *pageDecoder
	reader chunkReader
	rows   int64 // of the pages that were read
}

// Chunk begins with the first page. It is for files that are in memory, or read ahead:
// who goes through many at once holds little of each.
func (f *File) Chunk(group, column int) (*Chunk, error) {
	c, err := f.chunk(group, column, smallWindow)
	if err != nil {
		return nil, f.failed(group, column, err)
	}
	return c, nil
}

func (f *File) chunk(group, column, window int) (*Chunk, error) {
	at := &f.groups[group].chunks[column]
	pages, err := newPageDecoder(f.columns[column], at.codec)
	return &Chunk{f, group, column, pages, chunkReader{file: f, window: window, next: at.start, end: at.end}, 0}, err
}

// Next reads the next page; after the last one it is nil. The page is valid until the
// next one is read.
func (c *Chunk) Next(ctx context.Context) (*Page, error) {
	page, err := c.next(ctx)
	if err != nil {
		return nil, c.file.failed(c.group, c.column, err)
	}
	return page, nil
}

func (c *Chunk) next(ctx context.Context) (*Page, error) {
	g := &c.file.groups[c.group]
	for c.rows < g.rows {
		h, data, err := c.reader.page(ctx)
		if err != nil {
			return nil, err
		}
		page, err := c.pages.decode(h, data)
		if err != nil {
			return nil, err
		}
		if page == nil {
			continue
		}
		page.First = g.first + c.rows
		if c.rows += int64(page.Rows); c.rows > g.rows {
			return nil, errDamaged
		}
		return page, nil
	}
	return nil, nil
}

func (f *File) failed(group, column int, err error) error {
	return fmt.Errorf("read column %s of row group %d: %w", f.columns[column].name, group, err)
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

// chunkReader reads a chunk from front to back.
type chunkReader struct {
	file      *File
	window    int
	next, end int64 // not yet in buf
	buf       []byte
}

// fill has at least n bytes in buf, or all that are left.
func (r *chunkReader) fill(ctx context.Context, n int) error {
	if len(r.buf) >= n || r.next == r.end {
		return nil
	}
	more := int(min(int64(max(n-len(r.buf), r.window)), r.end-r.next))
	buf := make([]byte, len(r.buf)+more)
	copy(buf, r.buf)
	if err := r.file.read(ctx, buf[len(r.buf):], r.next); err != nil {
		return err
	}
	r.buf, r.next = buf, r.next+int64(more)
	return nil
}

// page reads a page with its header.
func (r *chunkReader) page(ctx context.Context) (*format.PageHeader, []byte, error) {
	const mostHeader = 16 << 20 // it may have bounds
	h := new(format.PageHeader)
	size := 0
	for try := 256; ; try *= 4 {
		if err := r.fill(ctx, try); err != nil {
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
	if err := r.fill(ctx, length); err != nil {
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
	g := &f.groups[group]
	c := &g.chunks[column]
	var offsets format.OffsetIndex
	if err := f.structure(ctx, c.offsets, &offsets); err != nil {
		return nil, err
	}
	var bounds format.ColumnIndex
	if err := f.structure(ctx, c.bounds, &bounds); err != nil {
		return nil, err
	}
	n := len(offsets.PageLocations)
	if len(bounds.MinValues) != n || len(bounds.MaxValues) != n || len(bounds.NullPages) != n {
		return nil, errDamaged
	}
	pages := make([]Range, n)
	for i := range pages {
		at := &offsets.PageLocations[i]
		next := g.rows
		if i+1 < n {
			next = offsets.PageLocations[i+1].FirstRowIndex
		}
		p := Range{First: at.FirstRowIndex, Rows: next - at.FirstRowIndex, offset: at.Offset, size: int64(at.CompressedPageSize)}
		if p.Rows < 0 || p.First < 0 || p.offset < c.start || p.size < 0 || p.offset+p.size > c.end {
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
func (f *File) structure(ctx context.Context, at place, v any) error {
	if at.offset <= 0 || at.length <= 0 || at.offset+int64(at.length) > f.size || at.length > mostFooter {
		return errors.New("there is none")
	}
	data := make([]byte, at.length)
	if err := f.read(ctx, data, at.offset); err != nil {
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
		return nil, f.failed(group, column, err)
	}
	return page, nil
}

func (f *File) readPage(ctx context.Context, group, column int, at Range) (*Page, error) {
	c := &f.groups[group].chunks[column]
	d, err := newPageDecoder(f.columns[column], c.codec)
	if err != nil {
		return nil, err
	}
	if c.dictionary > 0 {
		if _, err := d.readAt(ctx, chunkReader{file: f, window: window, next: c.dictionary, end: c.end}); err != nil {
			return nil, err
		}
	}
	page, err := d.readAt(ctx, chunkReader{file: f, window: window, next: at.offset, end: at.offset + at.size})
	if err != nil {
		return nil, err
	}
	if page == nil || int64(page.Rows) != at.Rows {
		return nil, errDamaged
	}
	page.First = f.groups[group].first + at.First
	alone := *page // without what the decoder holds
	return &alone, nil
}

// readAt reads the page where a reader begins.
func (d *pageDecoder) readAt(ctx context.Context, r chunkReader) (*Page, error) {
	h, data, err := r.page(ctx)
	if err != nil {
		return nil, err
	}
	return d.decode(h, data)
}
