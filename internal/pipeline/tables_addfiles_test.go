package pipeline_test

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sluice/internal/event"
	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/store"
)

// TestAddFiles takes the files of objects into tables: those of sound, rejected, partly
// quarantined, overwritten and deleted ones. The tables show the rows that the files
// have, a run finds nothing to do, and what is overwritten later is replaced.
func TestAddFiles(t *testing.T) {
	for _, partition := range [][]pipeline.Partition{nil, {{Column: "day", Transform: iceberg.Transform{Name: "day"}}}} {
		w := newTablesWorld(t, partition...)
		from := w.with(func(p *pipeline.Pipeline) {
			p.SinkPrefix, p.Ledger = "files/", ledger.New(w.sink, "files-ledger/")
		})
		w.put(t, "sound.json", `[{"id":1,"day":"2026-01-01","lines":[1,2]},{"id":2,"day":"2026-01-02","lines":[3]}]`)
		w.put(t, "empty.json", `[]`)
		w.put(t, "some.json", `[{"id":3,"day":"2026-01-02","lines":[]},{"id":"x"}]`)
		w.put(t, "bad.json", `[{"id":4`)
		w.put(t, "worse.json", `[{"id":5,"day":"2026-01-02","lines":[5]}]`)
		w.put(t, "gone.json", `[{"id":6,"day":"2026-01-02","lines":[6]}]`)
		w.put(t, "lost.json", `[{"id":7,"day":"2026-01-02","lines":[7]}]`)
		runFiles(t, from)
		w.put(t, "worse.json", `[{"id":50`)
		if err := w.source.Delete(t.Context(), "gone.json"); err != nil {
			t.Fatal(err)
		}
		runFiles(t, from)
		lost, err := from.Entry(t.Context(), "raw", "lost.json")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.sink.Delete(t.Context(), lost.Outputs[1].Key); err != nil {
			t.Fatal(err)
		}

		want := pipeline.Added{Objects: 6, Files: 7, Rows: 10, Left: map[string]int64{"its output is missing": 1}}
		for range 2 {
			sum, err := w.t.AddFiles(t.Context(), from, func(pipeline.Added) {})
			if err != nil || !reflect.DeepEqual(sum, want) {
				t.Errorf("%+v, want %+v: %v", sum, want, err)
			}
			want.Objects, want.Files, want.Rows, want.Known = 0, 0, 0, 6
		}
		w.shows(t, 0, "1 2026-01-01", "2 2026-01-02", "3 2026-01-02", "5 2026-01-02", "6 2026-01-02")
		w.shows(t, 1, "1 1", "1 2", "2 3", "5 5", "6 6")

		sum, err := w.runAll(t.Context())
		if counts := map[pipeline.Disposition]int64{pipeline.DidDuplicate: 6, pipeline.DidCommit: 1}; err != nil || !maps.Equal(nonZero(sum.Objects), counts) {
			t.Errorf("a run: %v, %v", sum.Objects, err)
		}
		w.put(t, "sound.json", `[{"id":8,"day":"2026-01-02","lines":[8]}]`)
		w.put(t, "some.json", `[]`)
		w.put(t, "worse.json", `[{"id":9,"day":"2026-01-02","lines":[9]}]`)
		if sum, err = w.runAll(t.Context()); err != nil || sum.Objects[pipeline.DidFail] > 0 {
			t.Fatalf("a run: %v, %v", sum.Objects, err)
		}
		w.shows(t, 0, "6 2026-01-02", "7 2026-01-02", "8 2026-01-02", "9 2026-01-02")
		w.shows(t, 1, "6 6", "7 7", "8 8", "9 9")
	}
}

// TestAddFilesAgain takes files while the store fails, again and again, until it is done.
func TestAddFilesAgain(t *testing.T) {
	w := newTablesWorld(t)
	from := w.with(func(p *pipeline.Pipeline) { p.SinkPrefix, p.Ledger = "files/", ledger.New(w.sink, "files-ledger/") })
	want := [2][]string{}
	for n := range 20 {
		c := draw(rand.New(rand.NewPCG(7, uint64(n))), n+1)
		w.put(t, strings.Repeat("a", n+1), c.text)
		for i := range want {
			want[i] = append(want[i], c.tables[i]...)
		}
	}
	runFiles(t, from)
	w.faults.share.Store(40)
	for n := range 1000 {
		if n == 900 {
			w.faults.share.Store(0)
		}
		if _, err := w.t.AddFiles(t.Context(), from, func(pipeline.Added) {}); err == nil {
			break
		}
	}
	w.faults.share.Store(0)
	for i := range want {
		w.shows(t, i, slices.Sorted(slices.Values(want[i]))...)
	}
	if sum, err := w.runAll(t.Context()); err != nil || sum.Objects[pipeline.DidDuplicate] != 20 {
		t.Errorf("a run: %v, %v", sum.Objects, err)
	}
}

