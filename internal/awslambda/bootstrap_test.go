package awslambda

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/awslambda/runtimetest"
)

// The binary that is deployed, driven by a server that speaks the Runtime API.

// build builds the bootstrap for this machine, with the settings of the test
// itself but for the tag, so that what was compiled for the test serves here.
func build(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bootstrap")
	if out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", name, "sluice/cmd/sluice-lambda").CombinedOutput(); err != nil {
		t.Fatalf("build the bootstrap: %v\n%s", err, out)
	}
	return name
}

func TestBootstrap(t *testing.T) {
	bootstrap := build(t)
	t.Run("invocations", func(t *testing.T) {
		dir := t.TempDir()
		raw := filepath.Join(dir, "raw_orders_data")
		putFile(t, filepath.Join(raw, "a.json"), orders(2))
		putFile(t, filepath.Join(raw, "b.json"), orders(3))
		api := runtimetest.New(t)
		kill, wait := api.Start(t, bootstrap, "SLUICE_SOURCE="+raw)
		defer kill()
		want := func(path, part string) {
			t.Helper()
			if r := api.Reply(t); r.Path != path || !strings.Contains(r.Body, part) {
				t.Errorf("%s got %s, want %s with %s", r.Path, r.Body, path, part)
			}
		}
		api.Events <- string(records(message("good", `{"key":"a.json"}`), message("missing", `{"key":"x.json"}`)))
		want("invocation/request-1/response", `{"batchItemFailures":[{"itemIdentifier":"missing"}]}`)
		api.Events <- `{"key":"b.json"}`
		want("invocation/request-2/response", "null")
		api.Events <- `{"key":"b.json"}` // again
		want("invocation/request-3/response", "null")
		api.Events <- `{"key":"x.json"}`
		want("invocation/request-4/error", "no such object")
		api.Events <- `{"bucket":"other","key":"a.json"}` // S3 is not asked: no configuration names it
		want("invocation/request-5/error", "it is a folder")
		api.Events <- `no JSON`
		want("invocation/request-6/error", "errorMessage")
		kill()
		_, out := wait()
		if n := len(outputs(t, filepath.Join(dir, "orders_data_parquet"))); n != 2 {
			t.Errorf("%d files, want 2", n)
		}
		if strings.Contains(out, "canary") {
			t.Errorf("a value of the data was printed:\n%s", out)
		}
		lines := 0
		for line := range strings.Lines(out) {
			var v struct {
				Message, RequestID string
				AWS                json.RawMessage `json:"_aws"`
			}
			if json.Unmarshal([]byte(line), &v) != nil {
				continue // of the runtime's own log
			}
			if v.AWS != nil {
				lines++
			}
			if (v.Message != "" || v.AWS != nil) && v.RequestID == "" {
				t.Errorf("a line without the id of the request: %s", line)
			}
		}
		if lines != 5 { // what is no JSON does not reach the handler
			t.Errorf("%d lines of metrics:\n%s", lines, out)
		}
	})
	t.Run("tables", func(t *testing.T) {
		const n = 2000
		dir := t.TempDir()
		raw := filepath.Join(dir, "raw_orders_data")
		messages := []string{message("missing", `{"key":"x.json"}`)}
		for i := range n {
			name := fmt.Sprintf("%04d.json", i)
			putFile(t, filepath.Join(raw, name), orders(1))
			messages = append(messages, message(name, fmt.Sprintf(`{"key":%q}`, name)))
		}
		api := runtimetest.New(t)
		kill, wait := api.Start(t, bootstrap, "SLUICE_SOURCE="+raw, "SLUICE_TABLE=iceberg")
		defer kill()
		for range 2 {
			api.Events <- string(records(messages...))
			if r := api.Reply(t); !strings.HasSuffix(r.Path, "/response") || r.Body != `{"batchItemFailures":[{"itemIdentifier":"missing"}]}` {
				t.Errorf("%s got %s", r.Path, r.Body)
			}
		}
		kill()
		_, out := wait()
		for _, want := range []string{`"committed":2000,`, `"duplicates":2000,`, `"snapshots":1`, `"snapshots":0`} {
			if !strings.Contains(out, want) {
				t.Errorf("the output lacks %s", want)
			}
		}
		files, err := filepath.Glob(filepath.Join(dir, "orders_data_parquet", "order_lines", "data", "*"))
		if err != nil || len(files) != 1 {
			t.Errorf("%d data files, want 1", len(files))
		}
	})
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"no source":          {nil, "source is missing"},
		"sink in source":     {[]string{"SLUICE_SOURCE=s3://b/raw/", "SLUICE_SINK=s3://b/raw/out/"}, "is inside source"},
		"no such file":       {[]string{"SLUICE_CONFIG=missing.yaml"}, "missing.yaml"},
		"keys neither nor":   {[]string{"SLUICE_SOURCE=s3://b/raw/", "SLUICE_LOG_KEYS=no"}, "SLUICE_LOG_KEYS"},
		"glue needs a name ": {[]string{"SLUICE_SOURCE=s3://b/raw/", "SLUICE_CATALOG=glue"}, "catalog.database is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			api := runtimetest.New(t)
			_, wait := api.Start(t, bootstrap, c.env...)
			code, out := wait()
			if code != 1 || strings.Count(out, "\n") != 1 || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want 1 and one line with %q; got\n%s", code, c.want, out)
			}
			if r := api.Reply(t); r.Path != "init/error" || !strings.Contains(r.Body, c.want) {
				t.Errorf("%s got %s", r.Path, r.Body)
			}
		})
	}
}
