package batch

import (
	"encoding/binary"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"sluice/schema"
)

// TestSumsAreExact adds narrow and wide decimals of records that stand in any
// number of rows, and compares with math/big.
func TestSumsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := schema.Schema{}
		scales := []int{4, 10, 4, 10}
		for i, p := range []int{18, 38, 18, 38} {
			s.Columns = append(s.Columns, schema.Column{Name: "c", Type: schema.Type{Kind: schema.Decimal, Precision: p, Scale: scales[i]}})
		}
		b := New(s, []int{0, 0, 1, 1}, 1)
		var rows, once [4]big.Int
		var scratch []byte
		add := func(narrow, n int) {
			v := rapid.Int64().Draw(t, "narrow")
			b.Columns[narrow].AddFixed(uint64(v))
			hi, lo := rapid.Int64().Draw(t, "high"), rapid.Uint64().Draw(t, "low")
			off := len(scratch)
			scratch = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(scratch, uint64(hi)), lo)
			b.Columns[narrow+1].AddScratch(lo, off, 16)
			w := new(big.Int).Lsh(big.NewInt(hi), 64)
			w.Add(w, new(big.Int).SetUint64(lo))
			for i, x := range []*big.Int{big.NewInt(v), w} {
				if n > 0 {
					once[narrow+i].Add(&once[narrow+i], x)
				}
				rows[narrow+i].Add(&rows[narrow+i], new(big.Int).Mul(x, big.NewInt(int64(n))))
			}
		}
		for range rapid.IntRange(0, 20).Draw(t, "records") {
			n := rapid.IntRange(0, 3).Draw(t, "rows")
			add(0, n)
			for range n {
				add(2, 1)
				b.EndElement(1, 1)
			}
			b.EndElement(0, n)
			b.EndRecord()
		}
		b.Flush(nil, scratch)
		b.Finish()
		// The longest possible run of rows; the batch counts them and does not
		// hold them.
		if runs := b.Runs[0]; len(runs) > 0 && runs[0] > 0 {
			more := rapid.SampledFrom([]uint32{0, 1 << 20, math.MaxInt32 - 3}).Draw(t, "more")
			runs[0] += more
			for i := range 2 {
				c := &b.Columns[i]
				v := big.NewInt(0)
				if e := c.Index[0]; c.Type.Wide() {
					v.SetBytes(c.Entry(e))
					if v.Bit(127) == 1 {
						v.Sub(v, new(big.Int).Lsh(big.NewInt(1), 128))
					}
				} else {
					v.SetInt64(int64(c.Fixed[e]))
				}
				rows[i].Add(&rows[i], v.Mul(v, big.NewInt(int64(more))))
			}
		}
		for i, scale := range scales {
			var sums Sums
			sums.Add(b, &b.Columns[i], Position{})
			sums.Add(b, &b.Columns[i], Position{})
			unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
			for _, c := range []struct {
				name string
				got  Sum
				want *big.Int
			}{{"rows", sums.Rows, &rows[i]}, {"once", sums.Once, &once[i]}} {
				twice := new(big.Int).Lsh(c.want, 1)
				if w, got := new(big.Rat).SetFrac(twice, unit).FloatString(scale), c.got.Decimal(scale); got != w {
					t.Fatalf("column %d, %s: got %s, want %s", i, c.name, got, w)
				}
			}
		}
	})
}
