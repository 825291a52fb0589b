package flatten

import (
	"github.com/bojanz/currency"

	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

// What a column takes of a text, for who chooses the column by the texts. These
// columns have no other keys than the name says.

var (
	plainDate      = newTimes(&mapping.Column{Column: schema.Column{Type: schema.Type{Kind: schema.Date}}})
	plainTimestamp = newTimes(&mapping.Column{Column: schema.Column{Type: schema.Type{Kind: schema.Timestamp}}})
	plainRFC2822   = newTimes(&mapping.Column{Column: schema.Column{Type: schema.Type{Kind: schema.Timestamp}}, Times: mapping.Times{Format: mapping.RFC2822}})
)

// TakesDate reports whether a date takes the text.
func TakesDate(text []byte) bool {
	_, code := plainDate.fromText(text)
	return code == ""
}

// TakesTimestamp reports whether a timestamp takes the text, at least if it has
// the key truncate; finer says that it needs the key.
func TakesTimestamp(text []byte) (takes, finer bool) {
	_, code := plainTimestamp.fromText(text)
	finer = code == reason.TimestampPrecision
	return code == "" || finer, finer
}

// TakesRFC2822 reports whether a timestamp with that format takes the text.
func TakesRFC2822(text []byte) bool {
	_, code := plainRFC2822.fromText(text)
	return code == ""
}

// TakesNumber reads text that is a JSON number from its first to its last byte.
// In memory, a byte that cannot belong to a number must follow it.
func TakesNumber(text []byte) (jsonscan.Number, bool) { return wholeNumber(text) }

// TakesCurrency reports whether the text is a code whose currency has minor
// units that are known.
func TakesCurrency(text []byte) bool {
	_, ok := currency.GetDigits(string(text))
	return ok
}
