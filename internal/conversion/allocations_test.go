package conversion_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"sluice/internal/conversion"
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
			stats, err := run(t.Context(), io.Discard, bytes.NewReader(in.Bytes()), m, conversion.Options{Quarantine: io.Discard})
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

// TestSmallInput: little memory is allocated for few records, wherever they
// begin: the room for a row group follows from a sample, which is cut short
// where a row group may end.
func TestSmallInput(t *testing.T) {
	m, err := mapping.Preset("orders")
	if err != nil {
		t.Fatal(err)
	}
	const order = `{"order_id":"1","order_date":"2024-01-01T00:00:00Z","total_amount":1,"customer":{"customer_id":"1"},"products":[{"product_id":"1","price":1,"quantity":1}]}` + "\n"
	for name, records := range map[string]string{"kept": strings.Repeat(order, 3), "quarantined": strings.Repeat("{}\n", 3)} {
		for _, before := range []int{0, 8<<20 - 2, 16<<20 - 2} {
			t.Run(fmt.Sprintf("%s/%d", name, before), func(t *testing.T) {
				in := strings.Repeat(" ", before) + records
				var from, to runtime.MemStats
				runtime.ReadMemStats(&from)
				stats, err := run(t.Context(), io.Discard, io.MultiReader(strings.NewReader(in)), m, conversion.Options{Quarantine: io.Discard})
				runtime.ReadMemStats(&to)
				if err != nil || stats.RecordsRead != 3 {
					t.Fatalf("%d records read, %v", stats.RecordsRead, err)
				}
				if got := to.TotalAlloc - from.TotalAlloc; got > 16<<20 {
					t.Errorf("%d MB allocated", got>>20)
				}
			})
		}
	}
}

// TestOneRecord: an object of one record takes half a MB and some hundred
// allocations, because room for large objects is reserved only when they come.
func TestOneRecord(t *testing.T) {
	m, err := mapping.Preset("orders")
	if err != nil {
		t.Fatal(err)
	}
	for codec, most := range map[string]uint64{"zstd": 500 << 10, "snappy": 420 << 10, "none": 420 << 10} {
		convert := func() {
			if _, err := run(t.Context(), io.Discard, strings.NewReader(oneOrder), m, conversion.Options{Codec: codec}); err != nil {
				t.Fatal(err)
			}
		}
		convert()
		var from, to runtime.MemStats
		runtime.ReadMemStats(&from)
		allocations := testing.AllocsPerRun(10, convert) // and once before
		runtime.ReadMemStats(&to)
		bytes := (to.TotalAlloc - from.TotalAlloc) / 11
		t.Logf("%s: %d kB, %.0f allocations", codec, bytes>>10, allocations)
		if bytes > most || allocations > 860 {
			t.Errorf("%s: %d kB and %.0f allocations, at most %d kB and 860", codec, bytes>>10, allocations, most>>10)
		}
	}
}
