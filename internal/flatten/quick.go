package flatten

import "sluice/internal/jsonscan"

// quick reads the usual value of column l at b[p], if that is not text: a time
// or a number. It returns the position after it, or 0 if scalar must read the
// value.
func (f *Flattener) quick(b []byte, p int, l *leaf) int {
	switch c := b[p]; {
	case c == '"' && l.quick == quickTime:
		return f.quickTime(b, p+1, l)
	case l.quick == quickWide:
		return f.quickWide(b, p, l)
	case l.quick == quickUnits:
		return f.quickUnits(b, p, l)
	case c != '-' && c-'0' > 9 || l.quick == quickText || l.quick == quickTime:
		return 0
	}
	end, num := jsonscan.ScanNumber(b, p)
	if end < 0 || num.Exponent || num.Digits > 18 || int64(end-p) > f.limits.FieldBytes {
		return 0
	}
	v := int64(num.Mantissa)
	switch {
	case l.quick == quickDecimal && num.Fraction <= l.scale && num.Digits-num.Fraction <= l.whole:
		v *= int64(pow10[l.scale-num.Fraction])
	case l.quick == quickInt && num.Fraction == 0:
	case l.quick == quickTextInt && num.Fraction == 0:
		l.c.AddBytes(jsonscan.Hash(b[p:end]), p, end-p)
		return end
	default:
		return 0
	}
	if num.Negative {
		v = -v
	}
	l.c.AddFixed(uint64(v))
	return end
}

// quickNumber is quick for a number that begins with a digit, has less than
// eight on either side of the point, and no exponent.
func quickNumber(b []byte, p int, l *leaf) int {
	if c := b[p+1]; (c == ',' || c == '}') && l.whole > 0 {
		l.c.AddFixed(uint64(b[p]-'0') * pow10[l.scale])
		return p + 1
	}
	v, n := jsonscan.Digits(b, p)
	end := p + n
	switch c := b[end]; {
	case n == 8 || n > 1 && b[p] == '0' || c|0x20 == 'e':
		return 0
	case l.quick == quickInt:
		if c == '.' {
			return 0
		}
	case n > l.whole:
		return 0
	case c == '.':
		fraction, digits := jsonscan.Digits(b, end+1)
		if end += 1 + digits; digits == 0 || digits == 8 || digits > l.scale || b[end]|0x20 == 'e' {
			return 0
		}
		v = v*pow10[l.scale] + fraction*pow10[l.scale-digits]
	default:
		v *= pow10[l.scale]
	}
	l.c.AddFixed(v)
	return end
}

// quickWide is quick for a decimal of 128 bits that has no sign, less than eight
// digits on either side of the point, and no exponent, as a number or text.
func (f *Flattener) quickWide(b []byte, p int, l *leaf) int {
	begin := p
	if b[p] == '"' {
		begin++
	}
	v, n := jsonscan.Digits(b, begin)
	end := begin + n
	if n == 0 || n == 8 || n > 1 && b[begin] == '0' || n > l.whole {
		return 0
	}
	v *= pow10[l.scale]
	if b[end] == '.' {
		fraction, digits := jsonscan.Digits(b, end+1)
		if end += 1 + digits; digits == 0 || digits == 8 || digits > l.scale {
			return 0
		}
		v += fraction * pow10[l.scale-digits]
	}
	switch c := b[end]; {
	case begin > p && c == '"':
		end++
	case begin > p || c|0x20 == 'e':
		return 0
	}
	f.addWide(l, 0, v)
	return end
}

// quickUnits is quick for an amount in minor units that has no sign and less than
// eight digits.
func (f *Flattener) quickUnits(b []byte, p int, l *leaf) int {
	v, n := jsonscan.Digits(b, p)
	if c := b[p+n]; n == 0 || n == 8 || n > 1 && b[p] == '0' || c == '.' || c|0x20 == 'e' {
		return 0
	}
	digits, ok := f.digits(l.minor, f.find(l.minor.spot, l.minor.level))
	if !ok || digits > l.scale || n-digits > l.whole {
		return 0
	}
	f.addWide(l, 0, v*pow10[l.scale-digits])
	return p + n
}

// quickTime is quick for a time as YYYY-MM-DDThh:mm:ssZ.
func (f *Flattener) quickTime(b []byte, p int, l *leaf) int {
	end := p + len("YYYY-MM-DDThh:mm:ssZ")
	if end >= len(b) || b[end] != '"' || b[end-1] != 'Z' {
		return 0
	}
	seconds, ok := f.clock.seconds((*[19]byte)(b[p : p+19]))
	if !ok {
		return 0
	}
	l.c.AddFixed(uint64(seconds * 1e6))
	return end + 1
}
