package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sluice/internal/store"
)

const (
	maxParts   = 10_000 // "Amazon S3 multipart upload limits" in the User Guide
	abortLimit = 10 * time.Second
)

var errEnded = errors.New("the object was committed or aborted before")

// writer keeps up to one part; an object that fits is one PutObject. Beyond
// that, full parts are uploaded while the next one is filled.
type writer struct {
	s      *Store
	caller context.Context // of Create
	ctx    context.Context // of the parts: ends with it, or by Abort
	cancel context.CancelFunc
	key    string
	opts   store.CreateOptions
	ended  bool

	buf    []byte
	sum    hash.Hash32 // of the whole content
	upload string      // ID of the multipart upload, if there is one
	parts  int32       // started

	slots chan struct{} // one for each part that is being uploaded
	going sync.WaitGroup
	mu    sync.Mutex
	done  []types.CompletedPart // by number; those under way have no ETag yet
	err   error                 // of the first part that failed
}

// Create implements [store.Store]. It sends nothing yet.
func (s *Store) Create(ctx context.Context, key string, opts store.CreateOptions) (store.Writer, error) {
	err := store.CheckKey(key)
	if err == nil {
		err = store.CheckMeta(opts.Meta)
	}
	if err != nil {
		return nil, s.fail(ctx, "create", key, err)
	}
	w := &writer{s: s, caller: ctx, key: key, opts: opts, sum: crc32.NewIEEE(), slots: make(chan struct{}, max(1, s.config.Parallel/2))}
	w.ctx, w.cancel = context.WithCancel(ctx)
	return w, nil
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.write(p)
	if err != nil {
		err = w.s.fail(w.caller, "write", w.key, err)
	}
	return n, err
}

func (w *writer) write(p []byte) (int, error) {
	if w.ended {
		return 0, errEnded
	}
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	written := 0
	for len(p) > 0 {
		if int64(len(w.buf)) == w.s.config.PartSize {
			if err := w.flush(); err != nil {
				return written, err
			}
		}
		if w.buf == nil && w.parts > 0 { // the first one grows, since most objects are small
			w.buf = w.s.buffer()
		}
		n := int(min(int64(len(p)), w.s.config.PartSize-int64(len(w.buf))))
		w.buf = append(w.buf, p[:n]...)
		w.sum.Write(p[:n])
		p = p[n:]
		written += n
	}
	return written, nil
}

// flush waits for a free slot, and uploads the buffer as the next part.
func (w *writer) flush() error {
	if w.upload == "" {
		if err := w.start(); err != nil {
			return err
		}
	}
	if w.parts == maxParts {
		return fmt.Errorf("more than %d parts of %d bytes, the most that S3 takes: split the source object", maxParts, w.s.config.PartSize)
	}
	w.slots <- struct{}{}
	if err := w.failed(); err != nil {
		<-w.slots
		return err
	}
	w.parts++
	number, data := w.parts, w.buf
	w.buf = nil
	w.mu.Lock()
	w.done = append(w.done, types.CompletedPart{PartNumber: &number})
	w.mu.Unlock()
	w.going.Go(func() {
		if w.send(number, data) {
			select {
			case w.s.buffers <- data:
			default:
			}
		}
		<-w.slots
	})
	return nil
}

// buffer is an empty buffer for a part: one that was uploaded, of any object, or a new
// one. So an object that is being written, and waits, has one and no more.
func (s *Store) buffer() []byte {
	select {
	case b := <-s.buffers:
		return b[:0]
	default:
		return make([]byte, 0, s.config.PartSize)
	}
}

func (w *writer) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *writer) start() error {
	in := &s3.CreateMultipartUploadInput{
		Bucket: &w.s.bucket, Key: &w.key, Metadata: w.opts.Meta, ContentType: w.contentType(),
	}
	if w.s.checksums {
		// The checksum is that of the whole object, so S3 checks what Complete puts
		// together, and every reader can check it again.
		in.ChecksumAlgorithm, in.ChecksumType = types.ChecksumAlgorithmCrc32, types.ChecksumTypeFullObject
	}
	out, err := w.s.client.CreateMultipartUpload(w.ctx, in)
	if err != nil {
		return err
	}
	if w.upload = aws.ToString(out.UploadId); w.upload == "" {
		return errNoUpload
	}
	return nil
}

// send uploads a part. If it fails, others may still be reading the data.
func (w *writer) send(number int32, data []byte) (sent bool) {
	in := &s3.UploadPartInput{
		Bucket: &w.s.bucket, Key: &w.key, UploadId: &w.upload, PartNumber: &number, Body: bytes.NewReader(data),
	}
	if w.s.checksums {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32
	}
	out, err := w.s.client.UploadPart(w.ctx, in)
	if err == nil && unquote(out.ETag) == "" {
		err = errNoETag
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.done[number-1].ETag, w.done[number-1].ChecksumCRC32 = out.ETag, out.ChecksumCRC32
	} else if w.err == nil {
		w.err = err
	}
	return err == nil
}

