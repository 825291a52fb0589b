package batch

import (
	"encoding/binary"
	"math/big"
	"math/bits"

	"sluice/schema"
)

// Sum adds up integers exactly. Its zero value is zero. With 192 bits it
// holds 2^64 values of 128 bits, which is what a wide decimal has.
type Sum struct{ hi, mid, lo uint64 }

func (s *Sum) add(hi, mid, lo uint64) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, lo, 0)
	s.mid, carry = bits.Add64(s.mid, mid, carry)
	s.hi, _ = bits.Add64(s.hi, hi, carry)
}

// Add adds another sum.
func (s *Sum) Add(t Sum) { s.add(t.hi, t.mid, t.lo) }

// AddDecimals adds the unscaled values of a decimal column of b: that of each
// element once, however many rows it stands in, if it stands in any.
func (s *Sum) AddDecimals(b *Batch, c *Column) {
	if c.Type.Kind != schema.Decimal {
		return
	}
	wide := c.Type.Wide()
	var runs []uint32
	if c.Level < b.Depth {
		runs = b.Runs[c.Level]
	}
	var mid, lo, carry uint64 // of values of 64 bits: 2^63 of them fit in
	for i, e := range c.Index {
		if e == Null || runs != nil && runs[i] == 0 {
			continue
		}
		if wide {
			v := c.Entry(e)
			high := binary.BigEndian.Uint64(v)
			s.add(uint64(int64(high)>>63), high, binary.BigEndian.Uint64(v[8:]))
			continue
		}
		v := c.Fixed[e]
		lo, carry = bits.Add64(lo, v, 0)
		mid += uint64(int64(v)>>63) + carry
	}
	s.add(uint64(int64(mid)>>63), mid, lo)
}

// Decimal writes the sum with scale digits behind the point.
func (s Sum) Decimal(scale int) string {
	v := big.NewInt(int64(s.hi))
	v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(s.mid))
	v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(s.lo))
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	return new(big.Rat).SetFrac(v, unit).FloatString(scale)
}
