// Package catalogtest is the contract of iceberg.Catalog as tests.
package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"testing"
	"time"

	"sluice/internal/iceberg"
	"sluice/schema"
)

// Fixture is a catalog under test, without tables.
type Fixture struct {
	Catalog  iceberg.Catalog
	Files    iceberg.Files
	Location func(table string) string // where a table is to be
	Folder   func(table string) string // key of its metadata folder in Files, with a slash at its end
}

// Run runs the suite; open gives each test a fixture of its own.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, f Fixture)
	}{
		{"no table", testNoTable},
		{"create", testCreate},
		{"create twice", testCreateTwice},
		{"commit", testCommit},
		{"commit on an old base", testOldBase},
		{"a table made again under the name", testOtherUUID},
		{"many committers", testCommitters},
		{"ended context", testContext},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

var columns = []schema.Column{
	{Name: "id", Type: schema.Type{Kind: schema.Int64}},
	{Name: "price", Type: schema.Type{Kind: schema.Decimal, Precision: 18, Scale: 4}},
	{Name: "tags", Type: schema.Type{Kind: schema.List, Of: schema.String}},
}

func (f *Fixture) create(t *testing.T, name string) *iceberg.Table {
	t.Helper()
	m, err := iceberg.New(f.Location(name), columns, nil, map[string]string{"sluice.root": "none"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	table, err := f.Catalog.Create(t.Context(), name, m)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// change is a snapshot with one file of n rows.
func (f *Fixture) change(ctx context.Context, base *iceberg.Table, batch string, n int64) (iceberg.Change, error) {
	rows := iceberg.Rows{Summary: map[string]string{"sluice.batch": batch}}
	rows.Add = []iceberg.SpecFile{{DataFile: iceberg.DataFile{
		Path: f.Location(base.Name) + "/data/" + batch + ".parquet", Format: "PARQUET", Rows: n, Bytes: 100,
	}}}
	s, err := f.Files.Snapshot(ctx, base.Metadata, rows, f.Folder(base.Name), batch, time.Now())
	return iceberg.Change{Snapshot: s, Properties: map[string]string{"sluice.root": batch}}, err
}

// check compares the current state with the batches that should be there.
func (f *Fixture) check(t *testing.T, name string, batches ...string) *iceberg.Table {
	t.Helper()
	table, err := f.Catalog.Load(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for s := table.Metadata.Head(); s != nil; {
		found = append([]string{s.Summary["sluice.batch"]}, found...)
		if s.Parent == nil {
			break
		}
		s = table.Metadata.Snapshot(*s.Parent)
	}
	if fmt.Sprint(found) != fmt.Sprint(batches) {
		t.Errorf("the table has the batches %v, want %v", found, batches)
	}
	return table
}

func testNoTable(t *testing.T, f Fixture) {
	if _, err := f.Catalog.Load(t.Context(), "absent"); !errors.Is(err, iceberg.ErrNoTable) {
		t.Errorf("error %v", err)
	}
}

func testCreate(t *testing.T, f Fixture) {
	made := f.create(t, "orders")
	table := f.check(t, "orders")
	m := table.Metadata
	if m.UUID != made.Metadata.UUID || m.Location != f.Location("orders") || m.Head() != nil || m.Properties["sluice.root"] != "none" {
		t.Errorf("%+v", m)
	}
	if len(m.CurrentSchema().Fields) != 3 || m.CurrentSchema().Field("tags").Type.List.ElementID != 4 || m.LastColumnID != 4 {
		t.Errorf("schema %+v, last column %d", m.CurrentSchema(), m.LastColumnID)
	}
}

func testCreateTwice(t *testing.T, f Fixture) {
	first := f.create(t, "orders")
	other, err := iceberg.New(f.Location("orders"), columns, nil, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Catalog.Create(t.Context(), "orders", other); !errors.Is(err, iceberg.ErrTableExists) {
		t.Errorf("error %v", err)
	}
	if table := f.check(t, "orders"); table.Metadata.UUID != first.Metadata.UUID {
		t.Error("the table was replaced")
	}
}

func testCommit(t *testing.T, f Fixture) {
	table := f.create(t, "orders")
	for n, batch := range []string{"a", "b", "c"} {
		c, err := f.change(t.Context(), table, batch, int64(n))
		if err != nil {
			t.Fatal(err)
		}
		if n == 2 {
			c.Expire = []int64{table.Metadata.Snapshots[0].ID}
		}
		if table, err = f.Catalog.Commit(t.Context(), table, c); err != nil {
			t.Fatal(err)
		}
		if table.Metadata.Head().ID != c.Snapshot.ID {
			t.Error("what Commit returns has another head")
		}
	}
	table = f.check(t, "orders", "b", "c")
	m := table.Metadata
	if m.Properties["sluice.root"] != "c" || m.LastSequence != 3 || len(m.Snapshots) != 2 || m.Head().Summary["total-records"] != "3" {
		t.Errorf("%+v", m)
	}
	next := iceberg.Schema{ID: m.SchemaID + 1, Fields: append(m.CurrentSchema().Fields, iceberg.Field{ID: 5, Name: "note", Type: iceberg.Type{Primitive: iceberg.String}})}
	c, err := f.change(t.Context(), table, "d", 1)
	if err != nil {
		t.Fatal(err)
	}
	c.Schema, c.LastColumn, c.Snapshot.SchemaID = &next, 5, &next.ID
	if _, err = f.Catalog.Commit(t.Context(), table, c); err != nil {
		t.Fatal(err)
	}
	if m := f.check(t, "orders", "b", "c", "d").Metadata; m.LastColumnID != 5 || m.CurrentSchema().Field("note") == nil || len(m.Schemas) != 2 {
		t.Errorf("schemas %+v", m.Schemas)
	}
}

// Two commits on one base: the second fails, and changes nothing.
func testOldBase(t *testing.T, f Fixture) {
	base := f.create(t, "orders")
	for n, batch := range []string{"a", "b"} {
		c, err := f.change(t.Context(), base, batch, 1)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Catalog.Commit(t.Context(), base, c)
		if n == 0 && err != nil || n == 1 && !errors.Is(err, iceberg.ErrConflict) {
			t.Errorf("commit %s: %v", batch, err)
		}
	}
	if m := f.check(t, "orders", "a").Metadata; m.Properties["sluice.root"] != "a" {
		t.Errorf("properties %v", m.Properties)
	}
}

// A base of another table of the same name has another UUID.
func testOtherUUID(t *testing.T, f Fixture) {
	base := f.create(t, "orders")
	other := *base
	m := *base.Metadata
	m.UUID, m.Properties = "00000000-0000-4000-8000-000000000000", maps.Clone(m.Properties)
	other.Metadata = &m
	c, err := f.change(t.Context(), &other, "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Catalog.Commit(t.Context(), &other, c); err == nil {
		t.Error("a commit to another table lands")
	}
	f.check(t, "orders")
}

// Each of several committers repeats until its own batch has landed, as the comparison
// after an error says. In the end each batch is there once.
func testCommitters(t *testing.T, f Fixture) {
	const committers, commits = 4, 5
	f.create(t, "orders")
	var wg sync.WaitGroup
	for committer := range committers {
		wg.Go(func() {
			for n := range commits {
				batch := fmt.Sprintf("%d-%d", committer, n)
				for tries := 0; ; tries++ {
					base, err := f.Catalog.Load(t.Context(), "orders")
					if err != nil || tries == 1000 {
						t.Errorf("load, try %d: %v", tries, err)
						return
					}
					c, err := f.change(t.Context(), base, batch+"-"+strconv.Itoa(tries), 1)
					if err != nil {
						t.Error(err)
						return
					}
					_, err = f.Catalog.Commit(t.Context(), base, c)
					if err == nil {
						break
					}
					if !errors.Is(err, iceberg.ErrConflict) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	table, err := f.Catalog.Load(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	if m := table.Metadata; m.LastSequence != committers*commits || m.Head().Summary["total-data-files"] != strconv.Itoa(committers*commits) {
		t.Errorf("after %d commits: sequence number %d, %v", committers*commits, m.LastSequence, m.Head().Summary)
	}
	lines, err := f.Files.Manifests(t.Context(), table.Metadata.Head())
	if err != nil {
		t.Fatal(err)
	}
	live := map[string]bool{}
	for i := range lines {
		err := f.Files.Entries(t.Context(), table.Metadata, &lines[i], func(e *iceberg.Entry) error {
			live[e.File.Path] = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(live) != committers*commits {
		t.Errorf("%d files are live", len(live))
	}
}

func testContext(t *testing.T, f Fixture) {
	table := f.create(t, "orders")
	c, err := f.change(t.Context(), table, "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Catalog.Load(ended, "orders"); !errors.Is(err, context.Canceled) {
		t.Errorf("load: %v", err)
	}
	if _, err := f.Catalog.Commit(ended, table, c); err == nil {
		t.Error("commit succeeds")
	}
}
