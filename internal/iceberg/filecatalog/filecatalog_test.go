package filecatalog_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/iceberg/catalogtest"
	"sluice/internal/iceberg/filecatalog"
	"sluice/internal/store"
	"sluice/internal/store/dirstore"
	"sluice/internal/store/storetest"
	"sluice/schema"
)

func open(t *testing.T) *filecatalog.Catalog {
	t.Helper()
	dir := t.TempDir()
	s, err := dirstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &filecatalog.Catalog{Files: iceberg.Files{Store: s, Base: "file://" + dir + "/"}, Prefix: "lake/"}
}

func TestCatalog(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) catalogtest.Fixture {
		c := open(t)
		faulty := &faults{Store: c.Files.Store}
		c.Files.Store = faulty
		return catalogtest.Fixture{
			Catalog: c, Files: c.Files, Location: c.Location, Faults: faulty,
			Drop: func(t *testing.T, table string) {
				err := faulty.List(t.Context(), "lake/"+table+"/metadata/", func(i store.Info) error { return faulty.Delete(t.Context(), i.Key) })
				if err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

// faults is a store whose metadata files have the faults of the suite.
type faults struct {
	store.Store
	next catalogtest.Fault
	seen int
	late store.Writer
}

func (f *faults) Next(fault catalogtest.Fault) { f.next, f.seen = fault, 0 }

func (f *faults) Seen() int { return f.seen }

func (f *faults) Release(t *testing.T) {
	_, err := f.late.Commit(t.Context(), store.IfNoneMatch())
	t.Logf("the late commit: %v", err)
}

func (f *faults) Create(ctx context.Context, key string, o store.CreateOptions) (store.Writer, error) {
	w, err := f.Store.Create(ctx, key, o)
	if strings.HasSuffix(key, ".metadata.json") && f.next != catalogtest.None {
		if err != nil {
			return nil, err
		}
		return &faultyWriter{w, f}, nil
	}
	return w, err
}

type faultyWriter struct {
	store.Writer
	faults *faults
}

func (w *faultyWriter) Commit(ctx context.Context, p store.Precondition) (store.Info, error) {
	w.faults.seen++
	fault := w.faults.next
	var err error
	if fault.Lands() {
		_, err = w.Writer.Commit(ctx, p)
	}
	if fault == catalogtest.Late {
		w.faults.late = w.Writer
	}
	return store.Info{}, cmp.Or(err, errors.New("as told"))
}

func (w *faultyWriter) Abort(ctx context.Context) error {
	if w.faults.late != nil {
		return nil
	}
	return w.Writer.Abort(ctx)
}

func metadata(t *testing.T, c *filecatalog.Catalog) *iceberg.Metadata {
	t.Helper()
	m, err := iceberg.New(c.Location("orders"), []schema.Column{{Name: "id", Type: schema.Type{Kind: schema.Int64}}}, nil, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Whichever call of a commit fails, with or without effect, the commit is there as a
// whole or not at all, and an error is never taken for success.
func TestFaults(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.FailBefore, storetest.FailAfter, storetest.CrashBefore, storetest.CrashAfter} {
		for n := 1; ; n++ {
			c := open(t)
			table, err := c.Create(t.Context(), "orders", metadata(t, c))
			if err != nil {
				t.Fatal(err)
			}
			plan := storetest.NewPlan(n, fault)
			failing := *c
			failing.Files.Store = plan.Wrap(c.Files.Store)
			var committed error
			snapshot, err := failing.Files.Snapshot(t.Context(), table.Metadata, iceberg.Rows{Add: []iceberg.SpecFile{{DataFile: iceberg.DataFile{Path: "file:///a", Format: "PARQUET", Rows: 1}}}}, "lake/orders/metadata/", "b", time.Now())
			if err == nil {
				_, committed = failing.Commit(t.Context(), table, iceberg.Change{Snapshot: snapshot})
			}
			loaded, loadErr := c.Load(t.Context(), "orders")
			if loadErr != nil {
				t.Fatalf("fault %d at call %d: %v", fault, n, loadErr)
			}
			landed := loaded.Metadata.Head() != nil
			if err == nil && committed == nil && !landed || err != nil && landed {
				t.Errorf("fault %d at call %d: snapshot %v, commit %v, and the table has %v", fault, n, err, committed, loaded.Metadata.Head())
			}
			if landed {
				lines, err := c.Files.Manifests(t.Context(), loaded.Metadata.Head())
				if err != nil || len(lines) != 1 {
					t.Errorf("fault %d at call %d: %d manifests, %v", fault, n, len(lines), err)
				}
			}
			if !plan.Happened() {
				break
			}
		}
	}
}

// The hint may be missing, old, of a version that is gone, or nonsense.
func TestHint(t *testing.T) {
	c := open(t)
	table, err := c.Create(t.Context(), "orders", metadata(t, c))
	if err != nil {
		t.Fatal(err)
	}
	for range 12 {
		s, err := c.Files.Snapshot(t.Context(), table.Metadata, iceberg.Rows{}, "lake/orders/metadata/", fmt.Sprint(table.Version), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if table, err = c.Commit(t.Context(), table, iceberg.Change{Snapshot: s}); err != nil {
			t.Fatal(err)
		}
	}
	for v := 1; v <= 3; v++ { // as maintenance does
		if err := c.Files.Store.Delete(t.Context(), fmt.Sprintf("lake/orders/metadata/v%d.metadata.json", v)); err != nil {
			t.Fatal(err)
		}
	}
	for _, hint := range []string{"", "x", "-1", "0", "1", "3", "4", "13", "99", "13\n"} {
		const name = "lake/orders/metadata/version-hint.text"
		err := c.Files.Store.Delete(t.Context(), name)
		if err == nil && hint != "" {
			_, err = store.Put(t.Context(), c.Files.Store, name, []byte(hint), store.CreateOptions{}, store.Unconditional())
		}
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := c.Load(t.Context(), "orders")
		if err != nil || loaded.Version != "13" {
			t.Errorf("hint %q: version %v, %v", hint, loaded, err)
		}
	}
	if _, err := c.Load(t.Context(), "order"); !errors.Is(err, iceberg.ErrNoTable) {
		t.Errorf("a table with the beginning of the name: %v", err)
	}
}
