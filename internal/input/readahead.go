package input

import (
	"fmt"
	"io"
	"sync"
)

// The chunks that are read ahead: enough for both sides to be busy, few enough
// to stay in cache.
const (
	chunkBytes = 128 << 10
	chunkCount = 3
)

// readAhead reads in a goroutine of its own.
type readAhead struct {
	full chan chunk
	free chan []byte
	stop chan struct{}
	done sync.WaitGroup

	now  chunk  // that is being delivered
	left []byte // of it
}

type chunk struct {
	buf []byte
	n   int
	err error // behind the n bytes
}

// ReadAhead has the input read and decompressed by a goroutine from now on,
// until Close, while what it has read is worked on.
func (r *Reader) ReadAhead() {
	a := &readAhead{full: make(chan chunk, chunkCount), free: make(chan []byte, chunkCount), stop: make(chan struct{})}
	for range chunkCount {
		a.free <- make([]byte, chunkBytes)
	}
	r.ahead = a
	a.done.Go(func() { a.run(r) })
}

func (a *readAhead) run(r *Reader) {
	for {
		var c chunk
		select {
		case c.buf = <-a.free:
		case <-a.stop:
			return
		}
		c.n, c.err = r.some(c.buf)
		a.full <- c // never waits: there are no more chunks than it holds
		if c.err != nil {
			return
		}
	}
}

// some reads at least a byte. What a source delivers little by little is passed
// on as it comes. A panic below ends this input only, and not the process.
func (r *Reader) some(p []byte) (n int, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			n, err = 0, fmt.Errorf("internal error: %v", cause)
		}
	}()
	for range 100 {
		if n, err = r.readOn(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

func (a *readAhead) read(p []byte) (int, error) {
	if len(a.left) == 0 {
		switch {
		case a.now.err != nil:
			return 0, a.now.err
		case a.now.buf != nil:
			a.free <- a.now.buf
		}
		a.now = <-a.full
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
