package flatten

import "sluice/internal/jsonscan"

// quick reads at b[p] what the column l mostly gets: a string without escapes
// or a short number. It returns the position behind it, or 0 for everything
// that wants a closer look.
func (f *Flattener) quick(b []byte, p int, l *leaf) int {
	c := b[p]
	if c == '"' {
		if l.quick == quickTime {
			return f.quickTime(b, p+1, l)
		}
		if l.quick > quickTextInt {
			return 0
		}
		end, hash, flags := jsonscan.String(b, p+1)
		size := end - p - 1
		if flags != 0 || size <= 0 || int64(size) > f.limits.FieldBytes {
			return 0
		}
		l.c.AddBytes(hash, p+1, size)
		return end + 1
	}
	switch {
	case c-'0' <= 9 && l.quick >= quickInt && f.limits.FieldBytes >= quickNumberBytes:
		if end := quickNumber(b, p, l); end > 0 {
			return end
		}
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

// quickNumberBytes is the longest text that quickNumber takes.
const quickNumberBytes = 15

// quickNumber is quick for a number of less than eight digits on either side
// of the point, without sign and exponent.
func quickNumber(b []byte, p int, l *leaf) int {
	v, n := jsonscan.Digits(b[p:])
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
		fraction, digits := jsonscan.Digits(b[end+1:])
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

// quickTime is quick for a time as YYYY-MM-DDThh:mm:ssZ.
func (f *Flattener) quickTime(b []byte, p int, l *leaf) int {
	end := p + len("YYYY-MM-DDThh:mm:ssZ")
	if end >= len(b) || b[end] != '"' || b[end-1] != 'Z' || int64(end-p) > f.limits.FieldBytes {
		return 0
	}
	seconds, ok := f.clock.seconds((*[19]byte)(b[p:]))
	if !ok {
		return 0
	}
	l.c.AddFixed(uint64(seconds * 1e6))
	return end + 1
}
