package parquetfile

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/batch"
	"sluice/internal/parquettype"
)

// chunk is an encoded column chunk. Offsets count from the start of the row group.
type chunk struct {
	path       []string // in the schema
	list       bool
	physical   format.Type
	codec      format.CompressionCodec
	dictionary bool

	start, data, end int // first page, first data page, end of the pages
	uncompressed     int // size of the pages, headers included
	levels           int // rows; of lists, see page
	nulls, distinct  int // distinct is 0 if it is not known
	bounds           bounds
	textBytes        int // values of a BYTE_ARRAY, without lengths
	pages            []chunkPage
	columnIndex      []byte
	bloom, bloomEnd  int // equal: no filter
}

// unbounded reports whether there are values without the bounds that they should have.
func (ch *chunk) unbounded() bool { return !ch.list && ch.nulls < ch.levels && ch.bounds.low == nil }

// chunkPage is a data page of a chunk.
type chunkPage struct {
	offset, size int // header included
	uncompressed int // the same, uncompressed
	firstRow     int
	textBytes    int
}

// chunk encodes the i-th column of a batch.
func (e *Encoder) chunk(ctx context.Context, b *batch.Batch, i int) error {
	c, ch, pages := newColumn(b, i), &e.group.chunks[i], e.measurer.pages
	*ch = chunk{
		path:       parquettype.Path(b.Columns[i].Column),
		list:       c.list != nil,
		physical:   c.physical,
		dictionary: e.dictionaryPays(c, pages),
		codec:      e.compressor.Format,
		start:      len(e.out),
		pages:      ch.pages[:0],
	}
	for i := range pages {
		ch.levels += pages[i].levels
		ch.nulls += pages[i].nulls
	}
	if c.Distinct {
		ch.distinct = e.measurer.distinct
	}
	ch.bounds = e.bounder.chunkBounds(c, pages)

	return e.writePages(ctx, ch, c, pages, e.twin(b, i))
}

// near is how many columns twin looks back. Columns that repeat together are
// usually close to each other, and comparing all pairs of hundreds of columns
// would take too long.
const near = 8

// twin is an encoded column of the batch with the same data pages as the i-th,
// or nil. Columns that belong together, such as the id, name and address of a
// customer, repeat together.
func (e *Encoder) twin(b *batch.Batch, i int) *chunk {
	c, chunks := &b.Columns[i], e.group.chunks
	if !chunks[i].dictionary || chunks[i].list {
		return nil
	}
	for j := max(0, i-near); j < i; j++ {
		o := &b.Columns[j]
		if chunks[j].dictionary && !chunks[j].list && o.Level == c.Level && o.Entries() == c.Entries() && slices.Equal(o.Index, c.Index) {
			return &chunks[j]
		}
	}
	return nil
}

// dictionaryPays reports whether entries and index are shorter than the plain
// values. Booleans have no dictionary, as with all other writers: nothing is
// shorter than one bit a row. Numbers of a record that repeat only in its own
// few rows, such as its time and its total, are longer without a dictionary;
// but zstd writes a repeated value in less than an index takes.
func (e *Encoder) dictionaryPays(c *column, pages []page) bool {
	if !c.Distinct || c.physical == format.Boolean || e.measurer.distinct == 0 {
		return false
	}
	width := c.indexBits()
	with, without, changes, rows := c.dictionaryBytes(), 0, 0, 0
	for i := range pages {
		p := &pages[i]
		changes += p.changes
		rows += p.values()
		index := p.changes * (1 + (width+7)/8)
		if c.runs == nil {
			index = min(index, (p.values()*width+7)/8)
		}
		with += index
		without += p.plain
	}
	const few = 16 // rows per value; with more, pages would only get large
	if c.runs != nil && c.width() > 0 && e.compressor.Format == format.Zstd && 4*e.measurer.distinct > 3*changes && rows <= few*changes {
		return false
	}
	return with < without
}

