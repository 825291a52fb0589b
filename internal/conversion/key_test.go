package conversion_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sluice/internal/conversion"
	"sluice/internal/rejection"
	"sluice/reason"
)

// Each row has the parts of the key, whichever thread reads it, and the bytes
// are the same.
func TestKeyThreads(t *testing.T) {
	m := parseMapping(t, `
key: "raw/{shop}/{n}/*"
table: t
columns:
  - {name: id, path: $.id, type: int64}
  - {name: shop, key: shop, type: string}
  - {name: n, key: n, type: int32}
`)
	var in strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&in, "{\"id\":%d,\"more\":\"%032d\"}\n", i, i)
	}
	var first []byte
	for _, threads := range []int{1, 2, 5} {
		r := convert(t, m, strings.NewReader(in.String()), conversion.Options{
			Threads: threads, Source: "raw/berlin/7/a", Quarantine: &bytes.Buffer{}, RowGroupBytes: 64 << 10, RowGroupRows: 5000,
		})
		if r.err != nil || len(r.rows) != 20_000 {
			t.Fatalf("%d threads: %d rows, error %v", threads, len(r.rows), r.err)
		}
		for i, row := range r.rows {
			if want := []string{fmt.Sprint(i), "berlin", "7"}; !slices.Equal(row, want) {
				t.Fatalf("%d threads, row %d: %q, want %q", threads, i, row, want)
			}
		}
		if first == nil {
			first = r.parquet
		}
		if !bytes.Equal(first, r.parquet) {
			t.Errorf("%d threads: other bytes", threads)
		}
	}
}

// A key that is not UTF-8 has no text that a column could hold.
func TestKeyNotUTF8(t *testing.T) {
	m := parseMapping(t, `
key: "raw/{shop}/*"
table: t
columns:
  - {name: id, path: $.id, type: int64}
`)
	for source, want := range map[string]reason.Code{"raw/b\xff/a": reason.KeyMismatch, "raw/b\ufffd/a": ""} {
		r := convert(t, m, strings.NewReader(`{"id":1}`), conversion.Options{Source: source})
		var code reason.Code
		if reject, ok := errors.AsType[*rejection.Error](r.err); ok {
			code = reject.Code
		}
		if code != want {
			t.Errorf("key %q: %v, want %q", source, r.err, want)
		}
	}
}

// TestKeyDocumented: the example of docs/mapping.md gives what stands there.
func TestKeyDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Columns from the source key\n")
	_, section, _ = strings.Cut(section, "```yaml\n")
	example, section, _ := strings.Cut(section, "```\n")
	quoted := strings.Split(section, "`") // text, document, text, key
	_, table, _ := strings.Cut(section, "|---|---|---|\n")
	row, _, _ := strings.Cut(table, "\n")
	r := convert(t, parseMapping(t, example), strings.NewReader(quoted[1]), conversion.Options{Source: quoted[3]})
	if r.err != nil || len(r.rows) != 1 || "| "+strings.Join(r.rows[0], " | ")+" |" != row {
		t.Errorf("%s in %s gives %q (%v), not %s", quoted[1], quoted[3], r.rows, r.err, row)
	}
}
