package parquetread

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"sluice/schema"
)

// cell writes a value as text.
func cell(v parquet.Value, t schema.Type) string {
	if v.IsNull() {
		return Null
	}
	switch t.Kind {
	case schema.Boolean:
		return strconv.FormatBool(v.Boolean())
	case schema.Int32:
		return strconv.FormatInt(int64(v.Int32()), 10)
	case schema.Int64:
		return strconv.FormatInt(v.Int64(), 10)
	case schema.Double:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64)
	case schema.Date:
		return time.Unix(int64(v.Int32())*86400, 0).UTC().Format(time.DateOnly)
	case schema.Timestamp:
		return time.UnixMicro(v.Int64()).UTC().Format(time.RFC3339Nano)
	case schema.Decimal:
		return decimal(v, t)
	default:
		return string(v.ByteArray())
	}
}

// decimal writes the unscaled number and puts the point in.
func decimal(v parquet.Value, t schema.Type) string {
	var digits string
	switch v.Kind() {
	case parquet.Int32:
		digits = strconv.FormatInt(int64(v.Int32()), 10)
	case parquet.Int64:
		digits = strconv.FormatInt(v.Int64(), 10)
	default:
		digits = twosComplement(v.ByteArray()).String()
	}
	if t.Scale == 0 {
		return digits
	}
	digits, negative := strings.CutPrefix(digits, "-")
	if n := t.Scale + 1 - len(digits); n > 0 {
		digits = strings.Repeat("0", n) + digits
	}
	point := len(digits) - t.Scale
	text := digits[:point] + "." + digits[point:]
	if negative {
		return "-" + text
	}
	return text
}

// twosComplement is the number of big-endian bytes.
func twosComplement(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}
