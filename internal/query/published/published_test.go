package published_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"sluice/internal/ledger"
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

// lake is a lake in a folder whose ledger and sink count what is read of them.
type lake struct {
	t            *testing.T
	dir          string
	s            *setup.Setup
	ledger, sink *counting
}

func newLake(t *testing.T, sink string) *lake {
	t.Helper()
	l := &lake{t: t, dir: t.TempDir()}
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
func (l *lake) put(name string, rows int) {
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

// look looks, and says how many files there are, and how much was read for that.
func (l *lake) look(p *published.Lake) (t *published.Tables, files int, entries, outputs int64) {
	l.t.Helper()
	l.ledger.read.Store(0)
	l.sink.read.Store(0)
	t, err := p.Look(l.t.Context(), l.s)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, x := range t.Tables {
		for _, f := range x.Files {
			if _, err := os.Stat(filepath.Join(t.Folder, f.Name)); err != nil {
				l.t.Error(err)
			}
			files++
		}
	}
	return t, files, l.ledger.read.Load(), l.sink.read.Load()
}

// A second look finds what came, and reads nothing else.
func TestLookAgain(t *testing.T) {
	l := newLake(t, "orders_data_parquet/")
	p := published.New(published.Options{})
	defer p.Close()
	check := func(what string, files int, entries int64) {
		t.Helper()
		tables, gotFiles, gotEntries, outputs := l.look(p)
		defer tables.Release()
		if gotFiles != files || gotEntries != entries || outputs != 0 {
			t.Errorf("%s: %d files, %d entries and %d outputs read; want %d files, %d entries", what, gotFiles, gotEntries, outputs, files, entries)
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
}

// Copies are made once, kept while a statement has them, and removed after that.
func TestCopies(t *testing.T) {
	l := newLake(t, "tables[1]/") // no name that DuckDB would take as it is
	p := published.New(published.Options{MaxFetched: 1 << 20})
	l.put("a.json", 1)
	l.put("b.json", 1)
	first, files, _, outputs := l.look(p)
	if files != 2 || outputs != 2 {
		t.Fatalf("%d files, %d copied", files, outputs)
	}
	second, files, _, outputs := l.look(p)
	if files != 2 || outputs != 0 || second.Folder != first.Folder {
		t.Errorf("again: %d files, %d copied", files, outputs)
	}
	second.Release()
	held := func() int {
		names, err := os.ReadDir(first.Folder)
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	l.put("a.json", 2)
	third, files, _, outputs := l.look(p)
	if files != 2 || outputs != 1 || held() != 3 {
		t.Errorf("one replaced: %d files, %d copied, %d held", files, outputs, held())
	}
	first.Release()
	third.Release()
	last, _, _, _ := l.look(p)
	if held() != 2 {
		t.Errorf("after release: %d held", held())
	}
	last.Release()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(first.Folder); err == nil {
		t.Error("the copies are still there")
	}
	// What is too large leaves nothing, and is possible again when it is smaller.
	small := published.New(published.Options{MaxFetched: 10})
	defer small.Close()
	if _, err := small.Look(t.Context(), l.s); err == nil {
		t.Error("more was copied than may be")
	}
}
