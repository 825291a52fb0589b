package gluecrawler_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"sluice/internal/catalog"
	"sluice/internal/catalog/gluecrawler"
	"sluice/internal/glue"
	"sluice/internal/store"
	"sluice/internal/store/dirstore"
	"sluice/schema"
)

// fakeGlue speaks the JSON 1.1 protocol of Glue for one crawler, whose clock
// the test moves: a crawl lists at the first tick, stops at the second, and is
// over at the third.
type fakeGlue struct {
	mu     sync.Mutex
	state  string // READY, RUNNING, STOPPING
	status string // of the last crawl that ended
	crawls int
	began  time.Time // of the last crawl
	listed bool

	list   func()                     // called when a crawl lists
	fail   bool                       // the running crawl will fail
	before func(operation string) int // an HTTP status that is the answer; -1: the answer gets lost
	code   string                     // of the error in that answer
}

func (f *fakeGlue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AWSGlue.")
	status := 0
	if f.before != nil {
		status = f.before(operation)
	}
	out, code := map[string]any{}, f.code
	if status <= 0 {
		out, code = f.serve(operation)
	}
	switch {
	case status < 0:
		panic(http.ErrAbortHandler) // the connection breaks
	case status == 0 && code != "":
		status = http.StatusBadRequest
	case status == 0:
		status = http.StatusOK
	}
	if code != "" {
		out = map[string]any{"__type": code, "message": "as told"}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(out)
}

func (f *fakeGlue) serve(operation string) (map[string]any, string) {
	switch {
	case operation == "GetCrawler":
		crawler := map[string]any{"Name": crawlerName, "State": f.state}
		if f.status != "" {
			crawler["LastCrawl"] = map[string]any{"Status": f.status, "StartTime": float64(f.began.Unix())}
		}
		return map[string]any{"Crawler": crawler}, ""
	case operation != "StartCrawler":
		return nil, "UnknownOperationException"
	case f.state != "READY":
		return nil, "CrawlerRunningException"
	}
	f.state, f.listed, f.began = "RUNNING", false, time.Now()
	f.crawls++
	return map[string]any{}, ""
}

// tick moves the clock.
func (f *fakeGlue) tick() {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.state == "RUNNING" && !f.listed:
		f.listed = true
		if f.list != nil {
			f.list()
		}
	case f.state == "RUNNING":
		f.state = "STOPPING"
	case f.state == "STOPPING":
		f.state, f.status = "READY", "SUCCEEDED"
		if f.fail {
			f.status = "FAILED"
		}
	}
}

const crawlerName = "etl-pipeline-orders"

type setup struct {
	t       *testing.T
	glue    *fakeGlue
	url     string // of glue
	crawler *gluecrawler.Crawler
	marker  string // its file
	store   store.Store
}

func newSetup(t *testing.T, p gluecrawler.Policy) *setup {
	f := &fakeGlue{state: "READY"}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	s, err := dirstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	setup := &setup{
		t: t, glue: f, url: server.URL, store: s, marker: filepath.Join(dir, "catalog", "_crawler-etl-pipeline-orders.json"),
	}
	setup.crawler = setup.process(p)
	return setup
}

// process is the crawler for another process, which has read no marker yet.
func (s *setup) process(p gluecrawler.Policy) *gluecrawler.Crawler {
	return gluecrawler.New(newClient(s.url), crawlerName, s.store, "catalog/", p)
}

func newClient(url string) *glue.Client {
	return glue.New(aws.Config{
		Region:       "us-east-1", // of moto
		BaseEndpoint: &url,
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer:      func() aws.Retryer { return fastRetries{} },
	}, 0)
}

// fastRetries is the repetition of a call whose answer got lost, without its pauses.
type fastRetries struct{ aws.NopRetryer }

func (fastRetries) MaxAttempts() int { return 2 }

func (fastRetries) IsErrorRetryable(err error) bool { return catalog.CodeOf(err) == "" }

func (fastRetries) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

var batch = catalog.Written([]catalog.Table{table("order_lines", "order_id"), table("taxes", "order_id")})

// table has these columns, all of them strings.
func table(name string, columns ...string) catalog.Table {
	t := catalog.Table{Database: "sales", Location: "s3://bucket/out/" + name + "/", Schema: schema.Schema{Table: name}}
	for _, c := range columns {
		t.Schema.Columns = append(t.Schema.Columns, schema.Column{Name: c, Type: schema.Type{Kind: schema.String}})
	}
	return t
}

func (s *setup) refresh(want catalog.Result) {
	s.t.Helper()
	got, err := s.crawler.Refresh(s.t.Context(), batch)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		s.t.Fatalf("Refresh: %v\n%s", err, diff)
	}
}

// followUp is what an event of the crawler asks for: no files are known to stand.
func (s *setup) followUp(want catalog.Result) {
	s.t.Helper()
	got, err := s.crawler.FollowUp(s.t.Context(), []catalog.Table{table("order_lines", "other")})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		s.t.Fatalf("FollowUp: %v\n%s", err, diff)
	}
}

func (s *setup) ticks(n int) {
	for range n {
		s.glue.tick()
	}
}

// is checks what the marker says, without its tables and its random part.
func (s *setup) is(want string) {
	s.t.Helper()
	data, err := os.ReadFile(s.marker)
	if err != nil {
		s.t.Fatal(err)
	}
	got, _, _ := strings.Cut(string(data), `,"write":"`)
	got, _, _ = strings.Cut(got, `,"tables":`)
	if want := `{"crawler":"etl-pipeline-orders","state":` + want; got != want {
		s.t.Fatalf("the marker is %s, want %s", got, want)
	}
}

var (
	nothing = catalog.Result{}
	pending = catalog.Result{Pending: true}
	started = catalog.Result{Started: true, Pending: true}
)

// A file lands while the crawler lists (I41): a second crawl is started when
// the first is over, and nothing after that. This and what follows is of the
// policy that starts a crawl after each batch; changed_test.go is of the other.
func TestRunningIsFollowedUp(t *testing.T) {
	s := newSetup(t, gluecrawler.Always)
	s.followUp(nothing)
	s.refresh(started)
	s.is(`"started"`)
	s.ticks(1) // it has listed
	s.refresh(pending)
	s.is(`"dirty"`)
	s.followUp(pending)
	s.ticks(1) // STOPPING
	s.followUp(pending)
	s.ticks(1)
	s.followUp(started)
	s.is(`"started"`)
	s.followUp(pending)
	s.ticks(3)
	s.followUp(nothing)
	s.is(`"clean"`)
	s.followUp(nothing)
	if s.glue.crawls != 2 {
		t.Errorf("the crawler was started %d times, want 2", s.glue.crawls)
	}
}

// The second worker finds the marker of the first, and a crawl begun by hand.
func TestCrawlOfSomebodyElse(t *testing.T) {
	s := newSetup(t, gluecrawler.Always)
	s.glue.state = "RUNNING"
	s.refresh(pending)
	s.refresh(pending)
	s.ticks(3)
	s.followUp(started)
	s.ticks(3)
	s.followUp(nothing)
}

func TestEmptyBatch(t *testing.T) {
	s := newSetup(t, gluecrawler.Always)
	if got, err := s.crawler.Refresh(t.Context(), nil); !cmp.Equal(nothing, got) || err != nil {
		t.Errorf("Refresh = %+v, %v", got, err)
	}
	if _, err := os.Stat(s.marker); !errors.Is(err, os.ErrNotExist) || s.glue.crawls != 0 {
		t.Errorf("an empty batch leaves a marker (%v) or starts a crawl", err)
	}
}

// The start works, its answer gets lost, and the SDK asks again: this looks
// like a crawl that was running, so there is one crawl too many.
func TestAnswerOfStartIsLost(t *testing.T) {
	s := newSetup(t, gluecrawler.Always)
	s.glue.before = func(string) int {
		s.glue.before = nil
		return -1
	}
	s.refresh(pending)
	s.is(`"dirty"`)
	s.ticks(3)
	s.followUp(started)
	s.ticks(3)
	s.followUp(nothing)
	if s.glue.crawls != 2 {
		t.Errorf("the crawler was started %d times, want 2", s.glue.crawls)
	}
}

// The start fails (I40): an error for metrics, the marker stays, and FollowUp
// starts the crawler once it can.
func TestStartFails(t *testing.T) {
	for _, c := range []struct {
		code   string
		status int
		want   catalog.Reason
	}{
		{"ThrottlingException", 400, catalog.Throttled},
		{"EntityNotFoundException", 400, catalog.NotFound},
		{"AccessDeniedException", 400, catalog.Denied},
		{"OperationTimeoutException", 400, catalog.Timeout},
		{"InternalServiceException", 500, catalog.Failed},
	} {
		t.Run(c.code, func(t *testing.T) {
			s := newSetup(t, gluecrawler.Always)
			s.glue.code = c.code
			s.glue.before = func(string) int { return c.status }
			for _, call := range []func(context.Context, []catalog.Table) (catalog.Result, error){s.crawler.Refresh, s.crawler.FollowUp} {
				got, err := call(t.Context(), batch)
				if !cmp.Equal(pending, got) || err == nil || catalog.ReasonOf(err) != c.want ||
					!strings.Contains(err.Error(), "start crawler etl-pipeline-orders: ") || !strings.Contains(err.Error(), c.code) {
					t.Errorf("%+v, %v (%s)", got, err, catalog.ReasonOf(err))
				}
				s.is(`"dirty"`)
			}
			s.glue.before = nil
			s.followUp(started)
		})
	}
}

