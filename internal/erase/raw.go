package erase

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"sluice/internal/event"
	"sluice/internal/input"
	"sluice/internal/store"
	"sluice/mapping"
)

// Raw is what was found in the objects of the source. Its JSON names are a contract.
type Raw struct {
	Policy    string `json:"policy"`
	Read      int    `json:"objects_read"`
	Rewritten int    `json:"objects_rewritten"`
	Records   int64  `json:"records_removed"`
	ByText    int64  `json:"records_by_text"` // of these: they do not fit the mapping
	// Shortened are records with rows of others too, of which only elements of arrays were
	// removed; Mixed are those of which nobody knows what to remove.
	Shortened int64 `json:"records_shortened"`
	// Keep are objects that have such records yet: all, or those that could not be
	// written without them.
	Keep  []string  `json:"objects_left"`
	Mixed int64     `json:"records_mixed"`
	Why   []LeftOut `json:"not_rewritten"`
}

// LeftOut is an object that could not be written again.
type LeftOut struct {
	Key   string `json:"key"`
	Error string `json:"error"`
}

// What becomes of the objects of the source.
const (
	RawKeep    = "keep"
	RawRewrite = "rewrite"
)

// raw looks for records of persons in the objects of the source, and writes these again
// without them, if that is wanted.
func (e *eraser) raw(ctx context.Context) error {
	src, err := e.s.Pipeline.Source(e.s.Config.Source.Bucket)
	if err != nil {
		return err
	}
	if e.o.Progress != nil {
		listed := int64(0)
		err := src.List(ctx, e.s.Config.Source.Prefix, func(info store.Info) error {
			if e.s.Listed(info).Action == event.Process {
				listed++
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("source: %w", err)
		}
		e.begin("source", listed)
	}
	var mu sync.Mutex
	w := newWorkers(ctx, e.workers)
	err = src.List(ctx, e.s.Config.Source.Prefix, func(info store.Info) error {
		if e.s.Listed(info).Action != event.Process {
			return nil
		}
		return w.start(func(ctx context.Context) error {
			var one rawObject
			var err error
			for try := 0; ; try++ {
				if one, err = e.rawObject(ctx, src, info.Key); !store.IsRace(err) || try == mostTries {
					break // else somebody has written it meanwhile
				}
			}
			switch {
			case errors.Is(err, store.ErrNotFound):
				return nil // it was deleted since it was listed
			case err != nil:
				return fmt.Errorf("look for records in %q: %w", info.Key, err)
			}
			mu.Lock()
			defer mu.Unlock()
			e.report.Raw.add(info.Key, one)
			e.progress(1)
			return nil
		})
	})
	if err := errors.Join(w.wait(), err); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	slices.Sort(e.report.Raw.Keep)
	return nil
}

// rawObject is what became of an object.
type rawObject struct {
	records   *records
	rewritten bool
	mixed     int    // records that have rows of a person and of others yet
	why       string // it was not written again, or not without all of them
}

func (r *Raw) add(key string, one rawObject) {
	r.Read++
	found := one.records
	if found.rejected && found.hasText || one.mixed > 0 || len(found.cut) > 0 && !one.rewritten {
		r.Keep = append(r.Keep, key)
	}
	r.Mixed += int64(one.mixed)
	if one.why != "" {
		r.Why = append(r.Why, LeftOut{key, one.why})
	}
	if one.rewritten {
		r.Rewritten++
		r.Records += int64(len(found.cut))
		r.ByText += int64(found.byText)
		r.Shortened += int64(len(found.mixed) - one.mixed)
	}
}

// rawObject looks for records in one object.
func (e *eraser) rawObject(ctx context.Context, src store.Store, key string) (one rawObject, err error) {
	info, err := src.Head(ctx, key)
	if err != nil {
		return one, err
	}
	open := func() (io.ReadCloser, error) {
		o, err := src.Open(ctx, key)
		if err == nil && o.Info().Identity() != info.Identity() {
			o.Close()
			return nil, store.ErrChanged
		}
		return o, err
	}
	if one.records, err = e.find.find(ctx, key, open); err != nil {
		return one, err
	}
	found := one.records
	one.mixed = len(found.mixed)
	switch {
	case e.o.Raw != RawRewrite:
		return one, nil
	case found.rejected && found.hasText:
		one.why = "it is rejected as a whole, so nobody knows where its records are"
	case len(found.cut)+len(found.mixed) > 0:
		one.mixed, one.rewritten, err = e.rewrite(ctx, src, info, found, open)
		if errors.Is(err, errOther) || errors.Is(err, errEmpty) {
			one.why, err = err.Error(), nil
		}
	}
	if one.mixed > 0 && one.why == "" {
		one.why = "records of it have rows of others too"
	}
	return one, err
}

// Why an object is not written without records.
var (
	errOther = errors.New("without these records it would not give the same rows of others")
	errEmpty = errors.New("it has no other records, and the mapping rejects an object without any: delete it")
)

// cuts are what is cut out of the text of an object, and what it gives without that.
type cuts struct {
	spans []span
	kept  int64
	state uint64
}

// rewrite writes an object without records, if it is as it was read. What it will give is
// compared with what the other records gave, before it is visible. Of mixed records only
// elements of arrays go, if that is how to be rid of their rows; left is the number of the
// others. Which bytes a record is depends on where records are in this object: as elements
// or documents of their own, or each inside of a document, which then goes with it.
func (e *eraser) rewrite(ctx context.Context, src store.Store, info store.Info, found *records, open func() (io.ReadCloser, error)) (left int, done bool, err error) {
	left = len(found.mixed)
	if left > 0 {
		s, err := e.shorten(ctx, found, open)
		if err != nil {
			return left, false, err
		}
		if s.done > 0 {
			err := e.rewriteBy(ctx, src, info, cuts{merged(found.cut, s.cuts), found.kept - s.rows, found.state - s.state}, open)
			if !errors.Is(err, errOther) {
				return left - s.done, err == nil, err
			}
		}
		if len(found.cut) == 0 {
			return left, false, nil
		}
	}
	whole := cuts{found.cut, found.kept, found.state}
	err = e.rewriteBy(ctx, src, info, whole, open)
	if errors.Is(err, errOther) && e.find.wrapped() {
		if whole.spans, err = e.documents(ctx, found.cut, open); err == nil {
			err = e.rewriteBy(ctx, src, info, whole, open)
		}
	}
	return left, err == nil, err
}

// shorten finds the elements of mixed records that gave rows of a person.
func (e *eraser) shorten(ctx context.Context, found *records, open func() (io.ReadCloser, error)) (*shortener, error) {
	in, err := open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	plain := decompressed(ctx, in, e.find.mapping)
	defer plain.Close()
	s := &shortener{tables: e.find.mapping.Tables, mixed: found.mixed}
	_, err = io.Copy(s, plain)
	return s, err
}

func (e *eraser) rewriteBy(ctx context.Context, src store.Store, info store.Info, c cuts, open func() (io.ReadCloser, error)) error {
	if e.o.DryRun {
		return e.cut(ctx, info.Key, c, io.Discard, open)
	}
	meta := info.Meta
	if store.CheckMeta(meta) != nil {
		meta = nil
	}
	out, err := src.Create(ctx, info.Key, store.CreateOptions{Meta: meta})
	if err != nil {
		return err
	}
	defer out.Abort(ctx) //nolint:errcheck // after a commit it does nothing; else what stays is invisible
	if err := e.cut(ctx, info.Key, c, out, open); err != nil {
		return err
	}
	_, err = out.Commit(ctx, store.IfMatch(info.ETag))
	return err
}

// documents are the documents that records are in.
func (e *eraser) documents(ctx context.Context, records []span, open func() (io.ReadCloser, error)) ([]span, error) {
	in, err := open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	plain := decompressed(ctx, in, e.find.mapping)
	defer plain.Close()
	d := &documents{}
	var lines []span // that are no JSON
	for _, c := range records {
		if c.length > 0 {
			lines = append(lines, c)
		} else {
			d.offsets = append(d.offsets, c.offset)
		}
	}
	if _, err := io.Copy(d, plain); err != nil {
		return nil, err
	}
	return merged(d.end(), lines), nil
}

// pieceBytes is what is written at once: the cutter gives single bytes, and a compressor
// small pieces.
const pieceBytes = 64 << 10

// cut writes the text of an object without records.
func (e *eraser) cut(ctx context.Context, key string, from cuts, out io.Writer, open func() (io.ReadCloser, error)) error {
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close()
	begin := bufio.NewReader(in)
	large := bufio.NewWriterSize(out, pieceBytes)
	stored, err := compressed(begin, large)
	if err != nil {
		return err
	}
	plain := decompressed(ctx, begin, e.find.mapping)
	defer plain.Close()

	read, write := io.Pipe()
	var kept int64
	var state uint64
	var rejected bool
	done := make(chan error, 1)
	go func() {
		var err error
		kept, state, rejected, err = e.find.check(ctx, key, read)
		if err == nil {
			_, err = io.Copy(io.Discard, read) // a rejected one is not read to its end
		}
		read.CloseWithError(err)
		done <- err
	}()
	both := bufio.NewWriterSize(io.MultiWriter(stored, write), pieceBytes)
	c := &cutter{to: both, cuts: from.spans}
	_, err = io.Copy(c, plain)
	if err == nil {
		err = c.end()
	}
	if err == nil && !c.written {
		c.put([]byte("[]\n")) // an object without a byte is rejected
		err = c.err
	}
	if err == nil {
		err = both.Flush()
	}
	write.CloseWithError(err)
	err = errors.Join(err, <-done)
	if err == nil {
		err = stored.Close()
	}
	if err == nil {
		err = large.Flush()
	}
	switch {
	case err != nil:
	case rejected && from.kept == 0:
		err = errEmpty
	case rejected || kept != from.kept || state != from.state:
		err = errOther
	}
	return err
}

// decompressed is the text of stored bytes.
func decompressed(ctx context.Context, in io.Reader, m *mapping.Mapping) *input.Reader {
	return input.NewReader(ctx, in, m.Limits.DecompressedBytes, m.Limits.DecompressionRatio, nil)
}

// compressed compresses as the bytes are that come from in.
func compressed(in *bufio.Reader, out io.Writer) (io.WriteCloser, error) {
	magic, err := in.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewWriter(out), nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}), len(magic) == 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:], []byte{0x2a, 0x4d, 0x18}):
		return zstd.NewWriter(out, zstd.WithWindowSize(1<<20))
	}
	return nopCloser{out}, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// merged are spans of two lists, in order.
func merged(a, b []span) (all []span) {
	for len(a) > 0 && len(b) > 0 {
		if a[0].offset < b[0].offset {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}
