package jsonscan

import (
	"context"
	"io"
)

// windowSize is how much is read at once. It is small enough to stay in the
// second-level cache beside the dictionaries; a megabyte would push them out.
const windowSize = 128 << 10

// Window is the part of a stream that is in memory, followed by [Padding].
type Window struct {
	// BeforeMove is called before the bytes of Buf move, which makes positions
	// in Buf invalid.
	BeforeMove func()

	Buf  []byte // valid up to End; Buf[End:End+Padding] is zero
	Pos  int    // first byte that is still needed
	End  int
	Base int64 // offset of Buf[0] in the stream
	EOF  bool  // the stream ends at End

	ctx context.Context
	r   io.Reader
	err error // error of r after End
}

// NewWindow reads r until ctx ends.
func NewWindow(ctx context.Context, r io.Reader) *Window {
	return &Window{Buf: make([]byte, windowSize+Padding), ctx: ctx, r: r, BeforeMove: func() {}}
}

// Renew makes w read r until ctx ends, as one that NewWindow gives.
func (w *Window) Renew(ctx context.Context, r io.Reader) {
	if len(w.Buf) != windowSize+Padding {
		w.Buf = make([]byte, windowSize+Padding)
	}
	w.ctx, w.BeforeMove = ctx, func() {}
	w.Reset(r, 0)
}

// Reset reads from r from now on, which begins at the offset base of the
// stream.
func (w *Window) Reset(r io.Reader, base int64) {
	w.Pos, w.End, w.Base, w.EOF, w.r, w.err = 0, 0, base, false, r, nil
	clear(w.Buf[:Padding])
}

// Offset is the position p as an offset in the stream.
func (w *Window) Offset(p int) int64 { return w.Base + int64(p) }

// Fill reads until Buf has at least want bytes from Pos on, or the stream ends.
// It drops the bytes before Pos, and sets Pos to 0. If an error comes after
// more bytes, it is kept until those bytes were used and more are wanted. So
// the error that is reported does not depend on how the stream is cut.
func (w *Window) Fill(want int) error {
	n := w.End - w.Pos
	if w.EOF || n >= want {
		return nil
	}
	if w.err != nil {
		return w.err
	}
	if room := len(w.Buf) - Padding; w.Pos > 0 || room < want || room == n {
		w.makeRoom(want)
	}
	defer func() { clear(w.Buf[w.End : w.End+Padding]) }()
	for had := w.End; ; {
		if err := w.ctx.Err(); err != nil {
			return context.Cause(w.ctx)
		}
		got, err := w.r.Read(w.Buf[w.End : len(w.Buf)-Padding])
		w.End += got
		switch {
		case err == io.EOF:
			w.EOF = true
			return nil
		case err != nil && w.End > had:
			w.err = err
			return nil
		case err != nil:
			return err
		}
		if w.End >= want {
			return nil
		}
	}
}

// makeRoom moves the bytes still needed to the front of Buf, or of a larger
// Buf. It grows by a quarter, so that a record that comes in many small pieces
// is not copied for each piece. After one large record, Buf shrinks again.
func (w *Window) makeRoom(want int) {
	w.BeforeMove()
	n := w.End - w.Pos
	size := max(want, n+max(n/4, windowSize/2), windowSize)
	buf := w.Buf
	if size+Padding > len(buf) || len(buf) > 4*(size+Padding) {
		buf = make([]byte, size+Padding)
	}
	copy(buf, w.Buf[w.Pos:w.End])
	w.Buf = buf
	w.Base += int64(w.Pos)
	w.Pos, w.End = 0, n
}

// At is the byte n bytes after Pos, or 0 at the end of the stream. It reads
// more if it must. All bytes before that one must have been looked at.
func (w *Window) At(n int) (byte, error) {
	if w.Pos+n == w.End {
		if err := w.Fill(n + 1); err != nil {
			return 0, err
		}
	}
	return w.Buf[w.Pos+n], nil
}

// SkipSpace moves Pos to the next byte that is not white space and reports
// whether there is one before the stream ends.
func (w *Window) SkipSpace() (bool, error) {
	for {
		w.Pos = min(Space(w.Buf, w.Pos), w.End)
		if w.Pos < w.End {
			return true, nil
		}
		if w.EOF {
			return false, nil
		}
		if err := w.Fill(1); err != nil {
			return false, err
		}
	}
}
