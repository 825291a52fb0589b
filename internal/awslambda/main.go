package awslambda

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/config"
	"sluice/internal/setup"
)

// A Server answers invocations with handle until Lambda ends the environment.
type Server func(ctx context.Context, handle func(context.Context, json.RawMessage) (any, error))

// Main is the program in the function: it opens everything once and then
// serves. It returns, with an exit code, only if the configuration is wrong.
func Main(ctx context.Context, getenv func(string) string, stdout, stderr io.Writer, serve Server) int {
	h, err := open(ctx, getenv, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "sluice-lambda:", err)
		reportInit(ctx, getenv("AWS_LAMBDA_RUNTIME_API"), err)
		return 1
	}
	serve(ctx, h.Handle)
	return 0
}

func open(ctx context.Context, getenv func(string) string, stdout io.Writer) (*Handler, error) {
	keys := getenv("SLUICE_LOG_KEYS")
	if keys != "" && keys != "plain" && keys != "hash" {
		return nil, fmt.Errorf("SLUICE_LOG_KEYS: %q; use plain or hash", keys)
	}
	c, err := config.Load(getenv("SLUICE_CONFIG"), getenv)
	if err != nil {
		return nil, err
	}
	s, err := setup.New(ctx, c, "", func(context.Context) (aws.Config, error) { return environment(getenv), nil })
	if err != nil {
		return nil, err
	}
	if err := handOver(s, getenv); err != nil {
		s.Close()
		return nil, err
	}
	// The names that Lambda's own JSON log uses.
	log := slog.New(slog.NewJSONHandler(stdout, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr}))
	h := New(s, log, stdout)
	h.HashKeys = keys == "hash"
	return h, nil
}

// reportInit tells Lambda why the function cannot start
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). The invoker
// gets this as the error. If reporting fails, nothing else is done: the log has
// the cause.
func reportInit(ctx context.Context, api string, cause error) {
	body, err := json.Marshal(map[string]string{"errorType": "ConfigurationError", "errorMessage": cause.Error()})
	if err != nil || api == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+api+"/2018-06-01/runtime/init/error", bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Lambda-Runtime-Function-Error-Type", "Runtime.ConfigurationError")
	if res, err := http.DefaultClient.Do(req); err == nil {
		res.Body.Close()
	}
}
