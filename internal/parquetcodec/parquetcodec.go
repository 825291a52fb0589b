// Package parquetcodec is the one list of codecs that the pages of a Parquet
// file are compressed with: their names, and how a page is compressed and
// decompressed.
package parquetcodec

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/suggest"
	"sluice/internal/zstdpage"
)

// codec is one way to store a page.
type codec struct {
	name   string
	format format.CompressionCodec // how a file names it
	// compress makes a function that may keep things from page to page; nil
	// stores pages as they are.
	compress func() compress
	// decompress is the way back; nil takes pages as they are.
	decompress decompress
}

// compress appends a compressed page to dst. It holds numbers of width bytes,
// or other values if width is 0.
type compress func(dst, page []byte, width int) []byte

// decompress appends a page to dst. Files that are read back are not trusted:
// a page that is larger than the room in dst is an error, before it takes memory.
type decompress func(dst, page []byte) ([]byte, error)

// codecs are all there are, the default first. Athena, Trino, Spark, DuckDB,
// Arrow and Polars read each of them.
var codecs = []codec{
	{"zstd", format.Zstd, func() compress { return new(zstdpage.Encoder).Append }, readZstd},
	{"snappy", format.Snappy, func() compress { return appendSnappy }, readSnappy},
	{"none", format.Uncompressed, nil, nil},
}

// Names are the words for the codecs, the default first.
func Names() []string {
	var names []string
	for _, c := range codecs {
		names = append(names, c.name)
	}
	return names
}

// Compressor compresses pages one by one, reusing its state and buffer.
type Compressor struct {
	Format   format.CompressionCodec
	compress compress
	buf      []byte
}

// NewCompressor makes a compressor of the codec with that name.
func NewCompressor(name string) (Compressor, error) {
	i := slices.IndexFunc(codecs, func(c codec) bool { return c.name == name })
	if i < 0 {
		return Compressor{}, fmt.Errorf("unknown codec %q; use %s", name, suggest.OneOf(Names()))
	}
	c := Compressor{Format: codecs[i].format}
	if codecs[i].compress != nil {
		c.compress = codecs[i].compress()
	}
	return c, nil
}

// Compress returns the page compressed; the bytes are valid until the next
// call. It holds numbers of width bytes, or other values if width is 0.
func (c *Compressor) Compress(page []byte, width int) []byte {
	if c.compress == nil {
		return page
	}
	c.buf = c.compress(c.buf[:0], page, width)
	return c.buf
}

// Decompressor decompresses pages one by one, reusing its state and buffer.
type Decompressor struct {
	decompress decompress
	buf        []byte
}

// NewDecompressor makes a decompressor of the codec that a file names.
func NewDecompressor(f format.CompressionCodec) (Decompressor, error) {
	i := slices.IndexFunc(codecs, func(c codec) bool { return c.format == f })
	if i < 0 {
		return Decompressor{}, fmt.Errorf("codec %v, which sluice does not write", f)
	}
	return Decompressor{decompress: codecs[i].decompress}, nil
}

// Decompress returns the page decompressed; the bytes are valid until the next
// call. A page that has not exactly size bytes then is an error.
func (d *Decompressor) Decompress(page []byte, size int) ([]byte, error) {
	if d.decompress != nil {
		d.buf = slices.Grow(d.buf[:0], size)
		var err error
		if page, err = d.decompress(d.buf[:0:size], page); err != nil {
			return nil, errMalformed
		}
	}
	if len(page) != size {
		return nil, errMalformed
	}
	return page, nil
}

var errMalformed = errors.New("malformed page, or one of another size than its header says")

// zstdReaders keep their tables for the next page, of whatever column it is.
var zstdReaders = sync.Pool{New: func() any {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err) // these options are valid
	}
	return r
}}

func readZstd(dst, page []byte) ([]byte, error) {
	r := zstdReaders.Get().(*zstd.Decoder)
	defer zstdReaders.Put(r)
	return r.DecodeAll(page, dst)
}

func appendSnappy(dst, page []byte, _ int) []byte {
	dst = slices.Grow(dst, s2.MaxEncodedLen(len(page)))
	return s2.EncodeSnappy(dst[:cap(dst)], page)
}

func readSnappy(dst, page []byte) ([]byte, error) {
	if n, err := s2.DecodedLen(page); err != nil || n > cap(dst) {
		return nil, errMalformed
	}
	return s2.Decode(dst[:cap(dst)], page)
}