func TestLookFails(t *testing.T) {
	s := newSetup(t, gluecrawler.Always)
	s.refresh(started)
	s.glue.code = "AccessDeniedException"
	s.glue.before = func(string) int { return 400 }
	got, err := s.crawler.FollowUp(t.Context(), batch)
	if !cmp.Equal(pending, got) || catalog.ReasonOf(err) != catalog.Denied || !strings.Contains(err.Error(), "look at crawler") {
		t.Errorf("FollowUp = %+v, %v", got, err)
	}
	s.is(`"started"`)
}

// A context that ends during the call, as near the end of an invocation.
func TestTimeout(t *testing.T) {
	s := newSetup(t, gluecrawler.Always)
	ctx, cancel := context.WithCancel(t.Context())
	s.glue.before = func(string) int {
		cancel()
		return -1
	}
	got, err := s.crawler.Refresh(ctx, batch)
	if !cmp.Equal(pending, got) || !errors.Is(err, context.Canceled) {
		t.Errorf("Refresh = %+v, %v", got, err)
	}
	s.is(`"dirty"`)
}

// A crawl that fails is started again, at first at once, then once a day; after
// a commit, or after a crawl that succeeded because a person fixed the cause,
// the count starts again.
func TestCrawlFails(t *testing.T) {
	s := newSetup(t, gluecrawler.Always)
	s.glue.fail = true
	s.refresh(started)
	s.ticks(3)
	s.followUp(started)
	s.is(`"started","failures":1`)
	s.ticks(3)
	s.followUp(started)
	s.ticks(3)
	for range 2 {
		got, err := s.crawler.FollowUp(t.Context(), batch)
		if !cmp.Equal(pending, got) || err == nil || !strings.Contains(err.Error(), "crawler etl-pipeline-orders failed 3 times") {
			t.Errorf("FollowUp = %+v, %v", got, err)
		}
	}
	if s.glue.crawls != 3 {
		t.Errorf("the crawler was started %d times, want 3", s.glue.crawls)
	}
	s.glue.began = s.glue.began.Add(-25 * time.Hour)
	s.followUp(started)
	s.is(`"started","failures":3`)
	s.ticks(3)
	if got, err := s.crawler.FollowUp(t.Context(), batch); !cmp.Equal(pending, got) || err == nil {
		t.Errorf("FollowUp = %+v, %v", got, err)
	}
	s.refresh(started)
	s.is(`"started"`)
	s.ticks(3)
	s.glue.fail = false
	s.followUp(started)
	s.ticks(3)
	s.followUp(nothing)
	s.is(`"clean"`)
}

// The crawler was deleted and created again, so the crawl is lost.
func TestCrawlerMadeAnew(t *testing.T) {
	s := newSetup(t, gluecrawler.Always)
	s.refresh(started)
	s.glue.state = "READY"
	s.followUp(started)
}

// A marker that cannot be understood must not hide a file.
func TestMarkerNotUnderstood(t *testing.T) {
	for _, data := range []string{"", "no JSON", `{"crawler":"etl-pipeline-orders","state":"done"}`, `{"crawler":"other","state":"clean"}`} {
		s := newSetup(t, gluecrawler.Always)
		if err := os.MkdirAll(filepath.Dir(s.marker), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.marker, []byte(data), 0o666); err != nil {
			t.Fatal(err)
		}
		s.followUp(started)
		s.is(`"started"`)
	}
}

// brokenStore fails to commit.
type brokenStore struct{ store.Store }

func (b brokenStore) Create(context.Context, string, store.CreateOptions) (store.Writer, error) {
	return nil, errors.New("disk full")
}

// Without a marker nobody follows up: the caller is told so, and no crawl is
// paid for at each of its attempts.
func TestMarkerCannotBeWritten(t *testing.T) {
	for _, p := range []gluecrawler.Policy{gluecrawler.WhenChanged, gluecrawler.Always} {
		s := newSetup(t, p)
		s.store = brokenStore{s.store}
		got, err := s.process(p).Refresh(t.Context(), batch)
		if !cmp.Equal(nothing, got) || err == nil || !strings.Contains(err.Error(), "write marker of crawler etl-pipeline-orders: disk full") {
			t.Errorf("%s: Refresh = %+v, %v", p, got, err)
		}
		if s.glue.crawls != 0 {
			t.Errorf("%s: a crawl was started", p)
		}
	}
}

// The name of a crawler may hold what a key should not.
func TestNameOfCrawler(t *testing.T) {
	s := newSetup(t, gluecrawler.Always)
	c := gluecrawler.New(newClient(s.url), "../a b/ü", s.store, "catalog/", gluecrawler.Always)
	if _, err := c.Refresh(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(s.marker), "_crawler-..%2Fa%20b%2F%C3%BC.json")); err != nil {
		t.Error(err)
	}
}
