package flatten

import (
	"strings"
	"unicode/utf8"

	"sluice/internal/drift"
	"sluice/mapping"
	"sluice/reason"
)

// drifts counts what the mapping does not expect, by path. What a record adds
// counts once the record was read to its end: a record that does not end in the
// window is read again. Members that were learned know their slot, so only the
// first of each in a row group is looked up by its path.
type drifts struct {
	to   *drift.Counts // of the row group
	base uint64        // of the slots that members know: it changes when slots do
	from int           // slots when the record began

	// Of the record that is being read:
	hits   [1 << 12]uint16     // slots of unknown members
	n      int                 // of hits
	older  [drift.Slots]uint32 // hits by slot, if there were too many
	folded bool                // there were

	path []byte // scratch
}

// CountDrift makes f count what the mapping does not expect in c.
func (f *Flattener) CountDrift(c *drift.Counts) {
	f.drifts.to = c
	f.drifts.base += drift.Slots
}

func (d *drifts) begin() { d.from = d.to.Len() }

// hit counts an unknown member.
func (d *drifts) hit(slot uint64) {
	d.hits[d.n&(len(d.hits)-1)] = uint16(slot)
	if d.n++; d.n == len(d.hits) {
		d.fold()
	}
}

// fold makes room for more hits.
func (d *drifts) fold() {
	for _, slot := range d.hits[:d.n] {
		d.older[slot%drift.Slots]++
	}
	d.n, d.folded = 0, true
}

// learned counts m, a stranger of n, in the record at offset.
func (d *drifts) learned(n *node, m *member, offset int64) {
	if m.slot-d.base >= drift.Slots {
		m.slot = d.base + d.slot(n, m.name, offset)
	}
	d.hit(m.slot - d.base)
}

// maxDriftName is the longest name that is told, in bytes: longer ones are likely
// data.
const maxDriftName = 64

// slot finds the slot of a member of n that no path names.
func (d *drifts) slot(n *node, name string, offset int64) uint64 {
	if n.drift == nil {
		path := n.path.String()
		if n.around {
			path = "$" + path
		}
		if n.other {
			path += "[*]"
		}
		n.drift = []byte(path)
	}
	name = strings.ToValidUTF8(name, "\uFFFD")
	if len(name) > maxDriftName {
		end := maxDriftName
		for !utf8.RuneStart(name[end]) {
			end--
		}
		name = name[:end] + "…"
	}
	d.path = append(d.path[:0], n.drift...)
	d.path = append(d.path, mapping.Path{{Kind: mapping.Name, Name: name}}.String()[1:]...)
	return uint64(d.to.Slot(drift.Unknown, d.path, "", offset))
}

// drop forgets what the record has counted.
func (d *drifts) drop() {
	d.forget()
	if d.to.Len() > d.from {
		d.to.Cut(d.from)
		d.base += drift.Slots
	}
}

func (d *drifts) forget() {
	if d.n = 0; d.folded {
		clear(d.older[:])
		d.folded = false
	}
}

// keep counts what the record, which was read, has. It returns the number of
// unknown members.
func (d *drifts) keep() (unknown int64) {
	for _, slot := range d.hits[:d.n] {
		d.to.N[slot%drift.Slots]++
	}
	unknown = int64(d.n)
	if d.folded {
		for slot, n := range d.older {
			d.to.N[slot] += int64(n)
			unknown += int64(n)
		}
	}
	d.forget()
	return unknown
}

// countMisfits counts the values of the record that do not fit.
func (f *Flattener) countMisfits() {
	count := func(kind drift.Kind, path mapping.Path, code reason.Code) {
		to := f.drifts.to
		to.N[to.Slot(kind, []byte(path.String()), code, f.origin.Offset)]++
	}
	if f.code == "" {
		for i, code := range f.faults {
			count(drift.Mistyped, f.faulty[i], code)
		}
	} else if kind := driftOf(f.code); kind != "" {
		count(kind, f.path, f.code)
	}
}

// driftOf says what a record that is quarantined says about the path, or nothing.
func driftOf(code reason.Code) drift.Kind {
	switch code {
	case reason.MissingField:
		return drift.Missing
	case reason.NotObject, reason.NotArray, reason.WrongType, reason.BadEmbeddedJSON, reason.BadDecimal, reason.DecimalScale, reason.DecimalRange,
		reason.UnknownMinorUnit, reason.SeveralMatches, reason.NotInteger, reason.IntRange, reason.BadDouble, reason.DoubleRange, reason.BadBoolean,
		reason.BadDate, reason.BadTimestamp, reason.TimestampPrecision, reason.AmbiguousTime, reason.NoSuchTime, reason.NoDomain:
		return drift.Mistyped
	}
	return ""
}
