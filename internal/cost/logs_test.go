package cost

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"sluice/internal/awslambda"
	"sluice/internal/setup"
)

// The log of the function and its metrics have the sizes and the number that
// the model prices.
func TestLogs(t *testing.T) {
	const objects = 20
	dir := t.TempDir()
	raw := filepath.Join(dir, "orders", "raw_orders_data", "2024", "01", "10")
	if err := os.MkdirAll(raw, 0o777); err != nil {
		t.Fatal(err)
	}
	type object struct {
		Bucket string `json:"bucket"`
		Key    string `json:"key"`
	}
	var event []object
	for i := range objects {
		name := fmt.Sprintf("orders-%08d.json", i)
		if err := os.WriteFile(filepath.Join(raw, name), distinct(1000), 0o600); err != nil {
			t.Fatal(err)
		}
		event = append(event, object{"orders", "raw_orders_data/2024/01/10/" + name})
	}
	c := setup.Lake(dir)
	c.Source.Bucket, c.Source.Dir = "orders", ""
	s, err := setup.New(t.Context(), c, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	data, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	var log, emf bytes.Buffer
	h := awslambda.New(s, slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr})), &emf)
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd"})
	sum, _, err := h.Invoke(ctx, data)
	if err != nil || sum.Stats.RowsWritten == 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	lines := bytes.Split(bytes.TrimSpace(log.Bytes()), []byte("\n"))
	perObject, rest := 0.0, float64(emf.Len())
	for _, line := range lines {
		if bytes.Contains(line, []byte(`"object processed"`)) {
			perObject += float64(len(line)+1) / objects
		} else {
			rest += float64(len(line) + 1)
		}
	}
	near(t, "bytes of log for an object", perObject, logPerObject)
	near(t, "bytes of log for an invocation", rest, logPerInvocation)

	var line struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Dimensions [][]string
				Metrics    []any
			}
		} `json:"_aws"`
	}
	if err := json.Unmarshal(emf.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range line.AWS.CloudWatchMetrics {
		n += len(d.Metrics) * len(d.Dimensions)
	}
	if n+1 != metrics { // the model has that of duplicates too
		t.Errorf("%d metrics, the model prices %d", n, metrics)
	}
}

// near allows for names that are longer or shorter.
func near(t *testing.T, what string, got, model float64) {
	t.Helper()
	if math.Abs(got-model) > 0.1*model {
		t.Errorf("%s: %.0f, the model has %.0f", what, got, model)
	}
}
