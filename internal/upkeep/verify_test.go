package upkeep

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sluice"
	"sluice/internal/iceberg"
	"sluice/internal/runs"
	"sluice/internal/tables"
)

// counted is what verify should say of a head, by maps.
func (w *world) counted(h *tables.Head) (v Verified) {
	w.t.Helper()
	type state struct{ source, state string }
	found, sources := map[state]int64{}, map[string]int64{}
	for _, r := range w.rows(h) {
		v.Counted++
		if r.source == "" {
			v.Foreign++
			continue
		}
		found[state{r.source, r.state}]++
		sources[r.source]++
	}
	err := h.Scan(w.t.Context(), func(e *runs.Entry) error {
		v.Keys++
		v.Rows += e.Shown.Rows
		id := tables.SourceID(e.Key, e.FirstSeen)
		right := found[state{id, tables.StateID(e.Shown.Identity, e.Shown.Mapping)}]
		if right < e.Shown.Rows {
			v.Missing += e.Shown.Rows - right
		} else {
			v.Resurrected += right - e.Shown.Rows
		}
		v.Resurrected += sources[id] - right
		delete(sources, id)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, n := range sources {
		v.UnknownIDs++
		v.Unknown += n
	}
	return v
}

// Whatever people did to a table, verify counts what differs, with temporary files and
// without.
func TestVerify(t *testing.T) {
	total := Verified{}
	seeds := 6
	if testing.Short() {
		seeds = 4
	}
	for seed := range uint64(seeds) {
		w := newWorld(t, seed, "keep", [][]string{nil, {"day"}}[seed%2]...)
		for range 5 {
			w.change(5)
		}
		h := w.head()
		v, err := Verify(t.Context(), w.table)
		if err != nil || !v.OK() || v.Rows != h.Rows() || v.Counted != h.Rows() {
			t.Fatalf("seed %d: %+v, %v", seed, v, err)
		}
		for range 3 {
			switch w.r.IntN(3) {
			case 0:
				w.blind()
			case 1: // files are lost, or doubled
				all := w.entries(w.head())
				f := all[w.r.IntN(len(all))]
				if w.r.IntN(2) == 0 {
					w.foreign(iceberg.Rows{Drop: map[string]struct{}{f.Path: {}}})
				} else {
					w.foreign(iceberg.Rows{Add: []iceberg.SpecFile{w.copyFile(f)}})
				}
			case 2:
				w.change(5)
			}
			want := w.counted(w.head())
			for _, most := range []int{heldFacts, 2} {
				v, _, err := verify(t.Context(), w.table, most, nil)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				got := Verified{
					Keys: v.Keys, Rows: v.Rows, Counted: v.Counted, Missing: v.Missing, Resurrected: v.Resurrected,
					Unknown: v.Unknown, UnknownIDs: v.UnknownIDs, Foreign: v.Foreign,
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("seed %d: %+v, and not %+v", seed, got, want)
				}
				if v.OK() != (v.Differing == 0) || len(v.Differences) != int(v.Differing) {
					t.Fatalf("seed %d: %+v", seed, v)
				}
			}
			total.Missing += want.Missing
			total.Resurrected += want.Resurrected
		}
	}
	if total.Missing == 0 || total.Resurrected == 0 {
		t.Errorf("never happened: %+v", total)
	}
	if left, _ := os.ReadDir(os.TempDir()); slices.ContainsFunc(left, func(e os.DirEntry) bool {
		return len(e.Name()) > 12 && e.Name()[:7] == "sluice-" && e.Name()[len(e.Name())-6:] == ".facts"
	}) {
		t.Error("temporary files are left")
	}
}

// A lost file and one of others are damaged, and named; a row without an ID of ours is
// foreign, and one of a key that nobody knows is unknown.
func TestVerifyNames(t *testing.T) {
	w := newWorld(t, 1, "keep")
	w.put(1, 3)
	w.run()
	w.put(2, 2)
	w.run()
	all := w.entries(w.head())
	if len(all) != 2 {
		t.Fatalf("%d files", len(all))
	}
	first, second := all[0], all[1]
	if first.Rows != 3 {
		first, second = second, first
	}
	name, err := w.table.Files.Key(first.Path)
	if err == nil {
		err = os.Remove(w.path(name))
	}
	if err != nil {
		t.Fatal(err)
	}
	more := w.copyFile(second)
	more.Rows++ // its manifest is wrong
	w.foreign(iceberg.Rows{Add: []iceberg.SpecFile{more}})
	v, err := Verify(t.Context(), w.table)
	if err != nil {
		t.Fatal(err)
	}
	if v.OK() || v.Missing != 3 || v.Resurrected != 2 || len(v.Damaged) != 2 || len(v.Differences) != 2 {
		t.Errorf("%+v", v)
	}
	for _, d := range v.Differences {
		if d.Key == key(1) && d.Missing != 3 || d.Key == key(2) && d.Resurrected != 2 || d.Key == "" {
			t.Errorf("%+v", d)
		}
	}

	// Rows without a source, as somebody else's INSERT brings them.
	var plain bytes.Buffer
	if _, err := sluice.Convert(t.Context(), &plain, strings.NewReader(`{"id":"a"}{"id":"b"}`), w.s.Pipeline.Mapping, nil); err != nil {
		t.Fatal(err)
	}
	insert := iceberg.SpecFile{DataFile: iceberg.DataFile{Format: "PARQUET", Rows: 2, Bytes: int64(plain.Len())}}
	if insert.Path, err = w.table.Files.Write(t.Context(), w.table.Folder+"data/insert.parquet", plain.Bytes()); err != nil {
		t.Fatal(err)
	}
	w.foreign(iceberg.Rows{Add: []iceberg.SpecFile{insert}})
	if v, err = Verify(t.Context(), w.table); err != nil || v.Foreign != 2 || v.Missing != 3 || v.Resurrected != 2 {
		t.Errorf("%+v, %v", v, err)
	}

	// The ledger of a table that does not know the rows.
	other := newWorld(t, 2, "keep")
	other.put(1, 1)
	other.run()
	f := w.copyFile(second)
	path, err := w.table.Files.Key(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(w.path(path))
	if err != nil {
		t.Fatal(err)
	}
	if f.Path, err = other.table.Files.Write(t.Context(), "orders_data_parquet/t/data/other.parquet", data); err != nil {
		t.Fatal(err)
	}
	other.foreign(iceberg.Rows{Add: []iceberg.SpecFile{f}})
	if v, err = Verify(t.Context(), other.table); err != nil || v.Unknown != 2 || v.UnknownIDs != 1 || v.Missing+v.Resurrected+v.Foreign != 0 || v.Differences[0].Key != "" {
		t.Errorf("%+v, %v", v, err)
	}
}