func runFiles(t *testing.T, p *pipeline.Pipeline) {
	t.Helper()
	sum, err := p.Run(t.Context(), pipeline.RunOptions{Bucket: "raw", Workers: 2, Judge: func(store.Info) event.Record { return event.Record{Action: event.Process} }})
	if err != nil || sum.Objects[pipeline.DidFail] > 0 {
		t.Fatalf("a run with a file for each object: %v, %v", sum.Objects, err)
	}
}

// shows compares the rows that a table shows, of all keys.
func (w *tablesWorld) shows(t *testing.T, table int, want ...string) {
	t.Helper()
	var got []string
	for _, rows := range w.rows(t, table) {
		got = append(got, rows...)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("table %d shows %q, want %q", table, got, want)
	}
}

func nonZero(counts map[pipeline.Disposition]int64) map[pipeline.Disposition]int64 {
	counts = maps.Clone(counts)
	maps.DeleteFunc(counts, func(_ pipeline.Disposition, n int64) bool { return n == 0 })
	return counts
}

// TestAddFilesBack goes back to a file for each object, which are written again under their
// names, and takes them once more: each table shows the newest of either, and none of the
// rows of a file that is no more.
func TestAddFilesBack(t *testing.T) {
	for seed := range uint64(4) {
		w := newTablesWorld(t)
		from := w.with(func(p *pipeline.Pipeline) {
			p.SinkPrefix, p.Ledger, p.RemoveDeleted = "files/", ledger.New(w.sink, "files-ledger/"), true
		})
		w.t.RemoveDeleted = true
		r := rand.New(rand.NewPCG(seed, 8))
		shown := map[string][2][]string{}
		for round := range 4 {
			for n := range 12 {
				key := strings.Repeat("a", n+1)
				c := draw(r, 100*round+n)
				switch {
				case round > 0 && r.IntN(2) == 0:
				case round > 0 && r.IntN(6) == 0:
					if err := w.source.Delete(t.Context(), key); err != nil {
						t.Fatal(err)
					}
					delete(shown, key)
				default:
					if w.put(t, key, c.text); c.shows {
						shown[key] = c.tables
					}
				}
			}
			byTables := round == 2
			if byTables {
				if sum, err := w.runAll(t.Context()); err != nil || sum.Objects[pipeline.DidFail] > 0 {
					t.Fatalf("seed %d: a run: %v, %v", seed, sum.Objects, err)
				}
			} else {
				runFiles(t, from)
			}
			if sum, err := w.t.AddFiles(t.Context(), from, func(pipeline.Added) {}); err != nil || len(sum.Left) > 0 || byTables && sum.Objects > 0 || !byTables && sum.Objects == 0 {
				t.Fatalf("seed %d, round %d: %+v, %v", seed, round, sum, err)
			}
			// What an object had no rows in is no file of the table: a run sees that it is older.
			for i, table := range w.t.Tables {
				rows := int64(0)
				for _, of := range w.rows(t, i) {
					rows += int64(len(of))
				}
				if h, err := table.Load(t.Context()); err != nil || h.Rows() != rows || h.Resurrected() != 0 {
					t.Errorf("seed %d, round %d: the ledger has %d rows, and table %d %d: %v", seed, round, h.Rows(), i, rows, err)
				}
			}
			if sum, err := w.runAll(t.Context()); err != nil || sum.Objects[pipeline.DidFail] > 0 || sum.Commits.Missing > 0 {
				t.Fatalf("seed %d: a run: %v, %v", seed, sum.Objects, err)
			}
			for i := range w.t.Tables {
				var want []string
				for _, rows := range shown {
					want = append(want, rows[i]...)
				}
				slices.Sort(want)
				w.shows(t, i, want...)
			}
			if t.Failed() {
				t.FailNow()
			}
		}
	}
}
