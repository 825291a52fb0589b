package restcatalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"sluice/internal/iceberg"
	"sluice/internal/iceberg/catalogtest"
	"sluice/internal/iceberg/restcatalog"
	"sluice/schema"
)

func isChange(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/tables")
}

func TestCatalog(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) catalogtest.Fixture {
		s := start(t)
		proxy := catalogtest.NewProxy(t, s.url, isChange)
		o := s.options()
		o.URI = proxy.URL + "/iceberg"
		return catalogtest.Fixture{Catalog: open(t, o), Files: s.Files, Location: s.Location, Faults: proxy, Drop: s.drop}
	})
}

var columns = []schema.Column{
	{Name: "id", Type: schema.Type{Kind: schema.Int64}},
	{Name: "at", Type: schema.Type{Kind: schema.Date}},
	{Name: "tags", Type: schema.Type{Kind: schema.List, Of: schema.String}},
}

func first(t *testing.T, s *server) *iceberg.Metadata {
	t.Helper()
	made, _ := iceberg.NewSchema(columns)
	m, err := iceberg.New(s.Location("orders"), columns, nil, iceberg.Properties(&made, "zstd"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func object(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var o map[string]any
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber() // IDs do not fit in float64
	if err := d.Decode(&o); err != nil {
		t.Fatal(err)
	}
	return o
}

// What is sent, word by word.
func TestRequests(t *testing.T) {
	s := start(t)
	c := open(t, s.options())
	m := first(t, s)
	table, err := c.Create(t.Context(), "orders of 2026", m)
	if err != nil {
		t.Fatal(err)
	}
	text, err := table.Metadata.JSON()
	if err != nil {
		t.Fatal(err)
	}
	// A table that others have used: main has a retention.
	used := object(t, text)
	used["snapshots"] = []any{map[string]any{
		"snapshot-id": 7, "sequence-number": 3, "timestamp-ms": 5, "manifest-list": "file:///a.avro", "summary": map[string]any{"operation": "append"}, "schema-id": 0,
	}}
	used["last-sequence-number"], used["current-snapshot-id"] = 3, 7
	used["refs"] = map[string]any{"main": map[string]any{"snapshot-id": 7, "type": "branch", "min-snapshots-to-keep": 9}}
	if text, err = json.Marshal(used); err != nil {
		t.Fatal(err)
	}
	if table.Metadata, err = iceberg.Parse(text); err != nil {
		t.Fatal(err)
	}
	parent, schemaID := int64(7), 1
	next := iceberg.Schema{ID: 1, Fields: append(table.Metadata.CurrentSchema().Fields, iceberg.Field{ID: 5, Name: "note", Type: iceberg.Type{Primitive: iceberg.String}})}
	_, err = c.Commit(t.Context(), table, iceberg.Change{
		Snapshot:   &iceberg.Snapshot{ID: 9007199254740993, Parent: &parent, Sequence: 4, Time: 6, List: "file:///b.avro", Summary: map[string]string{"operation": "append"}, SchemaID: &schemaID},
		Properties: map[string]string{"sluice.root": "x"}, Schema: &next, LastColumn: 5, Expire: []int64{1, 2},
	})
	if !errors.Is(err, iceberg.ErrConflict) { // the server has no snapshot 7
		t.Errorf("error %v", err)
	}

	requests, bodies := s.seen()
	const path = "/iceberg/v1/main%7Clake/namespaces/sales%1Feu/tables"
	if diff := cmp.Diff([]string{"GET /iceberg/v1/config?warehouse=a%20lake", "POST " + path, "POST " + path + "/orders%20of%202026"}, requests); diff != "" {
		t.Fatal(diff)
	}
	fields := `[{"id":1,"name":"id","required":false,"type":"long"},{"id":2,"name":"at","required":false,"type":"date"},
		{"id":3,"name":"tags","required":false,"type":{"type":"list","element-id":4,"element":"string","element-required":false}}`
	mapping, err := json.Marshal(m.Properties[iceberg.NameMapping])
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		`{"name":"orders of 2026","location":"` + m.Location + `","stage-create":false,
			"schema":{"type":"struct","schema-id":0,"fields":` + fields + `]},
			"partition-spec":{"spec-id":0,"fields":[]},
			"properties":{"format-version":"2","schema.name-mapping.default":` + string(mapping) + `,"write.parquet.compression-codec":"zstd"}}`,
		`{"requirements":[
			{"type":"assert-table-uuid","uuid":"` + table.Metadata.UUID + `"},
			{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":7},
			{"type":"assert-current-schema-id","current-schema-id":0},
			{"type":"assert-last-assigned-field-id","last-assigned-field-id":4}],
		"updates":[
			{"action":"add-schema","last-column-id":5,"schema":{"type":"struct","schema-id":1,"fields":` + fields + `,{"id":5,"name":"note","required":false,"type":"string"}]}},
			{"action":"set-current-schema","schema-id":-1},
			{"action":"set-properties","updates":{"sluice.root":"x"}},
			{"action":"add-snapshot","snapshot":{"snapshot-id":9007199254740993,"parent-snapshot-id":7,"sequence-number":4,"timestamp-ms":6,
				"manifest-list":"file:///b.avro","summary":{"operation":"append"},"schema-id":1}},
			{"action":"set-snapshot-ref","ref-name":"main","type":"branch","snapshot-id":9007199254740993,"min-snapshots-to-keep":9},
			{"action":"remove-snapshots","snapshot-ids":[1]},
			{"action":"remove-snapshots","snapshot-ids":[2]}]}`,
	} {
		if diff := cmp.Diff(object(t, []byte(want)), object(t, bodies[i])); diff != "" {
			t.Errorf("request %d: %s", i, diff)
		}
	}
}

// Of a new table counts what the server has made of the request.
func TestServerChooses(t *testing.T) {
	s := start(t)
	elsewhere := s.Files.URI("warehouse/a-b-c")
	s.choose = func(m map[string]any) {
		m["location"], m["last-column-id"] = elsewhere, 14
		m["schemas"] = json.RawMessage(`[{"type":"struct","schema-id":0,"fields":[{"id":11,"name":"id","required":false,"type":"long"},
			{"id":12,"name":"at","required":false,"type":"date"},{"id":13,"name":"tags","required":false,
			"type":{"type":"list","element-id":14,"element":"string","element-required":false}}]}]`)
		m["properties"].(map[string]string)["owner"] = "server"
	}
	c := open(t, s.options())
	m := first(t, s)
	m.Location = ""
	table, err := c.Create(t.Context(), "orders", m)
	if err != nil {
		t.Fatal(err)
	}
	if _, bodies := s.seen(); strings.Contains(string(bodies[0]), `"location"`) {
		t.Errorf("a location is asked for: %s", bodies[0])
	}
	loaded, err := c.Load(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []*iceberg.Metadata{table.Metadata, loaded.Metadata} {
		folder, err := s.Files.Folder(got)
		if err != nil || folder != "warehouse/a-b-c/" {
			t.Errorf("folder %q, %v", folder, err)
		}
		if id := got.CurrentSchema().Field("tags").Type.List.ElementID; id != 14 {
			t.Errorf("field ID %d", id)
		}
		want := map[string]string{
			"schema.name-mapping.default": `[{"field-id":11,"names":["id"]},{"field-id":12,"names":["at"]},` +
				`{"field-id":13,"names":["tags"],"fields":[{"field-id":14,"names":["element"]}]}]`,
			"write.parquet.compression-codec": "zstd", "owner": "server",
		}
		if diff := cmp.Diff(want, got.Properties); diff != "" {
			t.Error(diff)
		}
	}
}

// Prefix and separator are the server's to choose, and its overrides come last.
func TestConfig(t *testing.T) {
	for config, path := range map[string]string{
		`{}`: "/v1/namespaces/sales%1Feu/tables/orders",
		`{"defaults":{"prefix":"a"},"overrides":{"prefix":"/catalogs/123/","uri":"http://elsewhere.example.com"}}`: "/v1/catalogs/123/namespaces/sales%1Feu/tables/orders",
		`{"overrides":{"namespace-separator":"%2E"}}`:                                                              "/v1/namespaces/sales.eu/tables/orders",
	} {
		s := start(t)
		s.config = config
		c := open(t, s.options())
		for range 2 {
			if _, err := c.Load(t.Context(), "orders"); !errors.Is(err, iceberg.ErrNoTable) {
				t.Errorf("%s: %v", config, err)
			}
		}
		requests, _ := s.seen()
		want := "GET /iceberg" + path
		if len(requests) != 3 || requests[1] != want || requests[2] != want {
			t.Errorf("%s: requests %q, want %q", config, requests, want)
		}
	}
}

// What answers mean, and how often they are asked for.
func TestAnswers(t *testing.T) {
	reply := func(kind string) string { return `{"error":{"message":"as told","type":"` + kind + `","code":400}}` }
	for _, c := range []struct {
		name          string
		status        int
		body          string
		load, commit  error // nil: another error
		tries         int   // of a load
		loadSays, not string
	}{
		{name: "no table", status: 404, body: reply("NoSuchTableException"), load: iceberg.ErrNoTable, commit: iceberg.ErrNoTable, tries: 1, loadSays: "load table sales.eu.orders: no such table: HTTP status 404: NoSuchTableException: as told"},
		{name: "no such path", status: 404, body: "<html>", tries: 1, loadSays: "HTTP status 404"},
		{name: "conflict", status: 409, body: reply("CommitFailedException"), commit: iceberg.ErrConflict, tries: 1, loadSays: "HTTP status 409"},
		{name: "bad request", status: 400, body: reply("BadRequestException"), tries: 1, loadSays: "HTTP status 400: BadRequestException: as told"},
		{name: "token", status: 401, body: `{"error":{"type":"NotAuthorizedException","message":"token opaque-token\nis not known"}}`, tries: 1, loadSays: "NotAuthorizedException: token *** is not known"},
		{name: "forbidden", status: 403, body: reply("ForbiddenException"), tries: 1, loadSays: "HTTP status 403"},
		{name: "throttled", status: 429, body: "slow down", tries: 3, loadSays: "HTTP status 429"},
		{name: "unknown state", status: 500, body: reply("CommitStateUnknownException"), tries: 3, loadSays: "HTTP status 500"},
		{name: "gateway", status: 502, body: reply("CommitStateUnknownException"), tries: 3, loadSays: "HTTP status 502"},
		{name: "busy", status: 503, body: "", tries: 3, loadSays: "HTTP status 503"},
		{name: "gateway's time-out", status: 504, body: "", tries: 3, loadSays: "HTTP status 504"},
		{name: "moved", status: 302, body: "", tries: 1, loadSays: "HTTP status 302"},
		{name: "a page", status: 200, body: "<html>", tries: 1, loadSays: "the answer is not that of an Iceberg catalog"},
		{name: "no metadata", status: 200, body: `{}`, tries: 1, loadSays: "read the metadata in the answer"},
		{name: "format 3", status: 200, body: `{"metadata":{"format-version":3}}`, tries: 1, loadSays: "sluice writes version 2"},
		{name: "long message", status: 400, body: `{"error":{"type":"A","message":"` + strings.Repeat("é", 5000) + `"}}`, tries: 1, loadSays: strings.Repeat("é", 250) + " …", not: strings.Repeat("é", 251)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			o := s.options()
			o.Token = "opaque-token"
			catalog := open(t, o)
			base, err := catalog.Create(t.Context(), "orders", first(t, s))
			if err != nil {
				t.Fatal(err)
			}
			unauthorized := 0
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Authorization") != "Bearer opaque-token" {
					unauthorized++
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
				return true
			}
			before, _ := s.seen()
			_, err = catalog.Load(t.Context(), "orders")
			expect(t, err, c.load)
			if !strings.Contains(err.Error(), c.loadSays) || c.not != "" && strings.Contains(err.Error(), c.not) || strings.Contains(err.Error(), "opaque") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %v, want %q", err, c.loadSays)
			}
			loads, _ := s.seen()
			_, err = catalog.Commit(t.Context(), base, iceberg.Change{Properties: map[string]string{"a": "b"}})
			expect(t, err, c.commit)
			commits, _ := s.seen()
			if n := len(loads) - len(before); n != c.tries {
				t.Errorf("%d tries of a load, want %d", n, c.tries)
			}
			if n := len(commits) - len(loads); n != 1 {
				t.Errorf("%d tries of a commit", n)
			}
			if unauthorized > 0 {
				t.Errorf("%d requests without the token", unauthorized)
			}
		})
	}
}

