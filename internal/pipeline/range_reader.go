package pipeline

import (
	"context"
	"io"
	"slices"
	"sync"

	"sluice/internal/store"
)

// rangeReader reads an object in one state from an offset on. What comes next is fetched
// meanwhile, up to the offset until: not much is read beyond it.
type rangeReader struct {
	ctx    context.Context
	cancel context.CancelFunc
	src    store.Store
	info   store.Info
	at     int64 // of what is fetched next
	until  int64
	left   []byte // of what was fetched
	buf    []byte // of left
	next   chan fetched
	done   sync.WaitGroup
	err    error
}

type fetched struct {
	data []byte
	err  error
}

// How much is fetched at once: before until, and after it.
const (
	fetchBytes = 4 << 20
	fetchLast  = 256 << 10
)

func newRangeReader(ctx context.Context, src store.Store, info store.Info, from, until int64) *rangeReader {
	r := &rangeReader{src: src, info: info, at: from, until: until, next: make(chan fetched, 1)}
	r.ctx, r.cancel = context.WithCancel(ctx)
	r.fetch(nil)
	return r
}

// fetch begins to fetch what comes next, into a buffer that is no longer needed.
func (r *rangeReader) fetch(buf []byte) {
	n := min(max(r.until-r.at, fetchLast), fetchBytes, r.info.Size-r.at)
	at := r.at
	r.at += n
	r.done.Go(func() {
		f := fetched{data: slices.Grow(buf[:0], int(n))[:n]}
		f.err = r.src.ReadAt(r.ctx, r.info, f.data, at)
		r.next <- f
	})
}

// Read implements [io.Reader].
func (r *rangeReader) Read(p []byte) (int, error) {
	for len(r.left) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		f := <-r.next
		switch {
		case f.err != nil:
			r.err = f.err
			return 0, r.err
		case len(f.data) == 0:
			r.err = io.EOF
			return 0, io.EOF
		}
		spare := r.buf
		r.buf, r.left = f.data, f.data
		r.fetch(spare)
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// close ends what is being fetched.
func (r *rangeReader) close() {
	r.cancel()
	r.done.Wait()
}
