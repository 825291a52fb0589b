package sluice_test

import (
	"bytes"
	"io"
	"testing"

	"sluice"
	"sluice/internal/gen"
	"sluice/mapping"
)

// TestAllocations: what a conversion allocates does not grow with its rows.
// Buffers grow, and a row group has its footer: so an input of three times
// the rows may cost some allocations more, but not one for every hundred rows.
func TestAllocations(t *testing.T) {
	m, err := mapping.Preset("orders")
	if err != nil {
		t.Fatal(err)
	}
	count := func(size int64) (allocations float64, rows int64) {
		var in bytes.Buffer
		if _, err := gen.Write(&in, gen.Options{Seed: 1, Bytes: size, Form: gen.NDJSON, Catalogue: true}); err != nil {
			t.Fatal(err)
		}
		allocations = testing.AllocsPerRun(1, func() {
			stats, err := sluice.Convert(t.Context(), io.Discard, bytes.NewReader(in.Bytes()), m, &sluice.Options{Quarantine: io.Discard})
			if err != nil {
				t.Fatal(err)
			}
			rows = stats.RowsWritten
		})
		return allocations, rows
	}
	few, fewRows := count(4 << 20)
	many, manyRows := count(12 << 20)
	t.Logf("%.0f allocations for %d rows, %.0f for %d", few, fewRows, many, manyRows)
	if more := many - few; more > float64(manyRows-fewRows)/100 {
		t.Errorf("%.0f allocations for %d rows, %.0f for %d: %.4f for each row", few, fewRows, many, manyRows, more/float64(manyRows-fewRows))
	}
}
