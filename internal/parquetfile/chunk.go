package parquetfile

import (
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// chunk is an encoded column chunk. Offsets count from the start of the row group.
type chunk struct {
	name       string
	physical   format.Type
	codec      format.CompressionCodec
	dictionary bool

	start, data, end int // first page, first data page, end of the pages
	uncompressed     int // size of the pages, headers included
	nulls, distinct  int // distinct is 0 if it is not known
	low, high        []byte
	textBytes        int // values of a BYTE_ARRAY, without lengths
	pages            []chunkPage
	columnIndex      []byte
	bloom, bloomEnd  int // equal: no filter
}

// chunkPage is a data page of a chunk.
type chunkPage struct {
	offset, size int // header included
	firstRow     int
	textBytes    int
}

// chunk encodes a column of rows of a batch.
func (e *Encoder) chunk(ch *chunk, c *column) error {
	pages := e.measurer.pages
	*ch = chunk{
		name:       c.Name,
		physical:   c.physical,
		dictionary: e.dictionaryPays(c, pages),
		start:      len(e.out),
		pages:      ch.pages[:0],
	}
	for i := range pages {
		ch.nulls += pages[i].nulls
	}
	if c.Distinct {
		ch.distinct = e.measurer.distinct
	}
	ch.low, ch.high = e.bounder.chunkBounds(c, pages)

	shrinks, err := e.writePages(ch, c, pages, e.compressor.codec)
	if err != nil || shrinks {
		return err
	}
	e.out = e.out[:ch.start]
	ch.pages = ch.pages[:0]
	_, err = e.writePages(ch, c, pages, format.Uncompressed)
	return err
}

// dictionaryPays reports whether entries and index are shorter than the values
// one after another. One bit a row is as short as it gets, so booleans have no
// dictionary, as with all other writers.
func (e *Encoder) dictionaryPays(c *column, pages []page) bool {
	if !c.Distinct || c.physical == format.Boolean || e.measurer.distinct == 0 {
		return false
	}
	width := c.indexBits()
	with, without := c.dictionaryBytes(), 0
	for i := range pages {
		p := &pages[i]
		index := p.changes * (1 + (width+7)/8)
		if c.runs == nil {
			index = min(index, (p.values()*width+7)/8)
		}
		with += index
		without += p.plain
	}
	return with < without
}

// writePages appends the pages of a chunk to the row group. It gives up and
// reports false when the first data page, with the dictionary, saves less than
// 5 % of their bytes: the chunk is then better left uncompressed, which every
// reader is glad of. That depends on the chunk alone, so the same rows always
// give the same bytes.
func (e *Encoder) writePages(ch *chunk, c *column, pages []page, codec format.CompressionCodec) (bool, error) {
	ch.codec, ch.uncompressed, ch.textBytes = codec, 0, 0
	raw, packed := 0, 0
	if ch.dictionary {
		if err := checkPageSize(c.dictionaryBytes()); err != nil {
			return false, err
		}
		body := e.pager.dictionary(c)
		header := format.PageHeader{
			Type: format.DictionaryPage,
			DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{
				NumValues: int32(c.Entries()),
				Encoding:  format.Plain,
			}),
		}
		n, err := e.writePage(ch, &header, body)
		if err != nil {
			return false, err
		}
		raw, packed = len(body), n
	}
	ch.data = len(e.out)
	for i := range pages {
		p := &pages[i]
		if !ch.dictionary {
			if err := checkPageSize(p.plain); err != nil {
				return false, err
			}
		}
		offset := len(e.out)
		body := e.pager.data(c, p, ch.dictionary)
		n, err := e.writePage(ch, dataHeader(p, ch.dictionary), body)
		if err != nil {
			return false, err
		}
		if i == 0 && codec != format.Uncompressed && (packed+n)*100 >= (raw+len(body))*95 {
			return false, nil
		}
		out := chunkPage{offset: offset, size: len(e.out) - offset, firstRow: p.firstRow}
		if c.physical == format.ByteArray {
			out.textBytes = p.plain - 4*p.values()
		}
		ch.textBytes += out.textBytes
		ch.pages = append(ch.pages, out)
	}
	ch.end = len(e.out)
	return true, nil
}

func dataHeader(p *page, dictionary bool) *format.PageHeader {
	encoding := format.Plain
	if dictionary {
		encoding = format.RLEDictionary
	}
	return &format.PageHeader{
		Type: format.DataPage,
		DataPageHeader: thrift.New(format.DataPageHeader{
			NumValues:               int32(p.rows),
			Encoding:                encoding,
			DefinitionLevelEncoding: format.RLE,
			RepetitionLevelEncoding: format.RLE, // of none: the schema is flat
			Statistics:              format.Statistics{NullCount: int64(p.nulls)},
		}),
	}
}

// writePage appends a page and returns its compressed size.
func (e *Encoder) writePage(ch *chunk, header *format.PageHeader, body []byte) (int, error) {
	if err := checkPageSize(len(body)); err != nil {
		return 0, err
	}
	packed := e.compressor.compress(body, ch.codec)
	if err := checkPageSize(len(packed)); err != nil {
		return 0, err
	}
	header.UncompressedPageSize = int32(len(body))
	header.CompressedPageSize = int32(len(packed))
	start := len(e.out)
	var err error
	if e.out, err = e.thrift.append(e.out, header); err != nil {
		return 0, fmt.Errorf("page header: %w", err)
	}
	ch.uncompressed += len(e.out) - start + len(body)
	e.out = append(e.out, packed...)
	return len(packed), nil
}

// checkPageSize refuses what the 32-bit sizes of a page header cannot hold.
func checkPageSize(size int) error {
	if size > math.MaxInt32 {
		return fmt.Errorf("page of %d bytes exceeds the format's 2 GiB", size)
	}
	return nil
}
