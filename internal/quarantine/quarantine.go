// Package quarantine writes and reads the file of quarantined records: one
// JSON object on a line each, with why the record was set aside, where it
// stood, and its bytes, exactly. docs/quarantine.md describes the format.
package quarantine

import (
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"sluice/internal/jsonscan"
	"sluice/reason"
)

// prefix begins every entry as it is written here.
const prefix = `{"` + jsonscan.Entry + `":1,`

// Entry says why a record is in quarantine and where it stood.
type Entry struct {
	Reason      reason.Code `json:"reason"`
	Path        string      `json:"path"`         // JSONPath of what does not fit
	Offset      int64       `json:"offset"`       // first byte of the record in the decompressed source
	ErrorOffset int64       `json:"error_offset"` // of what does not fit
	Record      int64       `json:"record"`       // ordinal in the source, from 0
	Place       string      `json:"place"`        // path of records: that found it
	Source      string      `json:"source"`
}

// Writer writes entries.
type Writer struct {
	w   io.Writer
	buf []byte
	b64 io.WriteCloser // of the record that is being streamed
}

// NewWriter writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

func (w *Writer) head(e Entry) {
	b := append(w.buf[:0], prefix...)
	b = jsonscan.AppendQuoted(append(b, `"reason":`...), string(e.Reason))
	b = jsonscan.AppendQuoted(append(b, `,"path":`...), e.Path)
	b = strconv.AppendInt(append(b, `,"offset":`...), e.Offset, 10)
	b = strconv.AppendInt(append(b, `,"error_offset":`...), e.ErrorOffset, 10)
	b = strconv.AppendInt(append(b, `,"record":`...), e.Record, 10)
	b = jsonscan.AppendQuoted(append(b, `,"place":`...), e.Place)
	w.buf = jsonscan.AppendQuoted(append(b, `,"source":`...), e.Source)
}

// Write writes an entry with the bytes of its record.
func (w *Writer) Write(e Entry, raw []byte) error {
	w.head(e)
	if utf8.Valid(raw) {
		w.buf = jsonscan.AppendQuoted(append(w.buf, `,"raw":`...), raw)
		w.buf = append(w.buf, '}', '\n')
	} else {
		w.buf = append(w.buf, `,"raw_base64":"`...)
		w.buf = base64.StdEncoding.AppendEncode(w.buf, raw)
		w.buf = append(w.buf, '"', '}', '\n')
	}
	return w.flush()
}

// Begin begins an entry whose record is too large to be held; Append takes
// its bytes, End ends it.
func (w *Writer) Begin(e Entry) error {
	w.head(e)
	w.buf = append(w.buf, `,"raw_base64":"`...)
	w.b64 = base64.NewEncoder(base64.StdEncoding, w.w)
	return w.flush()
}

// Append adds bytes to the record that Begin began.
func (w *Writer) Append(raw []byte) error {
	if _, err := w.b64.Write(raw); err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	return nil
}

// End ends the record that Begin began.
func (w *Writer) End() error {
	if err := w.b64.Close(); err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	w.buf = append(w.buf[:0], '"', '}', '\n')
	return w.flush()
}

// Copy adds bytes of an entry as they stand in another quarantine file.
func (w *Writer) Copy(line []byte) error {
	if _, err := w.w.Write(line); err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	return nil
}

func (w *Writer) flush() error {
	if _, err := w.w.Write(w.buf); err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	return nil
}
