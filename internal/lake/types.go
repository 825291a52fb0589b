package lake

import (
	"math"
	"math/big"

	"sluice/internal/parquetread"
	"sluice/schema"
)

// common is the type that takes the values of both: files of an older and of a newer
// mapping are one table.
func common(a, b schema.Type) schema.Type {
	if a == b {
		return a
	}
	if a.Kind > b.Kind {
		a, b = b, a
	}
	text := schema.Type{Kind: schema.String}
	switch {
	case isWhole(a) && isWhole(b):
		return schema.Type{Kind: schema.Int64}
	case (isWhole(a) || a.Kind == schema.Double) && (b.Kind == schema.Double || a.Kind == schema.Double && b.Kind == schema.Decimal):
		return schema.Type{Kind: schema.Double}
	case (isWhole(a) || a.Kind == schema.Decimal) && b.Kind == schema.Decimal:
		if isWhole(a) {
			a = schema.Type{Kind: schema.Decimal, Precision: map[schema.Kind]int{schema.Int32: 10, schema.Int64: 19}[a.Kind]}
		}
		scale := max(a.Scale, b.Scale)
		return schema.Type{Kind: schema.Decimal, Scale: scale, Precision: min(max(a.Precision-a.Scale, b.Precision-b.Scale)+scale, schema.MaxPrecision)}
	case a.Kind == schema.Date && b.Kind == schema.Timestamp:
		return b
	case a.Kind == schema.List && b.Kind == schema.List:
		// The texts of both have the same numbers.
		if v := common(a.Value(), b.Value()); isWhole(v) || v.Kind == schema.Decimal && a.Of == b.Of && a.Scale == b.Scale {
			return schema.Type{Kind: schema.List, Of: v.Kind, Precision: v.Precision, Scale: v.Scale}
		}
	}
	return text
}

func isWhole(t schema.Type) bool { return t.Kind == schema.Int32 || t.Kind == schema.Int64 }

// widened is a value of a type as one of the type that [common] gave.
func widened(v parquetread.Value, from, to schema.Type) parquetread.Value {
	switch {
	case v.Null || from == to || to.Kind == schema.Int64 || to.Kind == schema.List:
		return v
	case to.Kind == schema.Decimal:
		return decimal(v, to.Scale-from.Scale)
	case to.Kind == schema.Double:
		return parquetread.Value{Float: float(v, from)}
	case to.Kind == schema.Timestamp:
		const day = 86400e6 // microseconds
		return parquetread.Value{Int: v.Int * day}
	}
	return parquetread.Value{Bytes: []byte(v.Text(from))}
}

// decimal is a value with some more digits after the point.
func decimal(v parquetread.Value, digits int) parquetread.Value {
	if digits == 0 {
		return v
	}
	n := v.Unscaled()
	n.Mul(n, tenTo(digits))
	if n.IsInt64() {
		return parquetread.Value{Int: n.Int64()}
	}
	return parquetread.Value{Bytes: twosComplement(n)}
}

// tenTo is a power of ten.
func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// twosComplement is a number as 32 big-endian bytes, more than any decimal needs.
func twosComplement(n *big.Int) []byte {
	const size = 32
	if n.Sign() < 0 {
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), 8*size))
	}
	return n.FillBytes(make([]byte, size))
}

// float is about a number.
func float(v parquetread.Value, t schema.Type) float64 {
	switch {
	case t.Kind == schema.Double:
		return v.Float
	case v.Bytes != nil:
		f, _ := new(big.Rat).SetFrac(v.Unscaled(), tenTo(t.Scale)).Float64()
		return f
	}
	return float64(v.Int) / math.Pow10(t.Scale)
}
