// Package mapping reads the mapping file, which says which JSON path feeds
// which typed column of which table. See docs/mapping.md for the format.
package mapping

import "sluice/schema"

// Mapping is what a mapping file says. It comes from [Parse], [Load] or
// [Preset], or from a program; [Mapping.Validate] checks it against the rules.
// Goroutines may share a mapping that is not changed.
type Mapping struct {
	Records       []Path // where the records of a document are, tried in order
	NoRecords     NoRecords
	Key           string // how the keys of source objects are built, see [ParseKey]; empty: it does not matter
	Tables        []Table
	Envelope      Envelope // of each value of a record
	UnknownFields UnknownFields
	OnDrift       OnDrift
	Drop          []Path // members of the record that are known, and kept only where a path leads into them
	ParseJSON     []Path // strings of the record whose content is JSON: paths lead into them as if it stood in their place
	Provenance    bool   // add _source_key, _source_offset, _record, _line (and _subline)
	Limits        Limits

	valid   string // hash of what Parse found to be valid
	hashKey []byte // of columns with the hash HMAC
}

// Table says how one record becomes rows of one table.
type Table struct {
	Name      string
	Explode   Path   // one row per element; empty: one row per record. At most two wildcards
	Zip       []Path // arrays beside that of Explode: their i-th elements stand in the row of its i-th
	WhenEmpty WhenEmpty
	Where     []Condition // rows that fulfil all are kept, the others counted
	Columns   []Column
}

// Column is a column of a table and the path that feeds it.
type Column struct {
	schema.Column
	Path       Path       // relative to the record; its wildcards are a prefix of Explode, or of one of Zip
	Else       []Path     // tried in order where Path leads to no value
	Const      *string    // the text of every row, instead of a path; nil: none
	Empty      bool       // no row has a value, instead of a path
	Key        string     // the part of Mapping.Key that feeds it, instead of a path
	From       From       // the JSON types it takes, at least one
	Unit       Unit       // of a date or timestamp fed from a number
	MinorUnits MinorUnits // of a decimal
	Times

	Transform  []Transform // of a JSON string, made in this order
	NullValues []string    // a JSON string that is one of these, after Transform, is no value
	Hash       Hash        // of a string column
	Mask       Mask        // of a string column

	MemberName bool // Path ends in .*: what feeds the column is the member's name, not its value

	NumberFormat NumberFormat // of JSON strings that feed a number column
	Symbol       bool         // with such a number may stand the symbol or code of a currency

	NullOnError bool // a value that does not fit is NULL and kept in _errors; else the record is quarantined
}

// Path is a JSONPath (RFC 9535): the singular subset, plus the wildcards [*] and
// .*, which stand for different things here, and a [Filter].
type Path []Segment

// Segment is one step of a Path.
type Segment struct {
	Kind  SegmentKind
	Name  string // of a Name; of a Filtered step its filter, as [Filter.Segment] writes it
	Index int    // of an Index; negative counts from the end
}

// SegmentKind is the kind of a Segment.
type SegmentKind uint8

const (
	Name     SegmentKind = iota + 1 // .name or ['name']
	Index                           // [0], [-1]
	Wildcard                        // [*], over the elements of an array
	Members                         // .*, over the members of an object
	Filtered                        // [?@.name=='color'], the element of an array that a Filter chooses
)

// From is the set of JSON types a column takes.
type From uint8

const (
	FromString  From = 1 << iota
	FromInteger      // a number without fraction and exponent
	FromNumber       // any number; FromInteger must be set too
	FromBoolean
)

// Unit of a number that feeds a date or timestamp, counted from 1970-01-01T00:00:00Z.
type Unit uint8

const (
	NoUnit Unit = iota
	Seconds
	Milliseconds
	Microseconds
	Nanoseconds
	Days
)

// WhenEmpty says what happens to a record that gives a table no rows.
type WhenEmpty uint8

const (
	Quarantine WhenEmpty = iota // the record is quarantined
	Keep                        // one row, exploded columns NULL
	Skip                        // no row; the record is counted as skipped
)

// UnknownFields says what happens to object members that no path names.
type UnknownFields uint8

const (
	Count   UnknownFields = iota // counted, not kept
	Rescue                       // "keep": kept as JSON text in the column _rescued
	Refused                      // "reject": the record is quarantined
)

// NoRecords says what happens to an input with a document in which no path of
// records leads to a value.
type NoRecords uint8

const (
	NoRecordsRejected NoRecords = iota // "reject": nothing of it is committed
	NoRecordsAccepted                  // "accept": that document has no records
)

// OnDrift says what happens to an object with members that no path names, or with
// values that do not fit.
type OnDrift uint8

const (
	DriftReported OnDrift = iota // "report": they are counted
	DriftHeld                    // "hold": the object is rejected
)

// Names of the columns sluice adds; a mapping cannot use them.
const (
	SourceKey     = "_source_key"    // string: the object the row comes from
	SourceOffset  = "_source_offset" // int64: first byte of the record in the decompressed object
	RecordNumber  = "_record"        // int64: ordinal of the record in the object, from 0
	LineNumber    = "_line"          // int64: ordinal of the exploded element in its record, from 0
	SublineNumber = "_subline"       // int64: ordinal in the second exploded level, from 0
	Rescued       = "_rescued"       // json: members no path names (unknown_fields: keep)
	Errors        = "_errors"        // json: values that do not fit their columns (on_error: null)
)

// Levels is the number of wildcards in Explode: 0, 1 or 2.
func (t *Table) Levels() int { return t.Explode.Wildcards() }

// Wild reports whether the step leads to many values: [*] or .*
func (s Segment) Wild() bool { return s.Kind == Wildcard || s.Kind == Members }

// Wildcards is the number of wildcards in the path.
func (p Path) Wildcards() int {
	n := 0
	for _, s := range p {
		if s.Wild() {
			n++
		}
	}
	return n
}

// Schema is the table's schema as it is written: the mapped columns, then
// those sluice adds: _rescued, _errors, _source_key, _source_offset, _record, _line, _subline.
func (m *Mapping) Schema(t *Table) schema.Schema {
	s := schema.Schema{Table: t.Name}
	for i := range t.Columns {
		s.Columns = append(s.Columns, t.Columns[i].Column)
	}
	add := func(name string, kind schema.Kind) {
		s.Columns = append(s.Columns, schema.Column{Name: name, Type: schema.Type{Kind: kind}})
	}
	if m.UnknownFields == Rescue {
		add(Rescued, schema.JSON)
	}
	if t.KeepsErrors() {
		add(Errors, schema.JSON)
	}
	if m.Provenance {
		add(SourceKey, schema.String)
		add(SourceOffset, schema.Int64)
		add(RecordNumber, schema.Int64)
		if t.Levels() >= 1 {
			add(LineNumber, schema.Int64)
		}
		if t.Levels() >= 2 {
			add(SublineNumber, schema.Int64)
		}
	}
	return s
}
