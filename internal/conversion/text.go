package conversion

import (
	"errors"
	"fmt"

	"sluice/internal/flatten"
	"sluice/internal/jsonscan"
	"sluice/internal/quarantine"
	"sluice/reason"
)

// text feeds the records of JSON text.
type text struct {
	w       *jsonscan.Window
	r       *jsonscan.Records
	largest int  // bytes of a record
	guessed bool // that the first record begins where it does
	source  string
}

func (t *text) next() (int, error) {
	more, err := t.r.Next()
	switch {
	case err != nil:
		return noRecord, fmt.Errorf("read input: %w", err)
	case !more:
		return noRecord, nil
	}
	return t.r.Place, nil
}

func (t *text) seam() (jsonscan.Seam, bool) { return t.r.Seam() }

// maxAhead is the size of the largest record that is read ahead.
const maxAhead = 4 << 20

// errUnsure ends what is read on a guess at a record to be quarantined: it may
// not be a record, and its ordinal is not known.
var errUnsure = errors.New("not known to be a record")

// take reads the record with more and more text, until it or the error in it
// ends inside the window.
func (t *text) take(flat *flatten.Flattener, ordinal int64) (*flatten.Result, *misfit, error) {
	w, r := t.w, t.r
	origin := flatten.Origin{Offset: w.Offset(w.Pos), Record: ordinal}
	for large := r.Large; !large; {
		var res *flatten.Result
		if r.Broken > 0 {
			res = &flatten.Result{End: -1 - w.Pos - r.Broken}
		} else {
			res = flat.Record(w.Buf, w.Pos, -1, origin)
		}
		if max(res.End, -1-res.End)-w.Pos > t.largest {
			break // even if the window happens to hold all of it
		}
		if res.End >= 0 {
			raw := w.Buf[w.Pos:res.End]
			r.Accept(res.End)
			if res.Code == "" {
				return res, nil, nil
			}
			return t.misfit(res, origin, w.Offset(res.At), raw)
		}
		at := w.Offset(-1 - res.End)
		act, end, code, err := r.Fail(-1-res.End, res.TooDeep)
		switch {
		case err != nil:
			return res, nil, fmt.Errorf("read input: %w", err)
		case act == jsonscan.Bad:
			raw := w.Buf[w.Pos:end]
			r.Accept(end)
			return t.misfit(&flatten.Result{Code: code, Path: "$"}, origin, at, raw)
		case act == jsonscan.Oversize:
			large = true
		case t.guessed && w.End-w.Pos > maxAhead:
			return res, nil, errUnsure // a record of that size is more likely a wrong guess
		}
	}
	return t.misfit(&flatten.Result{Code: reason.RecordTooLarge, Path: "$"}, origin, origin.Offset, nil)
}

func (t *text) misfit(res *flatten.Result, origin flatten.Origin, at int64, raw []byte) (*flatten.Result, *misfit, error) {
	if t.guessed {
		return res, nil, errUnsure
	}
	return res, newMisfit(res, origin, t.source, at, raw), nil
}

func (t *text) pass(e quarantine.Entry, to *quarantine.Writer) error {
	err := to.Begin(e)
	if err == nil {
		err = t.r.Discard(to.Append)
	}
	if err != nil {
		return fmt.Errorf("quarantine a large record: %w", err)
	}
	return to.End()
}
