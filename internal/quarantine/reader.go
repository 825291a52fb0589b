package quarantine

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
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

// NewReader reads w, which stands at [Prefix]. Records of more than maxRecord
// bytes are refused.
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
	if len(r.raw) > r.maxRecord {
		return e, nil, r.tooLarge()
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
			return nil, r.tooLarge()
		}
		if err := w.Fill(2*len(held) + 1); err != nil {
			return nil, err
		}
	}
}

func (r *Reader) tooLarge() error {
	return r.reject(fmt.Sprintf("the record of an entry is larger than record_bytes: %d; raise it to replay the entry", r.maxRecord))
}

func (r *Reader) reject(detail string) error {
	return &reason.Reject{Code: reason.BadQuarantineFile, Offset: r.w.Offset(r.w.Pos), Detail: detail}
}
