package conversion_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/conversion"
	"sluice/internal/parquetread"
	"sluice/reason"
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

// recordReasons are the reasons that are not about the value of one column.
var recordReasons = []string{
	"bad_json", "truncated_json", "invalid_utf8", "invalid_unicode", "duplicate_key", "not_object", "not_array",
	"missing_field", "no_rows", "zip_length", "unknown_field", "record_too_large", "too_many_rows", "key_mismatch",
}

// TestErrorsOfEveryReason: each reason to quarantine a record is either about
// the value of a column, and makes it NULL with on_error: null, or is in
// recordReasons, and quarantines the record nevertheless.
func TestErrorsOfEveryReason(t *testing.T) {
	tolerant := strings.ReplaceAll(strings.ReplaceAll(reasonsMapping, ", required: true}", "}"), "}\n", ", on_error: null}\n")
	values := 0
	for _, c := range reasonCases(t) {
		if c.path == "" || c.code == "missing_field" {
			continue
		}
		r := convert(t, parseMapping(t, c.with(tolerant)), strings.NewReader(c.in), conversion.Options{})
		path := strings.Replace(c.path, "currency", "cents", 1) // what is lost is the amount
		switch {
		case slices.Contains(recordReasons, c.code):
			if r.stats.RecordsQuarantined != 1 || r.stats.ValueErrors != nil {
				t.Errorf("%s: %+v, %v", c.code, r.stats, r.err)
			}
			continue
		case !r.accepted() || len(r.stats.ValueErrors) != 1 || r.stats.ValueErrors[reason.Code(c.code)] != 1:
			t.Errorf("%s: %+v, %v", c.code, r.stats, r.err)
			continue
		}
		values++
		last := r.rows[len(r.rows)-1]
		if errors := last[len(last)-1]; !strings.Contains(errors, fmt.Sprintf(`{"reason":%q,"path":%q,`, c.code, path)) {
			t.Errorf("%s: the last row has the errors %s", c.code, errors)
		}
	}
	if values < 15 {
		t.Errorf("%d reasons are about values", values)
	}
}

// TestErrorsDocumented: the example of docs/mapping.md gives the rows that stand
// below it.
func TestErrorsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Values that do not fit\n")
	section, _, _ = strings.Cut(section, "\n- ")
	_, example, _ := strings.Cut(section, "```yaml\n")
	example, table, _ := strings.Cut(example, "```")
	in := regexp.MustCompile("(?m)^\\| `(.*?)` \\|").FindStringSubmatch(table)
	if in == nil {
		t.Fatalf("no document in %s", table)
	}
	r := convert(t, parseMapping(t, example), strings.NewReader(in[1]), conversion.Options{})
	if !r.accepted() {
		t.Fatalf("%v: %+v", r.err, r.stats)
	}
	var got []string
	for _, row := range r.rows {
		for i, cell := range row {
			switch {
			case cell == parquetread.Null:
				row[i] = "NULL"
			case strings.HasPrefix(cell, "{"):
				row[i] = "`" + cell + "`"
			}
		}
		got = append(got, "| | "+strings.Join(row, " | ")+" |")
	}
	_, want, _ := strings.Cut(table, "|---|---|---|---|---|\n")
	if diff := cmp.Diff(strings.TrimSpace(want), strings.Join(got, "\n")); diff != "" {
		t.Errorf("-documented +converted:\n%s", diff)
	}
}
