package conversion_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/conversion"
)

// TestSums: the exact totals of money, over the rows and with each value once
// per record.
func TestSums(t *testing.T) {
	m := orders(t)
	in := `[{"order_id":1,"order_date":"2024-01-10","total_amount":0.1,"customer":{"customer_id":1},"products":[{"product_id":1,"price":0.1,"quantity":1},{"product_id":2,"price":"99999999999999.9999","quantity":1}]},
		{"order_id":2,"order_date":"2024-01-10","total_amount":-0.3,"customer":{"customer_id":1},"products":[{"product_id":1,"price":1e-4,"quantity":1}]},
		{"order_id":3,"order_date":"2024-01-10","total_amount":1000,"customer":{"customer_id":1},"products":[]}]`
	got := convert(t, m, strings.NewReader(in), conversion.Options{})
	want := map[string]string{"order_lines.product_price": "100000000000000.1000", "order_lines.total_amount": "-0.1000"}
	once := map[string]string{"order_lines.total_amount": "-0.2000"}
	if got.err != nil || !maps.Equal(got.stats.Sums, want) || !maps.Equal(got.stats.RecordSums, once) {
		t.Fatalf("%v: got %v and %v, want %v and %v", got.err, got.stats.Sums, got.stats.RecordSums, want, once)
	}
}

// TestSumsOfLevels: two exploded levels, a decimal of each, whatever is empty.
// The columns of provenance say which rows are of one record or element.
func TestSumsOfLevels(t *testing.T) {
	const text = `
table: taxes
explode: $.items[*].taxes[*]
when_empty: %s
provenance: true
columns:
  - {name: total, path: $.total, type: "decimal(38,2)"}
  - {name: price, path: "$.items[*].price", type: "decimal(18,4)"}
  - {name: rate,  path: "$.items[*].taxes[*].rate", type: "decimal(9,1)"}
`
	rapid.Check(t, func(rt *rapid.T) {
		number := rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"null", "0", "-1.5", "7", "99999999.9", "\"12.0\""}).Draw(t, "number")
		})
		tax := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf(`{"rate":%s}`, number.Draw(t, "rate")) })
		item := rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf(`{"price":%s,"taxes":[%s]}`, number.Draw(t, "price"), strings.Join(rapid.SliceOfN(tax, 0, 3).Draw(t, "taxes"), ","))
		})
		record := rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf(`{"total":%s,"items":[%s]}`, number.Draw(t, "total"), strings.Join(rapid.SliceOfN(item, 0, 3).Draw(t, "items"), ","))
		})
		m := parseMapping(t, fmt.Sprintf(text, rapid.SampledFrom([]string{"keep", "skip", "quarantine"}).Draw(rt, "empty")))
		doc := "[" + strings.Join(rapid.SliceOfN(record, 0, 8).Draw(rt, "records"), ",") + "]"
		got := convert(t, m, strings.NewReader(doc), conversion.Options{Threads: rapid.IntRange(1, 2).Draw(rt, "threads")}) // which checks Sums
		if got.err != nil {
			rt.Fatal(got.err)
		}
		const record0, line = 5, 6 // _record, _line
		want := map[string]string{
			"taxes.total": sumOf(t, got.rows, 0, 2, record0),
			"taxes.price": sumOf(t, got.rows, 1, 4, record0, line),
		}
		if !maps.Equal(got.stats.RecordSums, want) {
			rt.Fatalf("record_sums are %v, want %v\n%s", got.stats.RecordSums, want, doc)
		}
	})
}

// TestSumBeyondADecimal: a sum of the table may have more digits than a decimal
// can hold. It is still exact.
func TestSumBeyondADecimal(t *testing.T) {
	m := parseMapping(t, `{table: t, explode: "$.l[*]", columns: [{name: n, path: $.n, type: "decimal(38,0)"}, {name: l, path: "$.l[*]", type: int32}]}`)
	nines := strings.Repeat("9", 38)
	got := convert(t, m, strings.NewReader(`{"n":`+nines+`,"l":[1,2,3]}`), conversion.Options{})
	if got.err != nil || got.stats.Sums["t.n"] != "2"+strings.Repeat("9", 37)+"7" || got.stats.RecordSums["t.n"] != nines {
		t.Errorf("%v: %v, %v", got.err, got.stats.Sums, got.stats.RecordSums)
	}
}
