package upkeep

import (
	"os"
	"slices"
	"testing"

	"sluice/internal/maintain"
)

// A table whose files follow several partition specs loses no row and doubles none, whatever
// is done with it; and its files get the newest spec where they are written again.
func TestSeveralSpecs(t *testing.T) {
	const keys = 5
	seeds := 8
	if testing.Short() {
		seeds = 3
	}
	ways := [][]string{nil, {"day"}, {"bucket(3, id)"}, {"bucket(2, id)", "month(day)"}, {"truncate(10, n)"}}
	beside := 0 // heads with files of several specs
	for seed := range uint64(seeds) {
		w := newWorld(t, seed, "remove", ways[seed%2]...)
		for n := range keys {
			w.put(n, 1+w.r.IntN(4))
		}
		w.run()
		for round := range 8 {
			way := ways[1+w.r.IntN(len(ways)-1)]
			w.open("remove", way...)
			w.change(keys)
			h := w.head()
			if got := len(h.Metadata().Spec(h.Metadata().SpecID).Fields); got != len(way) {
				t.Fatalf("seed %d: new files are divided by %d fields, and not by %q", seed, got, way)
			}
			of := map[int32]bool{}
			for _, f := range w.entries(h) {
				of[f.SpecID] = true
			}
			if len(of) > 1 {
				beside++
			}
			before := w.rows(h)
			switch w.r.IntN(6) {
			case 0:
				w.blindDry()
			case 1:
				if _, err := Compact(t.Context(), w.table, CompactOptions{Codec: "zstd"}); err != nil {
					t.Fatal(err)
				}
				now := w.head()
				for _, f := range w.entries(now) {
					if int(f.SpecID) != now.Metadata().SpecID {
						t.Errorf("seed %d: after a compaction a small file has spec %d, and new ones %d", seed, f.SpecID, now.Metadata().SpecID)
					}
				}
			case 2:
				if err := os.RemoveAll(w.path(h.LedgerFolder())); err != nil {
					t.Fatal(err)
				}
				w.lost = h.Metadata().LastSequence
				if b, err := Rebuild(t.Context(), w.table, w.listed); err != nil || b.Unknown != 0 {
					t.Fatalf("seed %d: %+v, %v", seed, b, err)
				}
			case 3:
				w.putSubject(keys, 4, 2)
				w.run()
				before = slices.DeleteFunc(w.rows(w.head()), isSubject)
				if done, err := Erase(t.Context(), w.table, EraseOptions{Codec: "zstd", Conditions: []Condition{{"id", subject}}}); err != nil || done.Rows == 0 || done.Matches != 0 {
					t.Fatalf("seed %d: %+v, %v", seed, done, err)
				}
			case 4:
				w.blind()
				done, err := Mend(t.Context(), w.table)
				if err == nil && done.Doubled > 0 {
					// After a rebuild, rows of an object that was converted again, and
					// those of before, may be of one state, or of one that nobody knows.
					// If they are back they stay until the object is a new one.
					for n := range keys + 1 {
						w.put(n, 2)
					}
					w.run()
					done, err = Mend(t.Context(), w.table)
					before = w.rows(w.head())
				}
				if err != nil || done.Doubled > 0 || len(before) != int(w.head().Rows()) {
					t.Fatalf("seed %d, round %d: %+v, %v", seed, round, done, err)
				}
			default:
				if _, err := maintain.Table(t.Context(), w.table, maintain.Options{}); err != nil {
					t.Fatal(err)
				}
			}
			if err := sameRows(before, w.rows(w.head())); err != nil {
				t.Fatalf("seed %d, round %d: %v", seed, round, err)
			}
			if v, err := Verify(t.Context(), w.table); err != nil || v.Missing+v.Resurrected+v.Unknown+v.Foreign > 0 || len(v.Damaged) > 0 {
				t.Fatalf("seed %d, round %d: %+v, %v", seed, round, v, err)
			}
		}
		w.run() // after a rebuild it looks at each object again
		w.sound(w.rows(w.head()))
	}
	if beside == 0 {
		t.Error("no head had files of several specs")
	}
}
