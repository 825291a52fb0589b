package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// run runs the command in this process.
func run(t *testing.T, ctx context.Context, in io.Reader, args ...string) (code int, out, errw string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Main(ctx, args, func(string) string { return "" }, in, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func order(fields, product string) string {
	return `{"order_id":1,"order_date":"2024-01-10","customer":{"customer_id":1}` + fields +
		`,"products":[{"product_id":1,"quantity":1,` + product + `}]}`
}

var statsNames = []string{
	"records_read", "records_committed", "records_quarantined", "records_skipped", "rows_written", "sums", "record_sums", "elements_skipped", "rows_filtered",
	"bytes_read", "bytes_written", "drift", "drift_rest", "unknown_fields", "value_errors", "outcome", "reason", "reasons",
}

func keys(t *testing.T, object []byte) []string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal(object, &m); err != nil {
		t.Fatalf("%v in %s", err, object)
	}
	return slices.Sorted(maps.Keys(m))
}

func sorted(names ...string) []string { slices.Sort(names); return names }

// The names of the report are a contract, for one input and for several.
func TestReportNames(t *testing.T) {
	dir := t.TempDir()
	a := write(t, dir, "a.json", "["+order("", `"price":1`)+","+order("", `"price":"x"`)+"]")
	b := write(t, dir, "b.json", "["+order("", `"price":1`)+"]")
	absent := filepath.Join(dir, "absent.json")

	code, out, _ := run(t, t.Context(), nil, "convert", a, "-o", filepath.Join(dir, "a.parquet"), "--report", "json")
	if code != exitQuarantined {
		t.Errorf("exit code %d, want %d", code, exitQuarantined)
	}
	if diff := cmp.Diff(sorted(append([]string{"input", "output", "quarantine", "mapping", "mapping_sha256"}, statsNames...)...), keys(t, []byte(out))); diff != "" {
		t.Errorf("names of one input (-want +got):\n%s", diff)
	}
	if strings.Count(out, "\n") != 1 {
		t.Errorf("want one line, got %q", out)
	}

	code, out, _ = run(t, t.Context(), nil, "convert", a, b, absent, "-o", filepath.Join(dir, "out"), "--report", "json")
	if code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	if diff := cmp.Diff(sorted(append([]string{"files", "error", "mapping", "mapping_sha256"}, statsNames...)...), keys(t, []byte(out))); diff != "" {
		t.Errorf("names of several inputs (-want +got):\n%s", diff)
	}
	var got struct {
		Read      int64            `json:"records_read"`
		Committed int64            `json:"records_committed"`
		Rows      int64            `json:"rows_written"`
		Reasons   map[string]int64 `json:"reasons"`
		Outcome   string           `json:"outcome"`
		Error     string           `json:"error"`
		Files     []struct {
			Input, Output, Quarantine, Outcome, Error string
			Reasons                                   map[string]int64
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Read != 3 || got.Committed != 2 || got.Rows != 2 || len(got.Reasons) != 1 || got.Outcome != "" || got.Error != "1 of 3 inputs failed or were rejected" {
		t.Errorf("totals: %+v", got)
	}
	if len(got.Files) != 3 {
		t.Fatalf("%d files in the report", len(got.Files))
	}
	for i, want := range []struct{ input, output, quarantine, outcome string }{
		{a, filepath.Join(dir, "out", "a.parquet"), filepath.Join(dir, "out", "a.quarantine.ndjson"), "quarantine"},
		{b, filepath.Join(dir, "out", "b.parquet"), "", "accept"},
		{absent, "", "", ""},
	} {
		f := got.Files[i]
		if f.Input != want.input || f.Output != want.output || f.Quarantine != want.quarantine || f.Outcome != want.outcome {
			t.Errorf("file %d: got %+v, want %+v", i, f, want)
		}
		if f.Reasons == nil {
			t.Errorf("file %d: reasons is null", i)
		}
		if (f.Error != "") != (want.outcome == "") {
			t.Errorf("file %d: error %q", i, f.Error)
		}
	}
}

// What a field holds is never told by an error, a summary or a report.
func TestNoFieldValueIsTold(t *testing.T) {
	const canary = "canary-7f3a"
	good := order("", `"price":1`)
	for name, text := range map[string]string{
		"wrong number":      "[" + order("", `"price":"`+canary+`"`) + "]",
		"wrong date":        `[{"order_id":1,"order_date":"` + canary + `","customer":{"customer_id":1},"products":[{"product_id":1,"price":1,"quantity":1}]}]`,
		"wrong type":        "[" + order(`,"total_amount":{"a":"`+canary+`"}`, `"price":1`) + "]",
		"duplicate key":     "[" + order(`,"total_amount":1,"total_amount":"`+canary+`"`, `"price":1`) + "]",
		"lone surrogate":    "[" + order("", `"price":1,"name":"`+canary+`\ud800"`) + "]",
		"invalid UTF-8":     "[" + order("", `"price":1,"name":"`+canary+"\xff\"") + "]",
		"unknown field":     "[" + order(`,"nickname":"`+canary+`"`, `"price":1`) + "]",
		"bad line":          good + "\n{\"order_id\":\"" + canary + "\",oops}\n" + good + "\n",
		"truncated":         "[" + good + `,{"order_id":"` + canary,
		"syntax":            "[" + good + `,{"order_id":"` + canary + `" "x":1}]`,
		"not JSON":          canary,
		"trailing data":     "[" + good + "] " + canary,
		"no records":        `{"nickname":"` + canary + `"}`,
		"scalar":            `"` + canary + `"`,
		"literal":           "[" + order("", `"price":tru`+canary) + "]",
		"raw control":       "[" + order("", `"price":1,"name":"`+canary+"\x01\"") + "]",
		"changed held line": `{"sluice_quarantine":1,"reason":"` + canary + `","raw":12}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			in, out := write(t, dir, "in.json", text), filepath.Join(dir, "out.parquet")
			for _, args := range [][]string{
				{"convert", in, "-o", out},
				{"convert", in, "-o", out, "--report", "json"},
				{"convert", in, in + "absent", "-o", filepath.Join(dir, "out")},
				{"convert", in, "-o", os.DevNull},
			} {
				_, stdout, stderr := run(t, t.Context(), nil, args...)
				if stdout+stderr == "" {
					t.Errorf("%v: nothing was told", args)
				}
				if strings.Contains(stdout+stderr, canary) {
					t.Errorf("%v told the value:\n%s%s", args, stdout, stderr)
				}
			}
			if _, _, stderr := run(t, t.Context(), nil, "mapping", "preview", in); strings.Contains(stderr, canary) {
				t.Errorf("preview told the value as an error:\n%s", stderr)
			}
		})
	}
}

// An interrupt ends a command that waits for its input, and leaves nothing.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	older := write(t, dir, "out.parquet", "older")
	ctx, cancel := context.WithCancel(t.Context())
	in, feed := io.Pipe()
	defer feed.Close()
	go func() {
		io.WriteString(feed, "["+order("", `"price":1`)+",")
		cancel()
	}()
	code, stdout, stderr := run(t, ctx, in, "convert", "-o", older)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "interrupted; nothing was committed") {
		t.Errorf("exit code %d, standard output %q, standard error %q", code, stdout, stderr)
	}
	if left := list(t, dir); !slices.Equal(left, []string{"out.parquet"}) {
		t.Errorf("the folder holds %v", left)
	}
	if text, err := os.ReadFile(older); err != nil || string(text) != "older" {
		t.Errorf("the older output holds %q, %v", text, err)
	}

	// Of several inputs none is begun any more.
	a, b := write(t, dir, "a.json", "[]"), write(t, dir, "b.json", "[]")
	code, _, _ = run(t, ctx, nil, "convert", a, b, "-o", filepath.Join(dir, "many"))
	if _, err := os.Stat(filepath.Join(dir, "many")); code != exitFailed || !os.IsNotExist(err) {
		t.Errorf("exit code %d, and the folder: %v", code, err)
	}
	code, _, _ = run(t, ctx, nil, "demo", "--dir", filepath.Join(dir, "demo"))
	if _, err := os.Stat(filepath.Join(dir, "demo")); code != exitFailed || !os.IsNotExist(err) {
		t.Errorf("demo: exit code %d, and its folder: %v", code, err)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
