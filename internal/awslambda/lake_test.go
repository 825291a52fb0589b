package awslambda

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/setup"
	"sluice/internal/store"
)

// canary stands in every value of the test's orders: nothing may print it.
const canary = "canary@example.com"

// lake is a handler over folders, and all that it prints.
type lake struct {
	*Handler
	t       *testing.T
	dir     string
	catalog *fakeCatalog
	before  func(ctx context.Context, key string) // a source is looked at
	logs    bytes.Buffer
	metrics bytes.Buffer
}

func newLake(t *testing.T) *lake { t.Helper(); return newLakeOf(t, config.Table{}) }

func newLakeOf(t *testing.T, table config.Table) *lake {
	t.Helper()
	l := &lake{t: t, dir: t.TempDir(), catalog: &fakeCatalog{}}
	c := setup.Lake(l.dir)
	if c.Table = table; table.Format != "" {
		c.Source = config.Location{Bucket: "orders", Prefix: c.Source.Prefix}
	}
	s, err := setup.New(t.Context(), c, l.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.Catalog = l.catalog
	source := s.Pipeline.Source
	s.Pipeline.Source = func(bucket string) (store.Store, error) {
		st, err := source(bucket)
		return hooked{st, l}, err
	}
	l.Handler = New(s, slog.New(slog.NewJSONHandler(&l.logs, nil)), &l.metrics)
	t.Cleanup(func() {
		for _, name := range []string{canary, "canary"} {
			if strings.Contains(l.logs.String()+l.metrics.String(), name) {
				t.Errorf("a value of the data was printed:\n%s%s", &l.logs, &l.metrics)
			}
		}
	})
	return l
}

// hooked calls the lake before it looks at a key.
type hooked struct {
	store.Store
	lake *lake
}

func (h hooked) Head(ctx context.Context, key string) (store.Info, error) {
	if h.lake.before != nil {
		h.lake.before(ctx, key)
	}
	if err := ctx.Err(); err != nil {
		return store.Info{}, err
	}
	return h.Store.Head(ctx, key)
}

type fakeCatalog struct {
	mu                  sync.Mutex
	refreshed, followed int
	written             bool // of the tables it was last called with
	pending             bool
	err                 error
}

func (c *fakeCatalog) Refresh(_ context.Context, tables []catalog.Table) (catalog.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refreshed++
	c.written = tables[0].Written
	return catalog.Result{Pending: c.pending}, c.err
}

func (c *fakeCatalog) FollowUp(_ context.Context, tables []catalog.Table) (catalog.Result, error) {
	c.followed++
	c.written = tables[0].Written
	return catalog.Result{}, nil
}

// put stores a source object in bucket orders, of a fixed time, as it is part
// of the output's name.
func (l *lake) put(key, content string) {
	l.t.Helper()
	putFile(l.t, filepath.Join(l.dir, "orders", "raw_orders_data", key), content)
}

func putFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2024, 1, 10, 8, 30, 0, 0, time.UTC)
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

// orders are n orders of two products each.
func orders(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"order_id":%d,"order_date":"2024-01-10","total_amount":50.50,
			"customer":{"customer_id":1,"name":%q,"email":%q,"address":%q},
			"products":[{"product_id":1,"name":%[2]q,"category":"c","price":25.25,"quantity":1},
			            {"product_id":2,"name":%[2]q,"category":"c","price":25.25,"quantity":1}]}`, i, canary, canary, canary))
	}
	return "[" + strings.Join(list, ",") + "]"
}

// outputs are the published files by name.
func outputs(t *testing.T, sink string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(sink, "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = string(data)
	}
	return files
}

func (l *lake) outputs() map[string]string {
	l.t.Helper()
	return outputs(l.t, filepath.Join(l.dir, "orders_data_parquet"))
}

// created is an S3 record saying that key was created with size bytes.
func created(bucket, key string, size int) string {
	return fmt.Sprintf(`{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put",
		"s3":{"bucket":{"name":%q},"object":{"key":%q,"size":%d}}}`, bucket, "raw_orders_data/"+key, size)
}

func records(r ...string) json.RawMessage {
	return json.RawMessage(`{"Records":[` + strings.Join(r, ",") + `]}`)
}

// message is a record of SQS.
func message(id, body string) string {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"messageId":%q,"eventSource":"aws:sqs","body":%s}`, id, text)
}

// answerJSON is the answer as Lambda sends it.
func answerJSON(t *testing.T, answer any) string {
	t.Helper()
	data, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
