package parquetread

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
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
	readBytes     = 2 * maxHeader
)

// chunk reads the pages of one column chunk from front to back, and checks each
// before the library sees it: the library allocates and decompresses what a page
// claims. What the library reads is a file made up from the pages: one column, one
// row group, the pages decompressed. So each page is decompressed once, within a
// limit, and only one is held.
type chunk struct {
	meta *format.ColumnMetaData
	file io.ReaderAt
	pos  int64 // in the file, of what follows
	end  int64
	buf  *bufio.Reader // the file from pos on

	decompressor parquetcodec.Decompressor
	body         []byte
	dictionary   []byte // as made up, of a chunk that does not begin with the first page
	passed       int64  // values of pages that were passed by
	values       int64  // of pages that were given

	page   []byte // of the file that is made up
	made   []byte // what is left of it
	footer []byte // of that file
	read   int64  // bytes of that file that were read
	err    error
}

// made-up files have their footer so far away that the pages end before it.
const footerAt = 1 << 60

func (f *File) openChunk(group, column int) *chunk {
	m := &f.meta.RowGroups[group].Columns[column].MetaData
	c := &chunk{meta: m, file: f.reader}
	c.pos, c.end = parquettype.ChunkRange(m)
	c.buf = bufio.NewReaderSize(io.NewSectionReader(c.file, c.pos, c.end-c.pos), int(min(c.end-c.pos, readBytes)))
	c.decompressor, c.err = parquetcodec.NewDecompressor(m.Codec)
	return c
}

// seek passes by the data pages whose values all stand before a row. The column has
// one value for each row.
func (c *chunk) seek(row int64) error {
	for c.pos < c.end && c.err == nil {
		h, length, err := c.header()
		if err != nil {
			c.err = err
			break
		}
		values := int64(0)
		if h.Type == format.DataPage {
			if values = int64(h.DataPageHeader.V.NumValues); c.passed+values > row {
				return nil
			}
			c.skip(length + int64(h.CompressedPageSize))
		} else if err := c.take(h, length); err != nil {
			c.err = err
			break
		} else {
			c.dictionary, c.page, c.made = c.made, nil, nil
		}
		c.passed += values
	}
	return c.err
}

// skip moves on, without reading what is far away.
func (c *chunk) skip(n int64) {
	c.pos += n
	if n <= int64(c.buf.Buffered()) {
		c.buf.Discard(int(n)) //nolint:errcheck // it is there
		return
	}
	c.buf.Reset(io.NewSectionReader(c.file, c.pos, c.end-c.pos))
}

// header looks at the header of the next page, and returns its length.
func (c *chunk) header() (h *format.PageHeader, length int64, err error) {
	text, err := c.buf.Peek(int(min(maxHeader, c.end-c.pos)))
	if err != nil && err != io.EOF {
		return nil, 0, fmt.Errorf("read page header: %w", err)
	}
	n, err := parquettype.CheckThrift(text)
	if err != nil {
		return nil, 0, errors.New("malformed page header")
	}
	h = new(format.PageHeader)
	if err := thrift.Unmarshal(&compact, text[:n], h); err != nil {
		return nil, 0, errors.New("malformed page header")
	}
	if size := int64(h.CompressedPageSize); size < 0 || size > c.end-c.pos-int64(n) {
		return nil, 0, errors.New("page beyond its column chunk")
	}
	return h, int64(n), checkHeader(h)
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

// take decompresses the page whose header is the next, and adds it to the file that
// is made up.
func (c *chunk) take(h *format.PageHeader, length int64) error {
	size := int(h.CompressedPageSize)
	c.skip(length)
	c.body = slices.Grow(c.body[:0], size)[:size]
	if _, err := io.ReadFull(c.buf, c.body); err != nil {
		return fmt.Errorf("read page: %w", err)
	}
	c.pos += int64(size)
	plain, err := c.decompressor.Decompress(c.body, int(h.UncompressedPageSize))
	if err != nil {
		return err
	}
	h.CompressedPageSize, h.CRC = h.UncompressedPageSize, 0
	head, err := thrift.Marshal(&compact, h)
	if err != nil {
		return errors.New("malformed page header")
	}
	c.page = append(append(c.page[:0], head...), plain...)
	c.made = c.page
	return nil
}

// pages opens the file that is made up.
func (c *chunk) pages(column schema.Column) (_ parquet.Pages, err error) {
	defer recovered(&err)
	if c.err != nil {
		return nil, c.err
	}
	m := *c.meta
	m.Codec = format.Uncompressed
	m.DataPageOffset, m.DictionaryPageOffset = int64(len(magic)), 0
	m.TotalCompressedSize = footerAt - m.DataPageOffset
	m.Statistics, m.BloomFilterOffset, m.BloomFilterLength = format.Statistics{}, 0, 0
	elements := parquettype.Elements(column)
	root := format.SchemaElement{Name: "root", NumChildren: thrift.New[int32](1)}
	c.footer, err = thrift.Marshal(&compact, &format.FileMetaData{
		Version: 1, NumRows: m.NumValues,
		Schema:    append([]format.SchemaElement{root}, elements...),
		RowGroups: []format.RowGroup{{NumRows: m.NumValues, Columns: []format.ColumnChunk{{MetaData: m}}}},
	})
	if err != nil {
		return nil, err
	}
	c.footer = binary.LittleEndian.AppendUint32(c.footer, uint32(len(c.footer)))
	c.footer = append(c.footer, magic...)
	file, err := parquet.OpenFile(c, footerAt+int64(len(c.footer)), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	c.read, c.made, c.dictionary = int64(len(magic)), c.dictionary, nil
	return file.RowGroups()[0].ColumnChunks()[0].Pages(), nil
}

// ReadAt reads the file that is made up: its footer at any time, its pages from front
// to back.
func (c *chunk) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case off >= footerAt:
		n := copy(p, c.footer[min(off-footerAt, int64(len(c.footer))):])
		if n < len(p) {
			return n, io.EOF
		}
		return n, nil
	case off == 0:
		return copy(p, magic), nil
	case off != c.read || c.err != nil:
		return 0, cmp.Or(c.err, io.ErrUnexpectedEOF)
	}
	if len(c.made) == 0 {
		if c.err = c.next(); c.err != nil {
			return 0, c.err
		}
	}
	n := copy(p, c.made)
	c.made = c.made[n:]
	c.read += int64(n)
	return n, nil
}

// next makes up the next page; io.EOF after the last.
func (c *chunk) next() error {
	if c.pos >= c.end {
		if c.passed+c.values != c.meta.NumValues {
			return fmt.Errorf("%d values in its pages, %d in the footer", c.passed+c.values, c.meta.NumValues)
		}
		return io.EOF
	}
	h, length, err := c.header()
	if err != nil {
		return err
	}
	if h.Type == format.DataPage {
		c.values += int64(h.DataPageHeader.V.NumValues)
	}
	return c.take(h, length)
}
