package conversion_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"sluice/internal/conversion"
)

// TestTimesDocumented: each column of the example of docs/mapping.md reads the
// value that stands behind it, and all of them are on one day.
func TestTimesDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n### Dates and times\n")
	_, section, _ = strings.Cut(section, "```yaml\n")
	example, _, _ := strings.Cut(section, "```")
	document := map[string]json.RawMessage{}
	for _, m := range regexp.MustCompile(`path: \$\.(\w+),.*}\s+# (.*)`).FindAllStringSubmatch(example, -1) {
		value := json.RawMessage(m[2])
		if !json.Valid(value) {
			if value, err = json.Marshal(m[2]); err != nil {
				t.Fatal(err)
			}
		}
		document[m[1]] = value
	}
	in, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	m := parseMapping(t, example)
	r := convert(t, m, strings.NewReader(string(in)), conversion.Options{})
	if r.err != nil || len(document) < 9 || len(document) != len(m.Tables[0].Columns) {
		t.Fatalf("%v: %d values for %d columns", r.err, len(document), len(m.Tables[0].Columns))
	}
	rows := r.rows
	if len(rows) != 1 {
		t.Fatalf("%d rows of %s:\n%s", len(rows), in, r.bad)
	}
	for i, c := range m.Tables[0].Columns {
		if !strings.HasPrefix(rows[0][i], "2019-03-05") {
			t.Errorf("column %s: %s gives %s", c.Name, document[c.Name], rows[0][i])
		}
	}
}
