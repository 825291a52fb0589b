package restcatalog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/iceberg/filecatalog"
	"sluice/internal/iceberg/restcatalog"
	"sluice/internal/store"
	"sluice/internal/store/dirstore"
)

// server speaks the protocol over a catalog of files, for what real servers do not do
// when they are told to.
type server struct {
	*filecatalog.Catalog
	url string

	ask    string // the request for the configuration
	config string // its answer
	path   string // of the namespace's tables, in the form of a URL
	// before answers a request itself, if it returns true.
	before func(w http.ResponseWriter, r *http.Request) bool
	// same says whether an asserted head is the current one.
	same func(q requirement, head *iceberg.Snapshot) bool
	// choose changes a new table's metadata, as a server may.
	choose func(m map[string]any)

	mu       sync.Mutex
	requests []string          // method and path
	bodies   []json.RawMessage // of POST
}

func start(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	files, err := dirstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	s := &server{
		Catalog: &filecatalog.Catalog{Files: iceberg.Files{Store: files, Base: "file://" + dir + "/"}, Prefix: "lake/"},
		same:    sameHead, ask: "/iceberg/v1/config?warehouse=a%20lake", config: `{"defaults":{"prefix":"main%7Clake"},"overrides":{}}`, path: "/iceberg/v1/main%7Clake/namespaces/sales%1Feu/tables",
	}
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	s.url = listener.URL
	return s
}

func (s *server) options() restcatalog.Options {
	return restcatalog.Options{URI: s.url + "/iceberg/", Warehouse: "a lake", Namespace: []string{"sales", "eu"}}
}

func open(t *testing.T, o restcatalog.Options) *restcatalog.Catalog {
	t.Helper()
	c, err := restcatalog.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answer has the requests after those that are under way answered by f.
func (s *server) answer(f func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

func (s *server) seen() ([]string, []json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests, s.bodies
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+r.RequestURI)
	if s.before != nil && s.before(w, r) {
		return
	}
	var body json.RawMessage
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			refuse(w, 400, "BadRequestException", err)
			return
		}
		s.bodies = append(s.bodies, body)
	}
	escaped, isTable := strings.CutPrefix(r.URL.EscapedPath(), s.path+"/")
	name, err := url.PathUnescape(escaped)
	if err != nil {
		panic(err)
	}
	switch {
	case r.Method == http.MethodGet && r.RequestURI == s.ask:
		fmt.Fprint(w, s.config)
	case r.Method == http.MethodGet && isTable:
		s.show(w)(s.Load(r.Context(), name))
	case r.Method == http.MethodPost && isTable:
		s.show(w)(s.commit(r, name, body))
	case r.Method == http.MethodPost && r.URL.EscapedPath() == s.path:
		s.show(w)(s.create(r, body))
	default:
		refuse(w, 404, "NoSuchNamespaceException", errors.New("as told"))
	}
}

func refuse(w http.ResponseWriter, status int, kind string, err error) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": status, "type": kind, "message": err.Error()}})
}

func (s *server) show(w http.ResponseWriter) func(*iceberg.Table, error) {
	return func(t *iceberg.Table, err error) {
		switch {
		case errors.Is(err, iceberg.ErrNoTable):
			refuse(w, 404, "NoSuchTableException", err)
		case errors.Is(err, iceberg.ErrTableExists):
			refuse(w, 409, "AlreadyExistsException", err)
		case errors.Is(err, iceberg.ErrConflict):
			refuse(w, 409, "CommitFailedException", err)
		case err != nil:
			refuse(w, 400, "BadRequestException", err)
		default:
			metadata, err := t.Metadata.JSON()
			if err != nil {
				panic(err)
			}
			json.NewEncoder(w).Encode(map[string]any{"metadata-location": t.File, "metadata": json.RawMessage(metadata)})
		}
	}
}

