package iceberg

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
)

// A value of a partition or a bound is nil (NULL), bool, int32 (int, date), int64
// (long, timestamps), float64, string, or []byte: the unscaled value of a decimal,
// big-endian two's complement of the fewest bytes.

// AppendValue appends a value as bounds in manifests have it: Spec, appendix D.
func AppendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	case int32:
		return binary.LittleEndian.AppendUint32(b, uint32(v))
	case int64:
		return binary.LittleEndian.AppendUint64(b, uint64(v))
	case float64:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	case string:
		return append(b, v...)
	case []byte:
		return append(b, v...)
	}
	panic(fmt.Sprintf("iceberg: a value of type %T", v))
}

// compareValues orders two values of one type that are not nil.
func compareValues(a, b any) int {
	switch a := a.(type) {
	case bool:
		return boolNumber(a) - boolNumber(b.(bool))
	case int32:
		return cmp.Compare(a, b.(int32))
	case int64:
		return cmp.Compare(a, b.(int64))
	case float64:
		return cmp.Compare(a, b.(float64))
	case string:
		return cmp.Compare(a, b.(string)) // bytes of UTF-8 sort as code points
	case []byte:
		return compareDecimals(a, b.([]byte))
	}
	panic(fmt.Sprintf("iceberg: a value of type %T", a))
}

func boolNumber(b bool) int {
	if b {
		return 1
	}
	return 0
}

// compareDecimals orders two's complements of the fewest bytes.
func compareDecimals(a, b []byte) int {
	negative := func(x []byte) bool { return len(x) > 0 && x[0] >= 0x80 }
	if negative(a) != negative(b) {
		return boolNumber(negative(b)) - boolNumber(negative(a))
	}
	order := cmp.Compare(len(a), len(b))
	if negative(a) {
		order = -order
	}
	return cmp.Or(order, bytes.Compare(a, b))
}

// Minimal cuts a big-endian two's complement to the fewest bytes.
func Minimal(b []byte) []byte {
	for len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) {
		b = b[1:]
	}
	return b
}
