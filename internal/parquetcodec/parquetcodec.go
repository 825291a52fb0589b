// Package parquetcodec is the one list of codecs that the pages of a Parquet
// file are compressed with: their names, how a page is compressed, and what a
// compressed page says about its size.
package parquetcodec

import (
	"errors"
	"fmt"
	"slices"

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
	// size is what a page of stored bytes says that it has when decompressed,
	// which the decoder holds it to: files that are read back are not trusted.
	// start is as many of its bytes as are at hand.
	size func(start []byte, stored int) (uint64, error)
}

// compress appends a compressed page to dst. It holds numbers of width bytes,
// or other values if width is 0.
type compress func(dst, page []byte, width int) []byte

// codecs are all there are, the default first. Athena, Trino, Spark, DuckDB,
// Arrow and Polars read each of them.
var codecs = []codec{
	{"zstd", format.Zstd, func() compress { return new(zstdpage.Encoder).Append }, zstdSize},
	{"snappy", format.Snappy, func() compress { return appendSnappy }, snappySize},
	{"none", format.Uncompressed, nil, plainSize},
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

// Size is the size that a page of stored bytes, which begin with start, gives
// for itself decompressed. The page is not trusted.
func Size(f format.CompressionCodec, start []byte, stored int) (uint64, error) {
	i := slices.IndexFunc(codecs, func(c codec) bool { return c.format == f })
	if i < 0 {
		return 0, fmt.Errorf("codec %v, which sluice does not write", f)
	}
	return codecs[i].size(start, stored)
}

var errMalformed = errors.New("malformed page")

func zstdSize(start []byte, _ int) (uint64, error) {
	var frame zstd.Header
	if err := frame.Decode(start); err != nil || !frame.HasFCS {
		return 0, errMalformed
	}
	return frame.FrameContentSize, nil
}

func appendSnappy(dst, page []byte, _ int) []byte {
	dst = slices.Grow(dst, s2.MaxEncodedLen(len(page)))
	return s2.EncodeSnappy(dst[:cap(dst)], page)
}

func snappySize(start []byte, _ int) (uint64, error) {
	n, err := s2.DecodedLen(start)
	if err != nil {
		return 0, errMalformed
	}
	return uint64(n), nil
}

func plainSize(_ []byte, stored int) (uint64, error) { return uint64(stored), nil }
