package iceberg_test

import (
	"testing"
	"time"

	"sluice/internal/iceberg"
)

// The hashes are those of Spec, appendix B, and the bucket is theirs modulo N.
func TestBucket(t *testing.T) {
	day := int32(time.Date(2017, 11, 16, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	at := time.Date(2017, 11, 16, 22, 31, 8, 0, time.UTC).UnixMicro()
	for _, c := range []struct {
		source string
		value  any
		hash   int32
	}{
		{iceberg.Int, int32(34), 2017239379},
		{iceberg.Long, int64(34), 2017239379},
		{"decimal(9, 2)", []byte{0x05, 0x8c}, -500754589}, // 14.20
		{iceberg.Date, day, -653330422},
		{iceberg.Timestamp, at, -2047944441},
		{iceberg.String, "iceberg", 1210000089},
	} {
		transform := iceberg.Transform{Name: "bucket", N: 1 << 20}
		want := (c.hash & 0x7fffffff) % (1 << 20)
		if got := transform.Apply(iceberg.Type{Primitive: c.source}, c.value); got != want {
			t.Errorf("bucket of %s %v is %v, want %d", c.source, c.value, got, want)
		}
	}
}

func TestTransforms(t *testing.T) {
	for _, c := range []struct {
		transform, source string
		value, want       any
		text              string
	}{
		{"identity", iceberg.String, "a b", "a b", "a b"},
		{"identity", iceberg.Date, int32(19732), int32(19732), "2024-01-10"},
		{"identity", "decimal(9, 2)", []byte{0xff}, []byte{0xff}, "-0.01"},
		{"truncate[10]", iceberg.Int, int32(19), int32(10), "10"},
		{"truncate[10]", iceberg.Int, int32(-1), int32(-10), "-10"},
		{"truncate[10]", iceberg.Long, int64(-10), int64(-10), "-10"},
		{"truncate[10]", iceberg.Int, int32(-1 << 31), int32(1<<31 - 2), "2147483646"}, // it wraps, as in Java
		{"truncate[10]", iceberg.Long, int64(-1 << 63), int64(1<<63 - 2), "9223372036854775806"},
		{"truncate[3]", iceberg.String, "äöüß", "äöü", "äöü"},
		{"truncate[3]", iceberg.String, "ab", "ab", "ab"},
		{"truncate[50]", "decimal(9, 2)", []byte{0x04, 0x29}, []byte{0x04, 0x1a}, "10.50"}, // 10.65
		{"truncate[50]", "decimal(9, 2)", []byte{0xff}, []byte{0xce}, "-0.50"},
		{"year", iceberg.Date, int32(-1), int32(-1), "1969"},
		{"month", iceberg.Date, int32(19732), int32(648), "2024-01"},
		{"month", iceberg.Date, int32(-1), int32(-1), "1969-12"},
		{"day", iceberg.Date, int32(-1), int32(-1), "1969-12-31"},
		{"day", iceberg.Timestamp, int64(-1), int32(-1), "1969-12-31"},
		{"day", iceberg.Timestamp, int64(1704844800000000), int32(19732), "2024-01-10"},
		{"hour", iceberg.Timestamp, int64(-1), int32(-1), "1969-12-31-23"},
		{"hour", iceberg.Timestamp, int64(3600_000_000), int32(1), "1970-01-01-01"},
		{"void", iceberg.String, "a", nil, "null"},
		{"day", iceberg.Timestamp, nil, nil, "null"},
	} {
		transform, source := iceberg.ParseTransform(c.transform), iceberg.Type{Primitive: c.source}
		if transform.String() != c.transform {
			t.Errorf("%s is written as %s", c.transform, transform)
		}
		if _, err := transform.Result(source); err != nil {
			t.Error(err)
			continue
		}
		got := transform.Apply(source, c.value)
		if !equal(got, c.want) {
			t.Errorf("%s of %s %v is %v, want %v", c.transform, c.source, c.value, got, c.want)
		}
		if text := transform.Text(source, got); text != c.text {
			t.Errorf("%s of %s %v is written as %q, want %q", c.transform, c.source, c.value, text, c.text)
		}
	}
}

func equal(a, b any) bool {
	x, ok := a.([]byte)
	y, both := b.([]byte)
	if ok && both {
		return string(x) == string(y)
	}
	return !ok && !both && a == b
}

func TestTransformsRefuse(t *testing.T) {
	for transform, sources := range map[string][]iceberg.Type{
		"day":         {{Primitive: iceberg.String}, {Primitive: iceberg.Long}},
		"hour":        {{Primitive: iceberg.Date}},
		"bucket[0]":   {{Primitive: iceberg.Long}},
		"bucket[4]":   {{Primitive: iceberg.Double}, {Primitive: iceberg.Boolean}, {List: &iceberg.List{}}},
		"truncate[4]": {{Primitive: iceberg.Timestamp}},
		"identity":    {{List: &iceberg.List{}}},
		"zorder":      {{Primitive: iceberg.Long}},
	} {
		for _, source := range sources {
			if _, err := iceberg.ParseTransform(transform).Result(source); err == nil {
				t.Errorf("%s takes %v", transform, source)
			}
		}
	}
}
