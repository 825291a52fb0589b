package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sluice/internal/patience"
	"sluice/internal/store"
)

// object reads a pinned state in parts. Up to Parallel of them are requested or wait
// to be read, in order. When a part is read to its end, its buffer is used for the
// next one.
type object struct {
	s      *Store
	ctx    context.Context
	cancel context.CancelFunc
	info   store.Info
	sum    *checksum // nil if the object has none

	parts []*part // in order; the first is being read
	next  int64   // offset of the first byte that is not yet requested
	read  []byte  // what is left of the first part, after it has come
	err   error   // the end, once reached
}

type part struct {
	buf  []byte
	done chan error // of one element
}

// Open implements [store.Store]. The first request has no range: it brings all of a
// small object, and the first part of a large one.
func (s *Store) Open(ctx context.Context, key string) (store.Object, error) {
	return s.openVersion(ctx, key, nil)
}

// OpenVersion implements [store.Store].
func (s *Store) OpenVersion(ctx context.Context, key, versionID string) (store.Object, error) {
	if versionID == "" {
		return nil, s.fail(ctx, "open", key, store.ErrNotFound)
	}
	o, err := s.openVersion(ctx, key, &versionID)
	var refused smithy.APIError
	if errors.As(err, &refused) && refused.ErrorCode() == "InvalidArgument" {
		// "Invalid version id specified": it comes from another bucket or server.
		return nil, s.fail(ctx, "open", key, store.ErrNotFound)
	}
	return o, err
}

// openVersion reads the current state if versionID is nil.
func (s *Store) openVersion(ctx context.Context, key string, versionID *string) (store.Object, error) {
	if err := store.CheckKey(key); err != nil {
		return nil, s.fail(ctx, "open", key, err)
	}
	reading, cancel := context.WithCancel(ctx)
	o := &object{s: s, ctx: reading, cancel: cancel}
	out, err := s.client.GetObject(reading, &s3.GetObjectInput{
		Bucket: &s.bucket, Key: &key, VersionId: versionID, ChecksumMode: types.ChecksumModeEnabled,
	})
	if err == nil {
		o.info, err = described(key, out.ContentLength, out.ETag, out.LastModified)
		if err == nil && out.ContentRange != nil {
			err = errRange
		}
		if err != nil {
			out.Body.Close()
		}
	}
	if err != nil {
		cancel()
		return nil, s.fail(ctx, "open", key, err)
	}
	o.info.VersionID, o.info.Meta = version(out.VersionId), out.Metadata
	if versionID != nil { // also one that was written without versioning
		o.info.VersionID = *versionID
	}
	o.sum = newChecksum(out)
	o.ask(make([]byte, min(o.info.Size, s.config.rangeSize())), out.Body)
	return o, nil
}

// ReadAt implements [store.Store].
func (s *Store) ReadAt(ctx context.Context, info store.Info, p []byte, offset int64) error {
	err := store.CheckKey(info.Key)
	if err == nil {
		err = store.CheckRange(info, p, offset)
	}
	if err == nil && len(p) > 0 {
		o := &object{s: s, ctx: ctx, info: info}
		err = o.fetch(p, offset, nil)
	}
	if err != nil {
		return s.fail(ctx, "read", info.Key, err)
	}
	return nil
}

func (o *object) Info() store.Info { return o.info }

func (o *object) Close() error {
	o.cancel()
	for _, p := range o.parts {
		<-p.done // its buffer and its connection are free now
	}
	o.parts, o.read = nil, nil
	if o.err == nil {
		o.err = errors.New("read of a closed object")
	}
	return nil
}

// ask requests the next part, for buf; body is its response, if that is there.
func (o *object) ask(buf []byte, body io.ReadCloser) {
	p := &part{buf: buf[:min(int64(len(buf)), o.info.Size-o.next)], done: make(chan error, 1)}
	offset := o.next
	o.next += int64(len(p.buf))
	o.parts = append(o.parts, p)
	go func() {
		p.done <- o.fetch(p.buf, offset, body)
		close(p.done)
	}()
}

