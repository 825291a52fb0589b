package conversion

import (
	"errors"
	"fmt"
	"io"

	"sluice/internal/flatten"
	"sluice/internal/jsonscan"
	"sluice/internal/quarantine"
	"sluice/mapping"
	"sluice/reason"
)

// replay feeds the records of a quarantine file. Those that fit a fixed mapping
// are accepted; the others are quarantined again with their first origin.
type replay struct {
	m     *mapping.Mapping
	r     *quarantine.Reader
	entry quarantine.Entry
	raw   []byte // nil: too large to be held
}

func newReplay(w *jsonscan.Window, m *mapping.Mapping) *replay {
	return &replay{m: m, r: quarantine.NewReader(w, int(m.Limits.RecordBytes))}
}

func (p *replay) next() (place int, err error) {
	p.entry, p.raw, err = p.r.Next()
	switch {
	case err == io.EOF:
		return noRecord, nil
	case err != nil && !errors.Is(err, quarantine.ErrTooLarge):
		return noRecord, fmt.Errorf("read quarantine file: %w", err)
	}
	return replayPlace(p.m, p.entry.Place), nil
}

func (p *replay) take(flat *flatten.Flattener, _ int64) (*flatten.Result, *misfit, error) {
	e := &p.entry
	origin := flatten.Origin{Offset: e.Offset, Record: e.Record}
	if p.raw == nil {
		res := &flatten.Result{Code: reason.RecordTooLarge}
		return res, newMisfit(res, origin, e.Source, e.Offset, nil), nil
	}
	source, err := flatten.NewSource(p.m, e.Source)
	if err != nil {
		res := &flatten.Result{Code: reason.KeyMismatch, Path: "$"}
		return res, newMisfit(res, origin, e.Source, e.Offset, p.raw), nil
	}
	flat.SetSource(source)
	text := p.raw[:len(p.raw)+jsonscan.Padding]
	res := flat.Record(text, jsonscan.Space(text, 0), len(p.raw), origin)
	flat.Flush(text)
	if res.End < 0 {
		res = &flatten.Result{Code: reason.BadJSON, Path: "$", At: -1 - res.End}
	}
	if res.Code == "" {
		return res, nil, nil
	}
	return res, newMisfit(res, origin, e.Source, e.Offset+int64(res.At), p.raw), nil
}

// pass quarantines the entry again, unchanged.
func (p *replay) pass(_ quarantine.Entry, to *quarantine.Writer) error {
	if err := p.r.Discard(to.Copy); err != nil {
		return fmt.Errorf("quarantine a large record again: %w", err)
	}
	return nil
}

// seam is none: the entries of a quarantine file are not the records.
func (p *replay) seam() (jsonscan.Seam, bool) { return jsonscan.Seam{}, false }
