package fit

import (
	"errors"
	"io"
	"sync"
)

// headBytes is how much of an input is looked at, as stored.
const headBytes = 4 << 20

// errHeadEnds is read after the head of an input that goes on.
var errHeadEnds = errors.New("the head of the input ends here")

// Head is an input whose beginning can be looked at, several times, before and
// after it is read. It holds no more of the beginning than was looked at.
type Head struct {
	src io.Reader

	mu   sync.Mutex
	data []byte
	err  error // what src gave after data
	at   int   // in data, where Read goes on
	full bool  // Read has gone on behind data, so that no more can be added to it
}

// NewHead is the input that src reads.
func NewHead(src io.Reader) *Head { return &Head{src: src} }

// Read reads the whole input, once.
func (h *Head) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.at < len(h.data) {
		n := copy(p, h.data[h.at:])
		h.at += n
		return n, nil
	}
	if h.err != nil {
		return 0, h.err
	}
	h.full = true
	return h.src.Read(p)
}

// reader reads the head, and then gives errHeadEnds, or what ended the input.
func (h *Head) reader() io.Reader { return &headReader{h: h} }

type headReader struct {
	h  *Head
	at int
}

func (r *headReader) Read(p []byte) (int, error) {
	h := r.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.at == len(h.data) && h.err == nil && !h.full && len(h.data) < headBytes {
		h.read(len(p))
	}
	n := copy(p, h.data[r.at:])
	r.at += n
	switch {
	case n > 0 || len(p) == 0:
		return n, nil
	case h.err != nil:
		return 0, h.err
	}
	return 0, errHeadEnds
}

// read takes up to n bytes more from the input.
func (h *Head) read(n int) {
	more := make([]byte, min(n, headBytes-len(h.data)))
	n, h.err = h.src.Read(more)
	h.data = append(h.data, more[:n]...)
}
