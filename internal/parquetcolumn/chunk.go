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
	r.next, r.end = chunkRange(m)
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
