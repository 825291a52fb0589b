package quarantine

import (
	"bytes"
	"slices"

	"sluice/internal/jsonscan"
)

var members = []string{"reason", "path", "offset", "error_offset", "record", "place", "source", "raw", "raw_base64"}

// lookBytes is how far to look for the member version in an object with members
// that no entry has, and for an object after white space.
const lookBytes = 64 << 10

// Begins reports whether a quarantine file begins at the window's position:
// whether the first object has the member sluice_quarantine. Nothing else is
// asked for, so that what a tool has written again, or damaged, is never taken
// for data. The window does not move.
func Begins(w *jsonscan.Window, maxRecord int) (bool, error) {
	for want := 1; ; want = 2*(w.End-w.Pos) + 1 {
		if err := w.Fill(want); err != nil {
			return false, err
		}
		found, more := look(w.Buf, w.Pos, w.End, 6*maxRecord)
		if !more || w.EOF {
			return found, nil
		}
	}
}

// look looks for the member in the text b[p:end]. more says that the text ends
// before it could tell.
func look(b []byte, p, end, limit int) (found, more bool) {
	if bytes.HasPrefix(b[p:end], []byte("\xef\xbb\xbf")) {
		p += 3
	} else if end-p < 3 && b[p] == 0xef {
		return false, true
	}
	from := p
	for array := false; ; {
		if p = jsonscan.Space(b, p); p >= end {
			return false, p-from < lookBytes
		}
		if b[p] != '[' || array {
			break
		}
		array = true
		p++
	}
	if b[p] != '{' {
		return false, false
	}
	from = p
	entry := true // but for the version, which may come last
	skip := jsonscan.Skipper{MaxDepth: maxDepth}
	p = jsonscan.Space(b, p+1)
	for {
		q := skip.Key(b, p)
		if q < 0 {
			return false, -1-q >= end && goOn(entry, end-from, limit)
		}
		name := name(b, p)
		switch {
		case name == jsonscan.Entry:
			return entry || p-from < lookBytes, false
		case !slices.Contains(members, name) || b[q] == '{' || b[q] == '[':
			entry = false
		}
		if q = skip.Value(b, q, 1); q < 0 {
			return false, -1-q >= end && goOn(entry, end-from, limit)
		}
		if q = jsonscan.Space(b, q); b[q] != ',' {
			return false, q >= end && goOn(entry, end-from, limit)
		}
		p = jsonscan.Space(b, q+1)
	}
}

// goOn reports whether to look further than held bytes into an object.
func goOn(entry bool, held, limit int) bool {
	return held < lookBytes || entry && held < limit
}

// name is the member name at b[p], which is a string.
func name(b []byte, p int) string {
	end, _, _ := jsonscan.String(b, p+1)
	return string(jsonscan.Unescape(nil, b[p+1:end]))
}
