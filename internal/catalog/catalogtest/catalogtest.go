// Package catalogtest is the contract of catalog.Catalog as tests. Every catalog
// that stores tables itself must pass them.
package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/catalog"
	"sluice/schema"
)

// Stored is a table as the catalog has it.
type Stored struct {
	Columns     []catalog.Column
	Location    string
	MappingHash string
	Version     string // changes with every write of the table
}

// Fixture is a catalog under test, with no tables, and a way to look inside it.
type Fixture struct {
	Catalog  catalog.Catalog
	Location string // of a folder for tables, without the slash at its end
	// Read returns a table, or nil if there is none.
	Read func(ctx context.Context, database, table string) (*Stored, error)
}

// Run runs the suite; open gives every test its own fixture.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s *suite)
	}{
		{"nothing to do", testNothing},
		{"create", testCreate},
		{"create by follow-up", testFollowUp},
		{"again changes nothing", testIdempotent},
		{"with files or without", testWritten},
		{"add columns", testAddColumns},
		{"columns the mapping lacks stay", testColumnsStay},
		{"comments are filled in", testComments},
		{"changed type is refused", testChangedType},
		{"other location is refused", testOtherLocation},
		{"one refused table of three", testOneOfThree},
		{"ended context", testContext},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, &suite{Fixture: open(t), t: t}) })
	}
}

// RunConcurrent runs the part of the suite that needs conditional writes.
func RunConcurrent(t *testing.T, open func(t *testing.T) Fixture) {
	s := &suite{Fixture: open(t), t: t}
	const writers = 6
	want := []string{"id"}
	var all sync.WaitGroup
	for i := range writers {
		name := fmt.Sprintf("c%d", i)
		want = append(want, name)
		all.Go(func() {
			if _, err := s.Catalog.Refresh(t.Context(), []catalog.Table{s.table("t", "id int64", name+" string")}); err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	all.Wait()
	var got []string
	for _, c := range s.read("t").Columns {
		got = append(got, c.Name)
	}
	// The first writer has created the table. Each has id as its first column.
	slices.Sort(got[1:])
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns after %d writers at once:\n%s", writers, diff)
	}
}

type suite struct {
	Fixture
	t *testing.T
}

const database = "sales"

// table has columns written as: name type [pii].
func (s *suite) table(name string, columns ...string) catalog.Table {
	s.t.Helper()
	t := catalog.Table{
		Database:    database,
		Schema:      schema.Schema{Table: name},
		Location:    s.Location + "/" + name + "/",
		MappingHash: fmt.Sprintf("hash of %d columns", len(columns)),
	}
	for _, c := range columns {
		words := append(strings.Fields(c), "")
		typ, err := schema.ParseType(words[1])
		if err != nil {
			s.t.Fatal(err)
		}
		t.Schema.Columns = append(t.Schema.Columns, schema.Column{Name: words[0], Type: typ, PII: words[2]})
	}
	return t
}

func (s *suite) read(name string) Stored {
	s.t.Helper()
	got, err := s.Read(s.t.Context(), database, name)
	if err != nil {
		s.t.Fatal(err)
	}
	if got == nil {
		s.t.Fatalf("there is no table %s", name)
	}
	return *got
}

// refresh calls Refresh and compares its result.
func (s *suite) refresh(want catalog.Result, tables ...catalog.Table) {
	s.t.Helper()
	got, err := s.Catalog.Refresh(s.t.Context(), tables)
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Fatalf("result of Refresh:\n%s", diff)
	}
}

func (s *suite) hasColumns(name string, want ...catalog.Column) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.read(name).Columns); diff != "" {
		s.t.Errorf("columns of %s:\n%s", name, diff)
	}
}

var (
	created = catalog.Result{Created: []string{"sales.t"}}
	updated = catalog.Result{Updated: []string{"sales.t"}}
)

func testNothing(_ *testing.T, s *suite) { s.refresh(catalog.Result{}) }

