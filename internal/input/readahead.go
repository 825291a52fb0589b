package input

import (
	"errors"
	"sync"
)

// The chunks that are read ahead: enough that neither side often waits for the
// other, few enough to use little memory.
const (
	chunkBytes = 64 << 10
	chunkCount = 16
)

// readAhead reads in a goroutine of its own.
type readAhead struct {
	full chan chunk
	free chan []byte
	stop chan struct{}
	done sync.WaitGroup

	now  chunk  // being delivered
	left []byte // what is left of it
}

type chunk struct {
	buf []byte
	n   int
	err error // after the n bytes

	stored int64 // stored bytes read up to here
	ended  bool  // and whether the input ends there

	panicked any // panic of the source or a library
}

// ReadAhead starts a goroutine that reads and decompresses the input until
// Close, while the caller works on what was read.
func (r *Reader) ReadAhead() {
	a := &readAhead{full: make(chan chunk, chunkCount), free: make(chan []byte, chunkCount), stop: make(chan struct{})}
	for range chunkCount {
		a.free <- make([]byte, chunkBytes)
	}
	a.now.stored, a.now.ended = r.raw.n, r.raw.ended
	r.ahead = a
	a.done.Go(func() { a.run(r) })
}

func (a *readAhead) run(r *Reader) {
	defer close(a.full)
	for {
		var c chunk
		select {
		case <-a.stop:
			return
		default:
		}
		select {
		case c.buf = <-a.free:
		case <-a.stop:
			return
		}
		c.read(r, a.stop)
		a.full <- c // never waits: there are no more chunks than it holds
		if c.err != nil || c.panicked != nil {
			return
		}
	}
}

// read reads at least a byte, unless it is stopped. If a source delivers little
// by little, the bytes are passed on as they come.
func (c *chunk) read(r *Reader, stop <-chan struct{}) {
	defer func() { c.stored, c.ended, c.panicked = r.raw.n, r.raw.ended, recover() }()
	for c.n == 0 && c.err == nil {
		select {
		case <-stop:
			return
		default:
			c.n, c.err = r.readOn(c.buf)
		}
	}
}

func (a *readAhead) read(p []byte) (int, error) {
	if len(a.left) == 0 {
		switch {
		case a.now.err != nil:
			return 0, a.now.err
		case a.now.buf != nil:
			a.free <- a.now.buf
		}
		var ok bool
		switch a.now, ok = <-a.full; {
		case !ok:
			a.now.err = errors.New("the source's Read has ended its goroutine")
			return 0, a.now.err
		case a.now.panicked != nil:
			panic(a.now.panicked) // where it would have panicked without ReadAhead
		}
		a.left = a.now.buf[:a.now.n]
	}
	n := copy(p, a.left)
	a.left = a.left[n:]
	return n, nil
}

func (a *readAhead) close() {
	close(a.stop)
	a.done.Wait()
}
