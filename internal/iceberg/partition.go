package iceberg

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/murmur3"
)

// PartitionField is a field of a partition spec: a transform of a column.
type PartitionField struct {
	SourceID  int       `json:"source-id"`
	ID        int       `json:"field-id"` // from 1000 on
	Name      string    `json:"name"`
	Transform Transform `json:"transform"`
}

// PartitionSpec says how rows are divided into files. Without fields a table is not
// partitioned.
type PartitionSpec struct {
	ID     int              `json:"spec-id"`
	Fields []PartitionField `json:"fields"`
}

// MarshalJSON writes a spec without fields as an empty array.
func (s PartitionSpec) MarshalJSON() ([]byte, error) {
	type plain PartitionSpec
	s.Fields = nonNil(s.Fields)
	return json.Marshal(plain(s))
}

// Transform makes the value of a partition from that of a column: Spec, Partition
// Transforms.
type Transform struct {
	Name string // identity, bucket, truncate, year, month, day, hour, void, or another that is only kept
	N    int    // buckets, or the width of truncate
}

// ParseTransform reads a transform as metadata writes it: day, bucket[16].
func ParseTransform(text string) Transform {
	name, rest, has := strings.Cut(text, "[")
	if n, err := strconv.Atoi(strings.TrimSuffix(rest, "]")); has && err == nil && n > 0 && strings.HasSuffix(rest, "]") {
		return Transform{name, n}
	}
	return Transform{Name: text}
}

func (t Transform) String() string {
	if t.N > 0 {
		return fmt.Sprintf("%s[%d]", t.Name, t.N)
	}
	return t.Name
}

// Of is the transform of a column as a configuration has it: order_id, day(order_date),
// bucket(16, order_id).
func (t Transform) Of(column string) string {
	switch {
	case t.Name == "identity":
		return column
	case t.N > 0:
		return fmt.Sprintf("%s(%d, %s)", t.Name, t.N, column)
	}
	return t.Name + "(" + column + ")"
}

// MarshalText and UnmarshalText are the form of metadata.
func (t Transform) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText is the reverse of MarshalText.
func (t *Transform) UnmarshalText(text []byte) error {
	*t = ParseTransform(string(text))
	return nil
}

// Result is the type of the partition's values for a column of type source, or an
// error if the transform does not take it.
func (t Transform) Result(source Type) (Type, error) {
	p := source.Primitive
	_, _, decimal := source.Decimal()
	whole := p == Int || p == Long
	ok := false
	result := Type{Primitive: Int}
	switch t.Name {
	case "identity":
		ok, result = p != "", source
	case "void":
		ok, result = true, source
	case "bucket":
		ok = t.N > 0 && (whole || decimal || p == Date || p == Timestamp || p == "timestamp" || p == String)
	case "truncate":
		ok, result = t.N > 0 && (whole || decimal || p == String), source
	case "year", "month":
		ok = p == Date || p == Timestamp || p == "timestamp"
	case "day":
		ok, result = p == Date || p == Timestamp || p == "timestamp", Type{Primitive: Date}
	case "hour":
		ok = p == Timestamp || p == "timestamp"
	}
	if !ok {
		return Type{}, fmt.Errorf("transform %s does not take a column of type %s", t.Name, source)
	}
	return result, nil
}

// Apply transforms a value of a column of a type that the transform takes.
func (t Transform) Apply(source Type, v any) any {
	if v == nil {
		return nil
	}
	switch t.Name {
	case "identity":
		return v
	case "bucket":
		return int32(hash(v)&0x7fffffff) % int32(t.N)
	case "truncate":
		return truncate(v, t.N)
	case "year", "month", "day", "hour":
		return since1970(t.Name, source, v)
	}
	return nil // void
}

// hash is the 32-bit Murmur3 hash of Spec, appendix B.
func hash(v any) uint32 {
	switch v := v.(type) {
	case int32: // as a long, so that a column may become one
		return hash(int64(v))
	case int64:
		return murmur3.Sum32(binary.LittleEndian.AppendUint64(nil, uint64(v)))
	}
	return murmur3.Sum32(AppendValue(nil, v))
}

func truncate(v any, width int) any {
	switch v := v.(type) {
	case int32:
		return int32(floor(int64(v), int64(width)))
	case int64:
		return floor(v, int64(width))
	case string:
		for i := range v { // code points
			if width == 0 {
				return v[:i]
			}
			width--
		}
		return v
	case []byte:
		n, w := signed(v), big.NewInt(int64(width))
		return unsigned(n.Sub(n, new(big.Int).Mod(n, w))) // Mod is never negative
	}
	return v
}

// floor is the largest multiple of width that is not above v; near the smallest
// number it wraps, as everybody's does.
func floor(v, width int64) int64 { return v - ((v%width)+width)%width }

// signed reads a two's complement.
func signed(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

// unsigned writes a number as a two's complement of the fewest bytes.
func unsigned(n *big.Int) []byte {
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 {
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	return Minimal(n.FillBytes(make([]byte, size)))
}

// since1970 counts years, months, days or hours; a time before 1970 is in the
// unit that has begun before it.
func since1970(unit string, source Type, v any) any {
	var at time.Time
	if source.Primitive == Date {
		at = time.Unix(int64(v.(int32))*86400, 0).UTC()
	} else {
		at = time.UnixMicro(v.(int64)).UTC()
	}
	switch unit {
	case "year":
		return int32(at.Year() - 1970)
	case "month":
		return int32((at.Year()-1970)*12 + int(at.Month()) - 1)
	case "day":
		return int32(floor(at.Unix(), 86400) / 86400)
	}
	return int32(floor(at.Unix(), 3600) / 3600)
}

// Text is a value of a partition as names of folders have it.
func (t Transform) Text(source Type, v any) string {
	if v == nil {
		return "null"
	}
	at := time.Unix(0, 0).UTC()
	switch t.Name {
	case "year":
		return at.AddDate(int(v.(int32)), 0, 0).Format("2006")
	case "month":
		return at.AddDate(0, int(v.(int32)), 0).Format("2006-01")
	case "day":
		return at.AddDate(0, 0, int(v.(int32))).Format(time.DateOnly)
	case "hour":
		return time.Unix(int64(v.(int32))*3600, 0).UTC().Format("2006-01-02-15")
	}
	switch v := v.(type) {
	case int32:
		if source.Primitive == Date && t.Name == "identity" {
			return at.AddDate(0, 0, int(v)).Format(time.DateOnly)
		}
	case int64:
		if source.Primitive == Timestamp {
			return time.UnixMicro(v).UTC().Format("2006-01-02T15:04:05.999999Z07:00")
		}
	case []byte:
		_, scale, _ := source.Decimal()
		return new(big.Rat).SetFrac(signed(v), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).FloatString(scale)
	}
	return fmt.Sprint(v)
}
