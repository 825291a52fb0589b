// Package input turns a stored object into the bytes of its JSON: it looks at
// the first bytes, removes one layer of gzip or zstd, and counts. File names
// and content types are often wrong, so they are not used.
//
// The trailer of a compressed stream is checked only after its last byte was
// delivered, so commit nothing before the reader has returned io.EOF.
package input

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"sluice/internal/rejection"
	"sluice/reason"
)

// RatioFloor is the decompressed size below which a high ratio is not a sign of
// a bomb: a short file of one repeated record also compresses well.
const RatioFloor = 16 << 20

// maxZstdWindow bounds how much memory a zstd frame can make us use. RFC 8878
// section 3.1.1.1.2 recommends that decoders support at least 8 MiB.
const maxZstdWindow = 8 << 20

// maxEmpty is how often in a row a source may give neither bytes nor an error.
const maxEmpty = 100

// Reader delivers the decompressed bytes of an object.
type Reader struct {
	raw     *counter
	buf     *bufio.Reader
	dec     io.Reader // nil for plain bytes
	gz      *gzip.Reader
	zst     *zstd.Decoder
	out     int64
	maxOut  int64
	maxRate int64
	err     error
	ahead   *readAhead // nil: Read reads the source itself
}

type counter struct {
	ctx      context.Context
	r        io.Reader
	n        int64
	empty    int // reads in a row that gave nothing
	ended    bool
	err      error // error of the source, unless io.EOF
	progress func(int64)
}

// Only this Read knows whether the source still delivers: decoders may read
// much that gives no bytes, such as empty members.
func (c *counter) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		c.err = context.Cause(c.ctx)
		return 0, c.err
	}
	n, err := c.r.Read(p)
	if c.empty++; n > 0 || len(p) == 0 {
		c.empty = 0
	} else if c.empty == maxEmpty && err == nil {
		err = io.ErrNoProgress
	}
	c.n += int64(n)
	if err == io.EOF {
		c.ended = true
	} else if err != nil {
		c.err = err
	}
	if c.progress != nil {
		c.progress(c.n)
	}
	return n, err
}

// NewReader reads src. maxOut bounds the decompressed bytes, maxRatio their
// ratio to the stored ones. progress, if not nil, is called with the stored
// bytes read so far. Nothing is read from src after ctx ends.
func NewReader(ctx context.Context, src io.Reader, maxOut, maxRatio int64, progress func(int64)) *Reader {
	raw := &counter{ctx: ctx, r: src, progress: progress}
	return &Reader{raw: raw, maxOut: maxOut, maxRate: maxRatio}
}

// Plain reports whether the bytes are delivered as stored. It is known from the
// first Read on.
func (r *Reader) Plain() bool { return r.dec == nil }

// Stored is the number of stored bytes read for what was delivered so far, and
// whether the source has ended after them.
func (r *Reader) Stored() (n int64, ended bool) {
	if r.ahead != nil {
		return r.ahead.now.stored, r.ahead.now.ended
	}
	return r.raw.n, r.raw.ended
}

// Close frees the decoder, and waits for a read that is under way.
func (r *Reader) Close() {
	if r.ahead != nil {
		r.ahead.close()
	}
	if r.zst != nil {
		r.zst.Close()
	}
}

// Read may return no bytes and no error, any number of times in a row, if there
// are empty gzip members.
func (r *Reader) Read(p []byte) (int, error) {
	if r.ahead != nil {
		return r.ahead.read(p)
	}
	return r.readOn(p)
}

func (r *Reader) readOn(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.buf == nil {
		if err := r.open(); err != nil {
			r.err = err
			return 0, err
		}
	}
	// Reading one byte more than allowed shows that there is more. So where the
	// limit applies does not depend on how the input is cut.
	if left := r.maxOut - r.out; int64(len(p)) > left+1 {
		p = p[:left+1]
	}
	n, err := r.read(p)
	if r.out += int64(n); r.out > r.maxOut {
		n--
	}
	if over := r.checkLimits(); over != nil {
		err = over
	}
	r.err = err
	return n, err
}

