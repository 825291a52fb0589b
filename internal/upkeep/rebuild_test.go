package upkeep

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/iceberg"
	"sluice/internal/maintain"
	"sluice/internal/pipeline"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// listed are the keys of the source.
func (w *world) listed(ctx context.Context, fn func(bucket, key string) error) error {
	o := w.s.Run()
	src, err := w.s.Pipeline.Source(o.Bucket)
	if err != nil {
		return err
	}
	return src.List(ctx, o.Prefix, func(i store.Info) error { return fn(o.Bucket, i.Key) })
}

// without is the head of a table whose ledger is lost.
func (w *world) without() *tables.Head {
	w.t.Helper()
	h, lost, err := w.table.LoadLost(w.t.Context())
	if err != nil || lost == nil {
		w.t.Fatalf("the ledger is whole: %v, %v", lost, err)
	}
	w.lost = h.Metadata().LastSequence
	return h
}

// rolledBack sets a table back to a snapshot of somebody else, and expires those before
// it: nobody knows its ledger.
func (w *world) rolledBack() {
	w.t.Helper()
	w.foreign(iceberg.Rows{})
	to := w.head().Metadata().Current
	w.put(0, 1+w.r.IntN(3))
	w.run()
	at, err := w.table.Catalog.Load(w.t.Context(), w.table.Name)
	if err != nil {
		w.t.Fatal(err)
	}
	m := *at.Metadata
	m.Current = to
	main := m.Refs[iceberg.Main]
	main.ID = to
	m.Refs = map[string]iceberg.Ref{iceberg.Main: main}
	m.Snapshots = slices.DeleteFunc(slices.Clone(m.Snapshots), func(s iceberg.Snapshot) bool { return s.ID != to })
	m.Log = nil
	text, err := m.JSON()
	if err != nil {
		w.t.Fatal(err)
	}
	version, _ := strconv.Atoi(at.Version)
	w.write(fmt.Sprintf("%smetadata/v%d.metadata.json", w.table.Folder, version+1), string(text))
}

// damage does something to the ledger, after which the table is refused. isRoot says that
// all keys can still be read from it.
func (w *world) damage(kind uint64) (what string, isRoot bool) {
	w.t.Helper()
	h := w.head()
	root := ""
	for _, s := range h.Metadata().Snapshots {
		if name := s.Summary["sluice.root"]; name != "" {
			root = name
		}
	}
	all, err := h.RunsOf(w.t.Context(), root)
	if err != nil {
		w.t.Fatal(err)
	}
	files := append(all, root)
	name := files[w.r.IntN(len(files))]
	one, isRoot := w.path(h.LedgerFolder()+name), name == root
	switch kind {
	case 0:
		if err := os.RemoveAll(w.path(h.LedgerFolder())); err != nil {
			w.t.Fatal(err)
		}
		return "the ledger is gone", false
	case 1:
		w.rolledBack()
		return "rolled back", true
	case 2:
		if err := os.Remove(one); err != nil {
			w.t.Fatal(err)
		}
		return "a file is gone", isRoot
	case 3:
		if err := os.Truncate(one, int64(w.r.IntN(50))); err != nil {
			w.t.Fatal(err)
		}
		return "a file is cut", isRoot
	default:
		data, err := os.ReadFile(one)
		if err != nil {
			w.t.Fatal(err)
		}
		at := len(data) - 9 - w.r.IntN(len(data)/2) // the sums of gzip, and the text before
		data[at] ^= 0xff
		if err := os.WriteFile(one, data, 0o600); err != nil {
			w.t.Fatal(err)
		}
		return "a file has another byte", isRoot
	}
}

// Whatever happened to the ledger, and to the table before: rebuild changes no row, knows
// each of them, and the next run shows the newest version of each object once.
func TestRebuild(t *testing.T) {
	const keys = 6
	seeds := 20
	if testing.Short() {
		seeds = 8
	}
	seen := map[string]int{}
	for seed := range uint64(seeds) {
		w := newWorld(t, seed, "remove", [][]string{nil, {"day"}}[seed%2]...)
		for n := range keys {
			w.put(n, 1+w.r.IntN(4))
		}
		w.run()
		for range 6 {
			if w.change(keys); w.r.IntN(6) == 0 {
				w.blind() // rows that were replaced are back: an object has several states
				seen["resurrected"]++
			}
		}
		what, isRoot := w.damage(seed / 2 % 5)
		if w.r.IntN(2) == 0 {
			w.remove(w.r.IntN(keys)) // only the former ledger has its key
		}
		if _, err := w.table.Load(t.Context()); err != nil && !tables.IsLost(err) {
			t.Fatalf("seed %d: %s: %v", seed, what, err)
		}
		before := w.rows(w.without())

		// So few are held that there are several passes, and places that are not noted.
		b := &rebuilding{t: w.table, keys: w.listed, most: 1 + w.r.IntN(10), places: w.r.IntN(4), Rebuilt: Rebuilt{Table: w.table.Name}}
		if err := b.run(t.Context()); err != nil {
			t.Fatalf("seed %d: %s: %v", seed, what, err)
		}
		if b.Lost == "" || b.Rows+b.Unknown != int64(len(before)) || isRoot && b.Unknown > 0 {
			t.Fatalf("seed %d: %s: %+v of %d rows", seed, what, b.Rebuilt, len(before))
		}
		seen[what]++
		seen["unknown"] += int(b.UnknownIDs)
		seen["former"] += int(b.Former)
		if err := sameRows(before, w.rows(w.head())); err != nil {
			t.Fatalf("seed %d: %s: %v", seed, what, err)
		}
		v, err := Verify(t.Context(), w.table)
		if err != nil || v.Missing != 0 || v.Resurrected != 0 || v.Unknown != b.Unknown || v.Foreign != 0 {
			t.Fatalf("seed %d: %s: %+v, %v", seed, what, v, err)
		}
		if again, err := Rebuild(t.Context(), w.table, w.listed); err != nil || again.Lost != "" {
			t.Fatalf("seed %d: a ledger that is whole: %+v, %v", seed, again, err)
		}
		if w.r.IntN(2) == 0 { // somebody compacts before the run
			w.blind()
			seen["compacted"]++
		}
		for n := range keys {
			if text, err := os.ReadFile(w.path(key(n))); err == nil && !strings.HasSuffix(string(text), "\n") {
				w.put(n, 1+w.r.IntN(3)) // a rejected object shows what it showed before
			}
		}
		w.run()
		if _, err := Mend(t.Context(), w.table); err != nil {
			t.Fatal(err)
		}
		w.sound(w.rows(w.head()))
		if got, want := w.ids(w.rows(w.head())), w.sources(keys); got != want {
			t.Fatalf("seed %d: %s:\n%s\nand not\n%s", seed, what, got, want)
		}
		w.change(keys)
		w.sound(w.rows(w.head()))
		if _, err := maintain.Table(t.Context(), w.table, maintain.Options{}); err != nil {
			t.Fatalf("seed %d: %s: %v", seed, what, err)
		}
	}
	t.Log(seen)
	for _, what := range []string{"resurrected", "former", "compacted", "rolled back", "a file is gone", "the ledger is gone"} {
		if seen[what] == 0 {
			t.Errorf("%s: never happened", what)
		}
	}
}

