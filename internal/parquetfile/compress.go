package parquetfile

import (
	"fmt"
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
		enc, err := newZstd(zstd.SpeedFastest)
		if err != nil {
			return compressor{}, err
		}
		return compressor{codec: format.Zstd, zstd: enc}, nil
	}
	return compressor{}, fmt.Errorf("unknown codec %q; use zstd, snappy or none", codec)
}

func newZstd(level zstd.EncoderLevel) (*zstd.Encoder, error) {
	// Bit-packed indices repeat nothing, but their bytes are not evenly
	// spread: entropy coding alone saves 7 % of a file.
	enc, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(level),
		zstd.WithEncoderConcurrency(1),
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
// so all encoders share one: they need it for a twentieth of their time.
var finer struct {
	sync.Mutex
	zstd *zstd.Encoder
}

func compressTimes(page, buf []byte) []byte {
	finer.Lock()
	defer finer.Unlock()
	if finer.zstd == nil {
		enc, err := newZstd(zstd.SpeedDefault)
		if err != nil {
			panic(err) // of options that are constant
		}
		finer.zstd = enc
	}
	return finer.zstd.EncodeAll(page, buf)
}

// compress returns the page, of times or not, compressed; the bytes are valid
// until the next call.
func (c *compressor) compress(page []byte, times bool) []byte {
	switch {
	case c.codec == format.Zstd && times:
		c.buf = compressTimes(page, c.buf[:0])
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
