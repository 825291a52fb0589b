package jsonscan

import "bytes"

// Place is where the records of a document are: the value under the members
// Names, and if Each the elements of the array there.
type Place struct {
	Names []string
	Each  bool
}

// locate looks for the members p.Names in the object at w.Pos. The position of
// the value there counts from w.Pos.
func (r *Records) locate(p Place) (at int, found bool, err error) {
	w := r.w
	for {
		r.skip.Reset()
		q, found := r.find(w.Buf, w.Pos, p, 0)
		switch {
		case found:
			return q - w.Pos, true, nil
		case q >= 0 || -1-q < w.End || w.EOF || w.End-w.Pos > r.limits.RecordBytes:
			// Missing, broken, or farther away than the largest record allowed.
			return 0, false, nil
		}
		if err := w.Fill(min(2*(w.End-w.Pos), r.limits.RecordBytes) + 1); err != nil {
			return 0, false, err
		}
	}
}

// find returns the position of the value under p.Names[level:] of the object at
// q, or the position after that object. Of a name that stands twice the first
// decides, as it does when the object is read.
func (r *Records) find(b []byte, q int, p Place, level int) (int, bool) {
	q = Space(b, q+1)
	if b[q] == '}' {
		return q + 1, false
	}
	for seen := false; ; {
		first := r.skip.Keys()
		start := q
		if q = r.skip.Key(b, q); q < 0 {
			return q, false
		}
		r.skip.EndKeys(b, first)
		end, _, _ := String(b, start+1)
		named := !seen && SameName(b[start+1:end], p.Names[level])
		seen = seen || named
		last := level == len(p.Names)-1
		switch {
		case named && last && b[q] == '[' && p.Each, named && last && b[q] > ' ' && b[q] != 'n' && !p.Each:
			return q, true
		case named && last && b[q] == 'n' && p.Each:
			if end := Literal(b, q, "null"); end < 0 {
				return end, false
			}
			return q, true
		case named && !last && b[q] == '{':
			var found bool
			if q, found = r.find(b, q, p, level+1); found {
				return q, true
			}
		default:
			r.misfit = r.misfit || named && p.Each && b[q] != 'n'
			q = r.skip.Value(b, q, level+1)
		}
		if q < 0 {
			return q, false
		}
		q = Space(b, q)
		switch b[q] {
		case ',':
			q = Space(b, q+1)
		case '}':
			return q + 1, false
		default:
			return -1 - q, false
		}
	}
}

// SameName reports whether the raw bytes between two quotes stand for a name.
func SameName(raw []byte, name string) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw) == name
	}
	padded := append(append(make([]byte, 0, len(raw)+Padding+1), raw...), '"')
	padded = append(padded, make([]byte, Padding)...)
	if end, _, f := String(padded, 0); end != len(raw) || f != Escaped {
		return false
	}
	return string(Unescape(nil, raw)) == name
}

// enter goes to the records at the place p, which was located. If p.Each, it
// moves the window after the [ of the array there, or after null; otherwise the
// window stays, because the whole object is the record.
func (r *Records) enter(p Place, at int) {
	w := r.w
	if !p.Each {
		return
	}
	r.form = wrapped
	if r.Around != nil {
		r.Around(w.Buf[w.Pos:w.Pos+at], false)
	}
	if r.none = w.Buf[w.Pos+at] == 'n'; r.none {
		at += len("null") - 1
	}
	w.Pos += at + 1
}
