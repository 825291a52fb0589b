package batch

import (
	"encoding/binary"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"sluice/schema"
)

// TestSumIsExact adds narrow and wide decimals and compares with math/big.
func TestSumIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := schema.Schema{Columns: []schema.Column{
			{Name: "narrow", Type: schema.Type{Kind: schema.Decimal, Precision: 18, Scale: 4}},
			{Name: "wide", Type: schema.Type{Kind: schema.Decimal, Precision: 38, Scale: 10}},
		}}
		b := New(s, []int{0, 0}, 0)
		want := [2]*big.Int{new(big.Int), new(big.Int)}
		var scratch []byte
		for range rapid.IntRange(0, 30).Draw(t, "rows") {
			n := rapid.Int64().Draw(t, "narrow")
			b.Columns[0].AddFixed(uint64(n))
			want[0].Add(want[0], big.NewInt(n))
			hi, lo := rapid.Int64().Draw(t, "high"), rapid.Uint64().Draw(t, "low")
			off := len(scratch)
			scratch = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(scratch, uint64(hi)), lo)
			b.Columns[1].AddScratch(lo, off, 16)
			w := new(big.Int).Lsh(big.NewInt(hi), 64)
			want[1].Add(want[1], w.Add(w, new(big.Int).SetUint64(lo)))
			b.EndElement(0, 1)
			b.EndRecord()
		}
		b.Flush(nil, scratch)
		for i, scale := range []int{4, 10} {
			var half, sum Sum
			half.AddDecimals(b, &b.Columns[i])
			sum.Add(half)
			sum.Add(half)
			unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
			twice := new(big.Int).Lsh(want[i], 1)
			if w, got := new(big.Rat).SetFrac(twice, unit).FloatString(scale), sum.Decimal(scale); got != w {
				t.Fatalf("got %s, want %s", got, w)
			}
		}
	})
}

// TestSumOfElementsWithoutRows: what stands in no row is not added.
func TestSumOfElementsWithoutRows(t *testing.T) {
	s := schema.Schema{Columns: []schema.Column{{Name: "n", Type: schema.Type{Kind: schema.Decimal, Precision: 9, Scale: 1}}}}
	b := New(s, []int{0}, 1)
	for _, n := range []int{0, 1, 3} {
		b.Columns[0].AddFixed(uint64(100 + n))
		for range n {
			b.EndElement(1, 1)
		}
		b.EndElement(0, n)
		b.EndRecord()
	}
	b.Flush(nil, nil)
	b.Finish()
	var sum Sum
	if sum.AddDecimals(b, &b.Columns[0]); sum.Decimal(1) != "20.4" {
		t.Errorf("got %s, want 20.4", sum.Decimal(1))
	}
}
