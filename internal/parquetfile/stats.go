package parquetfile

import (
	"bytes"
	"math"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go/format"
)

const (
	// indexBytes is the length to which texts are cut in bounds: the spec
	// allows shorter bounds, and other writers keep 64 bytes.
	indexBytes = 64
	// longestBound is the longest text that is written as a bound where
	// indexBytes are not enough, see appendCutHigh. Every bound of a chunk or
	// page costs memory until the file ends.
	longestBound = 256
)

// bounds are the least and the greatest value of a page or a chunk as they are
// written: PLAIN, without length. A bound that was cut is not itself a value.
type bounds struct {
	low, high           []byte
	lowExact, highExact bool // the bound is a value, not cut
}

// isText reports whether bounds of the column may be cut.
func (c *column) isText() bool { return c.physical == format.ByteArray }

// appendLow appends the lower bound of values whose least is entry, and reports
// whether the bound is that value.
func appendLow(dst []byte, c *column, entry uint32) (_ []byte, exact bool) {
	if !c.isText() {
		return appendNumber(dst, c, entry, true)
	}
	text := c.Entry(entry)
	cut := cutLow(text)
	return append(dst, cut...), len(cut) == len(text)
}

// appendHigh appends the upper bound of values whose greatest is entry, and
// reports whether the bound is that value, and whether there is a bound at all.
func appendHigh(dst []byte, c *column, entry uint32) (_ []byte, exact, ok bool) {
	if !c.isText() {
		dst, exact = appendNumber(dst, c, entry, false)
		return dst, exact, true
	}
	text, n := c.Entry(entry), len(dst)
	dst, ok = appendCutHigh(dst, text)
	return dst, bytes.Equal(dst[n:], text), ok
}

// appendNumber appends a value of any other type than text.
//
// Zeros of a double have two forms, and readers do not agree on their order:
// a bound of zero is written as -0 when low and as +0 when high (spec, ColumnOrder).
func appendNumber(dst []byte, c *column, entry uint32, low bool) (_ []byte, exact bool) {
	start := len(dst)
	dst = c.appendValue(dst, entry)
	if c.physical != format.Double || math.Float64frombits(c.Fixed[entry]) != 0 {
		return dst, true
	}
	sign := dst[start+7]
	dst[start+7] = 0
	if low {
		dst[start+7] = 0x80
	}
	return dst, dst[start+7] == sign
}

// cutLow is a text of at most indexBytes that is not above the given one.
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

// appendCutHigh appends a text of about indexBytes that is not below the given
// one: its beginning, with the last character raised by one. The last character
// of Unicode cannot be raised, and a bound must be valid text (spec,
// ColumnIndex). So a text that begins with sixteen of these is cut after them,
// and one that begins with more of them than fit into longestBound has no
// bound.
func appendCutHigh(dst, text []byte) (_ []byte, ok bool) {
	if len(text) <= indexBytes {
		return append(dst, text...), true
	}
	for cut := cutLow(text); len(cut) > 0; {
		last, size := utf8.DecodeLastRune(cut)
		cut = cut[:len(cut)-size]
		if next, ok := above(last, size); ok {
			return utf8.AppendRune(append(dst, cut...), next), true
		}
	}
	for n := len(cutLow(text)); n < min(len(text), longestBound); {
		first, size := utf8.DecodeRune(text[n:])
		if next, ok := above(first, size); ok {
			return utf8.AppendRune(append(dst, text[:n]...), next), true
		}
		n += size
	}
	if len(text) > longestBound {
		return dst, false
	}
	return append(dst, text...), true
}

// above is the character after the given one, which has size bytes.
func above(r rune, size int) (next rune, ok bool) {
	switch {
	case r == utf8.MaxRune, r == utf8.RuneError && size == 1:
		return 0, false
	case r == 0xD7FF: // the surrogates after it are not characters
		return 0xE000, true
	}
	return r + 1, true
}