func testCreate(t *testing.T, s *suite) {
	table := s.table("t", "a string email", "b boolean", "c int32", "d int64", "e double", "f decimal(18,4)", "g date", "h timestamp", "i json", "j list<string>", "k list<decimal(18,4)>", "_record int64")
	table.Location = strings.TrimSuffix(table.Location, "/")
	s.refresh(created, table)
	want := Stored{
		Columns: []catalog.Column{
			{Name: "a", Type: "string", Comment: "pii: email"}, {Name: "b", Type: "boolean"}, {Name: "c", Type: "int"},
			{Name: "d", Type: "bigint"}, {Name: "e", Type: "double"}, {Name: "f", Type: "decimal(18,4)"},
			{Name: "g", Type: "date"}, {Name: "h", Type: "timestamp"}, {Name: "i", Type: "string"},
			{Name: "j", Type: "array<string>"}, {Name: "k", Type: "array<decimal(18,4)>"}, {Name: "_record", Type: "bigint"},
		},
		Location:    table.Location + "/",
		MappingHash: table.MappingHash,
	}
	got := s.read("t")
	got.Version = ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func testFollowUp(t *testing.T, s *suite) {
	table := s.table("t", "a string")
	if got, err := s.Catalog.FollowUp(t.Context(), []catalog.Table{table}); err != nil || !slices.Equal(got.Created, created.Created) {
		t.Fatalf("FollowUp = %+v, %v", got, err)
	}
	s.hasColumns("t", catalog.Column{Name: "a", Type: "string"})
}

func testIdempotent(t *testing.T, s *suite) {
	table := s.table("t", "a string email", "b decimal(18,4)")
	s.refresh(created, table)
	before := s.read("t")
	s.refresh(catalog.Result{}, table)
	s.refresh(catalog.Result{}, s.table("t", "b decimal(18,4)", "a string"))
	table.MappingHash = "the same columns by another mapping"
	s.refresh(catalog.Result{}, table)
	if got, err := s.Catalog.FollowUp(t.Context(), []catalog.Table{table}); err != nil || !cmp.Equal(got, catalog.Result{}) {
		t.Errorf("FollowUp = %+v, %v", got, err)
	}
	if diff := cmp.Diff(before, s.read("t")); diff != "" {
		t.Errorf("the table was written again:\n%s", diff)
	}
}

// The columns come from the mapping, so it does not matter whether files have them.
func testWritten(_ *testing.T, s *suite) {
	s.refresh(created, s.table("t", "a string"))
	s.refresh(catalog.Result{}, catalog.Written([]catalog.Table{s.table("t", "a string")})...)
	s.refresh(updated, catalog.Written([]catalog.Table{s.table("t", "a string", "b string")})...)
	s.refresh(catalog.Result{}, s.table("t", "a string", "b string"))
}

func testAddColumns(t *testing.T, s *suite) {
	s.refresh(created, s.table("t", "b string", "a int64"))
	before := s.read("t")
	table := s.table("t", "c date", "a int64", "b string", "d json")
	s.refresh(updated, table)
	s.hasColumns("t", catalog.Column{Name: "b", Type: "string"}, catalog.Column{Name: "a", Type: "bigint"},
		catalog.Column{Name: "c", Type: "date"}, catalog.Column{Name: "d", Type: "string"})
	if got := s.read("t"); got.Version == before.Version || got.MappingHash != table.MappingHash || got.Location != before.Location {
		t.Errorf("the table is %+v, it was %+v", got, before)
	}
}

func testColumnsStay(_ *testing.T, s *suite) {
	s.refresh(created, s.table("t", "a string", "b string"))
	s.refresh(updated, s.table("t", "c string", "b string"))
	s.hasColumns("t", catalog.Column{Name: "a", Type: "string"}, catalog.Column{Name: "b", Type: "string"},
		catalog.Column{Name: "c", Type: "string"})
}

func testComments(_ *testing.T, s *suite) {
	s.refresh(created, s.table("t", "a string", "b string phone"))
	s.refresh(updated, s.table("t", "a string email", "b string"))
	s.refresh(catalog.Result{}, s.table("t", "a string name", "b string name"))
	s.hasColumns("t", catalog.Column{Name: "a", Type: "string", Comment: "pii: email"},
		catalog.Column{Name: "b", Type: "string", Comment: "pii: phone"})
}

// refused checks that a table is refused and left as it is.
func (s *suite) refused(table catalog.Table, texts ...string) {
	s.t.Helper()
	before := s.read(table.Schema.Table)
	_, err := s.Catalog.Refresh(s.t.Context(), []catalog.Table{table})
	var refused *catalog.RefusedError
	if !errors.As(err, &refused) || catalog.ReasonOf(err) != catalog.Refused {
		s.t.Fatalf("the error is %v, want a RefusedError", err)
	}
	for _, text := range append(texts, table.Name()) {
		if !strings.Contains(err.Error(), text) {
			s.t.Errorf("the error %q lacks %q", err, text)
		}
	}
	if diff := cmp.Diff(before, s.read(table.Schema.Table)); diff != "" {
		s.t.Errorf("the refused table was changed:\n%s", diff)
	}
}

func testChangedType(_ *testing.T, s *suite) {
	s.refresh(created, s.table("t", "a int32", "b decimal(18,4)"))
	s.refused(s.table("t", "a string", "b decimal(18,4)"), "a is int in the catalog and string in the mapping")
	s.refused(s.table("t", "new date", "a int64", "b decimal(38,4)"),
		"a is int in the catalog and bigint in the mapping", "b is decimal(18,4) in the catalog and decimal(38,4) in the mapping")
}

func testOtherLocation(_ *testing.T, s *suite) {
	s.refresh(created, s.table("t", "a string"))
	other := s.table("t", "a string", "b string")
	other.Location = s.Location + "/elsewhere/"
	s.refused(other, s.Location+"/t/", s.Location+"/elsewhere/")
}

func testOneOfThree(t *testing.T, s *suite) {
	s.refresh(created, s.table("t", "a string"))
	tables := []catalog.Table{s.table("u", "a date"), s.table("t", "a date"), s.table("v", "a date")}
	got, err := s.Catalog.Refresh(t.Context(), tables)
	if want := (catalog.Result{Created: []string{"sales.u", "sales.v"}, Pending: true}); err == nil || !cmp.Equal(got, want) {
		t.Errorf("Refresh = %+v, %v; want %+v and an error", got, err, want)
	}
	s.hasColumns("v", catalog.Column{Name: "a", Type: "date"})
}

func testContext(t *testing.T, s *suite) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := s.Catalog.Refresh(ctx, []catalog.Table{s.table("t", "a string")})
	if !errors.Is(err, context.Canceled) || !got.Pending {
		t.Errorf("Refresh = %+v, %v; want %v, pending", got, err, context.Canceled)
	}
	if table, err := s.Read(t.Context(), database, "t"); table != nil || err != nil {
		t.Errorf("after it the table is %+v, %v", table, err)
	}
}
