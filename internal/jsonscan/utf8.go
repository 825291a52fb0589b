package jsonscan

import "unicode/utf8"

// validUTF8 reports whether b[from:to] is valid UTF-8. Names and addresses in
// Latin, Greek or Cyrillic letters hold sequences of one and two bytes alone:
// these are checked eight bytes at a time, without a branch that depends on
// their positions.
func validUTF8(b []byte, from, to int) bool {
	const below = 0x7f * ones
	const payload = 0x1e * ones // payload bits of a first byte: none is set in C0 and C1, which are overlong
	var wrong, open uint64      // open: the word before ended inside a sequence
	for p := from; p < to; p += 8 {
		w := Word(b, p)
		if n := to - p; n < 8 {
			w &= 1<<(8*n) - 1
		}
		high, second, third := w&highs, w<<1&highs, w<<2&highs
		first := high & second &^ third // 110xxxxx
		wrong |= high&second&third | first&^(w&payload+below)
		wrong |= high&^second ^ (first<<8 | open) // 10xxxxxx must follow each, and stand nowhere else
		open = first >> 56
	}
	return wrong|open == 0 || utf8.Valid(b[from:to])
}
