package mapping

import (
	"strconv"
	"strings"
)

// The words of the mapping file, by the value they stand for.
var (
	whenEmptyWords     = [...]string{Quarantine: "quarantine", Keep: "keep", Skip: "skip"}
	unknownFieldsWords = [...]string{Count: "count", Rescue: "keep", Refused: "reject"}
	noRecordsWords     = [...]string{NoRecordsRejected: "reject", NoRecordsAccepted: "accept"}
	onDriftWords       = [...]string{DriftReported: "report", DriftHeld: "hold"}
	unitWords          = [...]string{NoUnit: "", Seconds: "seconds", Milliseconds: "milliseconds", Microseconds: "microseconds", Nanoseconds: "nanoseconds", Days: "days"}
	fromWords          = [...]string{"", "string", "integer", "number", "boolean"}
	fromBits           = [...]From{0, FromString, FromInteger, FromNumber | FromInteger, FromBoolean}
)

func (w WhenEmpty) String() string     { return word(whenEmptyWords[:], uint8(w)) }
func (u UnknownFields) String() string { return word(unknownFieldsWords[:], uint8(u)) }
func (n NoRecords) String() string     { return noRecordsWords[n] }
func (d OnDrift) String() string       { return word(onDriftWords[:], uint8(d)) }
func (u Unit) String() string          { return word(unitWords[:], uint8(u)) }

// word is the word for v in a mapping file, or a number if it has none.
func word(words []string, v uint8) string {
	if int(v) < len(words) {
		return words[v]
	}
	return strconv.Itoa(int(v))
}

// String lists the JSON types as a mapping file writes them: "string, number".
func (f From) String() string {
	var words []string
	for i, bits := range fromBits {
		// An integer is a number too, so the wider word is enough.
		if bits == FromInteger && f&FromNumber != 0 {
			continue
		}
		if bits != 0 && f&bits == bits {
			words = append(words, fromWords[i])
		}
	}
	return strings.Join(words, ", ")
}
