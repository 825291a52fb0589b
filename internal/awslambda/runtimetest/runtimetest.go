// Package runtimetest is Lambda's side of the Runtime API, for tests that drive
// a bootstrap as Lambda does:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
package runtimetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// API hands events to one function, one after another.
type API struct {
	*httptest.Server
	Events  chan string
	Timeout time.Duration // of the function

	replies chan Reply
}

// Reply is what the function posts: the part of the path after "runtime/", and
// the body.
type Reply struct{ Path, Body string }

const runtimePath = "/2018-06-01/runtime/"

// New starts the API. The requests are numbered: request-1, request-2 …
func New(t testing.TB) *API {
	api := &API{Events: make(chan string, 10), replies: make(chan Reply, 10), Timeout: time.Minute}
	n := 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimePath+"invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case event := <-api.Events:
			n++
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprintf("request-%d", n))
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(api.Timeout).UnixMilli()))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:sluice")
			io.WriteString(w, event) //nolint:errcheck // a function that is gone does not answer, which the test sees
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST "+runtimePath, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
		api.replies <- Reply{strings.TrimPrefix(r.URL.Path, runtimePath), string(body)}
	})
	api.Server = httptest.NewServer(mux)
	t.Cleanup(api.Close)
	return api
}

// Start runs the bootstrap with a configuration in the environment. wait
// returns its exit code and all that it printed.
func (api *API) Start(t testing.TB, bootstrap string, env ...string) (kill func(), wait func() (int, string)) {
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
		cmd.Wait() //nolint:errcheck // it is killed, or its exit code says why it ended
		cancel()
		return cmd.ProcessState.ExitCode(), out.String()
	}
}

// Reply is the function's next answer.
func (api *API) Reply(t testing.TB) Reply {
	t.Helper()
	select {
	case r := <-api.replies:
		return r
	case <-time.After(30 * time.Second):
		t.Fatal("the bootstrap does not answer")
		return Reply{}
	}
}
