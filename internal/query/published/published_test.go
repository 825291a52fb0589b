package published_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"sluice/internal/ledger"
	"sluice/internal/query"
	"sluice/internal/query/published"
	"sluice/internal/setup"
	"sluice/internal/store"
)

// counting counts the objects that are read.
type counting struct {
	store.Store
	read atomic.Int64
}

func (c *counting) Open(ctx context.Context, key string) (store.Object, error) {
	c.read.Add(1)
	return c.Store.Open(ctx, key)
}

// folder is a lake in a folder whose ledger and sink count what is read of them.
type folder struct {
	t            *testing.T
	dir          string
	s            *setup.Setup
	ledger, sink *counting
}

func newLake(t *testing.T, sink string) *folder {
	t.Helper()
	l := &folder{t: t, dir: t.TempDir()}
	c := setup.Lake(l.dir)
	c.Sink.Prefix = sink
	var err error
	if l.s, err = setup.New(t.Context(), c, "", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.s.Close)
	if err := l.s.Own(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.ledger, l.sink = &counting{Store: l.s.Ledger}, &counting{Store: l.s.Pipeline.Sink}
	l.s.Pipeline.Ledger, l.s.Pipeline.Sink = ledger.New(l.ledger, c.Ledger.Prefix), l.sink
	return l
}

// put puts an object with so many rows.
func (l *folder) put(name string, rows int) {
	l.t.Helper()
	text := "["
	for i := range rows {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(`{"order_id":%d,"order_date":"2024-01-10","customer":{"customer_id":"C-1"},"products":[{"product_id":"P01","price":1,"quantity":1}]}`, i)
	}
	key := "raw_orders_data/" + name
	file := filepath.Join(l.dir, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text+"]"), 0o600); err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.s.Pipeline.Process(l.t.Context(), "", key); err != nil {
		l.t.Fatal(err)
	}
}

// asked is what a statement was run over.
type asked struct {
	folder           string
	files            int
	entries, outputs int64 // that were read for it
}

// engine is one whose statements keep their tables until they are closed.
type engine struct{ last *asked }

func (e engine) open(folder string, all []query.Table, _ query.Limits) query.Session {
	e.last.folder, e.last.files = folder, 0
	for _, t := range all {
		for _, f := range t.Files {
			if _, err := os.Stat(filepath.Join(folder, f.Name)); err == nil {
				e.last.files++
			}
		}
	}
	return e
}

func (e engine) Query(context.Context, string) (query.Rows, error) { return e, nil }
func (e engine) Export(context.Context, string, string) error      { return nil }
func (e engine) Columns() []query.Column                           { return nil }
func (e engine) Next() ([]*string, error)                          { return nil, io.EOF }
func (e engine) Close() error                                      { return nil }

// session is one over the lake.
func (l *folder) session(most int64) (s *published.Session, ask func() (asked, query.Rows)) {
	at := func() *setup.Setup { return l.s }
	e := engine{&asked{}}
	s = published.New(published.Options{Setup: at, MaxFetched: most, Engine: e.open})
	return s, func() (asked, query.Rows) {
		l.t.Helper()
		l.ledger.read.Store(0)
		l.sink.read.Store(0)
		rows, err := s.Query(l.t.Context(), "FROM Order_Lines")
		if err != nil {
			l.t.Fatal(err)
		}
		e.last.entries, e.last.outputs = l.ledger.read.Load(), l.sink.read.Load()
		return *e.last, rows
	}
}

// A second statement finds what came, and nothing else is read for it.
func TestLaterObjects(t *testing.T) {
	l := newLake(t, "orders_data_parquet/")
	s, ask := l.session(0)
	defer s.Close()
	check := func(what string, files int, entries int64) {
		t.Helper()
		got, rows := ask()
		if rows.Close(); got.files != files || got.entries != entries || got.outputs != 0 {
			t.Errorf("%s: %+v, want %d files, %d entries", what, got, files, entries)
		}
	}
	check("an empty lake", 0, 0)
	l.put("a.json", 1)
	l.put("b.json", 1)
	check("two objects", 2, 2)
	check("the same", 2, 0)
	l.put("c.json", 1)
	l.put("a.json", 2)
	check("one more, and one replaced", 3, 2)
	check("the same", 3, 0)
	// A file that is gone is an error, and not fewer rows.
	files, err := filepath.Glob(filepath.Join(l.dir, "orders_data_parquet", "orders_*"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Query(t.Context(), ""); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

// Copies are made once, kept while a statement has them, and removed after that.
func TestCopies(t *testing.T) {
	l := newLake(t, "tables[1]/") // no name that DuckDB would take as it is
	s, ask := l.session(1 << 20)
	l.put("a.json", 1)
	l.put("b.json", 1)
	got, first := ask()
	if got.files != 2 || got.outputs != 2 {
		t.Fatalf("%+v", got)
	}
	folder := got.folder
	got, second := ask()
	if got.files != 2 || got.outputs != 0 || got.folder != folder {
		t.Errorf("again: %+v", got)
	}
	second.Close()
	second.Close()
	held := func() int {
		names, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	l.put("a.json", 2)
	got, third := ask()
	if got.files != 2 || got.outputs != 1 || held() != 3 {
		t.Errorf("one replaced: %+v, %d held", got, held())
	}
	first.Close()
	third.Close()
	_, last := ask()
	if held() != 2 {
		t.Errorf("after the statements: %d held", held())
	}
	last.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("the copies are still there")
	}
	// What is too large leaves nothing.
	small, _ := l.session(10)
	if _, err := small.Query(t.Context(), "FROM order_lines"); !errors.As(err, new(*published.TooLargeError)) {
		t.Error(err)
	}
	// A table that no statement names is not copied, and says so.
	all, err := small.Tables(t.Context())
	if err != nil || len(all) != 1 || len(all[0].Files) != 2 || !strings.Contains(all[0].Absent, "order_lines was not copied") {
		t.Errorf("%v: %+v", err, all)
	}
	if err := small.Close(); err != nil {
		t.Error(err)
	}
}
