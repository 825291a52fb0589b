//go:build corpora

package corpora

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"sluice"
)

// The naughty strings come through as text of any column, byte for byte,
// whatever way a document writes them.
func TestNaughtyStrings(t *testing.T) {
	var all []string
	if err := json.Unmarshal(read(t, "corpora/blns/blns.json"), &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 515 {
		t.Fatalf("blns.json has %d strings, want 515", len(all))
	}
	const order = `{"order_id":%q,"order_date":"2024-01-10","customer":{"customer_id":1,"name":%s,"email":%[2]s,"address":%[2]s},` +
		`"products":[{"product_id":"P01","category":%[2]s,"name":%[2]s,"price":1.5,"quantity":1}]}`
	for _, way := range []struct {
		name                 string
		open, between, close string
		quote                func(string) string
	}{
		{"array, raw UTF-8", "[", ",", "]", raw},
		{"NDJSON, raw UTF-8", "", "\n", "\n", raw},
		{"array, escaped as HTML", "[", ",\n  ", "]", func(s string) string { b, _ := json.Marshal(s); return string(b) }},
		{"NDJSON, every unit as \\uXXXX", "", "\n", "", escaped},
	} {
		t.Run(way.name, func(t *testing.T) {
			var records []string
			for i, s := range all {
				records = append(records, fmt.Sprintf(order, fmt.Sprint("n", i), way.quote(s)))
			}
			r := convert(t, preset(t, "orders"), []byte(way.open+strings.Join(records, way.between)+way.close))
			if r.Outcome != sluice.Accept || r.RowsWritten != int64(len(all)) {
				t.Fatalf("%s %s %v, %d rows", r.Outcome, r.Reason, r.Reasons, r.RowsWritten)
			}
			table := rows(t, r.parquet["order_lines"].Bytes())
			survived := 0
			for i, s := range all {
				ok := true
				for _, name := range []string{"customer_name", "customer_email", "customer_address", "product_category", "product_name"} {
					if got := column(t, table, i, name); got != s {
						t.Errorf("string %d in %s came back as %q, want %q", i, name, got, s)
						ok = false
					}
				}
				if ok {
					survived++
				}
			}
			t.Logf("blns, %s: %d/%d", way.name, survived, len(all))
		})
	}
}

// raw writes a string with no escape that JSON does not ask for.
func raw(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func escaped(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, unit := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, `\u%04X`, unit)
	}
	b.WriteByte('"')
	return b.String()
}
