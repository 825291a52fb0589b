package conversion_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"sluice/internal/conversion"
)

// TestEmbeddedAnyThreads: JSON in strings gives the rows of the same JSON without
// the strings, and the same bytes for any number of threads, though lines repeat
// and some records are quarantined.
func TestEmbeddedAnyThreads(t *testing.T) {
	m := parseMapping(t, `
table: lines
explode: $.body.lines[*]
parse_json: [$.body, "$.body.lines[*].meta"]
unknown_fields: keep
provenance: true
columns:
  - {name: id, path: $.body.id, type: int64, required: true}
  - {name: queue, path: $.queue, type: string}
  - {name: sku, path: "$.body.lines[*].sku", type: string}
  - {name: name, path: "$.body.lines[*].name", type: string}
  - {name: price, path: "$.body.lines[*].price", type: "decimal(9,2)"}
  - {name: color, path: "$.body.lines[*].meta.color", type: string}
`)
	quoted := func(text string) string { return strconv.Quote(text) } // of these texts, as JSON writes it
	plain := func(text string) string { return text }
	input := func(embed func(string) string) []byte {
		var in bytes.Buffer
		for i := range 20_000 {
			line := func(sku int) string {
				meta := embed(fmt.Sprintf(`{"color":"c-%d","n":%d}`, sku%7, sku))
				return fmt.Sprintf(`{"sku":"a-%d","name":"thing %d","price":%d.5,"meta":%s}`, sku, sku, sku, meta)
			}
			body := fmt.Sprintf(`{"id":%d,"lines":[%s,%s],"note":"\n%d"}`, i, line(i%50), line(i%31), i)
			if i%4001 == 4000 {
				body = `{"id":"none"}`
			}
			fmt.Fprintf(&in, `{"queue":"q-%d","body":%s}`+"\n", i%3, embed(body))
		}
		return in.Bytes()
	}
	rows := func(in []byte) (rows [][]string) {
		var first []byte
		for _, threads := range []int{1, 2, 5} {
			r := convert(t, m, bytes.NewReader(in), conversion.Options{Threads: threads, RowGroupBytes: 128 << 10, RowGroupRows: 1 << 20})
			if r.err != nil || r.stats.RecordsQuarantined != 4 || r.stats.Reasons["not_integer"] != 4 {
				t.Fatalf("%d threads: %v, %+v", threads, r.err, r.stats)
			}
			if first == nil {
				first, rows = r.parquet, r.rows
			} else if !bytes.Equal(r.parquet, first) {
				t.Errorf("%d threads: other bytes", threads)
			}
		}
		return rows
	}
	want, got := rows(input(plain)), rows(input(quoted))
	if len(want) != 2*(20_000-4) || len(got) != len(want) {
		t.Fatalf("%d rows and %d rows", len(want), len(got))
	}
	const offset = 8 // _source_offset
	for i := range want {
		if want[i][offset], got[i][offset] = "", ""; !slices.Equal(got[i], want[i]) {
			t.Fatalf("row %d: in strings %q, without %q", i, got[i], want[i])
		}
	}
}
