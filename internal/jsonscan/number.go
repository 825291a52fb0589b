package jsonscan

import (
	"bytes"
)

// A record may be a number, or begin with one.

// holdNumber reads on until the number at w.Pos, if it is one, is held whole:
// unlike all other values, a number does not show where it ends.
func (r *Records) holdNumber() error {
	w := r.w
	r.Large = false
	for n := 0; n <= r.limits.RecordBytes; n++ {
		c, err := w.At(n)
		if err != nil {
			return err
		}
		if c-'0' > 9 && bytes.IndexByte([]byte("+-.eE"), c) < 0 {
			r.runsOn(n, c)
			return nil
		}
	}
	r.Large = true
	return nil
}

// runsOn sets Broken if a document begins with a number but goes on after it,
// like a log line that begins with a date. The part that could be a number has
// n bytes, and c follows.
func (r *Records) runsOn(n int, c byte) {
	if n == 0 || r.form != sequence {
		return
	}
	end := SkipNumber(r.w.Buf, r.w.Pos) - r.w.Pos
	if end >= 0 && (end < n || c > ' ' && c != '{' && c != '[' && c != '"') {
		r.Broken = end
	}
}
