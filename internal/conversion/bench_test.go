package conversion_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"sluice/internal/conversion"
	"sluice/internal/gen"
	"sluice/internal/parquetcodec"
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
	for _, codec := range parquetcodec.Names() {
		b.Run(string(codec), func(b *testing.B) {
			b.SetBytes(int64(in.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := run(b.Context(), io.Discard, bytes.NewReader(in.Bytes()), m, conversion.Options{Codec: codec}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// oneOrder is a record of 200 bytes.
const oneOrder = `{"order_id":1,"order_date":"2024-01-10","total_amount":200.50,"customer":{"customer_id":101,"name":"Ada","email":"ada@example.com"},"products":[{"product_id":1,"name":"Mug","price":25.00,"quantity":2}]}`

// BenchmarkSmall measures an object of one record: for small objects, the cost
// before the first record is nearly all of it.
func BenchmarkSmall(b *testing.B) {
	m, err := mapping.Preset("orders")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := run(b.Context(), io.Discard, strings.NewReader(oneOrder), m, conversion.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
