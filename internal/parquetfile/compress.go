package parquetfile

import (
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/stride"
)

// compressor compresses pages one by one, reusing its state and buffers.
type compressor struct {
	codec  format.CompressionCodec
	zstd   *zstd.Encoder
	stride *stride.Encoder
	width  int // of the values of the chunk, if stride suits them better
	buf    []byte
	sample []byte
}

func newCompressor(codec string) (compressor, error) {
	switch codec {
	case "none":
		return compressor{codec: format.Uncompressed}, nil
	case "snappy":
		return compressor{codec: format.Snappy}, nil
	case "zstd":
		// Dictionaries leave little to be found by a higher level or a
		// larger window. Bit-packed indices repeat nothing, but their bytes
		// are not evenly spread: entropy coding alone saves 7 % of a file.
		enc, err := zstd.NewWriter(nil,
			zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(1),
			zstd.WithEncoderCRC(false),
			zstd.WithAllLitEntropyCompression(true),
			zstd.WithSingleSegment(true), // every frame says its size
			zstd.WithLowerEncoderMem(true),
			zstd.WithWindowSize(1<<18))
		if err != nil {
			return compressor{}, fmt.Errorf("start zstd: %w", err)
		}
		return compressor{codec: format.Zstd, zstd: enc, stride: new(stride.Encoder)}, nil
	}
	return compressor{}, fmt.Errorf("unknown codec %q; use zstd, snappy or none", codec)
}

// try decides how the values of a chunk are compressed, by the beginning of the
// first page that holds some: behind head bytes of something else, values of
// the same width, or of any if that is 0.
func (c *compressor) try(page []byte, head, width int) {
	const size = 8 << 10
	c.width = 0
	if c.codec != format.Zstd || width == 0 {
		return
	}
	page = page[:min(len(page), head+size/width*width)]
	var ok bool
	if c.buf, ok = c.stride.Append(c.buf[:0], page, head, width); !ok {
		return
	}
	if c.sample = c.zstd.EncodeAll(page, c.sample[:0]); len(c.buf) <= len(c.sample) {
		c.width = width
	}
}

// values returns a page of values, which begin behind head bytes, compressed;
// the bytes are valid until the next call.
func (c *compressor) values(page []byte, head int) []byte {
	if c.width > 0 {
		var ok bool
		if c.buf, ok = c.stride.Append(c.buf[:0], page, head, c.width); ok {
			return c.buf
		}
	}
	return c.compress(page)
}

// compress returns any page compressed; the bytes are valid until the next call.
func (c *compressor) compress(page []byte) []byte {
	switch c.codec {
	case format.Zstd:
		c.buf = c.zstd.EncodeAll(page, c.buf[:0])
	case format.Snappy:
		if n := s2.MaxEncodedLen(len(page)); cap(c.buf) < n {
			c.buf = make([]byte, n+n/4)
		}
		return s2.EncodeSnappy(c.buf[:cap(c.buf)], page)
	default:
		return page
	}
	return c.buf
}
