package conversion_test

import (
	"bytes"
	"strings"
	"testing"

	"sluice/internal/conversion"
	"sluice/internal/gen"
)

// TestMemory: a conversion gives the same bytes with the memory of others, whatever
// these were: longer, cut, of another mapping, or with members that no path names.
func TestMemory(t *testing.T) {
	m, other := orders(t), parseMapping(t, linesMapping)
	memory := new(conversion.Memory)
	for seed := range uint64(60) {
		o := gen.Options{Seed: seed, Orders: int64(1 + seed%5), Form: gen.Form(seed % 5), Catalogue: seed%2 == 0, Wide: seed%3 == 0, Bad: float64(seed%4) / 8}
		if seed%20 == 19 {
			o.Orders = 5000
		}
		in := generate(t, o)
		for _, codec := range []string{"zstd", "none"} {
			want := convert(t, m, bytes.NewReader(in), conversion.Options{Codec: codec, Source: "a"})
			got := convertWith(t, memory, m, bytes.NewReader(in), conversion.Options{Codec: codec, Source: "a"})
			if !bytes.Equal(got.parquet, want.parquet) || !bytes.Equal(got.bad, want.bad) || got.stats.UnknownFields != want.stats.UnknownFields {
				t.Fatalf("seed %d, %s: other bytes than without memory", seed, codec)
			}
		}
		switch seed % 3 {
		case 0:
			convertWith(t, memory, m, bytes.NewReader(in[:len(in)-3]), conversion.Options{})
		case 1:
			convertWith(t, memory, other, strings.NewReader(`{"id":1}`), conversion.Options{})
		}
	}
}

// BenchmarkSmallInput converts an object of one order, with the memory of the one
// before it and without.
func BenchmarkSmallInput(b *testing.B) {
	m := orders(b)
	for name, memory := range map[string]*conversion.Memory{"with memory": new(conversion.Memory), "alone": nil} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := runWith(b.Context(), memory, new(bytes.Buffer), strings.NewReader(oneOrder), m, conversion.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
