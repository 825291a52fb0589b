package flatten

import (
	"math"

	"sluice/internal/jsonscan"
	"sluice/mapping"
)

// unit is the length of one step of a number that counts time: micros
// microseconds, divided by ten to the power of shift.
type unit struct {
	micros uint64
	shift  int64
}

var units = [...]unit{
	mapping.Seconds: {micros: 1e6}, mapping.Milliseconds: {micros: 1e3}, mapping.Microseconds: {micros: 1},
	mapping.Nanoseconds: {micros: 1, shift: 3}, mapping.Days: {micros: daySeconds * 1e6},
}

// count is a number of units in microseconds. What is finer is cut off toward
// the past. It is read from its digits: no float, nothing rounded. ok is false
// if it is far out of the range of times.
func (u unit) count(text []byte, num jsonscan.Number) (micros int64, finer, ok bool) {
	whole, rest := num.Mantissa, uint64(0)
	if !num.Integer() || num.Digits > 18 || u.shift != 0 {
		if whole, rest, finer, ok = u.exact(text, num); !ok {
			return 0, false, false
		}
	}
	if whole >= math.MaxInt64/u.micros {
		return 0, false, false
	}
	micros = int64(whole*u.micros + rest)
	switch {
	case num.Negative && finer:
		return -micros - 1, true, true
	case num.Negative:
		return -micros, false, true
	}
	return micros, finer, true
}

// exact is the whole units of a number without its sign, and the microseconds
// of the rest.
func (u unit) exact(text []byte, num jsonscan.Number) (whole, rest uint64, finer, ok bool) {
	if num.Negative {
		text = text[1:]
	}
	before := num.Digits - num.Fraction // digits before the point
	fraction := text[before:]
	if num.Fraction > 0 {
		fraction = text[before+1:]
	}
	point := int64(before) - u.shift // where the exponent moves it to
	if num.Exponent {
		point += parseExponent(fraction[num.Fraction+1:])
	}
	digit := func(i int64) uint64 {
		switch n := int64(before); {
		case i >= int64(num.Digits):
			return 0
		case i >= n:
			return uint64(fraction[i-n] - '0')
		}
		return uint64(text[i] - '0')
	}
	// From the last digit on, each is worth a tenth of what stands before it.
	next := func(d uint64) {
		sum := d*u.micros + rest
		rest = sum / 10
		finer = finer || sum%10 != 0
	}
	for i := int64(num.Digits) - 1; i >= max(point, 0); i-- {
		next(digit(i))
	}
	for i := point; i < 0 && rest > 0; i++ {
		next(0)
	}
	for i := int64(0); i < point && (whole > 0 || i < int64(num.Digits)); i++ {
		if whole = whole*10 + digit(i); whole > 1e18 {
			return 0, 0, false, false
		}
	}
	return whole, rest, finer, true
}
