package schema_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/schema"
)

func TestParseType(t *testing.T) {
	for _, c := range []struct {
		in          string
		want        schema.Type
		wide, bytes bool
	}{
		{"string", schema.Type{Kind: schema.String}, false, true},
		{"boolean", schema.Type{Kind: schema.Boolean}, false, false},
		{"int32", schema.Type{Kind: schema.Int32}, false, false},
		{"int64", schema.Type{Kind: schema.Int64}, false, false},
		{"double", schema.Type{Kind: schema.Double}, false, false},
		{"date", schema.Type{Kind: schema.Date}, false, false},
		{"timestamp", schema.Type{Kind: schema.Timestamp}, false, false},
		{"json", schema.Type{Kind: schema.JSON}, false, true},
		{"decimal(18,4)", schema.Type{Kind: schema.Decimal, Precision: 18, Scale: 4}, false, false},
		{"decimal(19,19)", schema.Type{Kind: schema.Decimal, Precision: 19, Scale: 19}, true, true},
		{"decimal( 38 , 0 )", schema.Type{Kind: schema.Decimal, Precision: 38}, true, true},
		{"list<string>", schema.Type{Kind: schema.List, Of: schema.String}, false, false},
		{"list< decimal(38, 4) >", schema.Type{Kind: schema.List, Of: schema.Decimal, Precision: 38, Scale: 4}, false, false},
	} {
		got, err := schema.ParseType(c.in)
		if err != nil || got != c.want || got.Wide() != c.wide || got.Bytes() != c.bytes {
			t.Errorf("ParseType(%q) = %v, wide %t, bytes %t, %v", c.in, got, got.Wide(), got.Bytes(), err)
		}
	}
}

func TestParseTypeErrors(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "unknown type"},
		{"String", "unknown type"},
		{"decimal", "unknown type"},
		{"Kind(0)", "unknown type"},
		{"decimal(18,4", "unknown type"},
		{"decimal(18)", "write decimal(precision,scale)"},
		{"decimal(18,4,2)", "write decimal(precision,scale)"},
		{"decimal(+5,2)", "write decimal(precision,scale)"},
		{"decimal(5,-1)", "write decimal(precision,scale)"},
		{"decimal(0,0)", "precision must be 1 to 38"},
		{"decimal(39,0)", "precision must be 1 to 38"},
		{"list", "unknown type"},
		{"list<>", "unknown type"},
		{"list<string", "write list<T>"},
		{"list<text>", "unknown type"},
		{"list<decimal(39,0)>", "precision must be 1 to 38"},
		{"list<json>", "not of json; use json"},
		{"list<list<string>>", "not of list<string>; use json"},
		{"decimal(4,5)", "scale must be 0 to the precision, 4"},
	} {
		if got, err := schema.ParseType(c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ParseType(%q) = %v, %v; want an error with %q", c.in, got, err, c.want)
		}
	}
}

func TestTypeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := schema.Type{Kind: schema.Kind(rapid.Uint8Range(1, uint8(schema.JSON)).Draw(t, "kind"))}
		if want.Kind == schema.Decimal {
			want.Precision = rapid.IntRange(1, schema.MaxPrecision).Draw(t, "precision")
			want.Scale = rapid.IntRange(0, want.Precision).Draw(t, "scale")
		}
		if want.Kind != schema.JSON && rapid.Bool().Draw(t, "list") {
			want.Kind, want.Of = schema.List, want.Kind
			if value := want.Value(); value.Kind != want.Of || want.String() != "list<"+value.String()+">" {
				t.Fatalf("%s is a list of %s", want, value)
			}
		}
		if got, err := schema.ParseType(want.String()); err != nil || got != want {
			t.Fatalf("ParseType(%q) = %v, %v", want.String(), got, err)
		}
	})
}

// The table of bytes is that of the arithmetic.
func TestDecimalBytes(t *testing.T) {
	largest := big.NewInt(1)
	for p := 1; p <= schema.MaxPrecision; p++ {
		largest.Mul(largest, big.NewInt(10)) // one more than the largest decimal
		below := new(big.Int).Sub(largest, big.NewInt(1))
		if want := (below.BitLen() + 1 + 7) / 8; schema.DecimalBytes(p) != want { // and one bit for the sign
			t.Errorf("precision %d: %d bytes, want %d", p, schema.DecimalBytes(p), want)
		}
	}
}
