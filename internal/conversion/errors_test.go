package conversion_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sluice/internal/conversion"
)

// TestErrorsAnyThreads: values that do not fit are counted and kept the same for
// any number of threads, however often their lines repeat and wherever a row
// group begins.
func TestErrorsAnyThreads(t *testing.T) {
	m := parseMapping(t, `
table: lines
explode: $.lines[*]
columns:
  - {name: id, path: $.id, type: int64, on_error: null}
  - {name: sku, path: "$.lines[*].sku", type: string}
  - {name: price, path: "$.lines[*].price", type: "decimal(9,2)", on_error: null}
`)
	const records = 20_000
	var in bytes.Buffer
	for i := range records {
		id := fmt.Sprint(i)
		if i%10 == 0 {
			id = `"none"`
		}
		fmt.Fprintf(&in, `{"id":%s,"lines":[{"sku":"a-%d","price":1.5},{"sku":"b-%d","price":"free"}]}`+"\n", id, i%50, i%50)
	}
	var first result
	for _, threads := range []int{1, 2, 5} {
		r := convert(t, m, bytes.NewReader(in.Bytes()), conversion.Options{Threads: threads, RowGroupBytes: 128 << 10, RowGroupRows: 1 << 20})
		if n := r.stats.ValueErrors; r.err != nil || !r.accepted() || len(n) != 2 || n["not_integer"] != records/10 || n["bad_decimal"] != records {
			t.Fatalf("%d threads: %v, %+v", threads, r.err, r.stats)
		}
		if threads == 1 {
			first = r
		} else if !bytes.Equal(r.parquet, first.parquet) {
			t.Errorf("%d threads: other bytes", threads)
		}
	}
	for i, row := range first.rows {
		errors := row[3]
		if strings.Contains(errors, `"price":{"reason":"bad_decimal"`) != (i%2 == 1) || strings.Contains(errors, `"id":{"reason":"not_integer"`) != (i/2%10 == 0) {
			t.Fatalf("row %d: %q", i, row)
		}
	}
}
