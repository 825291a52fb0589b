package conversion

import (
	"sluice/internal/flatten"
	"sluice/internal/jsonscan"
	"sluice/internal/quarantine"
)

// feed is where records come from: JSON text, or a quarantine file.
type feed interface {
	// next finds the next record. It returns the index of its path in the
	// mapping's records, or noRecord at the sound end of the input.
	next() (place int, err error)
	// take flattens the record that next found, the ordinal-th of the input.
	// It returns a misfit if the result has a code. Both are valid until the next
	// call of next or take.
	take(flat *flatten.Flattener, ordinal int64) (*flatten.Result, *misfit, error)
	// pass copies the record that take found too large into the quarantine,
	// piece by piece.
	pass(e quarantine.Entry, to *quarantine.Writer) error
	// seam is what lies between two records, if it is the same everywhere.
	seam() (jsonscan.Seam, bool)
}

// noRecord is where next finds no record.
const noRecord = -1

// misfit is a record that does not fit the mapping.
type misfit struct {
	entry       quarantine.Entry // without its place
	mappingPath string           // its path as the mapping writes it
	raw         []byte           // nil: too large to be held
}

func newMisfit(res *flatten.Result, origin flatten.Origin, source string, at int64, raw []byte) *misfit {
	return &misfit{quarantine.Entry{
		Reason: res.Code, Path: res.Path, Offset: origin.Offset, ErrorOffset: at, Record: origin.Record, Source: source,
	}, res.MappingPath, raw}
}