func expect(t *testing.T, err, want error) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	for _, known := range []error{iceberg.ErrConflict, iceberg.ErrNoTable, iceberg.ErrTableExists} {
		if errors.Is(err, known) != (known == want) {
			t.Errorf("the error is %v, want %v", err, want)
		}
	}
}

// A namespace is not made up: its name may be misspelt.
func TestNoNamespace(t *testing.T) {
	s := start(t)
	o := s.options()
	o.Namespace = []string{"slaes"}
	_, err := open(t, o).Create(t.Context(), "orders", first(t, s))
	if err == nil || !strings.Contains(err.Error(), "create table slaes.orders: namespace slaes does not exist; create it: ") {
		t.Error(err)
	}
}

// An answer may show a later state than that of the commit. Who commits goes on with
// what belongs to its own snapshot, so this is no success.
func TestLaterAnswer(t *testing.T) {
	s := start(t)
	c := open(t, s.options())
	base, err := c.Create(t.Context(), "orders", first(t, s))
	if err != nil {
		t.Fatal(err)
	}
	snapshot := func(id int64) iceberg.Change {
		return iceberg.Change{Snapshot: &iceberg.Snapshot{ID: id, Sequence: id, Time: time.Now().UnixMilli(), List: "file:///a.avro", Summary: map[string]string{"operation": "append"}}}
	}
	other, err := s.Commit(t.Context(), load(t, s), snapshot(1))
	if err != nil {
		t.Fatal(err)
	}
	s.before = func(w http.ResponseWriter, _ *http.Request) bool {
		s.show(w)(other, nil)
		return true
	}
	_, err = c.Commit(t.Context(), base, snapshot(2))
	expect(t, err, nil)
	if !strings.Contains(err.Error(), "another snapshot than 2") {
		t.Error(err)
	}
}

