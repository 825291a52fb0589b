package conversion

import (
	"fmt"

	"sluice/internal/flatten"
	"sluice/internal/jsonscan"
	"sluice/internal/quarantine"
	"sluice/internal/reason"
	"sluice/mapping"
)

// text feeds the records of JSON text.
type text struct {
	*decoder
	r *jsonscan.Records
}

func newText(d *decoder) *text {
	l := jsonscan.Limits{RecordBytes: int(d.m.Limits.RecordBytes), Depth: d.m.Limits.Depth}
	r := jsonscan.NewRecords(d.window, places(d.m), scalars(d.m), l)
	r.MayLack = d.m.NoRecords == mapping.NoRecordsAccepted
	return &text{d, r}
}

func (t *text) next() (bool, error) {
	more, err := t.r.Next()
	if err != nil {
		return false, fmt.Errorf("read input: %w", err)
	}
	if t.flat == nil {
		t.at(t.m.Records[t.r.Place])
	}
	return more, nil
}

func (t *text) take() error {
	w, r := t.window, t.r
	origin := flatten.Origin{Offset: w.Offset(w.Pos), Record: t.first + t.counts.RecordsRead}
	if r.Large {
		return t.oversize(origin)
	}
	for {
		res := flatten.Result{End: -1 - w.Pos - r.Broken}
		if r.Broken == 0 {
			res = t.flat.Record(w.Buf, w.Pos, -1, origin)
		}
		if max(res.End, -1-res.End)-w.Pos > int(t.m.Limits.RecordBytes) {
			return t.oversize(origin) // even if the window happens to hold all of it
		}
		if res.End >= 0 {
			at := w.Offset(res.At)
			raw := w.Buf[w.Pos:res.End]
			r.Accept(res.End)
			return t.count(res, at, raw, origin, t.opts.Source)
		}
		at := w.Offset(-1 - res.End)
		act, end, code, err := r.Fail(-1-res.End, res.TooDeep)
		if err != nil {
			return fmt.Errorf("read input: %w", err)
		}
		switch act {
		case jsonscan.Bad:
			raw := w.Buf[w.Pos:end]
			r.Accept(end)
			return t.count(flatten.Result{Code: code, Path: "$"}, at, raw, origin, t.opts.Source)
		case jsonscan.Oversize:
			return t.oversize(origin)
		}
		if !t.sure && w.End-w.Pos > maxAhead {
			return errUnsure // a record of that size is more likely a wrong guess
		}
	}
}

// maxAhead is the size of the largest record that is read ahead.
const maxAhead = 4 << 20

// oversize quarantines a record that is too large to be held, while it is
// streamed past.
func (t *text) oversize(origin flatten.Origin) error {
	t.counts.RecordsRead++
	if err := t.quarantined(reason.RecordTooLarge, origin.Offset); err != nil {
		return err
	}
	err := t.bad.Begin(quarantine.Entry{
		Reason: reason.RecordTooLarge, Path: "$", Offset: origin.Offset, ErrorOffset: origin.Offset,
		Record: origin.Record, Place: t.place.String(), Source: t.opts.Source,
	})
	if err == nil {
		err = t.r.Discard(t.bad.Append)
	}
	if err != nil {
		return fmt.Errorf("quarantine a large record: %w", err)
	}
	return t.bad.End()
}
