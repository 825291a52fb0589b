// Package jsonscan reads JSON text (RFC 8259): tokens from a window of bytes,
// and the borders of records in a stream.
//
// The functions of this file work on a slice b whose last [Padding] bytes are
// zero and lie after the input, so that they can load eight bytes anywhere and
// need no test for the end: a zero byte is no token, and a failure at or after
// the end of the input means that more bytes are needed. Positions are
// indexes into b. A function that fails returns a position below zero, -1-p,
// where p is the position of the byte that does not fit.
package jsonscan

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// Padding is the number of zero bytes that must follow the input.
const Padding = 64

// Flags say what was seen inside a string.
type Flags uint8

const (
	Escaped      Flags = 1 << iota // it has escape sequences: its bytes are not its value
	BadUTF8                        // it is not valid UTF-8
	BadSurrogate                   // a \u escape is half of a surrogate pair
)

const (
	ones    = 0x0101010101010101
	highs   = 0x8080808080808080
	slashes = '\\' * ones

	// With this bit flipped, a quote is 0x20, control characters are below it
	// and all others above.
	turn = 0x02 * ones
	low  = 0x21 * ones
)

// Word loads the eight bytes at p, the first of them lowest. (Slicing by both
// ends costs a third less than b[p:], which must not point past b.)
func Word(b []byte, p int) uint64 { return binary.LittleEndian.Uint64(b[p : p+8]) }

// Space returns the position of the first byte at or after p that is not white
// space.
func Space(b []byte, p int) int {
	for b[p] <= ' ' && (b[p] == ' ' || b[p] == '\n' || b[p] == '\r' || b[p] == '\t') {
		p++
	}
	return p
}

// stops has the highest bit of the first byte set that is a quote, a backslash
// or a control character; nothing is known about the bytes after it.
func stops(w uint64) uint64 {
	return (((w ^ turn) - low) | ((w ^ slashes) - ones)) &^ w & highs
}

// String scans a string whose first byte after the opening quote is at p. It
// returns the position of the closing quote, the [Hash] of the bytes between
// (of the raw bytes, if Escaped) and what was seen there.
func String(b []byte, p int) (end int, hash uint64, f Flags) {
	start := p
	var seen uint64
	for {
		w := Word(b, p)
		stop := stops(w)
		if stop == 0 {
			seen |= w
			hash = mix(hash, w)
			p += 8
			continue
		}
		n := bits.TrailingZeros64(stop) &^ 7
		w &= 1<<n - 1
		p += n >> 3
		if b[p] != '"' {
			end, f = endOfString(b, start, p, seen|w)
			if end < 0 {
				return end, 0, f
			}
			return end, Hash(b[start:end]), f
		}
		if seen|w != 0 && (seen|w)&highs != 0 && !validUTF8(b, start, p) {
			f = BadUTF8
		}
		return p, mix(hash, w), f
	}
}

// SkipString is String without the hash.
func SkipString(b []byte, p int) (end int, f Flags) { return endOfString(b, p, p, 0) }

// endOfString goes on at p with a string that begins at start. seen has all bits
// of the bytes before p.
func endOfString(b []byte, start, p int, seen uint64) (int, Flags) {
	var f Flags
	for {
		w := Word(b, p)
		stop := stops(w)
		if stop == 0 {
			seen |= w
			p += 8
			continue
		}
		n := bits.TrailingZeros64(stop) &^ 7
		seen |= w & (1<<n - 1)
		p += n >> 3
		switch b[p] {
		case '"':
			if seen&highs != 0 && !validUTF8(b, start, p) {
				f |= BadUTF8
			}
			return p, f
		case '\\':
			f |= Escaped
			switch b[p+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				p += 2
			case 'u':
				r, bad := hex4(b, p+2)
				if bad >= 0 {
					return -1 - bad, f
				}
				p += 6
				switch {
				case r >= 0xDC00 && r < 0xE000:
					f |= BadSurrogate
				case r >= 0xD800 && r < 0xDC00:
					// The low half must follow at once (RFC 8259 section 7). If
					// it does not, the loop goes on with the bytes there.
					low := rune(-1)
					if b[p] == '\\' && b[p+1] == 'u' {
						if low, bad = hex4(b, p+2); bad >= 0 {
							return -1 - bad, f
						}
					}
					if low < 0xDC00 || low >= 0xE000 {
						f |= BadSurrogate
					} else {
						p += 6
					}
				}
			default:
				return -1 - (p + 1), f
			}
		default:
			return -1 - p, f
		}
	}
}

