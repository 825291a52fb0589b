// Package fakeglue plays Glue for tests, in the test's own process. Unlike moto it
// compares the VersionId of UpdateTable, and fails when it is told to.
package fakeglue

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Server speaks the JSON 1.1 protocol of Glue for tables of databases. Its exported
// fields are for when no request is on its way.
type Server struct {
	Databases map[string]map[string]Object // database, table

	// Before is called, if set, ahead of every operation; a code it returns is the
	// answer. It is called by one goroutine at a time.
	Before func(operation string, in Object) (code string)

	mu    sync.Mutex
	calls []string
}

// Object is a JSON object of the API.
type Object = map[string]any

// New is a Glue with an empty database.
func New(database string) *Server {
	return &Server{Databases: map[string]map[string]Object{database: {}}}
}

// ServeHTTP is the API.
func (f *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "AWSGlue.")
	var in Object
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, operation)
	out, code := Object{}, ""
	if f.Before != nil {
		code = f.Before(operation, in)
	}
	if code == "" {
		out, code = f.serve(operation, in)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if code != "" {
		w.WriteHeader(http.StatusBadRequest)
		out = Object{"__type": code, "Message": "as told"}
	}
	json.NewEncoder(w).Encode(out) //nolint:errcheck // the client notices
}

func (f *Server) serve(operation string, in Object) (Object, string) {
	database, _ := in["DatabaseName"].(string)
	tables, known := f.Databases[database]
	input, _ := in["TableInput"].(Object)
	name, _ := cmp.Or(input["Name"], in["Name"], in["TableName"]).(string)
	table := tables[name]
	switch {
	case !known, table == nil && operation != "CreateTable":
		return nil, "EntityNotFoundException"
	case operation == "GetTable":
		return Object{"Table": table}, ""
	case operation == "DeleteTable":
		delete(tables, name)
		return Object{}, ""
	case operation == "CreateTable" && table != nil:
		return nil, "AlreadyExistsException"
	case operation == "UpdateTable" && (in["VersionId"] != table["VersionId"] || in["SkipArchive"] != true):
		return nil, "ConcurrentModificationException"
	case operation == "CreateTable", operation == "UpdateTable":
		f.Put(database, input)
		return Object{}, ""
	}
	return nil, "UnknownOperationException"
}

// Put writes a table, whatever is there. Versions are counted by table: one that is made
// again begins anew.
func (f *Server) Put(database string, input Object) {
	tables, name := f.Databases[database], input["Name"].(string)
	before, _ := tables[name]["VersionId"].(string)
	version, _ := strconv.Atoi(before)
	table := maps.Clone(input)
	table["DatabaseName"], table["VersionId"] = database, strconv.Itoa(version+1)
	tables[name] = table
}

// Count is the number of calls of an operation.
func (f *Server) Count(operation string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(f.calls), func(c string) bool { return c != operation }))
}
