package infer_test

import (
	"strings"
	"testing"

	"sluice/internal/infer/infertest"
)

// What must not be chosen, as it would change what values mean.
func TestChoices(t *testing.T) {
	for _, c := range []struct{ name, text, column, keys, comment string }{
		{"an id is no time", `[{"created_by":1234567890},{"created_by":1500000001}]`, "created_by", "int64 required", ""},
		{"an offset is no time", `[{"time_zone_offset":1000000000}]`, "time_zone_offset", "int64 required", ""},
		{"a time", `[{"created_at":1704875400}]`, "created_at", "timestamp required unit=seconds", ""},
		{"times without a zone", `[{"t":"2024-07-10 08:30:00"},{"t":"2024-07-11T08:30"}]`, "t", "timestamp required", "no zone: taken as UTC"},
		{"times with and without", `[{"t":"2024-07-10 08:30:00"},{"t":"2024-07-10T08:30:00+02:00"}]`, "t", "string required", "some have none"},
		{"times of Twitter", `[{"created_at":"Tue Mar 05 21:40:11 +0000 2019"},{"created_at":""}]`, "created_at", "timestamp null_values", `format: "%a %b %d %H:%M:%S %z %Y"`},
		{"times of RFC 2822", `[{"date":"Tue, 05 Mar 2019 21:40:11 +0000"}]`, "date", "timestamp required", "format: rfc2822"},
		{"JSON in strings", `[{"Message":"{\"id\":7}"},{"Message":""}]`, "message", "string", `with parse_json: ["$.Message"] at the top of the file`},
		{"prices", `[{"price":"$1,234.50"},{"price":"5.00 €"},{"price":"EUR 3"}]`, "price", "string required", `"decimal(18,4)", format: "1,234.50", symbol: true, which drops the currency` + "\n"},
		{"prices of groups", `[{"price":"1,234.50"},{"price":"12.5"}]`, "price", "string required", `"decimal(18,4)", format: "1,234.50"` + "\n"},
		{"prices that can mean two things", `[{"price":"1,234"},{"price":"5"}]`, "price", "string required", `format: "1,234.50" or "1.234,50"` + "\n"},
		{"codes are no prices", `[{"sku":"ABC1234"},{"sku":"ABC12"}]`, "sku", "string required bloom", "first at byte 8\n"},
		{"arrays side by side", `{"hourly":{"time":["2024-01-10T08:00Z","2024-01-10T09:00Z","2024-01-10T10:00Z"],"rain":[0.5,null,1]}}
{"hourly":{"time":["2024-01-11T08:00Z","2024-01-11T09:00Z"],"rain":[0.5,0]}}`, "hourly_time", "list<timestamp> required",
			`as many elements as in $.hourly.rain, perhaps in each array: for a row with one of each write, in place of these columns, a table with zip: ["$.hourly.time[*]", "$.hourly.rain[*]"]`},
		{"sections", `[{"section":"1.10"},{"section":"1.1"}]`, "section", "string required", ""},
		{"even digits", `[{"kurs":"1.10"},{"kurs":"1.15"}]`, "kurs", "decimal(18,4) required", ""},
		{"prices", `[{"price":"1.10"},{"price":"1.1"}]`, "price", "decimal(18,4) required", ""},
		{"cents", `[{"amount_cents":500}]`, "amount_cents", "decimal(18,2) required minor=2", ""},
		{"cents of a currency", `[{"amount_cents":500,"currency":"JPY"},{"amount_cents":null,"currency":"EUR"}]`, "amount_cents", "decimal(18,4) minor={currency:$.currency}", ""},
		{"cents of no currency", `[{"amount_cents":500,"currency":"JPY"},{"amount_cents":null,"currency":null}]`, "amount_cents", "int64", "cents, it seems"},
		{"cents of another code", `[{"amount_cents":500,"currency":"points"}]`, "amount_cents", "int64 required", "cents, it seems"},
		{"currency of the order", `[{"currency":"JPY","lines":[{"price_cents":500}]}]`, "price_cents", "decimal(18,4) required minor={currency:$.currency}", ""},
		{"currency of the object around", `[{"currency":"JPY","shipping":{"cost_cents":500}}]`, "shipping_cost_cents", "decimal(18,4) required minor={currency:$.currency}", ""},
		{"currency of the line", `[{"currency":"JPY","lines":[{"price_cents":500,"currency":"EUR"}]}]`, "price_cents", "decimal(18,4) required minor={currency:$.lines[*].currency}", ""},
		{"currency of another object", `[{"paid":{"currency":"JPY"},"cost_cents":500}]`, "cost_cents", "decimal(18,2) required minor=2", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := infertest.RoundTrip(t, anywhere, c.text)
			found := ""
			for i := range r.Mapping.Tables {
				for j := range r.Mapping.Tables[i].Columns {
					if col := &r.Mapping.Tables[i].Columns[j]; col.Name == c.column {
						found = keysOf(col)
					}
				}
			}
			if found != c.keys || !strings.Contains(string(r.YAML), c.comment) {
				t.Errorf("it is %q, not %q, with %q:\n%s", found, c.keys, c.comment, r.YAML)
			}
		})
	}
}

// The fields of a wide record are no data, though each stands in few records.
func TestWideRecords(t *testing.T) {
	r := infertest.RoundTrip(t, anywhere, wide(t))
	if len(r.Mapping.Tables) != 1 || len(r.Mapping.Tables[0].Explode) != 0 {
		t.Errorf("%d tables, explode %s", len(r.Mapping.Tables), r.Mapping.Tables[0].Explode)
	}
}

// wide are records with an id and few of many fields, of numbers or texts.
func wide(t *testing.T) string {
	t.Helper()
	var all []string
	for i := range 60 {
		id := string(rune('a'+i/26)) + string(rune('a'+i%26))
		var members []string
		for _, suffix := range []string{"x", "y", "z"} {
			members = append(members, `"f_`+id+`_`+suffix+`":1`, `"t_`+id+`_`+suffix+`":"text"`)
		}
		all = append(all, `{"id":7,`+strings.Join(members, ",")+`}`)
	}
	return "[" + strings.Join(all, ",") + "]"
}
