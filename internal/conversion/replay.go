package conversion

import (
	"errors"
	"fmt"
	"io"

	"sluice/internal/flatten"
	"sluice/internal/jsonscan"
	"sluice/internal/quarantine"
	"sluice/internal/reason"
)

// replay feeds the records of a quarantine file. Those that fit a fixed mapping
// are accepted; the others are quarantined again with their first origin.
type replay struct {
	*decoder
	r     *quarantine.Reader
	entry quarantine.Entry
	raw   []byte
}

func newReplay(d *decoder) *replay {
	return &replay{decoder: d, r: quarantine.NewReader(d.window, int(d.m.Limits.RecordBytes))}
}

func (p *replay) next() (more bool, err error) {
	for p.opts.MaxRecords == 0 || p.first+p.counts.RecordsRead < p.opts.MaxRecords {
		p.entry, p.raw, err = p.r.Next()
		switch {
		case err == io.EOF:
			return false, nil
		case errors.Is(err, quarantine.ErrTooLarge):
			if err := p.passOn(); err != nil {
				return false, err
			}
			continue
		case err != nil:
			return false, fmt.Errorf("read quarantine file: %w", err)
		}
		if place := replayPlace(p.m, p.entry.Place); p.flat == nil || place.String() != p.place.String() {
			p.at(place)
		}
		return true, nil
	}
	return false, nil
}

func (p *replay) take() error {
	e := &p.entry
	p.flat.SetSource(e.Source)
	origin := flatten.Origin{Offset: e.Offset, Record: e.Record}
	text := p.raw[:len(p.raw)+jsonscan.Padding]
	res := p.flat.Record(text, jsonscan.Space(text, 0), len(p.raw), origin)
	if res.End < 0 {
		res = flatten.Result{Code: reason.BadJSON, Path: "$", At: -1 - res.End}
	}
	if err := p.count(res, e.Offset+int64(res.At), p.raw, origin, e.Source); err != nil {
		return err
	}
	p.flat.Flush(text)
	return nil
}

// passOn quarantines an entry again, unchanged, if its record is still too
// large to be held.
func (p *replay) passOn() error {
	p.counts.RecordsRead++
	if err := p.quarantined(reason.RecordTooLarge, p.entry.Offset); err != nil {
		return err
	}
	if err := p.r.Discard(p.bad.Copy); err != nil {
		return fmt.Errorf("quarantine a large record again: %w", err)
	}
	return nil
}