// writePages appends the pages of a chunk to the row group. All are compressed,
// even those that do not shrink. The format allows another codec for such
// chunks, but some readers (parquet-go v0.32) use the codec of a column's first
// chunk for all its chunks.
func (e *Encoder) writePages(ctx context.Context, ch *chunk, c *column, pages []page, twin *chunk) error {
	if ch.dictionary {
		if err := checkPageSize(c.dictionaryBytes()); err != nil {
			return err
		}
		body := e.pager.dictionary(c)
		header := format.PageHeader{
			Type: format.DictionaryPage,
			DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{
				NumValues: int32(c.Entries()),
				Encoding:  format.Plain,
			}),
		}
		if err := e.writePage(ch, &header, body, c.width()); err != nil {
			return err
		}
	}
	ch.data = len(e.out)
	for i := range pages {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p := &pages[i]
		if p.levels > math.MaxInt32 {
			return fmt.Errorf("page of %d values: more than it can count", p.levels)
		}
		if !ch.dictionary {
			if err := checkPageSize(p.plain); err != nil {
				return err
			}
		}
		offset, before := len(e.out), ch.uncompressed
		if twin != nil {
			same := &twin.pages[i]
			e.out = append(room(e.out, same.size), e.out[same.offset:same.offset+same.size]...)
			ch.uncompressed += same.uncompressed
		} else {
			body, width := e.pager.data(c, p, ch.dictionary), 0
			if !ch.dictionary {
				width = c.width()
			}
			if err := e.writePage(ch, dataHeader(p, ch.dictionary), body, width); err != nil {
				return err
			}
		}
		out := chunkPage{offset: offset, size: len(e.out) - offset, uncompressed: ch.uncompressed - before, firstRow: p.firstRow}
		if c.physical == format.ByteArray {
			out.textBytes = p.plain - 4*p.values()
		}
		ch.textBytes += out.textBytes
		ch.pages = append(ch.pages, out)
	}
	ch.end = len(e.out)
	return nil
}

func dataHeader(p *page, dictionary bool) *format.PageHeader {
	encoding := format.Plain
	if dictionary {
		encoding = format.RLEDictionary
	}
	return &format.PageHeader{
		Type: format.DataPage,
		DataPageHeader: thrift.New(format.DataPageHeader{
			NumValues:               int32(p.levels),
			Encoding:                encoding,
			DefinitionLevelEncoding: format.RLE,
			RepetitionLevelEncoding: format.RLE, // only lists have them
			Statistics:              format.Statistics{NullCount: int64(p.nulls)},
		}),
	}
}

// writePage appends a page. It holds numbers of width bytes, or other values if
// width is 0.
func (e *Encoder) writePage(ch *chunk, header *format.PageHeader, body []byte, width int) error {
	if err := checkPageSize(len(body)); err != nil {
		return err
	}
	packed := e.compressor.Compress(body, width)
	if err := checkPageSize(len(packed)); err != nil {
		return err
	}
	header.UncompressedPageSize = int32(len(body))
	header.CompressedPageSize = int32(len(packed))
	start := len(e.out)
	var err error
	if e.out, err = e.thrift.append(e.out, header); err != nil {
		return fmt.Errorf("page header: %w", err)
	}
	ch.uncompressed += len(e.out) - start + len(body)
	e.out = append(room(e.out, len(packed)), packed...)
	return nil
}

// room returns s with room for n more bytes. append would grow by a quarter
// each time, which is too slow for the usual row group of a MB or two; but many
// files have only a few kB.
func room(s []byte, n int) []byte {
	if cap(s)-len(s) >= n {
		return s
	}
	return append(make([]byte, 0, max(4<<10, 2*cap(s), len(s)+n)), s...)
}

// checkPageSize refuses what the 32-bit sizes of a page header cannot hold.
func checkPageSize(size int) error {
	if size > math.MaxInt32 {
		return fmt.Errorf("page of %d bytes exceeds the format's 2 GiB", size)
	}
	return nil
}
