package cost

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/internal/catalog"
	"sluice/internal/catalog/gluecrawler"
	"sluice/internal/event"
	"sluice/internal/glue"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/servertest"
	"sluice/internal/store"
	"sluice/internal/store/dirstore"
	"sluice/internal/store/s3store"
	"sluice/mapping"
)

// The calls that the model prices are those that the pipeline makes: here they
// are counted on their way to a bucket, with the parts of the default
// configuration.
func TestRequests(t *testing.T) {
	count := &counter{}
	testRequests(t, count, newBucket(t, count))
}

// The same with a real S3 server.
func TestRequestsVersitygw(t *testing.T) {
	server := servertest.Versitygw(t)
	count := &counter{}
	counted := *server
	counted.Endpoint = count.proxy(t, server.Endpoint)
	testRequests(t, count, counted.Store(t, server.Bucket(t, true), s3store.Config{}))
}

func testRequests(t *testing.T, count *counter, s store.Store) {
	p := newPipeline(t, s)
	for _, c := range []struct {
		name  string
		bytes int // of the source, about
	}{
		{"small", 1000},
		{"two parts", 10 << 20},
		{"output in parts", 40 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			key := "raw/" + strings.ReplaceAll(c.name, " ", "-") + ".ndjson"
			info, err := store.Put(t.Context(), s, key, distinct(c.bytes), store.CreateOptions{}, store.Unconditional())
			if err != nil {
				t.Fatal(err)
			}
			count.reset()
			r, err := p.Process(t.Context(), "orders", key)
			if err != nil || r.Disposition != pipeline.DidCommit {
				t.Fatalf("%s, %v", r.Disposition, err)
			}
			if r.Stats.BytesWritten <= partSize && c.name == "output in parts" {
				t.Fatalf("the output has %d bytes only", r.Stats.BytesWritten)
			}
			want := objectRequests(float64(r.Stats.BytesRead), float64(r.Stats.BytesWritten))
			if got := count.reset(); got != want {
				t.Errorf("%d bytes to %d: model %+v, counted %+v", r.Stats.BytesRead, r.Stats.BytesWritten, want, got)
			}
			if info.Size != r.Stats.BytesRead {
				t.Errorf("%d bytes read of %d", r.Stats.BytesRead, info.Size)
			}

			// A repeated event looks at entry, output and source; docs/scale.md says so.
			if r, err = p.Process(t.Context(), "orders", key); err != nil || r.Disposition != pipeline.DidDuplicate {
				t.Fatalf("again: %s, %v", r.Disposition, err)
			}
			if got := count.reset(); got != repeatedRequests {
				t.Errorf("again: model %+v, counted %+v", repeatedRequests, got)
			}
		})
	}

	t.Run("scheduled run", func(t *testing.T) {
		for _, fresh := range []float64{3, 0} {
			sum, err := p.Run(t.Context(), pipeline.RunOptions{Bucket: "orders", Prefix: "raw/", Judge: func(store.Info) event.Record { return event.Record{Action: event.Process} }})
			if err != nil || sum.Objects[pipeline.DidDuplicate] != 3 {
				t.Fatalf("%v, %v", sum.Objects, err)
			}
			if got := count.reset(); got != reconcileRequests(3, fresh) {
				t.Errorf("model %+v, counted %+v", reconcileRequests(3, fresh), got)
			}
		}
	})
}

// What of a small object waits for what: with calls of one second each, and
// nothing else that takes time, the object takes as many seconds as the model
// has round trips.
func TestRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := folder(t)
		p := newPipeline(t, (&counter{pause: time.Second}).store(s))
		if _, err := store.Put(t.Context(), s, "raw/a.ndjson", distinct(1000), store.CreateOptions{}, store.Unconditional()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if r, err := p.Process(t.Context(), "orders", "raw/a.ndjson"); err != nil || r.Disposition != pipeline.DidCommit {
			t.Fatalf("%s, %v", r.Disposition, err)
		}
		if got := time.Since(began).Seconds(); got != roundTrips(1000) {
			t.Errorf("%v calls one after the other, the model waits for %v", got, roundTrips(1000))
		}
	})
}

// The marker of the crawler, as bill.go counts it: a warm function asks nothing.
func TestRequestsOfCrawler(t *testing.T) {
	tables := catalog.Written(make([]catalog.Table, 1))
	for _, c := range []struct {
		policy Crawl
		again  requests // of the second batch of a process
		calls  int      // of Glue
	}{{Changed, requests{}, 0}, {Always, crawlRequests, 1}} {
		count := &counter{}
		api := &ready{}
		crawler := gluecrawler.New(api, "etl-pipeline-orders", count.store(folder(t)), "ledger/", gluecrawler.Policy(c.policy))
		if _, err := crawler.Refresh(t.Context(), tables); err != nil {
			t.Fatal(err)
		}
		if got := count.reset(); got != crawlRequests || api.reset() != 1 {
			t.Errorf("%s: after a commit with new columns: %+v", c.policy, got)
		}
		if _, err := crawler.Refresh(t.Context(), tables); err != nil {
			t.Fatal(err)
		}
		if got, calls := count.reset(), api.reset(); got != c.again || calls != c.calls {
			t.Errorf("%s: after a commit: %+v and %d calls of Glue", c.policy, got, calls)
		}
		if _, err := crawler.FollowUp(t.Context(), tables); err != nil {
			t.Fatal(err)
		}
		if got := count.reset(); got != followUpRequests || api.reset() != 1 {
			t.Errorf("%s: after a crawl: %+v", c.policy, got)
		}
		if _, err := crawler.FollowUp(t.Context(), tables); err != nil {
			t.Fatal(err)
		}
		if got := count.reset(); got != idleRequests || api.reset() != 0 {
			t.Errorf("%s: with nothing to do: %+v", c.policy, got)
		}
	}
}

// ready is a crawler whose crawls succeed at once.
type ready struct{ calls int }

// reset gives the calls so far, and forgets them.
func (r *ready) reset() int {
	n := r.calls
	r.calls = 0
	return n
}

func (r *ready) StartCrawler(context.Context, string) error {
	r.calls++
	return nil
}

func (r *ready) GetCrawler(context.Context, string) (*glue.Crawler, error) {
	r.calls++
	return &glue.Crawler{State: "READY", LastCrawl: &glue.LastCrawl{Status: "SUCCEEDED"}}, nil
}

func newPipeline(t *testing.T, s store.Store) *pipeline.Pipeline {
	t.Helper()
	m, err := mapping.Preset(mapping.DefaultPreset)
	if err != nil {
		t.Fatal(err)
	}
	return &pipeline.Pipeline{
		Mapping: m, Codec: sluice.Zstd, Threads: 1,
		Source: func(string) (store.Store, error) { return s, nil },
		Sink:   s, SinkPrefix: "orders_data_parquet/",
		Ledger:     ledger.New(s, "ledger/"),
		Quarantine: s, QuarantinePrefix: "quarantine/",
	}
}

func folder(t *testing.T) store.Store {
	t.Helper()
	s, err := dirstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// distinct are orders that hardly compress.
func distinct(bytes int) []byte {
	var b strings.Builder
	name := make([]byte, 200)
	for i := 0; b.Len() < bytes; i++ {
		rand.Read(name)
		fmt.Fprintf(&b, `{"order_id":%d,"order_date":"2024-01-10","customer":{"customer_id":1,"name":%q},"products":[{"product_id":1,"price":1,"quantity":1}]}`+"\n", i, hex.EncodeToString(name))
	}
	return []byte(b.String())
}

// counter counts calls as S3 prices them.
type counter struct {
	pause time.Duration // that each call of a store takes

	mu sync.Mutex
	n  requests
}

func (c *counter) add(r requests) {
	time.Sleep(c.pause)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n = c.n.plus(r)
}

// reset gives the calls so far, and forgets them.
func (c *counter) reset() requests {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.n
	c.n = requests{}
	return n
}

// proxy counts the requests on their way to a server, and gives its own URL.
func (c *counter) proxy(t *testing.T, endpoint string) string {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target) // keeps the Host, which is signed
	proxy := httptest.NewServer(c.handler(forward))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// handler counts the requests before it hands them on.
func (c *counter) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut, r.Method == http.MethodPost, r.URL.Query().Has("list-type"):
			c.add(requests{put: 1})
		case r.Method != http.MethodDelete: // which is free
			c.add(requests{get: 1})
		}
		next.ServeHTTP(w, r)
	})
}

// store counts the calls of a store: one each, for objects of one part.
func (c *counter) store(s store.Store) store.Store { return countingStore{s, c} }

type countingStore struct {
	store.Store
	c *counter
}

func (s countingStore) Head(ctx context.Context, key string) (store.Info, error) {
	s.c.add(requests{get: 1})
	return s.Store.Head(ctx, key)
}

func (s countingStore) Open(ctx context.Context, key string) (store.Object, error) {
	s.c.add(requests{get: 1})
	return s.Store.Open(ctx, key)
}

func (s countingStore) List(ctx context.Context, prefix string, fn func(store.Info) error) error {
	s.c.add(requests{put: 1})
	return s.Store.List(ctx, prefix, fn)
}

func (s countingStore) Create(ctx context.Context, key string, o store.CreateOptions) (store.Writer, error) {
	w, err := s.Store.Create(ctx, key, o)
	if err != nil {
		return nil, err
	}
	return countingWriter{w, s.c}, nil
}

type countingWriter struct {
	store.Writer
	c *counter
}

func (w countingWriter) Commit(ctx context.Context, p store.Precondition) (store.Info, error) {
	w.c.add(requests{put: 1})
	return w.Writer.Commit(ctx, p)
}