func (r *Reader) read(p []byte) (int, error) {
	if r.dec == nil {
		return r.buf.Read(p)
	}
	n, err := r.dec.Read(p)
	if r.gz != nil && err == io.EOF {
		err = r.nextMember()
	}
	if err != nil && err != io.EOF {
		err = r.rejected(err)
	}
	return n, err
}

func (r *Reader) checkLimits() error {
	if r.out > r.maxOut {
		return r.reject(reason.DecompressionLimit, fmt.Sprintf("more than decompressed_bytes: %d", r.maxOut))
	}
	if r.dec != nil && r.out > RatioFloor && r.out/max(r.raw.n, 1) > r.maxRate {
		return r.reject(reason.DecompressionRatio, fmt.Sprintf("decompressed bytes are more than %d times the stored ones (decompression_ratio)", r.maxRate))
	}
	return nil
}

func (r *Reader) open() error {
	r.buf = bufio.NewReader(r.raw) // plain bytes are read past it
	head, err := r.buf.Peek(4)
	if err != nil && err != io.EOF {
		return err
	}
	switch {
	case hasPrefix(head, "\x1f\x8b"):
		r.buf = bufio.NewReaderSize(r.buf, 64<<10)
		// One member at a time: the library's own multistream mode cannot
		// tell trailing junk from a truncated member.
		if r.gz, err = gzip.NewReader(r.buf); err != nil {
			return r.rejected(err)
		}
		r.gz.Multistream(false)
		r.dec = r.gz
	case hasPrefix(head, "\x28\xb5\x2f\xfd"), len(head) == 4 && head[0]&0xf0 == 0x50 && string(head[1:]) == "\x2a\x4d\x18":
		r.buf = bufio.NewReaderSize(r.buf, 64<<10)
		r.zst, err = zstd.NewReader(r.buf, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return r.rejected(err)
		}
		r.dec = r.zst
	}
	return nil
}

// nextMember goes on to the gzip member that follows the one just read whole
// (RFC 1952 section 2.2), or returns io.EOF.
func (r *Reader) nextMember() error {
	head, err := r.buf.Peek(2)
	switch {
	case len(head) == 0 && err == io.EOF:
		return io.EOF
	case err != nil && err != io.EOF:
		return err
	case string(head) == "\x1f\x8b":
	case string(head) == "\x1f":
		return r.reject(reason.GzipTruncated, "the stream ends inside a gzip member")
	default:
		return r.reject(reason.GzipTrailingData, "bytes that are no gzip member follow the last one")
	}
	if err := r.gz.Reset(r.buf); err != nil {
		return r.rejected(err)
	}
	r.gz.Multistream(false)
	return nil
}

func (r *Reader) reject(code reason.Code, detail string) error {
	return &rejection.Error{Code: code, Offset: r.out, Detail: detail}
}

// rejected tells damaged bytes from a failure of the source: if the source
// delivered without an error, an error of the decoder is about the bytes.
func (r *Reader) rejected(err error) error {
	var known *rejection.Error
	if r.raw.err != nil {
		return r.raw.err
	}
	if errors.As(err, &known) {
		return err
	}
	truncated := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
	switch {
	case r.zst != nil && (errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded)):
		return r.reject(reason.ZstdWindow, fmt.Sprintf("the frame wants a window of more than %d bytes; compress without --long or --ultra", maxZstdWindow))
	case r.zst != nil && errors.Is(err, zstd.ErrUnknownDictionary):
		return r.reject(reason.ZstdDictionary, "the frame needs a dictionary, which is not supported")
	case r.zst != nil && truncated:
		return r.reject(reason.ZstdTruncated, "the stream ends inside a zstd frame")
	case r.zst != nil && errors.Is(err, zstd.ErrCRCMismatch):
		return r.reject(reason.ZstdChecksum, "the zstd checksum does not match")
	case r.zst != nil:
		return r.reject(reason.ZstdCorrupt, "the zstd stream is damaged, or other bytes follow it")
	case truncated:
		return r.reject(reason.GzipTruncated, "the stream ends inside a gzip member")
	case errors.Is(err, gzip.ErrChecksum):
		return r.reject(reason.GzipChecksum, "the gzip checksum or length does not match")
	}
	return r.reject(reason.GzipCorrupt, "the gzip stream is damaged")
}

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }
