package conversion_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"sluice/internal/conversion"
	"sluice/internal/parquetread"
)

// TestTimesDocumented: each column of the example of docs/mapping.md reads the
// value that is written after it, and all of them are on one day.
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

// section is the part of docs/mapping.md under a heading, and blocks are the
// blocks in it.
func section(t *testing.T, heading string) (text string, blocks []string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	level := "\n## "
	if strings.Contains(string(page), "\n### "+heading+"\n") {
		level = "\n### "
	}
	_, text, found := strings.Cut(string(page), level+heading+"\n")
	if !found {
		t.Fatalf("docs/mapping.md has no section %s", heading)
	}
	text, _, _ = strings.Cut(text, level)
	for _, m := range regexp.MustCompile("(?s)```[a-z]*\n(.*?)```").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, m[1])
	}
	return text, blocks
}

// TestRowsDocumented: the rows of the examples are those that they show.
func TestRowsDocumented(t *testing.T) {
	for _, heading := range []string{"Texts", "Lists", "Arrays side by side", "Elements by a value", "JSON in strings"} {
		_, blocks := section(t, heading)
		m := parseMapping(t, blocks[0])
		r := convert(t, m, strings.NewReader(blocks[1]), conversion.Options{})
		if r.err != nil {
			t.Fatal(r.err)
		}
		var got strings.Builder
		for _, row := range r.rows {
			for i, c := range m.Tables[0].Columns {
				row[i] = c.Name + "=" + strings.ReplaceAll(row[i], parquetread.Null, "NULL")
			}
			got.WriteString(strings.Join(row, " ") + "\n")
		}
		if got.String() != blocks[2] {
			t.Errorf("the example of %s gives\n%s", heading, got.String())
		}
	}
}

// TestNumbersDocumented: a column takes what the table of formats says that it
// takes, and no more.
func TestNumbersDocumented(t *testing.T) {
	text, _ := section(t, "Numbers as people write them")
	numbers := regexp.MustCompile("`([^`]+)`")
	tried := 0
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if !strings.HasPrefix(line, "| `\"") || len(cells) != 7 {
			continue
		}
		format := numbers.FindStringSubmatch(cells[1])[1]
		m := parseMapping(t, "table: t\nlimits: {quarantine_share: 1}\ncolumns: [{name: n, path: $.n, type: \"decimal(38,10)\", format: "+format+"}]")
		for _, is := range []struct {
			cell  string
			taken bool
		}{{cells[4], true}, {cells[5], false}} {
			for _, n := range numbers.FindAllStringSubmatch(is.cell, -1) {
				tried++
				r := convert(t, m, strings.NewReader(`{"n":"`+n[1]+`"}`), conversion.Options{})
				if r.err != nil || (r.stats.RecordsCommitted == 1) != is.taken {
					t.Errorf("format %s: %s: %v, %+v", format, n[1], r.err, r.stats)
				}
			}
		}
	}
	if tried < 16 {
		t.Errorf("only %d numbers were found", tried)
	}
}
