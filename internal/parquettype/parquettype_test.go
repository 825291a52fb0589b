package parquettype

import (
	"math/big"
	"testing"

	"sluice/schema"
)

func TestDecimalBytes(t *testing.T) {
	for p := 19; p <= schema.MaxPrecision; p++ {
		_, n := Physical(schema.Type{Kind: schema.Decimal, Precision: p})
		largest := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(p)), nil)
		largest.Sub(largest, big.NewInt(1))
		// n bytes hold -limit to limit-1, so the smallest fits where the largest does.
		limit := new(big.Int).Lsh(big.NewInt(1), uint(8*n-1))
		if largest.Cmp(limit) >= 0 {
			t.Errorf("precision %d does not fit into %d bytes", p, n)
		}
		if shorter := limit.Rsh(limit, 8); largest.Cmp(shorter) < 0 {
			t.Errorf("precision %d fits into %d bytes", p, n-1)
		}
	}
}
