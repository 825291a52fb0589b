package jsonscan

import "bytes"

// SeamBefore is the number of bytes before a border that [Seam.Guess] looks at.
const SeamBefore = 64

// Seam is what stands between the records of an input. With it, the beginning
// of a record can be looked for anywhere in the input.
type Seam struct {
	r    Records
	lead []byte // what a record begins with, up to the value of its first member
}

// Seam finds the seam at the third or a later record, where the window stands.
// ok is false if nothing there marks a record.
func (r *Records) Seam() (s Seam, ok bool) {
	s.r = *r
	if r.lines == linesYes {
		return s, true
	}
	b, p := r.w.Buf, r.w.Pos
	if b[p] != '{' {
		return s, false
	}
	r.skip.Reset()
	q := r.skip.Key(b, Space(b, p+1))
	if q < 0 {
		return s, false
	}
	s.lead = bytes.Clone(b[p:q])
	return s, true
}

// Resume reads on in another window, which stands at a record of the same
// input.
func (s *Seam) Resume(w *Window) (*Records, error) {
	r := s.r
	r.w, r.skip = w, Skipper{MaxDepth: r.limits.Depth}
	return &r, r.holdNumber()
}

// Guess moves the window to the first position at or after the offset border
// where a record seems to begin. It returns nil if none does nearby.
//
// A line end cannot stand in a JSON string, and stands between the records of
// NDJSON; but it may also stand inside a record. The beginning of a record
// cannot stand in a string either, because its quotes would be escaped; but an
// object inside a record may begin in the same way. So the guess is right only
// if the record before it ends there.
func (s *Seam) Guess(w *Window, border int64) (*Records, error) {
	if err := w.Fill(windowSize); err != nil {
		return nil, err
	}
	b := w.Buf[:w.End]
	from := int(border - w.Base)
	if from >= len(b) {
		return nil, nil
	}
	p := -1
	if s.r.lines == linesYes {
		if i := bytes.IndexAny(b[max(from-1, 0):], "\r\n"); i >= 0 {
			p = Space(w.Buf, max(from-1, 0)+i)
		}
	} else {
		p = s.find(b, from)
	}
	if p < 0 || w.Buf[p] != '{' {
		return nil, nil
	}
	w.Pos = p
	return s.Resume(w)
}

// find looks for the lead after a comma or, in a sequence, after an object.
func (s *Seam) find(b []byte, from int) int {
	before := byte(',')
	if s.r.form == sequence {
		before = '}'
	}
	for {
		i := bytes.Index(b[from:], s.lead)
		if i < 0 {
			return -1
		}
		p := from + i
		if q := bytes.TrimRight(b[:p], " \t\r\n"); len(q) > 0 && q[len(q)-1] == before {
			return p
		}
		from = p + 1
	}
}

// NewLines finds further records of an NDJSON input, at the place of the first ones.
// The window may stand anywhere in it: at a record, or before [Records.FindLine].
func NewLines(w *Window, place int, scalars bool, l Limits) *Records {
	return &Records{
		w: w, limits: l, scalars: scalars, skip: Skipper{MaxDepth: l.Depth},
		Place: place, form: sequence, lines: linesYes, count: 2,
	}
}

// AreLines reports whether the input is NDJSON. It is known once Next was called a
// second time.
func (r *Records) AreLines() bool { return r.form == sequence && r.lines == linesYes }

// FindLine moves the window to the first record at or after the offset border, as line
// ends show it. It returns false if none begins before the offset until. The window
// begins [SeamBefore] bytes before the border, or with the input.
//
// A line end may also stand inside a record, between two tokens, and two records may
// stand on a line. So the record is the right one only if the one before it ends there.
func (r *Records) FindLine(border, until int64) (bool, error) {
	w := r.w
	if err := w.Fill(int(border - w.Base)); err != nil {
		return false, err
	}
	at := min(int(border-w.Base), w.End)
	before := bytes.TrimRight(w.Buf[:at], " \t")
	w.Pos = at
	for inLine := len(before) == 0 || !isLineEnd(before[len(before)-1]); inLine; {
		if i := bytes.IndexAny(w.Buf[w.Pos:w.End], "\r\n"); i >= 0 {
			w.Pos += i
			break
		}
		w.Pos = w.End
		if w.EOF || w.Offset(w.Pos) >= until {
			return false, nil
		}
		if err := w.Fill(1); err != nil {
			return false, err
		}
	}
	more, err := w.SkipSpace()
	return more && w.Offset(w.Pos) < until, err
}