// ids are the values of the first column of rows.
func (w *world) ids(rows []row) string {
	var all []string
	for _, r := range rows {
		all = append(all, strings.SplitN(r.text, `"`, 3)[1])
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// sources are the values that the objects have.
func (w *world) sources(keys int) string {
	var all []string
	for n := range keys {
		text, _ := os.ReadFile(w.path(key(n)))
		for line := range strings.Lines(string(text)) {
			all = append(all, strings.SplitN(line, `"`, 5)[3])
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// A worker that read a key before the ledger was made anew does not take its rows for
// those of a key that nobody has changed since.
func TestRebuildBesideCommits(t *testing.T) {
	w := newWorld(t, 1, "keep")
	w.put(1, 3)
	w.run()
	w.put(2, 2)
	mine := *w.table
	shared := w.s.Target.(*pipeline.Tables)
	rebuilds := 0
	mine.Catalog = &interrupted{Catalog: w.table.Catalog, times: 1, before: func() {
		// Another worker has seen the object without rows: the ledger that is made anew does
		// not know the key.
		w.put(2, 0)
		w.run()
		w.write(key(2), `{"id":"old","n":1,"price":1,"day":"2024-01-01"}`+"\n")
		if err := os.RemoveAll(w.path(w.head().LedgerFolder())); err != nil {
			t.Fatal(err)
		}
		b, err := Rebuild(t.Context(), w.table, w.listed)
		if err != nil || b.Keys != 1 || b.Rows != 3 {
			t.Fatalf("%+v, %v", b, err)
		}
		rebuilds++
	}}
	other := *shared
	other.Tables = []*tables.Table{&mine}
	if _, err := other.Run(t.Context(), w.s.Run()); err != nil {
		t.Fatal(err)
	}
	if rebuilds != 1 {
		t.Fatal("nothing happened in between")
	}
	if got := w.ids(w.rows(w.head())); got != "1-0 1-1 1-2 old" {
		t.Errorf("the table shows %s", got)
	}

	// Others commit while it is made anew.
	mine.Catalog = &interrupted{Catalog: w.table.Catalog, times: 2, before: func() { w.foreign(iceberg.Rows{}) }}
	if err := os.RemoveAll(w.path(w.head().LedgerFolder())); err != nil {
		t.Fatal(err)
	}
	w.without()
	if b, err := Rebuild(t.Context(), &mine, w.listed); err != nil || b.Keys != 2 || b.Rows != 4 {
		t.Errorf("%+v, %v", b, err)
	}
	w.run()
	w.sound(w.rows(w.head()))

	// The source is another one: nothing is committed.
	if err := os.RemoveAll(w.path(w.head().LedgerFolder())); err != nil {
		t.Fatal(err)
	}
	nothing := func(context.Context, func(bucket, key string) error) error { return nil }
	if _, err := Rebuild(t.Context(), w.table, nothing); err == nil || !strings.Contains(err.Error(), "no object of the source has rows") {
		t.Error(err)
	}
}

// Rows that are erased before the next run leave the ledger that was made anew, also where it
// does not say in which files they are.
func TestEraseAfterRebuild(t *testing.T) {
	for _, places := range []int{0, mostPlaces} {
		w := newWorld(t, 1, "keep")
		w.putSubject(1, 5, 2)
		w.putSubject(2, 4, 1)
		w.put(3, 2)
		w.run()
		before := w.rows(w.head())
		if err := os.RemoveAll(w.path(w.head().LedgerFolder())); err != nil {
			t.Fatal(err)
		}
		b := &rebuilding{t: w.table, keys: w.listed, most: heldPlaces, places: places}
		if err := b.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		done, err := Erase(t.Context(), w.table, EraseOptions{Codec: "zstd", Conditions: []Condition{{"id", subject}}})
		if err != nil || done.Rows != 7 || done.Matches != 0 {
			t.Fatalf("%d places: %+v, %v", places, done, err)
		}
		if err := sameRows(slices.DeleteFunc(before, isSubject), w.rows(w.head())); err != nil {
			t.Fatal(err)
		}
		if v, err := Verify(t.Context(), w.table); err != nil || !v.OK() || v.Rows != 4 {
			t.Errorf("%d places: %+v, %v", places, v, err)
		}
	}
}
