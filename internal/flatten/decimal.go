package flatten

import (
	"math/bits"

	"sluice/internal/jsonscan"
	"sluice/reason"
)

var pow10 = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// maxExponent is where counting an exponent stops: beyond it, no number of
// digits that a field may hold brings the value back into the range of a
// column.
const maxExponent = 1 << 40

// digits is the value of a JSON number, without loss: D times ten to the
// power of exp, where D has no zero at either end.
type digits struct {
	d    [38]byte
	n    int   // digits of D that are kept; 0 for the number zero
	more int64 // digits of D after the 38 that are kept
	exp  int64
	neg  bool
}

// parseDigits reads the text of a JSON number that ScanNumber accepted.
func parseDigits(text []byte) (v digits) {
	zeros, fraction, inFraction := 0, int64(0), false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '-':
			v.neg = true
		case c == '.':
			inFraction = true
		case c|0x20 == 'e':
			v.exp = parseExponent(text[i+1:])
			i = len(text)
		default:
			if inFraction {
				fraction++
			}
			switch {
			case c != '0':
				for ; zeros > 0; zeros-- {
					v.push('0')
				}
				v.push(c)
			case v.n > 0:
				zeros++ // counted only once a digit follows
			}
		}
	}
	v.exp += int64(zeros) - fraction
	return v
}

func (v *digits) push(c byte) {
	if v.n == len(v.d) {
		v.more++
		return
	}
	v.d[v.n] = c - '0'
	v.n++
}

func parseExponent(text []byte) int64 {
	var e int64
	neg := false
	for _, c := range text {
		switch {
		case c == '-':
			neg = true
		case c != '+' && e < maxExponent:
			e = e*10 + int64(c-'0')
		}
	}
	if neg {
		return -e
	}
	return e
}

// unscaled returns the 128-bit magnitude of v times ten to the power of
// scale, if it has no fraction and at most precision digits.
func (v *digits) unscaled(precision, scale int) (hi, lo uint64, code reason.Code) {
	if v.n == 0 {
		return 0, 0, ""
	}
	e := v.exp + int64(scale)
	switch {
	case e < 0:
		return 0, 0, reason.DecimalScale
	case int64(v.n)+v.more+e > int64(precision):
		return 0, 0, reason.DecimalRange
	}
	for i := range v.n + int(e) {
		var c uint64
		if i < v.n {
			c = uint64(v.d[i])
		}
		var carry uint64
		over, low := bits.Mul64(lo, 10)
		hi = hi*10 + over
		lo, carry = bits.Add64(low, c, 0)
		hi += carry
	}
	return hi, lo, ""
}

// toDecimal converts a number to an unscaled integer of 128 bits. If it counts
// minor units, they have minor digits.
func toDecimal(text []byte, n jsonscan.Number, minor, precision, scale int) (hi, lo uint64, code reason.Code) {
	fraction := n.Fraction + minor
	if whole := n.Digits - fraction; !n.Exponent && fraction <= scale && whole+scale <= 18 {
		lo = n.Mantissa * pow10[scale-fraction]
		if precision <= 18 && lo >= pow10[precision] {
			return 0, 0, reason.DecimalRange
		}
	} else {
		d := parseDigits(text)
		d.exp -= int64(minor)
		if hi, lo, code = d.unscaled(precision, scale); code != "" {
			return 0, 0, code
		}
	}
	if n.Negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	return hi, lo, ""
}

// toInt converts a number to an integer from -limit-1 to limit.
func toInt(text []byte, n jsonscan.Number, limit uint64) (int64, reason.Code) {
	v := n.Mantissa
	if !n.Integer() || n.Digits > 18 {
		d := parseDigits(text)
		var hi uint64
		var code reason.Code
		switch hi, v, code = d.unscaled(20, 0); {
		case code == reason.DecimalScale:
			return 0, reason.NotInteger
		case code != "" || hi != 0:
			return 0, reason.IntRange
		}
	}
	switch {
	case n.Negative && v > limit+1, !n.Negative && v > limit:
		return 0, reason.IntRange
	case n.Negative:
		return -int64(v), ""
	}
	return int64(v), ""
}
