package mapping

import (
	"errors"
	"fmt"
	"slices"

	"sluice/schema"
)

// Validate checks a mapping that was built or changed by a program against the
// rules of the mapping file (docs/mapping.md). Its error joins all faults. A
// mapping from [Parse], [Load] or [Preset] that was not changed since is valid;
// checking it costs no more than its [Mapping.Hash].
func (m *Mapping) Validate() error {
	if m == nil {
		return errors.New("mapping is nil; use Parse, Load or Preset")
	}
	if err := m.words(); err != nil {
		return err
	}
	if m.hashKey == nil && m.NeedsHashKey() {
		return errNoHashKey
	}
	text := m.Canonical()
	if m.valid != "" && m.valid == digest(text) {
		return nil
	}
	// The canonical form is a mapping file, so the rules are in one place only.
	r := newReader("", true)
	read := &Mapping{}
	if root := r.Document([]byte(text)); root != nil {
		r.mapping(root, read)
	}
	if err := r.Err(); err != nil {
		return err
	}
	return m.readBack(read)
}

// words checks that the canonical form has a word for everything.
func (m *Mapping) words() error {
	var errs []error
	wrong := func(where, field string, v uint8) {
		errs = append(errs, fmt.Errorf("mapping: %s%s %d is not one of its constants", where, field, v))
	}
	segments := func(where, field string, p Path) {
		for _, s := range p {
			if s.Kind < Name || s.Kind > Filtered {
				wrong(where, field+": SegmentKind", uint8(s.Kind))
			}
		}
	}
	if int(m.UnknownFields) >= len(unknownFieldsWords) {
		wrong("", "UnknownFields", uint8(m.UnknownFields))
	}
	if int(m.OnDrift) >= len(onDriftWords) {
		wrong("", "OnDrift", uint8(m.OnDrift))
	}
	if int(m.Envelope) >= len(envelopeWords) {
		wrong("", "Envelope", uint8(m.Envelope))
	}
	if int(m.NoRecords) >= len(noRecordsWords) {
		wrong("", "NoRecords", uint8(m.NoRecords))
	}
	for _, p := range m.Records {
		segments("", "Records", p)
	}
	for _, p := range m.Drop {
		segments("", "Drop", p)
	}
	for _, p := range m.ParseJSON {
		segments("", "ParseJSON", p)
	}
	if len(m.Tables) == 0 {
		errs = append(errs, errors.New("mapping: it has no tables"))
	}
	for i := range m.Tables {
		t := &m.Tables[i]
		table := fmt.Sprintf("table %d: ", i+1)
		if len(t.Columns) == 0 {
			errs = append(errs, fmt.Errorf("mapping: %sit has no columns", table))
		}
		if int(t.WhenEmpty) >= len(whenEmptyWords) {
			wrong(table, "WhenEmpty", uint8(t.WhenEmpty))
		}
		segments(table, "Explode", t.Explode)
		for _, p := range t.Zip {
			segments(table, "Zip", p)
		}
		for j := range t.Where {
			condition := fmt.Sprintf("%scondition %d: ", table, j+1)
			segments(condition, "Path", t.Where[j].Path)
			if err := t.Where[j].words(); err != nil {
				errs = append(errs, fmt.Errorf("mapping: %s%w", condition, err))
			}
		}
		for j := range t.Columns {
			c := &t.Columns[j]
			column := fmt.Sprintf("%scolumn %d: ", table, j+1)
			if c.Type.Kind < schema.String || c.Type.Kind > schema.List {
				wrong(column, "Type.Kind", uint8(c.Type.Kind))
			}
			if c.Type.Kind == schema.List && (c.Type.Of < schema.String || c.Type.Of > schema.List) {
				wrong(column, "Type.Of", uint8(c.Type.Of))
			}
			if int(c.Unit) >= len(unitWords) {
				wrong(column, "Unit", uint8(c.Unit))
			}
			if int(c.Ambiguous) >= len(ambiguousWords) {
				wrong(column, "Ambiguous", uint8(c.Ambiguous))
			}
			for _, t := range c.Transform {
				if t < Trim || int(t) >= len(transforms) {
					wrong(column, "Transform", uint8(t))
				}
			}
			if int(c.Hash) >= len(hashWords) {
				wrong(column, "Hash", uint8(c.Hash))
			}
			if int(c.Mask) >= len(maskWords) {
				wrong(column, "Mask", uint8(c.Mask))
			}
			if int(c.NumberFormat) >= len(numberFormats) {
				wrong(column, "NumberFormat", uint8(c.NumberFormat))
			}
			if c.MinorUnits.By > ByDigits {
				wrong(column, "MinorUnits.By", uint8(c.MinorUnits.By))
			}
			for _, p := range c.Paths() {
				segments(column, "Path", p)
			}
		}
	}
	return errors.Join(errs...)
}

// readBack finds values that the canonical form has no place for: they are lost
// when the form is read again.
func (m *Mapping) readBack(read *Mapping) error {
	if m.Canonical() != read.Canonical() {
		return errors.New("mapping: a name, a value of where, a key, a format or a null value is not UTF-8, or a limit is -0")
	}
	differs := func(what string, p, q Path) error {
		if slices.Equal(p, q) {
			return nil
		}
		return fmt.Errorf("mapping: %s %s has steps that ParsePath never returns: a Name sets only Name, in UTF-8, an Index only Index, and a Filtered step comes from Filter.Segment", what, p)
	}
	for i := range m.Records {
		if err := differs("Records", m.Records[i], read.Records[i]); err != nil {
			return err
		}
	}
	for i, p := range slices.SortedFunc(slices.Values(m.Drop), comparePaths) {
		if err := differs("Drop", p, read.Drop[i]); err != nil {
			return err
		}
	}
	for i, p := range slices.SortedFunc(slices.Values(m.ParseJSON), comparePaths) {
		if err := differs("ParseJSON", p, read.ParseJSON[i]); err != nil {
			return err
		}
	}
	for i := range m.Tables {
		t, u := &m.Tables[i], &read.Tables[i]
		if t.WhenEmpty != u.WhenEmpty {
			return fmt.Errorf("mapping: table %s: WhenEmpty needs Explode", t.Name)
		}
		if err := differs("table "+t.Name+": Explode", t.Explode, u.Explode); err != nil {
			return err
		}
		for j, p := range t.Zip {
			if err := differs("table "+t.Name+": Zip", p, u.Zip[j]); err != nil {
				return err
			}
		}
		for j := range t.Where {
			if err := differs("table "+t.Name+": Where", t.Where[j].Path, u.Where[j].Path); err != nil {
				return err
			}
		}
		for j := range t.Columns {
			c, d := &t.Columns[j], &u.Columns[j]
			switch {
			case c.From != d.From:
				return fmt.Errorf("mapping: column %s: From of %s must be that of %s", c.Name, c.Type, d.From)
			case c.Type != d.Type:
				return fmt.Errorf("mapping: column %s: Of is for lists, Precision and Scale are for decimals; the type is %s", c.Name, c.Type)
			}
			paths := d.Paths()
			for k, p := range c.Paths() {
				if err := differs("column "+c.Name+": Path", p, paths[k]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
