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
	// Keep are objects that have such records yet: all, or those that could not be
	// written without them. Mixed are records among them that have rows of others too.
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
	why       string // it was not written again
}

func (r *Raw) add(key string, one rawObject) {
	r.Read++
	found := one.records
	if found.rejected && found.hasText || found.mixed > 0 || len(found.cut) > 0 && !one.rewritten {
		r.Keep = append(r.Keep, key)
	}
	r.Mixed += int64(found.mixed)
	if one.why != "" {
		r.Why = append(r.Why, LeftOut{key, one.why})
	}
	if one.rewritten {
		r.Rewritten++
		r.Records += int64(len(found.cut))
		r.ByText += int64(found.byText)
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
	if one.records, err = e.find.find(ctx, key, open); err != nil || e.o.Raw != RawRewrite {
		return one, err
	}
	switch found := one.records; {
	case found.rejected && found.hasText:
		one.why = "it is rejected as a whole, so nobody knows where its records are"
	case len(found.cut) > 0 && e.o.DryRun:
		one.rewritten = true
	case len(found.cut) > 0:
		if err := e.rewrite(ctx, src, info, one.records, open); errors.Is(err, errOther) {
			one.why = err.Error()
		} else if err != nil {
			return one, err
		} else {
			one.rewritten = true
		}
	}
	if one.records.mixed > 0 && one.why == "" {
		one.why = "records of it have rows of others too"
	}
	return one, nil
}

var errOther = errors.New("without these records it would not give the same rows of others")

// rewrite writes an object without records, if it is as it was read. What it will give is
// compared with what the other records gave, before it is visible. Which bytes a record is
// depends on where records are in this object: as elements or documents of their own, or
// each inside of a document, which then goes with it.
func (e *eraser) rewrite(ctx context.Context, src store.Store, info store.Info, found *records, open func() (io.ReadCloser, error)) error {
	err := e.rewriteBy(ctx, src, info, found.cut, found, open)
	if !errors.Is(err, errOther) || !e.find.wrapped() {
		return err
	}
	cuts, err := e.documents(ctx, found.cut, open)
	if err != nil {
		return err
	}
	return e.rewriteBy(ctx, src, info, cuts, found, open)
}

func (e *eraser) rewriteBy(ctx context.Context, src store.Store, info store.Info, cuts []span, found *records, open func() (io.ReadCloser, error)) error {
	meta := info.Meta
	if store.CheckMeta(meta) != nil {
		meta = nil
	}
	out, err := src.Create(ctx, info.Key, store.CreateOptions{Meta: meta})
	if err != nil {
		return err
	}
	defer out.Abort(ctx) //nolint:errcheck // after a commit it does nothing; else what stays is invisible
	if err := e.cut(ctx, info.Key, cuts, found, out, open); err != nil {
		return err
	}
	_, err = out.Commit(ctx, store.IfMatch(info.ETag))
	return err
}

// documents are the documents that records are in.
func (e *eraser) documents(ctx context.Context, cuts []span, open func() (io.ReadCloser, error)) ([]span, error) {
	in, err := open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	plain := decompressed(ctx, in, e.find.mapping)
	defer plain.Close()
	d := &documents{}
	var lines []span // that are no JSON
	for _, c := range cuts {
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

// cut writes the text of an object without records.
func (e *eraser) cut(ctx context.Context, key string, cuts []span, found *records, out io.Writer, open func() (io.ReadCloser, error)) error {
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close()
	begin := bufio.NewReader(in)
	stored, err := compressed(begin, out)
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
	c := &cutter{to: io.MultiWriter(stored, write), cuts: cuts}
	_, err = io.Copy(c, plain)
	if err == nil {
		err = c.end()
	}
	if err == nil && !c.written {
		c.put([]byte("[]\n")) // an object without a byte is rejected
		err = c.err
	}
	write.CloseWithError(err)
	err = errors.Join(err, <-done)
	if err == nil {
		err = stored.Close()
	}
	if err == nil && (rejected || kept != found.kept || state != found.state) {
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
