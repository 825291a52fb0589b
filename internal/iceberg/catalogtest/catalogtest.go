// Package catalogtest is the contract of iceberg.Catalog as tests.
package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
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
	Chooses  bool                      // the catalog chooses another place
	// Drop removes a table from the catalog, as somebody may by hand. Its files stay,
	// unless the catalog is these files.
	Drop func(t *testing.T, table string)
	// Faults are those of what the catalog calls; nil: there are none.
	Faults Faults
	// Alone, if set, says why the catalog does not notice commits that race with its own:
	// what only such a commit shows is not tested.
	Alone string
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
		{"properties alone", testProperties},
		{"another partition spec", testSpec},
		{"divided otherwise", testDivide},
		{"commit on an old base", testOldBase},
		{"a table made again under the name", testMadeAgain},
		{"many committers", testCommitters},
		{"ended context", testContext},
		{"faults of commits", testCommitFaults},
		{"late commits", testLateCommit},
		{"faults of creations", testCreateFaults},
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
		Path: base.Metadata.Location + "/data/" + batch + ".parquet", Format: "PARQUET", Rows: n, Bytes: 100,
	}}}
	folder, err := f.Files.Folder(base.Metadata)
	if err != nil {
		return iceberg.Change{}, err
	}
	s, err := f.Files.Snapshot(ctx, base.Metadata, rows, folder+"metadata/", batch, time.Now())
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
	if m.UUID != made.Metadata.UUID || !f.Chooses && m.Location != f.Location("orders") || m.Head() != nil || m.Properties["sluice.root"] != "none" {
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

// A change need not have a snapshot.
func testProperties(t *testing.T, f Fixture) {
	base := f.create(t, "orders")
	for _, property := range []string{"a", "b"} {
		var err error
		if base, err = f.Catalog.Commit(t.Context(), base, iceberg.Change{Properties: map[string]string{property: "x"}}); err != nil {
			t.Fatal(err)
		}
	}
	m := f.check(t, "orders").Metadata
	if m.Properties["a"] != "x" || m.Properties["b"] != "x" || m.Properties["sluice.root"] != "none" {
		t.Errorf("properties %v", m.Properties)
	}
}

// A table takes files that follow another spec, and new ones follow the former.
func testSpec(t *testing.T, f Fixture) {
	base := f.create(t, "orders")
	m := base.Metadata
	spec := iceberg.PartitionSpec{ID: m.SpecID + 1, Fields: []iceberg.PartitionField{
		{SourceID: 1, ID: m.LastPartition + 1, Name: "id", Transform: iceberg.Transform{Name: "identity"}},
	}}
	if _, err := f.Catalog.Commit(t.Context(), base, iceberg.Change{Spec: &spec}); err != nil {
		t.Fatal(err)
	}
	base = f.check(t, "orders")
	if is := base.Metadata; is.SpecID != m.SpecID || is.Spec(spec.ID) == nil || !reflect.DeepEqual(is.Spec(spec.ID).Fields, spec.Fields) || is.LastPartition != spec.Fields[0].ID {
		t.Fatalf("specs %+v, the current one %d, last field %d", is.Specs, is.SpecID, is.LastPartition)
	}
	file := iceberg.SpecFile{SpecID: int32(spec.ID), DataFile: iceberg.DataFile{
		Path: f.Files.URI("elsewhere.parquet"), Format: "PARQUET", Rows: 1, Bytes: 1, Partition: map[string]any{"id": int64(7)},
	}}
	folder, err := f.Files.Folder(base.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Files.Snapshot(t.Context(), base.Metadata, iceberg.Rows{Add: []iceberg.SpecFile{file}}, folder+"metadata/", "a", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if base, err = f.Catalog.Commit(t.Context(), base, iceberg.Change{Snapshot: s}); err != nil {
		t.Fatal(err)
	}
	lines, err := f.Files.Manifests(t.Context(), base.Metadata.Head())
	if err != nil || len(lines) != 1 {
		t.Fatal(lines, err)
	}
	err = f.Files.Entries(t.Context(), base.Metadata, &lines[0], func(e *iceberg.Entry) error {
		if e.File.Path != file.Path || e.File.Partition["id"] != int64(7) {
			t.Errorf("file %+v", e.File)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// New files follow another spec, which the table has or not, and then the former one again.
func testDivide(t *testing.T, f Fixture) {
	base := f.create(t, "orders")
	first := base.Metadata.Spec(base.Metadata.SpecID)
	by := []iceberg.PartitionField{{SourceID: 1, Name: "id_bucket", Transform: iceberg.Transform{Name: "bucket", N: 4}}}
	old := base
	for n, fields := range [][]iceberg.PartitionField{by, first.Fields, by} {
		m := base.Metadata
		spec, err := m.Divide(m.CurrentSchema(), fields)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Catalog.Commit(t.Context(), base, iceberg.Change{Spec: spec, Divides: true}); err != nil {
			t.Fatal(err)
		}
		base = f.check(t, "orders")
		if is := base.Metadata; is.SpecID != spec.ID || len(is.Specs) != 2 || !reflect.DeepEqual(is.Spec(is.SpecID).Fields, spec.Fields) || is.LastPartition < 1000 {
			t.Fatalf("change %d: specs %+v, the current one %d, last field %d", n, is.Specs, is.SpecID, is.LastPartition)
		}
	}
	// Of a head that others have divided otherwise, the change fails.
	spec, err := old.Metadata.Divide(old.Metadata.CurrentSchema(), []iceberg.PartitionField{{SourceID: 1, Name: "id", Transform: iceberg.Transform{Name: "identity"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Catalog.Commit(t.Context(), old, iceberg.Change{Spec: spec, Divides: true}); !errors.Is(err, iceberg.ErrConflict) {
		t.Errorf("a change of an older state: %v", err)
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

// A table that was removed and made again looks like the old one: it is as new, and has
// the same names. It has another UUID.
func testMadeAgain(t *testing.T, f Fixture) {
	base := f.create(t, "orders")
	c, err := f.change(t.Context(), base, "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	f.Drop(t, "orders")
	if _, err := f.Catalog.Load(t.Context(), "orders"); !errors.Is(err, iceberg.ErrNoTable) {
		t.Errorf("load after the table was removed: %v", err)
	}
	if _, err := f.Catalog.Commit(t.Context(), base, c); err == nil {
		t.Error("a commit to a table that was removed lands")
	}
	made := f.create(t, "orders")
	if made.Metadata.UUID == base.Metadata.UUID {
		t.Fatal("the new table has the UUID of the old one")
	}
	if _, err := f.Catalog.Commit(t.Context(), base, c); err == nil {
		t.Error("a commit to the table before lands")
	}
	f.check(t, "orders")
}

// Each of several committers repeats until its own batch has landed, as the comparison
// after an error says. In the end each batch is there once.
func testCommitters(t *testing.T, f Fixture) {
	if f.Alone != "" {
		t.Logf("NOT TESTED: %s", f.Alone)
		return
	}
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

// attempt has a change fail in a way, and says what may not be after it.
func (f *Fixture) attempt(t *testing.T, fault Fault, change func() error) {
	t.Helper()
	f.Faults.Next(fault)
	err := change()
	if err == nil {
		t.Error("there is no error")
	}
	if n := f.Faults.Seen(); n != 1 {
		t.Errorf("%d requests: a change is tried once", n)
	}
	f.Faults.Next(None)
}

// each runs a test for each fault, on a table of its own.
func (f *Fixture) each(t *testing.T, test func(t *testing.T, table string, fault Fault)) {
	if f.Faults == nil {
		t.Fatal("the fixture has no faults")
	}
	for fault := LostRequest; fault <= ErrorAfter; fault++ {
		t.Run(faultNames[fault], func(t *testing.T) { test(t, fmt.Sprintf("orders%d", fault), fault) })
	}
}

// Whatever a commit's error was, Load shows whether it landed.
func testCommitFaults(t *testing.T, f Fixture) {
	f.each(t, func(t *testing.T, name string, fault Fault) {
		base := f.create(t, name)
		a, err := f.change(t.Context(), base, "a", 1)
		if err != nil {
			t.Fatal(err)
		}
		f.attempt(t, fault, func() error { _, err := f.Catalog.Commit(t.Context(), base, a); return err })
		var batches []string
		if fault.Lands() {
			batches = append(batches, "a")
		}
		now := f.check(t, name, batches...)
		b, err := f.change(t.Context(), now, "b", 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Catalog.Commit(t.Context(), now, b); err != nil {
			t.Fatal(err)
		}
		f.check(t, name, append(batches, "b")...)
	})
}

// Of a late commit and another one on its base, the one that arrives first lands.
func testLateCommit(t *testing.T, f Fixture) {
	for name, first := range map[string]bool{"arrives first": true, "arrives last": false} {
		t.Run(name, func(t *testing.T) {
			table := "orders_" + fmt.Sprint(first)
			base := f.create(t, table)
			a, errA := f.change(t.Context(), base, "a", 1)
			b, errB := f.change(t.Context(), base, "b", 1)
			if err := errors.Join(errA, errB); err != nil {
				t.Fatal(err)
			}
			f.attempt(t, Late, func() error { _, err := f.Catalog.Commit(t.Context(), base, a); return err })
			if first {
				f.Faults.Release(t)
			}
			_, err := f.Catalog.Commit(t.Context(), base, b)
			switch {
			case first && !errors.Is(err, iceberg.ErrConflict):
				t.Errorf("the commit after the late one: %v", err)
			case first:
				f.check(t, table, "a")
			case err != nil:
				t.Errorf("the commit before the late one: %v", err)
			case f.Alone != "":
				t.Logf("NOT TESTED: %s", f.Alone)
			default:
				f.Faults.Release(t)
				f.check(t, table, "b")
			}
		})
	}
}

// Whatever the error of a creation was, Load shows whether there is a table, and there
// is one table in the end.
func testCreateFaults(t *testing.T, f Fixture) {
	f.each(t, func(t *testing.T, name string, fault Fault) {
		m, err := iceberg.New(f.Location(name), columns, nil, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		f.attempt(t, fault, func() error { _, err := f.Catalog.Create(t.Context(), name, m); return err })
		_, err = f.Catalog.Load(t.Context(), name)
		if fault.Lands() && err != nil || !fault.Lands() && !errors.Is(err, iceberg.ErrNoTable) {
			t.Errorf("load: %v", err)
		}
		if m, err = iceberg.New(f.Location(name), columns, nil, nil, time.Now()); err != nil {
			t.Fatal(err)
		}
		_, err = f.Catalog.Create(t.Context(), name, m)
		if fault.Lands() != errors.Is(err, iceberg.ErrTableExists) || !fault.Lands() && err != nil {
			t.Errorf("create again: %v", err)
		}
		before := f.check(t, name)
		if fault == Late {
			f.Faults.Release(t)
			if after := f.check(t, name); after.Metadata.UUID != before.Metadata.UUID {
				t.Error("the late creation replaced the table")
			}
		}
	})
}
