package fit

import (
	"context"
	"errors"
	"io"
	"sync"

	"sluice"
	"sluice/mapping"
)

// headBytes is how much of an input is looked at, as stored.
const headBytes = 4 << 20

// ErrHeadEnds says that no record ends in the head of an input that goes on.
var ErrHeadEnds = errors.New("the head of the input ends here")

// Head is an input whose beginning can be looked at, several times, before and
// after it is read. It holds no more of the beginning than was looked at.
type Head struct {
	src io.Reader

	mu   sync.Mutex
	data []byte
	err  error // what src gave after data
	at   int   // in data, where Read goes on
}

// NewHead is the input that src reads.
func NewHead(src io.Reader) *Head { return &Head{src: src} }

// Read reads the whole input, once.
func (h *Head) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, err := h.readAt(p, h.at)
	h.at += n
	if errors.Is(err, ErrHeadEnds) {
		return h.src.Read(p)
	}
	return n, err
}

// Convert converts the first opts.MaxRecords records of the head, or all that it
// has. They are not rejected for their share of bad ones: that is a finding here.
// opts.Table may be called a second time for each table.
func (h *Head) Convert(ctx context.Context, m *mapping.Mapping, opts sluice.Options) (sluice.Stats, error) {
	lenient := *m
	lenient.Limits.QuarantineShare = 1
	s, err := sluice.Convert(ctx, nil, h.reader(), &lenient, &opts)
	if errors.Is(err, ErrHeadEnds) && s.RecordsRead > 0 {
		opts.MaxRecords = s.RecordsRead
		s, err = sluice.Convert(ctx, nil, h.reader(), &lenient, &opts)
	}
	return s, err
}

// reader reads the head, and then gives ErrHeadEnds, or what ended the input.
func (h *Head) reader() io.Reader { return &headReader{h: h} }

type headReader struct {
	h  *Head
	at int
}

func (r *headReader) Read(p []byte) (int, error) {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	n, err := r.h.readAt(p, r.at)
	r.at += n
	return n, err
}

// readAt reads from a position in the head.
func (h *Head) readAt(p []byte, at int) (int, error) {
	if at == len(h.data) && h.err == nil && len(h.data) < headBytes {
		h.read(len(p))
	}
	n := copy(p, h.data[at:])
	switch {
	case n > 0 || len(p) == 0:
		return n, nil
	case h.err != nil:
		return 0, h.err
	}
	return 0, ErrHeadEnds
}

// read takes up to n bytes more from the input.
func (h *Head) read(n int) {
	more := make([]byte, min(n, headBytes-len(h.data)))
	n, h.err = h.src.Read(more)
	h.data = append(h.data, more[:n]...)
}
