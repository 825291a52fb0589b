// Package fit says whether the default mapping or a preset is meant for a
// document, by what stands at its beginning.
package fit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"sluice"
	"sluice/internal/parquetread"
	"sluice/internal/profile"
	"sluice/mapping"
	"sluice/schema"
)

// Records is how many records of an input are looked at.
const Records = 20

const (
	// headRecordBytes is the size above which a record is not looked into.
	headRecordBytes = 1 << 20
	// alike is the share of the required paths that a record of a mapping's kind
	// has at least. An order with a bad amount or without its date has it; another
	// document with a list of that name has not.
	alike = 2. / 3
	// likely is the share of its paths that a preset finds at least in documents
	// of its platform. Documents of real shops have 0.74 and more. Of other
	// documents with ids, totals and lines, it finds up to 0.31.
	likely = 0.4
)

// Verdict says how a mapping fits the records at the head of an input.
type Verdict struct {
	Records int64                   // that were looked at
	Taken   int64                   // of these, that are not quarantined
	Reasons map[sluice.Reason]int64 // of the others
}

// Default tries the default mapping, and reports whether the records are meant
// for it: it takes half of them, or half of them have at least two thirds of the
// paths that it requires. Without a record that can be read, such as in an empty
// or a broken input, nothing speaks against it.
func Default(ctx context.Context, h *Head) (Verdict, bool, error) {
	m, err := mapping.Preset(mapping.DefaultPreset)
	if err != nil {
		return Verdict{}, false, err
	}
	v, err := try(ctx, m, h)
	if err != nil || 2*v.Taken >= v.Records {
		return v, true, err
	}
	all, err := records(ctx, m, h)
	if err != nil {
		return v, false, err
	}
	like := 0
	for _, r := range all {
		var s shape
		s.add(r)
		if isAlike(&s, required(m)) {
			like++
		}
	}
	return v, 2*like >= len(all), nil
}

// isAlike reports whether a record has most of the required paths. Of a list
// that is empty or missing, only the list itself counts.
func isAlike(r *shape, required []mapping.Path) bool {
	has, all := 0, 0
	for _, p := range required {
		if p.Wildcards() > 0 && !r.reaches(p) {
			continue
		}
		all++
		if r.has(p) {
			has++
		}
	}
	return float64(has) >= alike*float64(all)
}

// Match is a preset that records are meant for.
type Match struct {
	Verdict
	Preset  string
	Found   int      // of Paths, those with a value in some record
	Paths   int      // of the preset, in objects that there are
	LeftOut []string // paths with values that the preset does not name
}

// Preset finds the preset that the records are meant for: the one with the
// greatest share of its paths found. ok is false if no preset that takes half of the
// records finds two fifths of its paths.
func Preset(ctx context.Context, h *Head) (best Match, ok bool, err error) {
	for _, name := range mapping.Presets() {
		m, err := mapping.Preset(name)
		if err != nil {
			return best, false, err
		}
		v, err := try(ctx, m, h)
		if err != nil {
			return best, false, err
		}
		if v.Taken == 0 || 2*v.Taken < v.Records {
			continue
		}
		all, err := records(ctx, m, h)
		if err != nil {
			return best, false, err
		}
		match := Match{Verdict: v, Preset: name}
		match.look(m, all)
		if match.share() >= likely && match.share() > best.share() {
			best, ok = match, true
		}
	}
	return best, ok, nil
}

// LeftOut are the paths that a profile has values at and a preset does not name.
// ok is false if some records stand where the preset does not look for them.
func LeftOut(preset string, p *profile.Profile) (paths []string, ok bool, err error) {
	m, err := mapping.Preset(preset)
	if err != nil {
		return nil, false, err
	}
	for _, place := range p.Places {
		if !slices.ContainsFunc(m.Records, func(path mapping.Path) bool { return path.String() == place.Path }) {
			return nil, false, nil
		}
	}
	return shapeOf(p.Root).leftOut(m), true, nil
}

func (m *Match) share() float64 { return float64(m.Found) / float64(max(m.Paths, 1)) }

// look compares the paths of a preset with the records.
func (m *Match) look(preset *mapping.Mapping, all []any) {
	var union shape
	for _, r := range all {
		union.add(r)
	}
	for _, p := range fed(preset) {
		if union.reaches(p) {
			m.Paths++
		}
		if union.has(p) {
			m.Found++
		}
	}
	m.LeftOut = union.leftOut(preset)
}

// try converts the records of the head, and throws the rows away.
func try(ctx context.Context, m *mapping.Mapping, h *Head) (Verdict, error) {
	s, err := convert(ctx, m, h, func() io.Writer { return io.Discard })
	return Verdict{Records: s.RecordsRead, Taken: s.RecordsRead - s.RecordsQuarantined, Reasons: s.Reasons}, err
}

// records are the records that a mapping finds in the head, by conversion to a
// table that has them as text.
func records(ctx context.Context, m *mapping.Mapping, h *Head) ([]any, error) {
	whole := &mapping.Mapping{Records: m.Records, NoRecords: m.NoRecords, Limits: m.Limits, Tables: []mapping.Table{{
		Name: "records",
		Columns: []mapping.Column{{
			Column: schema.Column{Name: "record", Type: schema.Type{Kind: schema.JSON}},
			From:   mapping.FromString | mapping.FromInteger | mapping.FromNumber | mapping.FromBoolean,
		}},
	}}}
	whole.Limits.FieldBytes = headRecordBytes
	var file bytes.Buffer
	empty := func() io.Writer { file.Reset(); return &file }
	if s, err := convert(ctx, whole, h, empty); err != nil || s.RecordsRead == 0 {
		return nil, err
	}
	f, err := parquetread.Open(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		return nil, fmt.Errorf("read the records of the head: %w", err)
	}
	var all []any
	err = f.Rows(Records, func(row []string) error {
		if row[0] == parquetread.Null {
			all = append(all, nil)
			return nil
		}
		d := json.NewDecoder(bytes.NewReader([]byte(row[0])))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			return fmt.Errorf("read the records of the head: %w", err)
		}
		all = append(all, v)
		return nil
	})
	return all, err
}

// convert converts the first records. What cannot be read as JSON, or has no
// record within the head, has none.
func convert(ctx context.Context, m *mapping.Mapping, h *Head, table func() io.Writer) (sluice.Stats, error) {
	s, err := h.Convert(ctx, m, sluice.Options{
		Codec: sluice.None, MaxRecords: Records, Quarantine: io.Discard,
		Table: func(string) (io.Writer, error) { return table(), nil },
	})
	if reject := new(sluice.RejectError); errors.As(err, &reject) || errors.Is(err, ErrHeadEnds) {
		return sluice.Stats{}, nil
	}
	return s, err
}
