//go:build corpora

package corpora

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sluice"
	"sluice/internal/parquetread"
	"sluice/mapping"
)

var update = flag.Bool("update", false, "write testdata/i_.golden anew")

const suite = "corpora/JSONTestSuite/test_parsing"

// anyDocument takes a document whole, as one record of one row.
func anyDocument(t *testing.T) *mapping.Mapping {
	return parse(t, `
table: documents
records: ["$"]
columns: [{name: v, path: $, type: json}]
`)
}

// The 95 documents of RFC 8259 are accepted, and come back as they stood.
func TestSuiteAccepted(t *testing.T) {
	// Valid, but which of the two values counts is not defined (RFC 8259
	// section 4); sluice quarantines them, as its docs say.
	twice := []string{"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
	accepted, quarantined := 0, 0
	for _, name := range list(t, 95, suite, "y_*.json") {
		text := read(t, suite, name)
		r := convert(t, anyDocument(t), text)
		switch {
		case slices.Contains(twice, name):
			if r.Outcome != sluice.Quarantine || r.Reasons["duplicate_key"] != 1 || r.RecordsQuarantined != 1 {
				t.Errorf("%s: %s %v, want quarantined as duplicate_key", name, r.Outcome, r.Reasons)
				continue
			}
			quarantined++
		case r.Outcome != sluice.Accept || r.RowsWritten != 1:
			t.Errorf("%s: %s %s %v, %d rows", name, r.Outcome, r.Reason, r.Reasons, r.RowsWritten)
		default:
			want := string(bytes.TrimSpace(text))
			if want == "null" {
				want = parquetread.Null // null is as good as a missing value
			}
			if got := rows(t, r.parquet["documents"].Bytes())[1][0]; got != want {
				t.Errorf("%s: came back as %q, want %q", name, got, want)
				continue
			}
			accepted++
		}
	}
	t.Logf("JSONTestSuite y_: %d/95 accepted, %d with a key twice quarantined", accepted, quarantined)
}

// None of the 188 documents that are not JSON is a clean success.
func TestSuiteRefused(t *testing.T) {
	rejected, quarantined := 0, 0
	for _, name := range list(t, 188, suite, "n_*.json") {
		switch r := convert(t, anyDocument(t), read(t, suite, name)); r.Outcome {
		case sluice.Reject:
			rejected++
		case sluice.Quarantine:
			quarantined++
		default:
			t.Errorf("%s: %s, %d records, %d rows", name, r.Outcome, r.RecordsRead, r.RowsWritten)
		}
	}
	t.Logf("JSONTestSuite n_: %d/188 (%d rejected, %d quarantined)", rejected+quarantined, rejected, quarantined)
}

// What becomes of the 35 documents that RFC 8259 leaves open is written down.
func TestSuiteOpen(t *testing.T) {
	var table strings.Builder
	for _, name := range list(t, 35, suite, "i_*.json") {
		r := convert(t, anyDocument(t), read(t, suite, name))
		fmt.Fprintf(&table, "%s %s", name, r.Outcome)
		if r.Reason != "" {
			fmt.Fprintf(&table, " %s", r.Reason)
		}
		for code := range r.Reasons {
			fmt.Fprintf(&table, " %s", code)
		}
		table.WriteByte('\n')
	}
	const golden = "testdata/i_.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(table.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if table.String() != string(want) {
		t.Errorf("got\n%s\nwant, as %s has it,\n%s", &table, golden, want)
	}
	t.Logf("JSONTestSuite i_: a table of %d", strings.Count(table.String(), "\n"))
}
