package jsonscan

import (
	"bytes"
	"slices"

	"sluice/reason"
)

// magics are the first bytes of files that are not JSON but often named like
// it.
var magics = []struct {
	prefix string
	code   reason.Code
	detail string
}{
	{"\x00\x00\xfe\xff", reason.EncodingUTF32, "the text is UTF-32; JSON is UTF-8 (RFC 8259 section 8.1)"},
	{"\xff\xfe\x00\x00", reason.EncodingUTF32, "the text is UTF-32; JSON is UTF-8 (RFC 8259 section 8.1)"},
	{"\xff\xfe", reason.EncodingUTF16, "the text is UTF-16; JSON is UTF-8 (RFC 8259 section 8.1)"},
	{"\xfe\xff", reason.EncodingUTF16, "the text is UTF-16; JSON is UTF-8 (RFC 8259 section 8.1)"},
	{"BZh", reason.NotJSONBzip2, "the object is bzip2; gzip and zstd are read"},
	{"\xfd7zXZ\x00", reason.NotJSONXz, "the object is xz; gzip and zstd are read"},
	{"PK\x03\x04", reason.NotJSONZip, "the object is a zip archive; gzip and zstd are read"},
	{"PAR1", reason.NotJSONParquet, "the object is Parquet already"},
	{"Obj\x01", reason.NotJSONAvro, "the object is Avro"},
	{"ORC", reason.NotJSONORC, "the object is ORC"},
	{"\x1f\x8b", reason.NotJSON, reason.CompressedTwice},
	{"\x28\xb5\x2f\xfd", reason.NotJSON, reason.CompressedTwice},
}

// open looks at the beginning of the input and chooses the form and the place.
func (r *Records) open() error {
	w := r.w
	if err := w.Fill(16); err != nil {
		return err
	}
	head := w.Buf[w.Pos:w.End]
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.prefix)) {
			return r.reject(m.code, w.Pos, m.detail)
		}
	}
	// JSON text begins with an ASCII character, so a zero byte next to it shows
	// a wider encoding without a byte order mark (RFC 4627 section 3).
	if len(head) >= 2 && (head[0] == 0) != (head[1] == 0) {
		return r.reject(reason.EncodingUTF16, w.Pos, "the text is UTF-16 or UTF-32; JSON is UTF-8 (RFC 8259 section 8.1)")
	}
	// A parser may ignore a byte order mark (RFC 8259 section 8.1).
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		w.Pos += 3
	}
	more, err := w.SkipSpace()
	if err != nil {
		return err
	}
	if !more {
		return r.reject(reason.EmptyFile, w.Pos, "the object holds no JSON")
	}
	if r.opens = w.Buf[w.Pos]; r.opens != '[' && r.opens != '{' {
		return r.openScalar()
	}
	r.form = sequence
	for {
		found, err := r.choose(r.opens)
		if err != nil || found {
			return err
		}
		if !r.MayLack || r.misfit {
			return r.notRecords()
		}
		if err := r.pass(); err != nil {
			return err
		}
		if more, err := w.SkipSpace(); err != nil || !more {
			return err
		}
		if w.Buf[w.Pos] != r.opens {
			return r.reject(reason.TrailingData, w.Pos, "other data follows the end of a document without records")
		}
	}
}

// choose takes the first place that exists in the document at the window's
// position, which begins with c. A list that is null is taken only if no other
// place exists except the document itself.
func (r *Records) choose(c byte) (found bool, err error) {
	r.misfit = false
	empty := -1 // place whose list is null
	for i, p := range r.places {
		switch {
		case p.Each && len(p.Names) == 0:
			if c == '[' {
				r.w.Pos++
				r.form, r.Place = array, i
				return true, nil
			}
		case len(p.Names) == 0:
			if empty < 0 {
				r.Place = i
				return true, nil
			}
		case c == '{':
			at, found, err := r.locate(p)
			if err != nil {
				return false, err
			}
			if found && p.Each && r.w.Buf[r.w.Pos+at] == 'n' {
				if empty < 0 {
					empty = i
				}
			} else if found {
				r.Place = i
				r.enter(p, at)
				return true, nil
			}
		}
	}
	if empty < 0 {
		return false, nil
	}
	at, _, err := r.locate(r.places[empty])
	if err != nil {
		return false, err
	}
	r.Place = empty
	r.enter(r.places[empty], at)
	return true, nil
}

// notRecords rejects a document in which no place exists. If it is not JSON, as
// far as it may be held, the reason is that. A document that is broken otherwise
// is a bad first record, if documents may be records: its names say nothing.
func (r *Records) notRecords() error {
	w := r.w
	whole := slices.IndexFunc(r.places, func(p Place) bool { return !p.Each })
	for {
		r.skip.Reset()
		at := -1 - r.skip.Value(w.Buf, w.Pos, 0)
		switch {
		case at < 0 && r.skip.Found != "" && whole >= 0:
			r.Place = whole
			return nil
		case at < 0 || r.skip.TooDeep || at >= w.End && !w.EOF && w.End-w.Pos > r.limits.RecordBytes:
			return r.reject(reason.NotRecords, w.Pos, "no path of records: in the mapping leads to a value of the document")
		case at < w.End:
			return r.reject(reason.BadJSON, at, "syntax error")
		case w.EOF:
			return r.reject(reason.TruncatedJSON, at, "the input ends inside a value")
		}
		if err := w.Fill(min(2*(w.End-w.Pos), r.limits.RecordBytes) + 1); err != nil {
			return err
		}
	}
}

// openScalar opens an input whose first value is neither object nor array: a
// record that may be a scalar, a bad first line of NDJSON, or no records at all.
func (r *Records) openScalar() error {
	w := r.w
	r.form = sequence
	whole := slices.IndexFunc(r.places, func(p Place) bool { return !p.Each })
	itself := slices.IndexFunc(r.places, func(p Place) bool { return !p.Each && len(p.Names) == 0 })
	r.Place = max(whole, 0)
	for {
		r.skip.Reset()
		p := r.skip.Value(w.Buf, w.Pos, 0)
		at := -1 - p
		broken := false // the line begins with a value, but is not one
		if p >= 0 {
			at = Space(w.Buf, p)
			broken = at < w.End && !bytes.ContainsAny(w.Buf[p:at], "\r\n") && !(r.scalars && (w.Buf[at] == '{' || w.Buf[at] == '['))
		}
		switch {
		case at >= w.End && !w.EOF && w.End-w.Pos <= windowSize:
			if err := w.Fill(2 * (w.End - w.Pos)); err != nil {
				return err
			}
			continue
		case (p < 0 || broken) && whole < 0:
			return r.notJSON()
		case broken:
			r.Broken, r.badFirst = p-w.Pos, true
		case p < 0:
			r.badFirst = true
		case r.scalars && itself >= 0:
			r.Place = itself
		case at >= w.End || whole < 0:
			return r.reject(reason.NotRecords, w.Pos, "the document is neither an object nor an array")
		}
		return nil
	}
}