func (w *writer) Commit(ctx context.Context, p store.Precondition) (store.Info, error) {
	if w.ended {
		return store.Info{}, w.s.fail(ctx, "commit", w.key, errEnded)
	}
	w.ended = true
	info, err := w.commit(ctx, p)
	if err != nil {
		err = w.s.fail(ctx, "commit", w.key, err)
		w.remove(ctx) //nolint:errcheck // Abort tries again; the first error is the one to return
		return store.Info{}, err
	}
	w.cancel()
	w.upload = ""
	return info, nil
}

func (w *writer) commit(ctx context.Context, p store.Precondition) (store.Info, error) {
	if p.Never() {
		return store.Info{}, store.ErrPrecondition
	}
	info := store.Info{Key: w.key, Size: int64(w.parts)*w.s.config.PartSize + int64(len(w.buf)), Meta: w.opts.Meta}
	var err error
	if w.upload == "" {
		err = w.put(ctx, p, &info)
	} else {
		err = w.complete(ctx, p, &info)
	}
	_, matching := p.Match()
	if matching && isCode(err, "NoSuchKey") {
		return info, &cause{text: store.ErrPrecondition.Error() + ": nothing is there", kind: store.ErrPrecondition, err: err}
	}
	return info, err
}

func (w *writer) put(ctx context.Context, p store.Precondition, info *store.Info) error {
	in := &s3.PutObjectInput{
		Bucket: &w.s.bucket, Key: &w.key, Metadata: w.opts.Meta, ContentType: w.contentType(), Body: bytes.NewReader(w.buf),
	}
	in.IfNoneMatch, in.IfMatch = conditions(p)
	out, err := w.s.client.PutObject(ctx, in)
	if err != nil {
		return err
	}
	return published(info, out.ETag, out.VersionId)
}

// published reads the new state from a response. A response that does not name the
// state counts as a lost reply.
func published(info *store.Info, etag, id *string) error {
	if info.ETag, info.VersionID = unquote(etag), version(id); info.ETag == "" {
		return errNoETag
	}
	return nil
}

func (w *writer) complete(ctx context.Context, p store.Precondition, info *store.Info) error {
	// The parts are uploaded under the context of Create. If the context of Commit
	// ends first, Commit must not wait for them.
	stop := context.AfterFunc(ctx, w.cancel)
	defer stop()
	if err := w.flush(); err != nil {
		return err
	}
	w.going.Wait()
	if err := w.failed(); err != nil {
		return err
	}
	in := &s3.CompleteMultipartUploadInput{
		Bucket: &w.s.bucket, Key: &w.key, UploadId: &w.upload,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: w.done},
	}
	if w.s.checksums {
		in.ChecksumCRC32, in.ChecksumType = aws.String(encode(w.sum)), types.ChecksumTypeFullObject
	}
	in.IfNoneMatch, in.IfMatch = conditions(p)
	out, err := w.s.client.CompleteMultipartUpload(ctx, in)
	if err == nil {
		return published(info, out.ETag, out.VersionId)
	}
	_, matching := p.Match()
	if isCode(err, "NoSuchUpload") && (matching || p.Absent()) {
		// An earlier try completed it, and its reply was lost; or others aborted it.
		return &cause{text: store.ErrPrecondition.Error() + ": the upload is not there any more", kind: store.ErrPrecondition, err: err}
	}
	return err
}

func conditions(p store.Precondition) (ifNoneMatch, ifMatch *string) {
	if etag, ok := p.Match(); ok {
		return nil, quote(etag)
	}
	if p.Absent() {
		return aws.String("*"), nil
	}
	return nil, nil
}

func (w *writer) contentType() *string {
	if w.opts.ContentType == "" {
		return nil
	}
	return &w.opts.ContentType
}

func (w *writer) Abort(ctx context.Context) error {
	w.ended = true
	if err := w.remove(ctx); err != nil {
		return w.s.fail(context.WithoutCancel(ctx), "abort", w.key, err)
	}
	return nil
}

// remove frees what the upload has stored. It waits for parts that are being sent:
// a part that the server takes in after the abort would stay
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).
func (w *writer) remove(ctx context.Context) error {
	late := time.AfterFunc(abortLimit, w.cancel)
	w.going.Wait()
	late.Stop()
	w.cancel()
	w.buf = nil
	if w.upload == "" {
		return nil
	}
	ctx, cancel := store.CleanUp(ctx, abortLimit)
	defer cancel()
	if err := w.s.AbortUpload(ctx, store.Upload{Key: w.key, ID: w.upload}); err != nil {
		return err
	}
	w.upload = ""
	return nil
}
