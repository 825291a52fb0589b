package gluecatalog_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/glue"
)

// fakeGlue speaks the JSON 1.1 protocol of Glue for databases and
// tables. Unlike moto it compares the VersionId of UpdateTable, and fails
// when it is told to.
type fakeGlue struct {
	mu        sync.Mutex
	databases map[string]map[string]object // database, table
	versions  int
	calls     []string

	// before is called, if set, ahead of every operation; a code it returns is the answer.
	before func(operation string, in object) (code string)
}

type object = map[string]any

func newFakeGlue() *fakeGlue {
	return &fakeGlue{databases: map[string]map[string]object{"sales": {}}}
}

func (f *fakeGlue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "AWSGlue.")
	var in object
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, operation)
	out, code := object{}, ""
	if f.before != nil {
		code = f.before(operation, in)
	}
	if code == "" {
		out, code = f.serve(operation, in)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if code != "" {
		w.WriteHeader(http.StatusBadRequest)
		out = object{"__type": code, "Message": "as told"}
	}
	json.NewEncoder(w).Encode(out)
}

func (f *fakeGlue) serve(operation string, in object) (object, string) {
	database, _ := in["DatabaseName"].(string)
	tables, known := f.databases[database]
	input, _ := in["TableInput"].(object)
	name, _ := cmp.Or(input["Name"], in["Name"], in["TableName"]).(string)
	table := tables[name]
	switch {
	case !known, table == nil && operation != "CreateTable":
		return nil, "EntityNotFoundException"
	case operation == "GetTable":
		return object{"Table": table}, ""
	case operation == "CreateTable" && table != nil:
		return nil, "AlreadyExistsException"
	case operation == "UpdateTable" && (in["VersionId"] != table["VersionId"] || in["SkipArchive"] != true):
		return nil, "ConcurrentModificationException"
	case operation == "CreateTable", operation == "UpdateTable":
		f.put(database, input)
		return object{}, ""
	}
	return nil, "UnknownOperationException"
}

func (f *fakeGlue) put(database string, input object) {
	f.versions++
	table := maps.Clone(input)
	table["DatabaseName"], table["VersionId"] = database, strconv.Itoa(f.versions)
	f.databases[database][input["Name"].(string)] = table
}

func (f *fakeGlue) count(operation string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(f.calls), func(c string) bool { return c != operation }))
}

func (f *fakeGlue) client(t *testing.T) *glue.Client {
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return newClient(server.URL)
}

func newClient(url string) *glue.Client {
	return glue.New(glue.Options{
		Region:       "eu-central-1",
		BaseEndpoint: &url,
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer:      aws.NopRetryer{}, // the SDK's own retries are slow, and not under test
	})
}
