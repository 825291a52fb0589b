package awslambda

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The binary that is deployed, driven by a server that speaks the Runtime API.

// build builds the bootstrap for this machine. Without further flags it has the
// settings of the test itself but for the tag, so that what was compiled for the
// test serves here.
func build(t testing.TB, flags ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.Command("go", append([]string{"build", "-tags", "lambda.norpc", "-o", name}, append(flags, "sluice/cmd/sluice-lambda")...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the bootstrap: %v\n%s", err, out)
	}
	return name
}

// runtimeAPI is Lambda's side: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
type runtimeAPI struct {
	*httptest.Server
	events  chan string
	replies chan reply
	timeout time.Duration // of the function
}

// reply is what the function posts: the part of the path behind "runtime/", and the body.
type reply struct{ path, body string }

const runtimePath = "/2018-06-01/runtime/"

func newRuntimeAPI(t *testing.T) *runtimeAPI {
	api := &runtimeAPI{events: make(chan string, 10), replies: make(chan reply, 10), timeout: time.Minute}
	n := 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimePath+"invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case event := <-api.events:
			n++
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprintf("request-%d", n))
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(api.timeout).UnixMilli()))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:sluice")
			io.WriteString(w, event)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST "+runtimePath, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
		api.replies <- reply{strings.TrimPrefix(r.URL.Path, runtimePath), string(body)}
	})
	api.Server = httptest.NewServer(mux)
	t.Cleanup(api.Close)
	return api
}

// start runs the bootstrap with a configuration in the environment. wait
// returns its exit code and all that it printed.
func (api *runtimeAPI) start(t *testing.T, bootstrap string, env ...string) (kill func(), wait func() (int, string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, bootstrap)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Dir = t.TempDir()
	cmd.Env = append(env, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(api.URL, "http://"), "AWS_LAMBDA_FUNCTION_NAME=sluice", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cancel, func() (int, string) {
		cmd.Wait()
		cancel()
		return cmd.ProcessState.ExitCode(), out.String()
	}
}

func (api *runtimeAPI) reply(t *testing.T) reply {
	t.Helper()
	select {
	case r := <-api.replies:
		return r
	case <-time.After(30 * time.Second):
		t.Fatal("the bootstrap does not answer")
		return reply{}
	}
}

func TestBootstrap(t *testing.T) {
	bootstrap := build(t)
	t.Run("invocations", func(t *testing.T) {
		dir := t.TempDir()
		raw := filepath.Join(dir, "raw_orders_data")
		putFile(t, filepath.Join(raw, "a.json"), orders(2))
		putFile(t, filepath.Join(raw, "b.json"), orders(3))
		api := newRuntimeAPI(t)
		kill, wait := api.start(t, bootstrap, "SLUICE_SOURCE="+raw)
		defer kill()
		want := func(path, part string) {
			t.Helper()
			if r := api.reply(t); r.path != path || !strings.Contains(r.body, part) {
				t.Errorf("%s got %s, want %s with %s", r.path, r.body, path, part)
			}
		}
		api.events <- string(records(message("good", `{"key":"a.json"}`), message("missing", `{"key":"x.json"}`)))
		want("invocation/request-1/response", `{"batchItemFailures":[{"itemIdentifier":"missing"}]}`)
		api.events <- `{"key":"b.json"}`
		want("invocation/request-2/response", "null")
		api.events <- `{"key":"b.json"}` // again
		want("invocation/request-3/response", "null")
		api.events <- `{"key":"x.json"}`
		want("invocation/request-4/error", "no such object")
		api.events <- `{"bucket":"other","key":"a.json"}` // S3 is not asked: no configuration names it
		want("invocation/request-5/error", "it is a folder")
		api.events <- `no JSON`
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
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"no source":          {nil, "source is missing"},
		"sink in source":     {[]string{"SLUICE_SOURCE=s3://b/raw/", "SLUICE_SINK=s3://b/raw/out/"}, "lies under source"},
		"no such file":       {[]string{"SLUICE_CONFIG=missing.yaml"}, "missing.yaml"},
		"keys neither nor":   {[]string{"SLUICE_SOURCE=s3://b/raw/", "SLUICE_LOG_KEYS=no"}, "SLUICE_LOG_KEYS"},
		"glue needs a name ": {[]string{"SLUICE_SOURCE=s3://b/raw/", "SLUICE_CATALOG=glue"}, "catalog.database is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			api := newRuntimeAPI(t)
			_, wait := api.start(t, bootstrap, c.env...)
			code, out := wait()
			if code != 1 || strings.Count(out, "\n") != 1 || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want 1 and one line with %q; got\n%s", code, c.want, out)
			}
			if r := api.reply(t); r.path != "init/error" || !strings.Contains(r.body, c.want) {
				t.Errorf("%s got %s", r.path, r.body)
			}
		})
	}
}
