package parquetread

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"sluice/schema"
)

// Value is a value of a column, as it is stored. Which field has it depends on the
// type of the column.
type Value struct {
	Null  bool
	Int   int64   // integers; booleans as 0 and 1; days; microseconds; decimals of at most 18 digits, without the point
	Float float64 // doubles
	Bytes []byte  // text; larger decimals, big-endian two's complement; lists, as JSON
}

// valueOf converts a value of a scalar column.
func valueOf(v parquet.Value) Value {
	switch {
	case v.IsNull():
		return Value{Null: true}
	case v.Kind() == parquet.Boolean:
		if v.Boolean() {
			return Value{Int: 1}
		}
		return Value{}
	case v.Kind() == parquet.Int32:
		return Value{Int: int64(v.Int32())}
	case v.Kind() == parquet.Int64:
		return Value{Int: v.Int64()}
	case v.Kind() == parquet.Double:
		return Value{Float: v.Double()}
	}
	return Value{Bytes: v.ByteArray()}
}

// Text writes a value of a column of type t as [File.Rows] does.
func (v Value) Text(t schema.Type) string {
	if v.Null {
		return Null
	}
	switch t.Kind {
	case schema.Boolean:
		return strconv.FormatBool(v.Int != 0)
	case schema.Int32, schema.Int64:
		return strconv.FormatInt(v.Int, 10)
	case schema.Double:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case schema.Date:
		return time.Unix(v.Int*86400, 0).UTC().Format(time.DateOnly)
	case schema.Timestamp:
		return time.UnixMicro(v.Int).UTC().Format(time.RFC3339Nano)
	case schema.Decimal:
		if v.Bytes != nil {
			return Decimal(twosComplement(v.Bytes).String(), t.Scale)
		}
		return Decimal(strconv.FormatInt(v.Int, 10), t.Scale)
	default:
		return string(v.Bytes)
	}
}

// Unscaled is the number of a decimal or an integer, without the point.
func (v Value) Unscaled() *big.Int {
	if v.Bytes != nil {
		return twosComplement(v.Bytes)
	}
	return big.NewInt(v.Int)
}

// Decimal puts the point into the digits of a decimal.
func Decimal(digits string, scale int) string {
	if scale == 0 {
		return digits
	}
	digits, negative := strings.CutPrefix(digits, "-")
	if n := scale + 1 - len(digits); n > 0 {
		digits = strings.Repeat("0", n) + digits
	}
	point := len(digits) - scale
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

// Definition levels in a column of lists: the row has no list, its list is empty,
// or the value is NULL. Any higher level is that of a value.
const (
	nullList = iota
	emptyList
	nullValue
)

// listOf writes the values of a list of type t as a JSON array: numbers and booleans
// as they are, null, and all else in quotes.
func listOf(values []parquet.Value, t schema.Type) Value {
	switch values[0].DefinitionLevel() {
	case nullList:
		return Value{Null: true}
	case emptyList:
		return Value{Bytes: []byte("[]")}
	}
	var b bytes.Buffer
	quote := json.NewEncoder(&b)
	quote.SetEscapeHTML(false)
	for i, v := range values {
		b.WriteByte("[,"[min(i, 1)])
		switch text := valueOf(v).Text(t); {
		case v.DefinitionLevel() == nullValue:
			b.WriteString("null")
		case t.Kind == schema.String || t.Kind == schema.Date || t.Kind == schema.Timestamp:
			_ = quote.Encode(text) // a buffer takes everything
			b.Truncate(b.Len() - len("\n"))
		default:
			b.WriteString(text)
		}
	}
	b.WriteByte(']')
	return Value{Bytes: b.Bytes()}
}