func (s *server) create(r *http.Request, body []byte) (*iceberg.Table, error) {
	var in struct {
		Name       string
		Location   string
		Schema     json.RawMessage
		Spec       json.RawMessage `json:"partition-spec"`
		Properties map[string]string
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	if in.Properties["format-version"] != "2" {
		return nil, errors.New("no version of the format was asked for")
	}
	delete(in.Properties, "format-version")
	m := map[string]any{
		"format-version": 2, "table-uuid": iceberg.NewUUID(), "location": in.Location, "last-sequence-number": 0,
		"last-updated-ms": time.Now().UnixMilli(), "last-column-id": 4, "schemas": []any{in.Schema}, "current-schema-id": 0,
		"partition-specs": []any{in.Spec}, "default-spec-id": 0, "last-partition-id": 999, "properties": in.Properties,
	}
	if s.choose != nil {
		s.choose(m)
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	metadata, err := iceberg.Parse(text)
	if err != nil {
		return nil, err
	}
	return s.Create(r.Context(), in.Name, metadata)
}

type requirement struct {
	Type, UUID, Ref string
	Snapshot        *int64 `json:"snapshot-id"`
	Schema          int    `json:"current-schema-id"`
	Column          int    `json:"last-assigned-field-id"`
	Partition       int    `json:"last-assigned-partition-id"`
	Default         int    `json:"default-spec-id"`
}

func sameHead(q requirement, head *iceberg.Snapshot) bool {
	return (q.Snapshot == nil) == (head == nil) && (head == nil || *q.Snapshot == head.ID)
}

func (s *server) commit(r *http.Request, name string, body []byte) (*iceberg.Table, error) {
	var in struct {
		Requirements []requirement
		Updates      []struct {
			Action     string
			Snapshot   *iceberg.Snapshot
			Schema     *iceberg.Schema
			Spec       *iceberg.PartitionSpec
			SpecID     int `json:"spec-id"`
			LastColumn int `json:"last-column-id"`
			Updates    map[string]string
			IDs        []int64 `json:"snapshot-ids"`
			ID         int64   `json:"snapshot-id"`
		}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	base, err := s.Load(r.Context(), name)
	if err != nil {
		return nil, err
	}
	m := base.Metadata
	for _, q := range in.Requirements {
		head := m.Head()
		same := false
		switch q.Type {
		case "assert-table-uuid":
			same = q.UUID == m.UUID
		case "assert-ref-snapshot-id":
			same = q.Ref == "main" && s.same(q, head)
		case "assert-current-schema-id":
			same = q.Schema == m.SchemaID
		case "assert-last-assigned-field-id":
			same = q.Column == m.LastColumnID
		case "assert-default-spec-id":
			same = q.Default == m.SpecID
		case "assert-last-assigned-partition-id":
			same = q.Partition == m.LastPartition
		default:
			return nil, fmt.Errorf("requirement %s", q.Type)
		}
		if !same {
			return nil, fmt.Errorf("%s: %w", q.Type, iceberg.ErrConflict)
		}
	}
	var c iceberg.Change
	for _, u := range in.Updates {
		switch u.Action {
		case "add-snapshot":
			c.Snapshot = u.Snapshot
		case "set-snapshot-ref":
			if c.Snapshot == nil || u.ID != c.Snapshot.ID {
				return nil, errors.New("main does not become the new snapshot")
			}
		case "set-properties":
			c.Properties = u.Updates
		case "remove-snapshots":
			c.Expire = append(c.Expire, u.IDs...)
		case "add-schema":
			c.Schema, c.LastColumn = u.Schema, u.LastColumn
		case "set-current-schema":
		case "add-spec":
			c.Spec = u.Spec
		case "set-default-spec":
			if c.Divides = true; u.SpecID >= 0 {
				c.Spec = m.Spec(u.SpecID)
			}
		default:
			return nil, fmt.Errorf("update %s", u.Action)
		}
	}
	return s.Commit(r.Context(), base, c)
}

// drop removes a table.
func (s *server) drop(t *testing.T, table string) {
	err := s.Files.Store.List(t.Context(), "lake/"+table+"/metadata/v", func(i store.Info) error { return s.Files.Store.Delete(t.Context(), i.Key) })
	if err != nil {
		t.Fatal(err)
	}
}
