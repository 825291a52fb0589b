package jsonscan

import (
	"bytes"
	"fmt"

	"sluice/reason"
)

// What is too large to be held, or holds no record, is streamed past.

// Discard skips a record that is too large to be held: it passes its bytes to
// emit and moves after it.
func (r *Records) Discard(emit func([]byte) error) error {
	w := r.w
	if r.form != sequence || r.lines != linesYes {
		return r.DiscardValue(emit)
	}
	for {
		end := bytes.IndexAny(w.Buf[w.Pos:w.End], "\r\n")
		n := end
		if end < 0 {
			n = w.End - w.Pos
		}
		if err := emit(w.Buf[w.Pos : w.Pos+n]); err != nil {
			return err
		}
		w.Pos += n
		if end >= 0 || w.EOF {
			return nil
		}
		if err := w.Fill(1); err != nil {
			return err
		}
	}
}

// DiscardValue is Discard for a record that must be a value, on lines or not.
func (r *Records) DiscardValue(emit func([]byte) error) error {
	v := Validator{MaxDepth: r.limits.Depth}
	return r.stream(&v, func(b []byte) error {
		r.firstLines = r.firstLines || bytes.ContainsAny(b, "\r\n")
		return emit(b)
	})
}

// stream feeds v from the window until its value is complete, and passes every
// byte of it to emit.
func (r *Records) stream(v *Validator, emit func([]byte) error) error {
	w := r.w
	for {
		n, done, ok := v.Feed(w.Buf[w.Pos:w.End])
		if err := emit(w.Buf[w.Pos : w.Pos+n]); err != nil {
			return err
		}
		w.Pos += n
		switch {
		case v.TooDeep:
			return r.tooDeep(w.Pos)
		case !ok:
			return r.reject(reason.BadJSON, w.Pos, "syntax error")
		case done:
			return nil
		case w.EOF:
			return r.reject(reason.TruncatedJSON, w.Pos, "the input ends inside a value")
		}
		if err := w.Fill(1); err != nil {
			return err
		}
	}
}

func (r *Records) tooDeep(at int) error {
	return r.reject(reason.DepthLimit, at, fmt.Sprintf("arrays and objects nested deeper than depth: %d", r.limits.Depth))
}
