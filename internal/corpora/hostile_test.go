//go:build corpora

package corpora

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice/internal/cli"
)

// hostileCase is an entry of cases.json.
type hostileCase struct {
	File        string
	Outcome     string
	Rows        int64 `json:"n_rows"`
	Quarantined int64 `json:"n_quarantined"`
}

func hostileCases(t *testing.T) []hostileCase {
	t.Helper()
	var cases []hostileCase
	if err := json.Unmarshal(read(t, "fixtures/hostile/cases.json"), &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 100 {
		t.Fatalf("cases.json has %d cases only", len(cases))
	}
	return cases
}

// Every hostile file has the outcome, counts and exit code it must have, a
// reject leaves no output, and no report contains a value of the file.
func TestHostile(t *testing.T) {
	exitCodes := map[string]int{"accept": 0, "reject": 1, "quarantine": 3}
	cases := hostileCases(t)
	passed := 0
	for _, c := range cases {
		ok := t.Run(c.File, func(t *testing.T) {
			dir := t.TempDir()
			input, err := filepath.Abs(filepath.Join(shared, "fixtures/hostile/files", c.File))
			if err != nil {
				t.Fatal(err)
			}
			output := filepath.Join(dir, "out.parquet")

			code, report, told := command(t, "convert", "-m", "orders", input, "-o", output, "--report", "json")
			var got struct {
				Outcome     string
				Rows        int64 `json:"rows_written"`
				Read        int64 `json:"records_read"`
				Committed   int64 `json:"records_committed"`
				Quarantined int64 `json:"records_quarantined"`
				Skipped     int64 `json:"records_skipped"`
				Reason      string
			}
			if err := json.Unmarshal([]byte(report), &got); err != nil {
				t.Fatalf("report: %v", err)
			}
			if got.Outcome != c.Outcome || got.Rows != c.Rows || got.Quarantined != c.Quarantined || code != exitCodes[c.Outcome] {
				t.Errorf("%s, %d rows, %d quarantined, exit code %d, reason %q\nwant %s, %d rows, %d quarantined, exit code %d",
					got.Outcome, got.Rows, got.Quarantined, code, got.Reason, c.Outcome, c.Rows, c.Quarantined, exitCodes[c.Outcome])
			}
			if got.Read != got.Committed+got.Quarantined+got.Skipped {
				t.Errorf("conservation: %+v", got)
			}
			want := map[string][]string{
				"accept":     {"out.parquet"},
				"quarantine": {"out.parquet", "out.quarantine.ndjson"},
			}[got.Outcome]
			if left := folder(t, dir); !slices.Equal(left, want) {
				t.Errorf("%s left %v, want %v", got.Outcome, left, want)
			}
			if got.Outcome != "reject" {
				data, err := os.ReadFile(output)
				if err != nil {
					t.Fatal(err)
				}
				if n := len(rows(t, data)) - 1; int64(n) != c.Rows {
					t.Errorf("the file holds %d rows, want %d", n, c.Rows)
				}
			}

			_, text, toldText := command(t, "convert", "-m", "orders", input, "-o", filepath.Join(dir, "again.parquet"))
			for _, value := range personal(t, input) {
				for _, s := range []string{report, told, text, toldText} {
					if strings.Contains(s, value) {
						t.Errorf("a value of the file is told: %q", s)
					}
				}
			}
		})
		if ok {
			passed++
		}
	}
	t.Logf("hostile: %d/%d", passed, len(cases))
}

func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errw bytes.Buffer
	code = cli.Main(t.Context(), args, func(string) string { return "" }, nil, &out, &errw)
	return code, out.String(), errw.String()
}

func folder(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

var member = regexp.MustCompile(`"(name|email|address|category)" ?: ?"((?:[^"\\]|\\.){5,})"`)

// personal are the names, addresses and the like that a file holds.
func personal(t *testing.T, name string) (values []string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
		// A cut file gives what it still holds.
		plain, _ := io.ReadAll(io.LimitReader(z, 1<<20))
		data = append(data, plain...)
	}
	for _, m := range member.FindAllSubmatch(data, -1) {
		values = append(values, string(m[2]))
	}
	slices.Sort(values)
	return slices.Compact(values)
}
