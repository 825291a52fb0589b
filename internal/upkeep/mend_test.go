package upkeep

import (
	"strings"
	"testing"

	"sluice/internal/iceberg"
)

// Rows that a compaction brought back, and files that somebody doubled, go; what the keys
// show stays.
func TestMend(t *testing.T) {
	seeds := 5
	if testing.Short() {
		seeds = 3
	}
	total, doubled := int64(0), int64(0)
	for seed := range uint64(seeds) {
		w := newWorld(t, seed, "keep", [][]string{nil, {"day"}}[seed%2]...)
		for range 5 {
			w.change(5)
		}
		right := w.rows(w.head())
		switch seed % 3 {
		case 0: // another blind compactor: all that is live moves, and what was masked is back
			w.blind()
		default: // files come twice, one of them with rows that were masked
			rows := iceberg.Rows{}
			for _, f := range w.entries(w.head()) {
				rows.Add = append(rows.Add, w.copyFile(f))
			}
			w.foreign(rows)
		}
		v, err := Verify(t.Context(), w.table)
		if err != nil {
			t.Fatal(err)
		}
		done, err := Mend(t.Context(), w.table)
		if err != nil || done.Rows > v.Resurrected+v.Unknown || done.Doubled == 0 && done.Rows != v.Resurrected {
			t.Fatalf("seed %d: %+v, of %+v, %v", seed, done, v, err)
		}
		total, doubled = total+done.Rows, doubled+done.Doubled
		if done.Doubled == 0 {
			w.sound(right)
		}
		if again, err := Mend(t.Context(), w.table); err != nil || again.Rows != 0 || again.Doubled != done.Doubled {
			t.Errorf("seed %d: once more: %+v, %v", seed, again, err)
		}
		w.change(5)
	}
	if total == 0 {
		t.Errorf("%d rows were masked, of %d keys nobody knew which", total, doubled)
	}
}

// Rows whose places nobody knows stay, until their object is read again.
func TestMendDoubled(t *testing.T) {
	w := newWorld(t, 1, "keep")
	w.put(1, 3)
	w.run()
	f := w.entries(w.head())[0]
	w.foreign(iceberg.Rows{Drop: map[string]struct{}{f.Path: {}}, Add: []iceberg.SpecFile{w.copyFile(f), w.copyFile(f)}})
	done, err := Mend(t.Context(), w.table)
	if err != nil || done.Rows != 0 || done.Doubled != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	w.put(1, 2)
	w.run()
	if done, err = Mend(t.Context(), w.table); err != nil || done.Rows != 3 || done.Doubled != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	w.sound(w.rows(w.head()))
}

// An object is overwritten while its rows are mended: what is masked is made anew.
func TestMendBesideCommits(t *testing.T) {
	w := newWorld(t, 1, "keep")
	w.put(1, 3)
	w.put(2, 2)
	w.run()
	w.put(1, 4)
	w.run()
	if back := w.blind(); back != 3 {
		t.Fatalf("%d rows are back", back)
	}
	mine := *w.table
	mine.Catalog = &interrupted{Catalog: w.table.Catalog, times: 1, before: func() {
		w.put(1, 1)
		w.run()
	}}
	if done, err := Mend(t.Context(), &mine); err != nil || done.Rows != 3 || done.Doubled != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	w.sound(w.rows(w.head()))
	if h := w.head(); h.Rows() != 3 || strings.HasPrefix(h.Metadata().Head().Summary["operation"], "replace") {
		t.Errorf("%d rows, %v", h.Rows(), h.Metadata().Head().Summary)
	}
}
