package parquetcolumn

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/parquetcodec"
)

// Page is the values of a page. It is valid until the next one is read.
type Page struct {
	First int64 // row in the file
	Rows  int

	index []int32 // of each row in ints or texts; null for NULL
	ints  []int64 // of the page, or of the dictionary
	texts [][]byte
}

const null = -1

// Null reports whether the i-th value is NULL.
func (p *Page) Null(i int) bool { return p.index[i] == null }

// Int is the i-th value of a BOOLEAN, INT32 or INT64 column, which is not NULL.
func (p *Page) Int(i int) int64 { return p.ints[p.index[i]] }

// Bytes is the i-th value of a BYTE_ARRAY column, which is not NULL.
func (p *Page) Bytes(i int) []byte { return p.texts[p.index[i]] }

// Held is about the memory that the page takes.
func (p *Page) Held() int64 {
	const ofText = 24 + 4 // and its length in the page
	n := 4*cap(p.index) + 8*cap(p.ints) + ofText*cap(p.texts)
	for _, t := range p.texts {
		n += len(t)
	}
	return int64(n)
}

// pageDecoder decodes the pages of a chunk.
type pageDecoder struct {
	column
	codec        format.CompressionCodec
	decompressor parquetcodec.Decompressor
	dictionary   bool // one has come
	dictInts     []int64
	dictTexts    [][]byte

	page   Page
	ints   []int64 // of the page
	texts  [][]byte
	levels []int32
	int32s []int32
	bytes  []byte
	ends   []uint32
}

func newPageDecoder(c column, codec format.CompressionCodec) (*pageDecoder, error) {
	switch c.typ {
	case format.Boolean, format.Int32, format.Int64, format.ByteArray:
	default:
		return nil, fmt.Errorf("column %s has the type %v, which is not read", c.name, c.typ)
	}
	d := &pageDecoder{column: c, codec: codec}
	if codec == format.Gzip { // others write it, we do not
		return d, nil
	}
	var err error
	d.decompressor, err = parquetcodec.NewDecompressor(codec)
	return d, err
}

func (d *pageDecoder) decompress(data []byte, size int) ([]byte, error) {
	if size < 0 || size > mostPage {
		return nil, fmt.Errorf("a page of %d bytes", size)
	}
	if d.codec != format.Gzip {
		return d.decompressor.Decompress(data, size)
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, errDamaged
	}
	page := make([]byte, size)
	if _, err := io.ReadFull(r, page); err != nil {
		return nil, errDamaged
	}
	return page, nil
}

// readDictionary keeps the values of the chunk's dictionary.
func (d *pageDecoder) readDictionary(h *format.PageHeader, data []byte) error {
	n := int(h.DictionaryPageHeader.V.NumValues)
	data, err := d.decompress(data, int(h.UncompressedPageSize))
	if err != nil {
		return err
	}
	if n < 0 || n > len(data) {
		return errDamaged
	}
	d.dictionary = true
	d.dictInts, d.dictTexts = nil, nil
	return d.plain(append([]byte(nil), data...), n, &d.dictInts, &d.dictTexts)
}

// read decodes a data page.
func (d *pageDecoder) read(h *format.PageHeader, data []byte) (*Page, error) {
	p := &d.page
	var encoding format.Encoding
	n := int(h.DataPageHeader.V.NumValues + h.DataPageHeaderV2.V.NumValues) // one of them is not there
	if n < 0 || n > mostRows {
		return nil, errDamaged
	}
	switch {
	case h.DataPageHeader.Valid:
		v1 := &h.DataPageHeader.V
		encoding = v1.Encoding
		var err error
		if data, err = d.decompress(data, int(h.UncompressedPageSize)); err != nil {
			return nil, err
		}
		if d.column.levels > 0 {
			if v1.DefinitionLevelEncoding != format.RLE || len(data) < 4 {
				return nil, errDamaged
			}
			size := int(binary.LittleEndian.Uint32(data))
			if size < 0 || size > len(data)-4 {
				return nil, errDamaged
			}
			if err := d.readLevels(data[4:4+size], n); err != nil {
				return nil, err
			}
			data = data[4+size:]
		}
	case h.DataPageHeaderV2.Valid:
		v2 := &h.DataPageHeaderV2.V
		encoding = v2.Encoding
		size := int(v2.DefinitionLevelsByteLength)
		if v2.RepetitionLevelsByteLength != 0 || size < 0 || size > len(data) {
			return nil, errDamaged
		}
		if d.column.levels > 0 {
			if err := d.readLevels(data[:size], n); err != nil {
				return nil, err
			}
		}
		if data = data[size:]; !v2.IsCompressed.Valid || v2.IsCompressed.V {
			var err error
			if data, err = d.decompress(data, int(h.UncompressedPageSize)-size); err != nil {
				return nil, err
			}
		}
	default:
		return nil, errDamaged
	}
	p.Rows, p.index = n, p.index[:0]
	values := 0
	for i := range n {
		if d.column.levels > 0 && d.levels[i] == 0 {
			p.index = append(p.index, null)
			continue
		}
		p.index = append(p.index, int32(values))
		values++
	}
	if err := d.readValues(data, encoding, values); err != nil {
		return nil, err
	}
	return p, nil
}