func (o *object) Read(p []byte) (int, error) {
	if o.err != nil || len(p) == 0 {
		return 0, o.err
	}
	for len(o.read) == 0 {
		if err := o.advance(); err != nil {
			o.err = err
			if err != io.EOF {
				o.err = o.s.fail(o.ctx, "read", o.info.Key, err)
			}
			return 0, o.err
		}
	}
	n := copy(p, o.read)
	o.read = o.read[n:]
	return n, nil
}

// advance makes the next part the one to read; io.EOF after the last.
func (o *object) advance() error {
	if done := o.parts[0]; o.read != nil {
		o.parts = o.parts[1:]
		if o.next < o.info.Size {
			o.ask(done.buf, nil)
		}
		o.read = nil
	}
	if len(o.parts) == 0 {
		if o.sum != nil && !o.sum.matches() {
			return errChecksum
		}
		return io.EOF
	}
	// The other parts are requested when somebody reads, so an object that is
	// only looked at costs one part.
	for o.next < o.info.Size && len(o.parts) < o.s.config.Parallel {
		o.ask(make([]byte, o.s.config.rangeSize()), nil)
	}
	if err := <-o.parts[0].done; err != nil {
		return err
	}
	o.read = o.parts[0].buf
	if o.sum != nil {
		o.sum.Write(o.read)
	}
	return nil
}

// fetch fills buf with the bytes from offset on. If a body breaks off, it goes on
// there with another request. A few bytes at each try are not progress: then it
// gives up as it does for a call without an answer.
func (o *object) fetch(buf []byte, offset int64, body io.ReadCloser) error {
	end := offset + int64(len(buf))
	goesOn := body != nil && end < o.info.Size // the body of the whole object, of which this is the first part
	filled, counted := 0, 0
	ctx, call := patience.Begin(o.ctx)
	refund := func() {}
	for attempt := 1; ; attempt++ {
		if body == nil {
			var err error
			if body, err = o.get(ctx, offset+int64(filled), end); err != nil {
				return err // the client has tried again already
			}
		}
		n, err := fill(buf[filled:], body, goesOn)
		body.Close()
		if err == nil {
			refund()
			return nil
		}
		if len(buf) == 0 {
			return err // an empty range cannot be requested
		}
		body, goesOn = nil, false
		switch filled += n; {
		case filled == len(buf):
			filled, counted = 0, 0 // all bytes came, but they are not to be trusted
		case patience.Enough(filled - counted):
			attempt, counted = 1, filled
			call.Progress()
			refund()
		}
		if refund, err = o.s.pause(ctx, attempt, err); err != nil {
			return err
		}
	}
}

// fill reads a body to its end, unless it goes on after buf. Only at the end does
// the SDK compare the body with the server's checksum.
func fill(buf []byte, body io.Reader, goesOn bool) (int, error) {
	n, err := io.ReadFull(body, buf)
	if len(buf) > 0 && err == io.EOF || err == io.ErrUnexpectedEOF {
		return n, errShort
	}
	if err != nil || goesOn {
		return n, err
	}
	var beyond [1]byte
	switch m, err := io.ReadFull(body, beyond[:]); {
	case m > 0:
		return n, errLong
	case err == io.EOF:
		return n, nil
	case isPassing(err):
		return n, err
	default:
		return n, fmt.Errorf("%w: %w", errChecksum, err)
	}
}

// get requests the bytes from..to-1 of the pinned state.
func (o *object) get(ctx context.Context, from, to int64) (io.ReadCloser, error) {
	in := &s3.GetObjectInput{
		Bucket: &o.s.bucket, Key: &o.info.Key, IfMatch: quote(o.info.ETag),
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", from, to-1)),
	}
	if o.info.VersionID != "" {
		in.VersionId = &o.info.VersionID
	}
	out, err := o.s.client.GetObject(ctx, in)
	if err != nil {
		var response *smithyhttp.ResponseError
		if errors.As(err, &response) {
			switch response.HTTPStatusCode() {
			case http.StatusNotFound, http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
				return nil, store.ErrChanged
			}
		}
		return nil, err
	}
	want := fmt.Sprintf("bytes %d-%d/%d", from, to-1, o.info.Size)
	if got := strings.TrimSpace(aws.ToString(out.ContentRange)); got != want {
		out.Body.Close()
		return nil, errRange
	}
	return out.Body, nil
}
