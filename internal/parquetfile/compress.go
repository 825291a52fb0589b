package parquetfile

import (
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/zstdpage"
)

// compressor compresses pages one by one, reusing its state and buffer.
type compressor struct {
	codec format.CompressionCodec
	zstd  *zstdpage.Encoder
	buf   []byte
}

func newCompressor(codec string) (compressor, error) {
	switch codec {
	case "none":
		return compressor{codec: format.Uncompressed}, nil
	case "snappy":
		return compressor{codec: format.Snappy}, nil
	case "zstd":
		return compressor{codec: format.Zstd, zstd: new(zstdpage.Encoder)}, nil
	}
	return compressor{}, fmt.Errorf("unknown codec %q; use zstd, snappy or none", codec)
}

// compress returns the page compressed; the bytes are valid until the next
// call. It holds numbers of width bytes, or other values if width is 0.
func (c *compressor) compress(page []byte, width int) []byte {
	switch c.codec {
	case format.Zstd:
		c.buf = c.zstd.Append(c.buf[:0], page, width)
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
