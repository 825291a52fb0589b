package lake

import (
	"bytes"
	"cmp"
	"math/big"
	"strconv"

	"sluice/internal/parquetread"
	"sluice/schema"
)

// The kinds of an axis.
const (
	kindTime   = "time"
	kindNumber = "number"
	kindText   = "text"
)

// kindOf says how values of a type are laid out.
func kindOf(t schema.Type) string {
	switch t.Kind {
	case schema.Date, schema.Timestamp:
		return kindTime
	case schema.Int32, schema.Int64, schema.Double, schema.Decimal:
		return kindNumber
	}
	return kindText
}

// compare puts values of a type in order. Texts are ordered by their bytes.
func compare(a, b parquetread.Value, t schema.Type) int {
	switch {
	case t.Kind == schema.Double:
		return cmp.Compare(a.Float, b.Float)
	case t.Bytes() && !t.Wide() || t.Kind == schema.List:
		return bytes.Compare(a.Bytes, b.Bytes)
	case a.Bytes == nil && b.Bytes == nil:
		return cmp.Compare(a.Int, b.Int)
	}
	return a.Unscaled().Cmp(b.Unscaled())
}

// kept is a value that stays valid.
func kept(v parquetread.Value) parquetread.Value {
	if v.Bytes != nil {
		v.Bytes = append([]byte{}, v.Bytes...)
	}
	return v
}

// extent is the least and the greatest of some values.
type extent struct {
	any      bool
	min, max parquetread.Value
}

func (e *extent) add(v parquetread.Value, t schema.Type) {
	if !e.any {
		e.any, e.min = true, kept(v)
		e.max = e.min
		return
	}
	if compare(v, e.min, t) < 0 {
		e.min = kept(v)
	}
	if compare(v, e.max, t) > 0 {
		e.max = kept(v)
	}
}

// floatBits are enough for the sum of any doubles to be exact.
const floatBits = 2200

// total is an exact sum, whatever the order of its numbers.
type total struct {
	whole int64      // what fits
	large *big.Int   // the rest, or nil
	float *big.Float // of doubles, or nil
}

func (s *total) add(v parquetread.Value, t schema.Type) {
	switch {
	case t.Kind == schema.Double:
		if s.float == nil {
			s.float = new(big.Float).SetPrec(floatBits)
		}
		if f := v.Float; f-f == 0 { // else it is no number
			s.float.Add(s.float, big.NewFloat(f))
		}
		return
	case v.Bytes == nil:
		if sum := s.whole + v.Int; (sum > s.whole) == (v.Int > 0) {
			s.whole = sum
			return
		}
	}
	if s.large == nil {
		s.large = new(big.Int)
	}
	s.large.Add(s.large, v.Unscaled())
}

// merge adds another sum.
func (s *total) merge(o *total) {
	s.add(parquetread.Value{Int: o.whole}, schema.Type{Kind: schema.Int64})
	if o.large != nil {
		if s.large == nil {
			s.large = new(big.Int)
		}
		s.large.Add(s.large, o.large)
	}
	if o.float != nil {
		if s.float == nil {
			s.float = new(big.Float).SetPrec(floatBits)
		}
		s.float.Add(s.float, o.float)
	}
}

// unscaled is the sum of all but doubles, without the point.
func (s *total) unscaled() *big.Int {
	n := big.NewInt(s.whole)
	if s.large != nil {
		n.Add(n, s.large)
	}
	return n
}

// text writes the sum of values of a type.
func (s *total) text(t schema.Type) string {
	if t.Kind == schema.Double {
		var f float64
		if s.float != nil {
			f, _ = s.float.Float64()
		}
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return parquetread.Decimal(s.unscaled().String(), t.Scale)
}

// meanDigits is how many digits more than its values a mean has.
const meanDigits = 4

// mean writes the mean of n values of a type, rounded to the nearest, halves away
// from zero.
func (s *total) mean(n int64, t schema.Type) string {
	if t.Kind == schema.Double {
		var f float64
		if s.float != nil {
			f, _ = new(big.Float).Quo(s.float, new(big.Float).SetInt64(n)).Float64()
		}
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	r := new(big.Rat).SetFrac(s.unscaled(), new(big.Int).Mul(tenTo(t.Scale), big.NewInt(n)))
	return r.FloatString(t.Scale + meanDigits)
}
