// Package schema describes the columns of a table: names, types and the
// properties that decide how a column is stored. It imports nothing else of
// sluice, so every stage can use the same words for columns.
package schema

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind is the family of a [Type].
type Kind uint8

const (
	String    Kind = iota + 1 // UTF-8 text
	Boolean                   // true or false
	Int32                     // signed 32-bit integer
	Int64                     // signed 64-bit integer
	Double                    // IEEE 754 binary64
	Decimal                   // exact decimal with a fixed precision and scale
	Date                      // days since 1970-01-01
	Timestamp                 // microseconds since 1970-01-01T00:00:00Z
	JSON                      // the text of any JSON value, as it stood in the document
	List                      // any number of values of one type, some of which may be NULL
)

var kindNames = [...]string{
	String: "string", Boolean: "boolean", Int32: "int32", Int64: "int64", Double: "double",
	Decimal: "decimal", Date: "date", Timestamp: "timestamp", JSON: "json", List: "list",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// MaxPrecision is the largest number of digits a decimal can hold: what
// Athena, Spark and Redshift Spectrum read.
const MaxPrecision = 38

// Type is a column's type. Precision and Scale have a meaning for decimals only.
type Type struct {
	Kind      Kind
	Of        Kind // of a List: the kind of its values, neither JSON nor List
	Precision int  // digits in all, 1 to 38
	Scale     int  // digits after the point, 0 to Precision
}

// ParseType reads a type as a mapping file writes it: string, boolean, int32,
// int64, double, decimal(p,s), date, timestamp, json, or list<T> of any of these
// but json.
func ParseType(s string) (Type, error) {
	if of, list := strings.CutPrefix(s, "list<"); list {
		return parseList(s, of)
	}
	for k, name := range kindNames {
		if name != "" && name == s && Kind(k) != Decimal && Kind(k) != List {
			return Type{Kind: Kind(k)}, nil
		}
	}
	args, ok := strings.CutPrefix(s, "decimal(")
	if !ok || !strings.HasSuffix(args, ")") {
		return Type{}, fmt.Errorf("unknown type %q; use string, boolean, int32, int64, double, decimal(p,s), date, timestamp, json or list<T>", s)
	}
	p, sc, ok := strings.Cut(strings.TrimSuffix(args, ")"), ",")
	precision, err1 := digits(p)
	scale, err2 := digits(sc)
	if !ok || err1 != nil || err2 != nil {
		return Type{}, fmt.Errorf("type %q: write decimal(precision,scale), for example decimal(18,4)", s)
	}
	if precision < 1 || precision > MaxPrecision {
		return Type{}, fmt.Errorf("type %q: precision must be 1 to %d", s, MaxPrecision)
	}
	if scale > precision {
		return Type{}, fmt.Errorf("type %q: scale must be 0 to the precision, %d", s, precision)
	}
	return Type{Kind: Decimal, Precision: precision, Scale: scale}, nil
}

// parseList reads the type s, which goes on with of after "list<".
func parseList(s, of string) (Type, error) {
	of, ok := strings.CutSuffix(of, ">")
	if !ok {
		return Type{}, fmt.Errorf("type %q: write list<T>, for example list<string>", s)
	}
	t, err := ParseType(strings.Trim(of, " "))
	switch {
	case err != nil:
		return Type{}, fmt.Errorf("type %q: %w", s, err)
	case t.Kind == JSON || t.Kind == List:
		return Type{}, fmt.Errorf("type %q: a list has values of one scalar type, not of %s; use json for the whole array", s, t)
	}
	return Type{Kind: List, Of: t.Kind, Precision: t.Precision, Scale: t.Scale}, nil
}

// digits reads an argument of a type: decimal digits, blanks around them.
func digits(s string) (int, error) {
	n, err := strconv.ParseUint(strings.Trim(s, " "), 10, 16)
	return int(n), err
}

func (t Type) String() string {
	switch t.Kind {
	case Decimal:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case List:
		return "list<" + t.Value().String() + ">"
	}
	return t.Kind.String()
}

// Value is the type of the values: of those in a list, or of the column itself.
func (t Type) Value() Type {
	if t.Kind == List {
		return Type{Kind: t.Of, Precision: t.Precision, Scale: t.Scale}
	}
	return t
}

// Wide reports whether values of the type need more than 64 bits, so that
// they are held as 16 bytes, big-endian two's complement.
func (t Type) Wide() bool { return t.Kind == Decimal && t.Precision > 18 }

// DecimalBytes is the smallest number of bytes of a two's complement number that
// holds every decimal of a precision, 1 to [MaxPrecision].
func DecimalBytes(precision int) int { return decimalBytes[precision] }

var decimalBytes = [MaxPrecision + 1]int{
	0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8, 9, 9, 9, 10, 10, 11, 11, 11, 12, 12, 13, 13, 13, 14, 14, 15, 15, 16, 16, 16,
}

// Bytes reports whether values of the type are byte strings (text, or wide
// decimals) and not 64-bit numbers.
func (t Type) Bytes() bool { return t.Kind == String || t.Kind == JSON || t.Wide() }

// Column is one column of a table.
type Column struct {
	Name     string // lower-case, unique in its table
	Type     Type
	Required bool   // a record without a value is quarantined
	PII      string // the kind of personal data held (for example "email"); empty: none
	Bloom    bool   // a bloom filter is written for the column

	// ID and ValueID are the IDs that a table format gives the column, and the
	// values of a list; 0: none.
	ID, ValueID int
	// NotNull says that no value is NULL, and that the file says so. It is for files
	// that a table format prescribes: columns of a mapping are never so.
	NotNull bool
}

// Schema is the ordered list of the columns of a table.
type Schema struct {
	Table   string
	Columns []Column
}