func load(t *testing.T, s *server) *iceberg.Table {
	t.Helper()
	table, err := s.Load(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// A catalog that does not compare heads, or only some, is noticed with the first
// snapshot, and is refused from then on.
func TestDoesNotCompare(t *testing.T) {
	for _, test := range []struct {
		name string
		same func(q requirement, head *iceberg.Snapshot) bool
	}{
		{"nothing", func(requirement, *iceberg.Snapshot) bool { return true }},
		{"not that there is none", func(q requirement, head *iceberg.Snapshot) bool {
			return q.Snapshot == nil || head != nil && *q.Snapshot == head.ID
		}},
		{"not which it is", func(q requirement, head *iceberg.Snapshot) bool { return (q.Snapshot == nil) == (head == nil) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t)
			s.same = test.same
			c := open(t, s.options())
			base, err := c.Create(t.Context(), "orders", first(t, s))
			if err != nil {
				t.Fatal(err)
			}
			snapshot := &iceberg.Snapshot{ID: 8, Sequence: 1, Time: time.Now().UnixMilli(), List: "file:///a.avro"}
			_, commitErr := c.Commit(t.Context(), base, iceberg.Change{Snapshot: snapshot})
			_, loadErr := c.Load(t.Context(), "orders")
			_, againErr := c.Commit(t.Context(), load(t, s), iceberg.Change{Properties: map[string]string{"a": "b"}})
			for _, err := range []error{commitErr, loadErr, againErr} {
				if err == nil || !strings.Contains(err.Error(), "the catalog does not compare the head of a table") {
					t.Errorf("error %v", err)
				}
			}
		})
	}
}

// An answer without an end, or none at all.
func TestBounds(t *testing.T) {
	s := start(t)
	c := open(t, s.options())
	base, err := c.Create(t.Context(), "orders", first(t, s))
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	s.answer(func(w http.ResponseWriter, _ *http.Request) bool {
		part := []byte(strings.Repeat(" ", 1<<20))
		for err := error(nil); err == nil && sent < 1000; sent++ {
			_, err = w.Write(part)
		}
		return true
	})
	if _, err := c.Load(t.Context(), "orders"); err == nil || !strings.Contains(err.Error(), "the answer has more than 64 MB") {
		t.Errorf("error %v", err)
	}
	s.answer(func(_ http.ResponseWriter, r *http.Request) bool {
		io.Copy(io.Discard, r.Body) // else the server does not notice that the client has gone
		<-r.Context().Done()
		return true
	})
	if sent > 200 {
		t.Errorf("%d MB were read", sent)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Commit(ctx, base, iceberg.Change{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestOptions(t *testing.T) {
	good := restcatalog.Options{URI: "https://example.com/iceberg", Namespace: []string{"sales"}}
	keys := credentials.NewStaticCredentialsProvider("test", "test", "")
	for _, c := range []struct {
		change func(o *restcatalog.Options)
		want   string
	}{
		{func(o *restcatalog.Options) { o.URI = "example.com" }, "must begin with http:// or https://"},
		{func(o *restcatalog.Options) { o.URI = "https://user:opaque@example.com" }, "may not have a user"},
		{func(o *restcatalog.Options) { o.URI = "https://example.com/%zz?opaque" }, "is no URL"},
		{func(o *restcatalog.Options) { o.Namespace = nil }, "needs a namespace"},
		{func(o *restcatalog.Options) { o.Namespace = []string{"a", ""} }, "empty level"},
		{func(o *restcatalog.Options) { o.SigV4 = "glue" }, "needs a region and credentials"},
		{func(o *restcatalog.Options) {
			o.SigV4, o.Region, o.Credentials, o.Token = "glue", "eu-central-1", keys, "opaque"
		}, "not both"},
	} {
		o := good
		c.change(&o)
		if _, err := restcatalog.New(o); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "opaque") {
			t.Errorf("%+v: %v", fmt.Sprint(o.URI, o.Namespace), err)
		}
	}
	if _, err := restcatalog.New(good); err != nil {
		t.Error(err)
	}
}
