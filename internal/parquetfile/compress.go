package parquetfile

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// compressor compresses pages one by one, reusing its state and buffer.
type compressor struct {
	codec format.CompressionCodec
	zstd  *zstd.Encoder
	buf   []byte
}

func newCompressor(codec string) (compressor, error) {
	switch codec {
	case "none":
		return compressor{codec: format.Uncompressed}, nil
	case "snappy":
		return compressor{codec: format.Snappy}, nil
	case "zstd":
		// Dictionaries leave little to be found by a higher level or a
		// larger window.
		enc, err := newZstd(zstd.SpeedFastest, 1)
		if err != nil {
			return compressor{}, err
		}
		return compressor{codec: format.Zstd, zstd: enc}, nil
	}
	return compressor{}, fmt.Errorf("unknown codec %q; use zstd, snappy or none", codec)
}

func newZstd(level zstd.EncoderLevel, concurrency int) (*zstd.Encoder, error) {
	// Bit-packed indices repeat nothing, but their bytes are not evenly
	// spread: entropy coding alone saves 7 % of a file.
	enc, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(level),
		zstd.WithEncoderConcurrency(concurrency),
		zstd.WithEncoderCRC(false),
		zstd.WithAllLitEntropyCompression(true),
		zstd.WithSingleSegment(true), // every frame says its size
		zstd.WithLowerEncoderMem(true),
		zstd.WithWindowSize(1<<18))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return enc, nil
}

// finer compresses pages of times: these repeat five or six of their eight
// bytes, which the fastest level does not see, and a quarter of such a column
// is saved. Elsewhere a higher level costs more than it brings. It takes 2 MB,
// and orders need it for a twentieth of their time: so encoders share one for
// every two processors.
var finer = sync.OnceValue(func() *zstd.Encoder {
	enc, err := newZstd(zstd.SpeedDefault, max(1, runtime.GOMAXPROCS(0)/2))
	if err != nil {
		panic(err) // of options that are constant
	}
	return enc
})

// compress returns the page, of times or not, compressed; the bytes are valid
// until the next call.
func (c *compressor) compress(page []byte, times bool) []byte {
	switch {
	case c.codec == format.Zstd && times:
		c.buf = finer().EncodeAll(page, c.buf[:0])
	case c.codec == format.Zstd:
		c.buf = c.zstd.EncodeAll(page, c.buf[:0])
	case c.codec == format.Snappy:
		if n := s2.MaxEncodedLen(len(page)); cap(c.buf) < n {
			c.buf = make([]byte, n+n/4)
		}
		return s2.EncodeSnappy(c.buf[:cap(c.buf)], page)
	default:
		return page
	}
	return c.buf
}
