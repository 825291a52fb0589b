package fit

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sluice"
	"sluice/internal/infer/infertest"
	"sluice/mapping"
)

// What a profile shows of orders: that all are taken, or not enough to say so.
// Random documents are in internal/infer.
func TestCertain(t *testing.T) {
	m, err := mapping.Preset(mapping.DefaultPreset)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"orders", order + "\n" + order, true},
		{"an array of orders", "[" + order + "]", true},
		{"orders in a wrapper", `{"orders":[` + order + `],"count":1}`, true},
		{"another place", `{"data":[` + order + `]}`, false},
		{"orders, and a place that is looked at first", `{"order_id":1,"orders":[1],` + order[len(`{"order_id":1,`):], false},
		{"an id as text", strings.Replace(order, `"order_id":1`, `"order_id":"A-1"`, 1), true},
		{"an id as boolean", strings.Replace(order, `"order_id":1`, `"order_id":true`, 1), false},
		{"an empty id", strings.Replace(order, `"order_id":1`, `"order_id":""`, 1), false},
		{"an id that is an object", strings.Replace(order, `"order_id":1`, `"order_id":{"a":1}`, 1), false},
		{"a bad amount", badSum, false},
		{"an amount with too many digits after the point", strings.Replace(order, "1.5", "1.50001", 1), false},
		{"an amount with many zeros", strings.Replace(order, "1.5", "1.50000", 1), true},
		{"an amount with too many digits", strings.Replace(order, "1.5", "123456789012345.5", 1), false},
		{"an amount with an exponent", strings.Replace(order, "1.5", "1e2", 1), false},
		{"an amount as text", strings.Replace(order, "1.5", `"1.5"`, 1), true},
		{"a quantity that is none", strings.Replace(order, `"quantity":1`, `"quantity":1.5`, 1), false},
		{"no lines", noLines, false},
		{"no list", noList, false},
		{"a line that is null", strings.Replace(order, `"products":[`, `"products":[null,`, 1), false},
		{"lines that are an object", `{"order_id":1,"order_date":"2024-01-10","customer":{"customer_id":"C-1"},"products":{"a":{"product_id":"P01","price":1.5,"quantity":1}}}`, false},
		{"no date", noDate, false},
		{"a date that is none", strings.Replace(order, "2024-01-10", "10.01.2024", 1), false},
		{"a customer that is a text", strings.Replace(order, `{"customer_id":"C-1"}`, `"C-1"`, 1), false},
		{"a record that is null", order + "\nnull", false},
		{"a broken record", order + "\n{bad}\n" + order, false},
	} {
		p, err := infertest.Profile(t, nil, c.text)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := Certain(m, p); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// What is certain of the documents of platforms is so.
func TestCertainPlatforms(t *testing.T) {
	files, err := filepath.Glob("../conversion/testdata/presets/*.txtar")
	if err != nil || len(files) != 10 {
		t.Fatalf("%d platforms: %v", len(files), err)
	}
	certain := 0
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if !strings.HasSuffix(f.Name, ".json") || strings.HasPrefix(f.Name, "want ") {
				continue
			}
			p, err := infertest.Profile(t, nil, string(f.Data))
			if err != nil {
				t.Fatal(err)
			}
			for _, preset := range mapping.Presets() {
				m, err := mapping.Preset(preset)
				if err != nil {
					t.Fatal(err)
				}
				if !Certain(m, p) {
					continue
				}
				certain++
				m.Limits.QuarantineShare = 1
				stats, err := sluice.Convert(t.Context(), nil, bytes.NewReader(f.Data), m, &sluice.Options{
					Codec: sluice.None, Quarantine: io.Discard, Table: func(string) (io.Writer, error) { return io.Discard, nil },
				})
				if err != nil || stats.RecordsQuarantined > 0 || stats.RecordsRead != p.Records {
					t.Errorf("%s: it is certain that %s takes all records of %s, but: %v, %v", filepath.Base(file), preset, f.Name, err, stats.Reasons)
				}
			}
		}
	}
	t.Logf("%d certain", certain)
	if certain < 3 {
		t.Errorf("only %d are certain", certain)
	}
}
