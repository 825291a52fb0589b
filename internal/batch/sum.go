package batch

import (
	"encoding/binary"
	"errors"
	"math/big"
	"math/bits"

	"sluice/schema"
)

// Sum adds up integers exactly. Its zero value is zero. Its 192 bits hold the
// sum of 2^64 wide decimals of 128 bits each, more than a file has rows. So a
// sum may have more than the 38 digits of a decimal.
type Sum struct{ hi, mid, lo uint64 }

func (s *Sum) add(hi, mid, lo uint64) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, lo, 0)
	s.mid, carry = bits.Add64(s.mid, mid, carry)
	s.hi, _ = bits.Add64(s.hi, hi, carry)
}

// Sums are the totals of a decimal column. There are two, because a value of a
// record stands in each row of the record.
type Sums struct {
	Rows Sum // a value counts in each row it stands in: what SQL's sum gives
	Once Sum // a value counts once, if it stands in any row
}

// Add adds the unscaled values that a decimal column of b has after a position.
func (s *Sums) Add(b *Batch, c *Column, from Position) {
	if c.Type.Kind != schema.Decimal {
		return
	}
	var runs []uint32
	first := from.Elems[c.Level]
	if c.Level < b.Depth {
		runs = b.Runs[c.Level][first:]
	}
	add := s.addNarrow
	if c.Type.Wide() {
		add = s.addWide
	}
	add(c, c.Index[first:], runs)
}

// addNarrow adds values of 64 bits: 2^63 of them fit into 128 bits, more than
// there are rows.
func (s *Sums) addNarrow(c *Column, index, runs []uint32) {
	var once, rows Sum
	for i, e := range index {
		if e == Null {
			continue
		}
		v := c.Fixed[e]
		sign := uint64(int64(v) >> 63)
		var carry uint64
		if runs == nil {
			once.lo, carry = bits.Add64(once.lo, v, 0)
			once.mid += sign + carry
			continue
		}
		n := uint64(runs[i])
		if n == 0 {
			continue
		}
		once.lo, carry = bits.Add64(once.lo, v, 0)
		once.mid += sign + carry
		high, low := bits.Mul64(v, n)
		rows.lo, carry = bits.Add64(rows.lo, low, 0)
		rows.mid += high - sign&n + carry
	}
	once.hi, rows.hi = uint64(int64(once.mid)>>63), uint64(int64(rows.mid)>>63)
	if runs == nil {
		rows = once
	}
	s.Once.add(once.hi, once.mid, once.lo)
	s.Rows.add(rows.hi, rows.mid, rows.lo)
}

// addWide adds values of 128 bits.
func (s *Sums) addWide(c *Column, index, runs []uint32) {
	for i, e := range index {
		if e == Null || runs != nil && runs[i] == 0 {
			continue
		}
		v := c.Entry(e)
		mid, lo := binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])
		sign := uint64(int64(mid) >> 63)
		s.Once.add(sign, mid, lo)
		if runs == nil {
			s.Rows.add(sign, mid, lo)
			continue
		}
		n := uint64(runs[i])
		carry, low := bits.Mul64(lo, n)
		high, middle := bits.Mul64(mid, n)
		middle, carry = bits.Add64(middle, carry, 0)
		s.Rows.add(high+carry-sign&n, middle, low)
	}
}

// Join adds the totals of the same column in other rows.
func (s *Sums) Join(other *Sums) {
	s.Rows.add(other.Rows.hi, other.Rows.mid, other.Rows.lo)
	s.Once.add(other.Once.hi, other.Once.mid, other.Once.lo)
}

func (s Sum) integer() *big.Int {
	v := big.NewInt(int64(s.hi))
	v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(s.mid))
	return v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(s.lo))
}

// Decimal writes the sum with scale digits after the point.
func (s Sum) Decimal(scale int) string {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	return new(big.Rat).SetFrac(s.integer(), unit).FloatString(scale)
}

// MarshalText implements [encoding.TextMarshaler]: a part of an input is counted in one
// process, and added up in another.
func (s Sum) MarshalText() ([]byte, error) { return s.integer().MarshalText() }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Sum) UnmarshalText(text []byte) error {
	v := new(big.Int)
	if err := v.UnmarshalText(text); err != nil {
		return err
	}
	if v.BitLen() >= 192 {
		return errors.New("a sum has 192 bits at most")
	}
	if v.Sign() < 0 {
		v.Add(v, new(big.Int).Lsh(big.NewInt(1), 192))
	}
	var b [24]byte
	v.FillBytes(b[:])
	s.hi, s.mid, s.lo = binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])
	return nil
}
