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
	plainTwitter   = newTimes(&mapping.Column{Column: schema.Column{Type: schema.Type{Kind: schema.Timestamp}}, Times: mapping.Times{Format: mapping.TwitterTime}})
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

// TakesTwitterTime reports whether a timestamp with that format takes the text.
func TakesTwitterTime(text []byte) bool {
	_, code := plainTwitter.fromText(text)
	return code == ""
}

// longestAmount is the longest text that is looked at as an amount.
const longestAmount = 48

// TakesAmount calls takes with each format with which a decimal that has symbol:
// true takes the text. symbol says that it would not without that key.
func TakesAmount(text []byte, takes func(mapping.NumberFormat)) (symbol bool) {
	if len(text) > longestAmount {
		return false
	}
	number, minus := withoutSymbol(text)
	symbol = len(number) < len(text)
	var space [longestAmount + 2]byte
	for format := mapping.CommaPoint; int(format) < len(separatorsOf); format++ {
		out := space[:0]
		if minus {
			out = append(out, '-')
		}
		out, ok := separatorsOf[format].appendJSON(out, number)
		if !ok {
			continue
		}
		if _, ok := wholeNumber(append(out, 0)[:len(out)]); ok {
			takes(format)
		}
	}
	return symbol
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