// readLevels decodes n definition levels of 0 and 1.
func (d *pageDecoder) readLevels(data []byte, n int) (err error) {
	d.levels, err = appendHybrid(d.levels[:0], data, 1, n)
	return err
}

// readValues decodes the values that are not NULL.
func (d *pageDecoder) readValues(data []byte, encoding format.Encoding, n int) (err error) {
	p := &d.page
	d.ints, d.texts = d.ints[:0], d.texts[:0]
	p.ints, p.texts = nil, nil
	if n == 0 {
		return nil
	}
	switch encoding {
	case format.Plain:
		err = d.plain(data, n, &d.ints, &d.texts)
	case format.RLEDictionary, format.PlainDictionary: //nolint:staticcheck // deprecated, and still written
		if !d.dictionary {
			return errDamaged
		}
		if len(data) == 0 {
			return errDamaged
		}
		if d.int32s, err = appendHybrid(d.int32s[:0], data[1:], int(data[0]), n); err != nil {
			return err
		}
		most := int32(max(len(d.dictInts), len(d.dictTexts)))
		for i, k := range p.index {
			if k == null {
				continue
			}
			entry := d.int32s[k]
			if entry < 0 || entry >= most {
				return errDamaged
			}
			p.index[i] = entry
		}
		p.ints, p.texts = d.dictInts, d.dictTexts
		return nil
	case format.DeltaBinaryPacked:
		if !counts(data, n) {
			return errDamaged
		}
		if d.typ == format.Int64 {
			d.ints, err = new(delta.BinaryPackedEncoding).DecodeInt64(d.ints, data)
		} else if d.typ == format.Int32 {
			d.int32s, err = new(delta.BinaryPackedEncoding).DecodeInt32(d.int32s[:0], data)
			for _, v := range d.int32s {
				d.ints = append(d.ints, int64(v))
			}
		}
		if len(d.ints) != n {
			return errDamaged
		}
	case format.DeltaLengthByteArray, format.DeltaByteArray:
		if d.typ != format.ByteArray || !counts(data, n) {
			return errDamaged
		}
		err = d.deltaTexts(data, encoding, n)
	case format.RLE:
		if d.typ != format.Boolean || len(data) < 4 {
			return errDamaged
		}
		if d.int32s, err = appendHybrid(d.int32s[:0], data[4:], 1, n); err != nil {
			return err
		}
		for _, v := range d.int32s {
			d.ints = append(d.ints, int64(v))
		}
	default:
		return fmt.Errorf("column %s has a page in the encoding %v, which is not read", d.name, encoding)
	}
	p.ints, p.texts = d.ints, d.texts
	return err
}

// counts reports whether deltas say that they are of n values. The library makes room
// for as many as they say.
func counts(data []byte, n int) bool {
	for range 2 { // size of a block, and its parts
		_, k := binary.Uvarint(data)
		if k <= 0 {
			return false
		}
		data = data[k:]
	}
	total, k := binary.Uvarint(data)
	return k > 0 && total == uint64(n)
}

// deltaTexts decodes texts that are written as lengths, or as lengths and prefixes.
func (d *pageDecoder) deltaTexts(data []byte, encoding format.Encoding, n int) (err error) {
	if encoding == format.DeltaByteArray {
		// Prefixes may make much of little: what comes out is known before.
		e := new(delta.ByteArrayEncoding)
		if size := e.EstimateDecodeByteArraySize(data); size < 0 || size > mostPage {
			return errDamaged
		}
		d.bytes, d.ends, err = e.DecodeByteArray(d.bytes[:0], data, d.ends[:0])
	} else {
		d.bytes, d.ends, err = new(delta.LengthByteArrayEncoding).DecodeByteArray(d.bytes[:0], data, d.ends[:0])
	}
	if err != nil || len(d.ends) != n+1 {
		return errDamaged
	}
	for i := range n {
		begin, end := d.ends[i], d.ends[i+1]
		if begin > end || int(end) > len(d.bytes) {
			return errDamaged
		}
		d.texts = append(d.texts, d.bytes[begin:end])
	}
	return nil
}

// plain decodes n values in the encoding PLAIN. Texts are parts of data.
func (d *pageDecoder) plain(data []byte, n int, ints *[]int64, texts *[][]byte) error {
	switch d.typ {
	case format.Boolean:
		if len(data) < (n+7)/8 {
			return errDamaged
		}
		for i := range n {
			*ints = append(*ints, int64(data[i/8]>>(i%8)&1))
		}
	case format.Int32:
		if len(data) < 4*n {
			return errDamaged
		}
		for i := range n {
			*ints = append(*ints, int64(int32(binary.LittleEndian.Uint32(data[4*i:]))))
		}
	case format.Int64:
		if len(data) < 8*n {
			return errDamaged
		}
		for i := range n {
			*ints = append(*ints, int64(binary.LittleEndian.Uint64(data[8*i:])))
		}
	case format.ByteArray:
		for range n {
			if len(data) < 4 {
				return errDamaged
			}
			size := int64(binary.LittleEndian.Uint32(data))
			if data = data[4:]; size > int64(len(data)) {
				return errDamaged
			}
			*texts = append(*texts, data[:size:size])
			data = data[size:]
		}
	}
	return nil
}
