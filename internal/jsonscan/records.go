package jsonscan

import (
	"bytes"
	"fmt"

	"sluice/internal/reason"
)

// Entry is the member that makes an object an entry of a quarantine file. Such
// an object is not a record, wherever it stands.
const Entry = "sluice_quarantine"

// StrayEntry is the error text for such an entry among records.
const StrayEntry = "this is an entry of a quarantine file, but the file does not begin with one"

// Place is where the records of a document are: the value under the members
// Names, and if Each the elements of the array there.
type Place struct {
	Names []string
	Each  bool
}

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

// lines says whether a line end separates records, so that reading can go on
// after a bad one.
type lines uint8

const (
	linesUnknown lines = iota
	linesYes
	linesNo
)

// NewRecords finds records in w at the first of places that fits. scalars
// says that a record may be a string, number, boolean or null.
func NewRecords(w *Window, places []Place, scalars bool, l Limits) *Records {
	return &Records{w: w, places: places, limits: l, scalars: scalars, skip: Skipper{MaxDepth: l.Depth}}
}

func (r *Records) notJSON() error {
	return r.reject(reason.NotJSON, r.w.Pos, "the first line begins no JSON document")
}

func (r *Records) reject(code reason.Code, at int, detail string) error {
	return &reason.Reject{Code: code, Offset: r.w.Offset(at), Detail: detail}
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

// close reads on after an array of records, and enters another one that
// follows: pages of an API written one after another.
func (r *Records) close() (more bool, err error) {
	w := r.w
	r.none = false
	if r.form == wrapped {
		if err := r.rest(); err != nil {
			return false, err
		}
	}
	p := r.places[r.Place]
	for {
		more, err = w.SkipSpace()
		switch {
		case err != nil || !more:
			return false, err
		case r.form == array || w.Buf[w.Pos] != '{':
			return false, r.reject(reason.TrailingData, w.Pos, "other data follows the end of the document")
		}
		r.misfit = false
		at, found, err := r.locate(p)
		switch {
		case err != nil:
			return false, err
		case found:
			r.enter(p, at)
			r.count = 0
			return true, nil
		case !r.MayLack || r.misfit:
			return false, r.reject(reason.NotRecords, w.Pos, "the first document has its records under a member that a later one lacks")
		}
		if err := r.pass(); err != nil {
			return false, err
		}
	}
}

// pass skips the document at the window's position.
func (r *Records) pass() error {
	start, entry := r.w.Offset(r.w.Pos), false
	v := Validator{MaxDepth: r.limits.Depth}
	v.Name = func(depth int, raw []byte) { entry = entry || depth == 1 && sameName(raw, Entry) }
	err := r.stream(&v, func([]byte) error { return nil })
	if entry {
		return &reason.Reject{Code: reason.BadQuarantineFile, Offset: start, Detail: StrayEntry}
	}
	return err
}

// rest reads the members that follow the array of records, to the end of the
// outermost object.
func (r *Records) rest() error {
	names := r.places[r.Place].Names
	open := len(names) // objects around the records that are still open
	twice := false
	v := Validator{MaxDepth: r.limits.Depth}
	v.Inside(len(names))
	v.Name = func(depth int, raw []byte) {
		if depth <= open {
			open = depth
			twice = twice || sameName(raw, names[depth-1])
		}
	}
	if err := r.stream(&v, func([]byte) error { return nil }); err != nil {
		return err
	}
	if twice {
		return r.reject(reason.DuplicateKey, r.w.Pos, "the member that holds the records stands twice in one object")
	}
	return nil
}

func sameName(raw []byte, name string) bool {
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

// Accept ends the record at the position end.
func (r *Records) Accept(end int) {
	if r.count == 1 && r.form == sequence {
		r.firstLines = r.firstLines || bytes.ContainsAny(r.w.Buf[r.w.Pos:end], "\r\n")
	}
	r.w.Pos = end
}

// settleLines decides, after the first record of a sequence, whether the input
// is NDJSON: the record stands on one line and ends it.
func (r *Records) settleLines() error {
	w := r.w
	n := 0
	for ; n <= windowSize; n++ {
		c, err := w.At(n)
		if err != nil {
			return err
		}
		if c != ' ' && c != '\t' {
			break
		}
	}
	p := w.Pos + n
	r.adjacent = n <= windowSize && p < w.End && !isLineEnd(w.Buf[p])
	r.lines = linesNo
	if !r.firstLines && !r.adjacent {
		r.lines = linesYes
	}
	return nil
}

func isLineEnd(c byte) bool { return c == '\n' || c == '\r' }

// Action is what to do with a record that does not parse.
type Action uint8

const (
	Again    Action = iota // more input was read: parse the record at w.Pos again
	Bad                    // quarantine the bytes up to the end given
	Oversize               // quarantine the bytes that Discard passes on
)

// Fail says what to do with the record at w.Pos, which does not parse at the
// position at. A syntax error inside an array, or where no line end shows the
// next record, rejects the input.
func (r *Records) Fail(at int, tooDeep bool) (act Action, end int, code reason.Code, err error) {
	w := r.w
	have := w.End - w.Pos
	switch {
	case at >= w.End && !w.EOF && have > r.limits.RecordBytes:
		return Oversize, 0, reason.RecordTooLarge, nil
	case at >= w.End && !w.EOF:
		// Reading twice as much each time keeps the work linear.
		return Again, 0, "", w.Fill(min(2*have, r.limits.RecordBytes) + 1)
	case tooDeep:
		return 0, 0, "", r.tooDeep(at)
	}
	code, detail := reason.BadJSON, "syntax error"
	if at >= w.End {
		code, detail = reason.TruncatedJSON, "the input ends inside a record"
	}
	rejected := r.reject(code, at, detail)
	if r.badFirst && r.count == 1 {
		rejected = r.notJSON()
	}
	if r.form != sequence || r.lines == linesNo {
		return 0, 0, "", rejected
	}
	fromPos := at - w.Pos
	end, found, err := r.lineEnd(w.Pos)
	if err != nil {
		return 0, 0, "", err
	}
	if r.lines == linesUnknown {
		ok := false
		if found {
			if ok, err = r.recordFollows(end-w.Pos, fromPos); err != nil {
				return 0, 0, "", err
			}
			end, _, _ = r.lineEnd(w.Pos)
		}
		if !ok {
			return 0, 0, "", rejected
		}
		r.lines = linesYes
	}
	if end-w.Pos > r.limits.RecordBytes {
		return Oversize, 0, reason.RecordTooLarge, nil
	}
	if found {
		code = reason.BadJSON
	}
	return Bad, end, code, nil
}

// lineEnd is the position of the line end at or after p, which is not before
// w.Pos. found is false if the stream, or the size limit of a record, ends
// first, at end. The window may move; positions still count from w.Pos.
func (r *Records) lineEnd(p int) (end int, found bool, err error) {
	w := r.w
	from := p - w.Pos
	limit := from + r.limits.RecordBytes + 1
	for {
		have := min(w.End-w.Pos, limit)
		if i := bytes.IndexAny(w.Buf[w.Pos+from:w.Pos+have], "\r\n"); i >= 0 {
			return w.Pos + from + i, true, nil
		}
		if have == limit || w.EOF {
			return w.Pos + have, false, nil
		}
		from = have
		if err := w.Fill(have + 1); err != nil {
			return 0, false, err
		}
	}
}

// lookAhead is the number of lines looked at after a first line that does not
// parse, to see whether the input is NDJSON.
const lookAhead = 16

// recordFollows reports whether the first line, which ends at the position end
// and does not parse at the position at, is a bad line of NDJSON: the next line
// is an object from its first to its last byte; or a later one is, and the
// first line is bad by itself, not only together with the lines after it. Lines
// inside a pretty-printed document are not objects, or are indented. Positions
// count from w.Pos.
func (r *Records) recordFollows(end, at int) (bool, error) {
	w := r.w
	rel := end
	for n := range lookAhead {
		for from := rel; ; rel++ {
			c, err := w.At(rel)
			if err != nil {
				return false, err
			}
			if !isLineEnd(c) {
				break
			}
			if rel-from > r.limits.RecordBytes {
				return false, nil
			}
		}
		if n == 1 && at > end {
			return false, nil
		}
		end, _, err := r.lineEnd(w.Pos + rel)
		if err != nil {
			return false, err
		}
		start := w.Pos + rel
		if start >= w.End {
			return false, nil
		}
		if w.Buf[start] == '{' {
			r.skip.Reset()
			if q := r.skip.Value(w.Buf, start, 0); q >= 0 && q <= end && Space(w.Buf, q) >= end {
				return true, nil
			}
		}
		rel = end - w.Pos
	}
	return false, nil
}

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
