// Package profile describes what was seen in JSON records: which paths there
// are, what kinds of values stood there, how often and where first.
//
// A profile holds counts, extremes and forms, and no value of the data. Two
// profiles can be merged, in any order, with the same result; so a profile does
// not depend on the order of the inputs nor on the number of threads.
package profile

// Profile is what was seen in the records of some inputs.
type Profile struct {
	Sources []string // names of the inputs, sorted, each once
	Places  []Place  // where the records stood in the documents, sorted by path
	Others  []Place  // other arrays of objects in them, that may hold records too
	Records int64    // records that are sound JSON
	Broken  int64    // records that are not; nothing else is known about them
	// BrokenFirst says that an input begins with such a record: what it lacks is not
	// known, and a conversion looks there for the place of its records.
	BrokenFirst bool
	Bytes       int64 // of all inputs, decompressed
	Root        *Node // the record; never nil
}

// Position is where something was seen first: the least offset in the first
// source, by name, that has it.
type Position struct {
	Source int   `json:"source"` // index in Profile.Sources
	Offset int64 `json:"offset"` // byte in the decompressed source
}

// Before reports whether p comes before q.
func (p Position) Before(q Position) bool {
	return p.Source < q.Source || p.Source == q.Source && p.Offset < q.Offset
}

// Seen counts values of one kind at one path.
type Seen struct {
	Count int64    `json:"count"`
	First Position `json:"first"` // of the first; meaningless if Count is 0
}

// Node is what was seen at one path: a member of an object, an element of an
// array, or the record itself.
type Node struct {
	// Records in which the path leads to a value, null too. Not known, and 0,
	// below a Map: a record may have many of its members.
	Records int64 `json:"records,omitempty"`

	Null    Seen `json:"null,omitzero"`
	Boolean Seen `json:"boolean,omitzero"`
	Integer Seen `json:"integer,omitzero"` // numbers with neither fraction nor exponent
	Number  Seen `json:"number,omitzero"`  // numbers with one
	String  Seen `json:"string,omitzero"`
	Array   Seen `json:"array,omitzero"`
	Object  Seen `json:"object,omitzero"`

	Numbers  Numbers `json:"numbers,omitzero"`  // of Integer and Number
	Strings  Strings `json:"strings,omitzero"`  // of String
	Elements Extent  `json:"elements,omitzero"` // of each Array, how many
	Empty    int64   `json:"empty,omitempty"`   // Arrays without elements
	Distinct Sketch  `json:"distinct,omitzero"` // of booleans, numbers and strings, by their text

	Members map[string]*Node `json:"-"` // of Object, by name. Nil if Map is set
	Element *Node            `json:"-"` // of Array
	// Map is what stands under any name of an object whose names are data: it
	// has more than MaxMembers different ones, or Collapse was called. Names
	// describes them as String, Strings (without forms) and Distinct: one for
	// each value, at its position.
	Map   *Node `json:"-"`
	Names *Node `json:"-"`
}

// MaxMembers is the number of different names that the objects at one path can
// have before the names count as data.
const MaxMembers = 4096

// Numbers describes JSON numbers, from their digits.
type Numbers struct {
	Digits   int   `json:"digits"`             // the most digits before the point, without leading zeros
	Fraction int   `json:"fraction,omitempty"` // the most digits after the point, without trailing zeros
	Exponent Seen  `json:"exponent,omitzero"`  // numbers with an exponent; Digits and Fraction leave them out
	Doubles  int64 `json:"doubles,omitempty"`  // of these, those in the range of a double and with at most 17 digits
	Negative int64 `json:"negative,omitempty"` // numbers below zero
	Fits     int64 `json:"fits,omitempty"`     // Integers that an int64 holds
	Least    int64 `json:"least,omitempty"`    // of these
	Greatest int64 `json:"greatest,omitempty"` // of these
}

// Extent is the least and the greatest of some lengths.
type Extent struct {
	Least    int64 `json:"least"`
	Greatest int64 `json:"greatest"`
}

// Add adds one length; first says that there was none before.
func (e *Extent) Add(n int64, first bool) {
	if first {
		*e = Extent{n, n}
		return
	}
	e.Least, e.Greatest = min(e.Least, n), max(e.Greatest, n)
}

// Strings describes JSON strings.
type Strings struct {
	Empty  Seen       `json:"empty,omitzero"` // ""
	Length Extent     `json:"length"`         // in bytes, UTF-8
	Forms  FormCounts `json:"forms,omitzero"`
	// Digits and Fraction are as in Numbers, of the strings that have the form
	// Decimal.
	Digits   int `json:"digits,omitempty"`
	Fraction int `json:"fraction,omitempty"`
	// Scale is how many digits they have after the point, as they are written.
	Scale Extent `json:"scale,omitzero"`
}
