package sluice_test

import (
	"bytes"
	"io"
	"testing"

	"sluice"
	"sluice/internal/gen"
	"sluice/mapping"
)

// BenchmarkConvert measures the whole path on one core, from NDJSON in memory
// to Parquet thrown away.
func BenchmarkConvert(b *testing.B) {
	var in bytes.Buffer
	if _, err := gen.Write(&in, gen.Options{Seed: 1, Bytes: 64 << 20, Form: gen.NDJSON, Catalogue: true}); err != nil {
		b.Fatal(err)
	}
	m, err := mapping.Preset("orders")
	if err != nil {
		b.Fatal(err)
	}
	for _, codec := range []sluice.Codec{sluice.Zstd, sluice.Snappy, sluice.None} {
		b.Run(string(codec), func(b *testing.B) {
			b.SetBytes(int64(in.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sluice.Convert(b.Context(), io.Discard, bytes.NewReader(in.Bytes()), m, &sluice.Options{Codec: codec}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
