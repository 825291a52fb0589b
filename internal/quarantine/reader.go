package quarantine

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"

	"sluice/internal/jsonscan"
	"sluice/internal/rejection"
	"sluice/reason"
)

// Reader reads the entries of a quarantine file, to replay them: as they were
// written, or as another tool wrote them again, in any order of members, on
// one line or several, in an array or not.
type Reader struct {
	w       *jsonscan.Window
	records *jsonscan.Records
	skip    jsonscan.Skipper
	raw     []byte
}

// ErrTooLarge says that the record of an entry is larger than may be held.
// The entry can be read over with [Reader.Discard].
var ErrTooLarge = errors.New("the record of an entry is larger than record_bytes; raise it to replay the entry")

// maxDepth is far more than an entry has.
const maxDepth = 64

// NewReader reads w, at whose position a quarantine file begins (see [Begins]),
// with records of up to about maxRecord bytes.
func NewReader(w *jsonscan.Window, maxRecord int) *Reader {
	// No record of maxRecord bytes gives an entry longer than six times that:
	// \u00XX for each byte.
	limits := jsonscan.Limits{RecordBytes: 6*maxRecord + 64<<10, Depth: maxDepth}
	return &Reader{
		w:       w,
		records: jsonscan.NewRecords(w, []jsonscan.Place{{Each: true}, {}}, false, limits),
		skip:    jsonscan.Skipper{MaxDepth: maxDepth},
	}
}

// Next returns the next entry and the bytes of its record, followed by
// jsonscan.Padding zero bytes outside of raw; they are valid until the next
// call. The error is io.EOF at the end.
func (r *Reader) Next() (e Entry, raw []byte, err error) {
	more, err := r.records.Next()
	switch {
	case err != nil:
		return e, nil, bad(err)
	case !more:
		return e, nil, io.EOF
	}
	end, err := r.end()
	if err != nil {
		return e, nil, bad(err)
	}
	var wire struct {
		Entry
		Version   int     `json:"sluice_quarantine"`
		Raw       *string `json:"raw"`
		RawBase64 *string `json:"raw_base64"`
	}
	if err := json.Unmarshal(r.w.Buf[r.w.Pos:end], &wire); err != nil || wire.Version != 1 || (wire.Raw == nil) == (wire.RawBase64 == nil) {
		return e, nil, r.reject("what stands here is no entry of a quarantine file of version 1")
	}
	r.raw = r.raw[:0]
	if wire.Raw != nil {
		r.raw = append(r.raw, *wire.Raw...)
	} else if r.raw, err = base64.StdEncoding.AppendDecode(r.raw, []byte(*wire.RawBase64)); err != nil {
		return e, nil, r.reject("raw_base64 is damaged")
	}
	n := len(r.raw)
	r.raw = append(r.raw, make([]byte, jsonscan.Padding)...)
	r.records.Accept(end)
	return wire.Entry, r.raw[:n], nil
}

// end is the position after the entry at the window's position.
func (r *Reader) end() (int, error) {
	for {
		r.skip.Reset()
		end := r.skip.Value(r.w.Buf, r.w.Pos, 0)
		if end >= 0 {
			return end, nil
		}
		act, _, _, err := r.records.Fail(-1-end, r.skip.TooDeep)
		switch {
		case err != nil:
			return 0, err
		case act == jsonscan.Oversize:
			return 0, ErrTooLarge
		case act == jsonscan.Bad:
			return 0, r.reject("what stands here is no JSON")
		}
	}
}

// Discard reads over the entry that is too large, and shows it to emit, with a
// line end.
func (r *Reader) Discard(emit func([]byte) error) error {
	if err := r.records.DiscardValue(emit); err != nil {
		return bad(err)
	}
	return emit([]byte{'\n'})
}

func (r *Reader) reject(detail string) error {
	return &rejection.Error{Code: reason.BadQuarantineFile, Offset: r.w.Offset(r.w.Pos), Detail: detail}
}

// bad makes every reject one of a quarantine file, whatever is wrong with it.
func bad(err error) error {
	var r *rejection.Error
	if errors.As(err, &r) {
		r.Code = reason.BadQuarantineFile
	}
	return err
}
