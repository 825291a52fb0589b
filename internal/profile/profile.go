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
	Records int64    // records that are sound JSON
	Broken  int64    // records that are not; nothing else is known about them
	Bytes   int64    // of all inputs, decompressed
	Root    *Node    // the record
}

// Place is a path of `records`, and how many inputs have their records there.
type Place struct {
	Path    string // such as $.orders[*]
	Sources int64
}

// Position is where something was seen first: the least offset in the first
// source, by name, that has it.
type Position struct {
	Source int   // index in Profile.Sources
	Offset int64 // byte in the decompressed source
}

// Seen counts values of one kind at one path.
type Seen struct {
	Count int64
	First Position // of the first; meaningless if Count is 0
}

// Node is what was seen at one path: a member of an object, an element of an
// array, or the record itself.
type Node struct {
	Records int64 // records in which the path leads to a value, null too

	Null, Boolean, Integer, Number, String, Array, Object Seen // an Integer has neither fraction nor exponent; a Number has one

	Numbers  Numbers // of Integer and Number
	Strings  Strings // of String
	Elements Extent  // elements of each Array
	Distinct Sketch  // of booleans, numbers and strings, by their text

	Members map[string]*Node // of Object, by name. Nil if Map is set
	Element *Node            // of Array
	// Map is what stands under any name of an object whose names are data: it
	// has more than MaxMembers different ones. Names describes them.
	Map   *Node
	Names *Node
}

// MaxMembers is the number of different names that the objects at one path can
// have before the names count as data.
const MaxMembers = 4096

// Numbers describes JSON numbers, from their digits.
type Numbers struct {
	Digits   int   // the most digits before the point, without leading zeros
	Fraction int   // the most digits after the point, without trailing zeros
	Exponent Seen  // numbers with an exponent
	Negative int64 // numbers below zero
	Fits     int64 // integers that an int64 holds
	Least    int64 // of these
	Greatest int64 // of these
}

// Extent is the least and the greatest of some lengths.
type Extent struct{ Least, Greatest int64 }

// Strings describes JSON strings.
type Strings struct {
	Empty  Seen   // ""
	Length Extent // in bytes, UTF-8
	Forms  [Forms]Seen
	// Digits and Fraction are as in Numbers, of the strings that have the form
	// Decimal.
	Digits, Fraction int
}

// Form is what a string looks like. A string can have several forms.
type Form uint8

// The forms of strings. Each is what a column reads without other keys, or with
// the key that the comment names.
const (
	Decimal       Form = iota // a JSON number without exponent, such as "12.50"; no superfluous zero in front
	LeadingZero               // digits with a superfluous zero in front, such as "007"
	Exponential               // a JSON number with an exponent
	TrueFalse                 // "true" or "false"
	Date                      // YYYY-MM-DD
	Timestamp                 // what a timestamp takes, dates too
	FineTimestamp             // the same with digits below a microsecond: truncate
	RFC2822                   // format: rfc2822, and no Timestamp
	Email                     // one @, a dot after it, no blank
	URL                       // http:// or https://
	UUID                      // 8-4-4-4-12 hexadecimal digits
	Currency                  // three capital letters that are a code of ISO 4217
	JSONText                  // a sound JSON object or array
	Blanks                    // white space at one of its ends

	Forms // the number of forms
)
