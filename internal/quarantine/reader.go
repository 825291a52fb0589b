package quarantine

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"

	"sluice/internal/jsonscan"
	"sluice/internal/reason"
)

// Reader reads the entries of a quarantine file, to replay them.
type Reader struct {
	w         *jsonscan.Window
	maxRecord int
	raw       []byte
}

// ErrTooLarge says that the record of an entry is larger than may be held.
// The entry can be read over with [Reader.Discard].
var ErrTooLarge = errors.New("the record of an entry is larger than record_bytes; raise it to replay the entry")

// NewReader reads w, which stands at [Prefix], with records of up to about
// maxRecord bytes.
func NewReader(w *jsonscan.Window, maxRecord int) *Reader {
	return &Reader{w: w, maxRecord: maxRecord}
}

// Next returns the next entry and the bytes of its record, followed by
// jsonscan.Padding zero bytes outside of raw; they are valid until the next
// call. The error is io.EOF at the end.
func (r *Reader) Next() (e Entry, raw []byte, err error) {
	more, err := r.w.SkipSpace()
	if err != nil {
		return e, nil, err
	}
	if !more {
		return e, nil, io.EOF
	}
	line, err := r.line()
	if err != nil {
		return e, nil, err
	}
	var wire struct {
		Entry
		Version   int     `json:"sluice_quarantine"`
		Raw       *string `json:"raw"`
		RawBase64 *string `json:"raw_base64"`
	}
	if err := json.Unmarshal(line, &wire); err != nil || wire.Version != 1 || (wire.Raw == nil) == (wire.RawBase64 == nil) {
		return e, nil, r.reject("the line is no entry of a quarantine file of version 1")
	}
	r.raw = r.raw[:0]
	if wire.Raw != nil {
		r.raw = append(r.raw, *wire.Raw...)
	} else if r.raw, err = base64.StdEncoding.AppendDecode(r.raw, []byte(*wire.RawBase64)); err != nil {
		return e, nil, r.reject("raw_base64 is damaged")
	}
	n := len(r.raw)
	r.raw = append(r.raw, make([]byte, jsonscan.Padding)...)
	r.w.Pos += len(line)
	return wire.Entry, r.raw[:n], nil
}

// line returns the line at the window's position. No line that a record of
// maxRecord bytes can give is longer than six times that: \u00XX for each byte.
func (r *Reader) line() ([]byte, error) {
	w := r.w
	for {
		held := w.Buf[w.Pos:w.End]
		if i := bytes.IndexByte(held, '\n'); i >= 0 {
			return held[:i], nil
		}
		if w.EOF {
			return held, nil
		}
		if len(held) > 6*r.maxRecord+64<<10 {
			return nil, ErrTooLarge
		}
		if err := w.Fill(2*len(held) + 1); err != nil {
			return nil, err
		}
	}
}

// Discard reads over the entry that is too large, and shows its line to emit.
func (r *Reader) Discard(emit func([]byte) error) error {
	w := r.w
	for {
		n := bytes.IndexByte(w.Buf[w.Pos:w.End], '\n') + 1
		end := n > 0
		if !end {
			n = w.End - w.Pos
		}
		if err := emit(w.Buf[w.Pos : w.Pos+n]); err != nil {
			return err
		}
		w.Pos += n
		switch {
		case end:
			return nil
		case w.EOF:
			return r.reject("the input ends inside an entry")
		}
		if err := w.Fill(1); err != nil {
			return err
		}
	}
}

func (r *Reader) reject(detail string) error {
	return &reason.Reject{Code: reason.BadQuarantineFile, Offset: r.w.Offset(r.w.Pos), Detail: detail}
}
