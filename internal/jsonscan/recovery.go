package jsonscan

import (
	"bytes"

	"sluice/reason"
)

// After a record that is no JSON, reading goes on only if line ends separate the
// records.

// lines says whether a line end separates records, so that reading can go on
// after a bad one.
type lines uint8

const (
	linesUnknown lines = iota
	linesYes
	linesNo
)

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
