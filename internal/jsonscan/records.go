package jsonscan

import (
	"bytes"

	"sluice/internal/rejection"
	"sluice/reason"
)

// Entry is the member that makes an object an entry of a quarantine file. Such
// an object is not a record, wherever it stands.
const Entry = "sluice_quarantine"

// StrayEntry is the error text for such an entry among records.
const StrayEntry = "this is an entry of a quarantine file, but the file does not begin with one"

// Records finds where records begin in a [Window]. The caller that parses a
// record finds its end too, so the text is read only once:
//
//	for {
//		ok, err := r.Next()         // the record begins at w.Pos
//		end := parse(w.Buf, w.Pos)
//		r.Accept(end)               // or r.Fail(at, ...) if it does not parse
//	}
type Records struct {
	Place int // index of the place in use, from the first Next on

	// MayLack says that a document in which no place exists has no records, and
	// is skipped.
	MayLack bool

	// Around, if set, is called with the text of each document around its array of
	// records: once with what precedes the array, then with pieces of what follows,
	// and with end after the last of them, when the window stands after the document.
	Around func(text []byte, end bool)

	// Large is set by Next when the record begins with a number longer than a
	// record may be: give it to Discard instead of parsing it.
	Large bool

	// Broken is set by Next when a record begins with a value but goes on after
	// it, like a log line that begins with a date. The record stops being JSON
	// at Broken bytes after the position of the window.
	Broken int

	w       *Window
	places  []Place
	limits  Limits
	scalars bool
	skip    Skipper

	form  form
	lines lines
	count int64 // records begun
	// firstLines is set when the first record of a sequence holds a line end.
	firstLines bool
	adjacent   bool // the second record of a sequence begins on the line where the first ends
	opens      byte // the first byte of the first document: [ or {
	none       bool // the list of records is null, and the window stands after it
	misfit     bool // a place leads to a value that is not a list
	badFirst   bool // no document begins with the first bytes
}

// Limits of Records.
type Limits struct {
	RecordBytes int
	Depth       int
}

type form uint8

const (
	unread   form = iota
	array         // elements of a top-level array
	wrapped       // elements of an array inside an object
	sequence      // values one after another: one, NDJSON or concatenated
)

// NewRecords finds records in w at the first of places that fits. scalars
// says that a record may be a string, number, boolean or null.
func NewRecords(w *Window, places []Place, scalars bool, l Limits) *Records {
	return &Records{w: w, places: places, limits: l, scalars: scalars, skip: Skipper{MaxDepth: l.Depth}}
}

// Next moves the window to the next record. It returns false at the proper end
// of the input.
func (r *Records) Next() (bool, error) {
	r.Broken = 0
	if r.form == unread {
		if err := r.open(); err != nil {
			return false, err
		}
	} else if r.form == sequence && r.count == 1 && r.lines == linesUnknown {
		if err := r.settleLines(); err != nil {
			return false, err
		}
	}
	more, err := r.next()
	if more {
		r.count++
		err = r.holdNumber()
	}
	return more, err
}

func (r *Records) next() (bool, error) {
	if r.form == sequence {
		return r.nextDocument()
	}
	for {
		more, closed, err := r.nextElement()
		if err != nil || !closed {
			return more, err
		}
		if more, err = r.close(); !more {
			return false, err
		}
	}
}

func (r *Records) nextDocument() (bool, error) {
	w := r.w
	more, err := w.SkipSpace()
	if more && r.count == 1 && r.adjacent && (r.opens != '{' || w.Buf[w.Pos] != '{') {
		// Objects written one after another are a form; "[][]" is not JSON.
		return false, r.reject(reason.TrailingData, w.Pos, "what follows a document with no line end between them, where only objects may do so")
	}
	return more, err
}

// nextElement moves the window to the next record of an array, or finds it closed.
func (r *Records) nextElement() (more, closed bool, err error) {
	w := r.w
	if r.none {
		return false, true, nil
	}
	if more, err = w.SkipSpace(); err != nil {
		return false, false, err
	}
	switch {
	case !more:
		return false, false, r.reject(reason.TruncatedJSON, w.Pos, "the input ends inside an array of records")
	case w.Buf[w.Pos] == ']':
		w.Pos++
		return false, true, nil
	case r.count > 0 && w.Buf[w.Pos] != ',':
		return false, false, r.reject(reason.BadJSON, w.Pos, "a comma or ] must follow a record of an array")
	case r.count > 0:
		w.Pos++
		if more, err = w.SkipSpace(); err != nil {
			return false, false, err
		}
		if !more {
			return false, false, r.reject(reason.TruncatedJSON, w.Pos, "the input ends inside an array of records")
		}
		if w.Buf[w.Pos] == ']' {
			return false, false, r.reject(reason.BadJSON, w.Pos, "a record must follow a comma")
		}
	}
	return true, false, nil
}

// Accept ends the record at the position end.
func (r *Records) Accept(end int) {
	if r.count == 1 && r.form == sequence {
		r.firstLines = r.firstLines || bytes.ContainsAny(r.w.Buf[r.w.Pos:end], "\r\n")
	}
	r.w.Pos = end
}

func (r *Records) notJSON() error {
	return r.reject(reason.NotJSON, r.w.Pos, "the first line begins no JSON document")
}

func (r *Records) reject(code reason.Code, at int, detail string) error {
	return &rejection.Error{Code: code, Offset: r.w.Offset(at), Detail: detail}
}
