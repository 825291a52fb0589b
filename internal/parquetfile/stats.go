package parquetfile

import (
	"math"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go/format"
)

const (
	// indexBytes is where texts are cut in the column index: the spec allows
	// shorter bounds there, and 64 bytes is what other writers keep.
	indexBytes = 64
	// statisticsBytes is the longest text kept as a bound of a chunk. The
	// footer's library has no field that says a bound was cut
	// (is_max_value_exact), and readers answer MAX from exact bounds; so a
	// longer bound is left out. Every bound costs memory until the file ends.
	statisticsBytes = 256
)

// appendBound appends an entry as statistics hold it: PLAIN, without length.
//
// Zeros of a double have two forms, and readers do not agree on their order:
// a bound of zero is written as -0 when low and as +0 when high (spec, ColumnOrder).
func appendBound(dst []byte, c *column, entry uint32, low bool) []byte {
	start := len(dst)
	dst = c.appendValue(dst, entry)
	if c.physical == format.Double && math.Float64frombits(c.Fixed[entry]) == 0 {
		dst[start+7] = 0
		if low {
			dst[start+7] = 0x80
		}
	}
	return dst
}

// cutLow is a text not above the text, of at most indexBytes.
func cutLow(text []byte) []byte {
	if len(text) <= indexBytes {
		return text
	}
	n := indexBytes
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// appendCutHigh appends a text not below the text, of about indexBytes: its
// beginning with the last character raised by one. What cannot be raised, or
// is no text, is appended whole.
func appendCutHigh(dst, text []byte) []byte {
	cut := cutLow(text)
	if len(cut) == len(text) {
		return append(dst, text...)
	}
	for len(cut) > 0 {
		last, size := utf8.DecodeLastRune(cut)
		if last == utf8.RuneError && size == 1 {
			break
		}
		cut = cut[:len(cut)-size]
		switch last {
		case utf8.MaxRune: // nothing above it: raise the one before
			continue
		case 0xD7FF: // the surrogates above it are no characters
			last = 0xE000
		default:
			last++
		}
		return utf8.AppendRune(append(dst, cut...), last)
	}
	return append(dst, text...)
}