// hex4 reads four hexadecimal digits at p; bad is the position of the first
// byte that is not one, or -1.
func hex4(b []byte, p int) (r rune, bad int) {
	for i := p; i < p+4; i++ {
		c := b[i]
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, i
		}
		r = r<<4 | rune(c)
	}
	return r, -1
}

// Unescape appends the value of the raw bytes of a string that String read. Half
// of a surrogate pair becomes U+FFFD; bytes that are no UTF-8 stay.
func Unescape(dst, raw []byte) []byte {
	for i := 0; ; {
		n := bytes.IndexByte(raw[i:], '\\')
		if n < 0 {
			return append(dst, raw[i:]...)
		}
		dst = append(dst, raw[i:i+n]...)
		i += n
		c := raw[i+1]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, _ := hex4(raw, i+2)
			i += 6
			if utf16.IsSurrogate(r) {
				var low rune
				if len(raw) >= i+6 && raw[i] == '\\' && raw[i+1] == 'u' {
					low, _ = hex4(raw, i+2)
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
		i += 2
	}
}

// Number is what scanning a JSON number found.
type Number struct {
	Mantissa uint64 // all digits, without point and sign; wrapped if Digits > 19
	Digits   int    // digits before and after the point, leading zeros too
	Fraction int    // digits after the point
	Negative bool
	Exponent bool // an exponent follows: Mantissa alone is not the value
}

// Integer reports whether the text has neither fraction nor exponent.
func (n Number) Integer() bool { return n.Fraction == 0 && !n.Exponent }

// ScanNumber scans a number that begins at p and returns the position after it.
func ScanNumber(b []byte, p int) (end int, n Number) {
	if b[p] == '-' {
		n.Negative = true
		p++
	}
	first := p
	for ; b[p]-'0' <= 9; p++ {
		n.Mantissa = n.Mantissa*10 + uint64(b[p]-'0')
	}
	n.Digits = p - first
	if n.Digits == 0 {
		return -1 - p, n
	}
	if n.Digits > 1 && b[first] == '0' {
		return -1 - (first + 1), n
	}
	if b[p] == '.' {
		p++
		point := p
		for ; b[p]-'0' <= 9; p++ {
			n.Mantissa = n.Mantissa*10 + uint64(b[p]-'0')
		}
		n.Fraction = p - point
		n.Digits += n.Fraction
		if n.Fraction == 0 {
			return -1 - p, n
		}
	}
	if b[p]|0x20 == 'e' {
		n.Exponent = true
		p++
		if b[p] == '+' || b[p] == '-' {
			p++
		}
		if b[p]-'0' > 9 {
			return -1 - p, n
		}
		for b[p]-'0' <= 9 {
			p++
		}
	}
	return p, n
}

// SkipNumber is ScanNumber without the value.
func SkipNumber(b []byte, p int) int {
	if b[p] == '-' {
		p++
	}
	first := p
	switch p = skipDigits(b, p); {
	case p == first:
		return -1 - p
	case p > first+1 && b[first] == '0':
		return -1 - (first + 1)
	}
	if b[p] == '.' {
		point := p + 1
		if p = skipDigits(b, point); p == point {
			return -1 - p
		}
	}
	if b[p]|0x20 == 'e' {
		p++
		if b[p] == '+' || b[p] == '-' {
			p++
		}
		exponent := p
		if p = skipDigits(b, p); p == exponent {
			return -1 - p
		}
	}
	return p
}

func skipDigits(b []byte, p int) int {
	for {
		x := Word(b, p) ^ '0'*ones
		if stop := ((x + 0x76*ones) | x) & highs; stop != 0 {
			return p + bits.TrailingZeros64(stop)>>3
		}
		p += 8
	}
}

// Digits reads the digits at the start of the eight bytes at p: their value,
// and how many there are. Eight means that more may follow.
func Digits(b []byte, p int) (value uint64, n int) {
	x := Word(b, p) ^ '0'*ones
	// A byte above 9 gets its high bit, or one from a byte above 9 before it.
	stop := ((x + 0x76*ones) | x) & highs
	n = bits.TrailingZeros64(stop) >> 3
	if n == 0 {
		return 0, 0
	}
	// Pairs, fours and eights, with zeros in front for missing digits.
	x <<= 64 - 8*n
	x = (x*10 + x>>8) & 0x00ff00ff00ff00ff
	x = (x*100 + x>>16) & 0x0000ffff0000ffff
	return (x*10000 + x>>32) & 0xffffffff, n
}

// Literal scans the literal word (true, false or null) at p.
func Literal(b []byte, p int, word string) int {
	if string(b[p:p+len(word)]) == word {
		return p + len(word)
	}
	for i := 0; b[p] == word[i]; i++ {
		p++
	}
	return -1 - p
}
