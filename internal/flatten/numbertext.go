package flatten

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"sluice/mapping"
)

// blanks are the space, the no-break space and the narrow one.
const blanks = " \u00a0\u202f"

// separators are the characters between groups of three digits, and that before
// the fraction.
type separators struct {
	group string
	point rune
}

var separatorsOf = [...]separators{
	mapping.CommaPoint:      {",", '.'},
	mapping.PointComma:      {".", ','},
	mapping.BlankComma:      {blanks, ','},
	mapping.ApostrophePoint: {"'’", '.'},
}

// jsonNumber gives t the number in its text as JSON writes it. If the text is no
// number in the column's format, neither is what comes of it.
func (f *Flattener) jsonNumber(l *leaf, t token) token {
	begin, text, ok := len(f.scratch), t.text, true
	if l.Symbol {
		var minus bool
		if text, minus = withoutSymbol(text); minus {
			f.scratch = append(f.scratch, '-')
		}
	}
	if l.NumberFormat == mapping.JSONNumber {
		f.scratch = append(f.scratch, text...)
	} else {
		f.scratch, ok = separatorsOf[l.NumberFormat].appendJSON(f.scratch, text)
	}
	f.scratch = append(f.scratch, 0)
	if t.text = f.scratch[begin : len(f.scratch)-1]; !ok {
		t.text = nil
	}
	return t
}

// appendJSON appends a number without separators of groups, which stand between
// all groups or nowhere.
func (s separators) appendJSON(dst, text []byte) ([]byte, bool) {
	text, minus := bytes.CutPrefix(text, []byte("-"))
	if minus {
		dst = append(dst, '-')
	}
	digits, groups := 0, 0 // digits of the current group; groups before it
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		text = text[n:]
		switch {
		case '0' <= r && r <= '9':
			dst = append(dst, byte(r))
			digits++
		case r == s.point:
			_, plain := decimalDigits(text)
			return append(append(dst, '.'), text...), plain && (digits == 3 || groups == 0)
		case strings.ContainsRune(s.group, r) && (digits == 3 || groups == 0 && 0 < digits && digits < 3):
			digits = 0
			groups++
		default:
			return dst, false
		}
	}
	return dst, digits == 3 || groups == 0
}

// withoutSymbol cuts the symbol or code of a currency off, before the number or
// after it, and blanks between them. It returns the number, and whether a minus
// stands before the symbol.
func withoutSymbol(text []byte) (number []byte, minus bool) {
	isBlank := func(r rune) bool { return strings.ContainsRune(blanks, r) }
	number, minus = bytes.CutPrefix(text, []byte("-"))
	if r, n := utf8.DecodeRune(number); isSymbol(r) {
		return bytes.TrimLeftFunc(number[n:], isBlank), minus
	}
	if len(number) > 3 && isCode(number[:3]) {
		return bytes.TrimLeftFunc(number[3:], isBlank), minus
	}
	end := len(text)
	if r, n := utf8.DecodeLastRune(text); isSymbol(r) {
		end -= n
	} else if end > 3 && isCode(text[end-3:]) {
		end -= 3
	}
	if end < len(text) {
		text = bytes.TrimRightFunc(text[:end], isBlank)
	}
	return text, false
}

func isSymbol(r rune) bool { return unicode.Is(unicode.Sc, r) }

// isCode reports whether text is written as the codes of ISO 4217 are.
func isCode(text []byte) bool {
	for _, c := range text {
		if c-'A' > 'Z'-'A' {
			return false
		}
	}
	return true
}
