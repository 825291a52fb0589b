package upkeep

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/maintain"
	"sluice/internal/runs"
	"sluice/internal/tables"
)

// age makes objects of the table and the ledger older, those that choose takes.
func (w *world) age(by time.Duration, choose func(key string) bool) {
	w.t.Helper()
	for _, key := range append(w.names(w.table.Folder), w.names("ledger/")...) {
		if at := time.Now().Add(-by); choose(key) {
			if err := os.Chtimes(w.path(key), at, at); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

func anyKey(string) bool { return true }

// whole checks that all that the retained snapshots name is there.
func (w *world) whole(h *tables.Head) {
	w.t.Helper()
	ctx := w.t.Context()
	there := func(uri string) {
		key, err := w.table.Files.Key(uri)
		if err == nil {
			_, err = os.Stat(w.path(key))
		}
		if err != nil {
			w.t.Fatalf("what a snapshot names: %v", err)
		}
	}
	there(h.MetadataFile())
	for _, old := range h.Metadata().MetadataLog {
		there(old.File)
	}
	ledger := runs.Files{Store: w.table.Ledger, Folder: h.LedgerFolder()}
	for i := range h.Metadata().Snapshots {
		s := &h.Metadata().Snapshots[i]
		lines, err := w.table.Files.Manifests(ctx, s)
		for i := range lines {
			if err == nil {
				err = w.table.Files.Entries(ctx, h.Metadata(), &lines[i], func(e *iceberg.Entry) error {
					there(e.File.Path)
					return nil
				})
			}
		}
		if name := s.Summary["sluice.root"]; name != "" && err == nil {
			var root *runs.Root
			if root, err = ledger.Read(ctx, name); err == nil {
				err = ledger.Scan(ctx, root, func(*runs.Entry) error { return nil })
			}
		}
		if err != nil && !(tables.IsLost(err) && s.Sequence <= w.lost) {
			w.t.Fatalf("snapshot %d: %v", s.ID, err)
		}
	}
}

// sound checks that readers see the same as before, and the ledger is right.
func (w *world) sound(before []row) {
	w.t.Helper()
	h := w.head()
	w.whole(h)
	if err := sameRows(before, w.rows(h)); err != nil {
		w.t.Fatal(err)
	}
	if v, err := Verify(w.t.Context(), w.table); err != nil || !v.OK() {
		w.t.Fatalf("%+v, %v", v, err)
	}
	if sum := w.run(); sum.Stats.RowsWritten != 0 || sum.Commits.Snapshots != 0 {
		w.t.Fatalf("a run finds something to do: %+v", sum)
	}
}

// Whatever a table went through, and whatever is old, maintain leaves what retained
// snapshots show; of what nobody names, it removes what is old and has a name of ours.
func TestMaintain(t *testing.T) {
	removed := int64(0)
	seeds := 5
	if testing.Short() {
		seeds = 3
	}
	for seed := range uint64(seeds) {
		w := newWorld(t, seed, "keep", [][]string{{"day"}, nil}[seed%2]...)
		w.table.Retention = iceberg.Retention{Snapshots: 1 + w.r.IntN(4)}
		for range 7 {
			if w.change(6); w.r.IntN(4) == 0 {
				w.blindDry()
			}
		}
		before := w.rows(w.head())
		const left = "data/20200101T000000Z_0123456789ab-1.parquet" // by a batch that died
		kept := []string{"data/part-00000.parquet", "data/20200101T000000Z_0123456789ab-2.parquet", "metadata/other.avro"}
		for _, name := range append(kept, left) {
			w.write(w.table.Folder+name, "x")
		}
		isOld := map[string]bool{}
		w.age(30*24*time.Hour, func(key string) bool {
			isOld[key] = key == w.table.Folder+left || w.r.IntN(3) > 0 && key != w.table.Folder+kept[1]
			return isOld[key]
		})
		o := maintain.Options{OlderThan: 7 * 24 * time.Hour}
		if w.r.IntN(2) == 0 {
			o.ExpireOlder = time.Nanosecond
		}
		done, gone := w.maintain(o)
		for _, key := range gone {
			if !isOld[key] {
				t.Errorf("seed %d: removed and young: %s", seed, key)
			}
		}
		for _, name := range kept {
			if _, err := os.Stat(w.path(w.table.Folder + name)); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
		if !slices.Contains(gone, w.table.Folder+left) {
			t.Errorf("seed %d: what a batch left is there still", seed)
		}
		w.sound(before)
		if again, err := maintain.Table(t.Context(), w.table, o); err != nil || again.Removed != 0 || again.Expired != 0 || again.Manifests != 0 || again.Runs != 0 {
			t.Errorf("seed %d: once more: %+v, %v", seed, again, err)
		}
		w.change(6)
		if v, err := Verify(t.Context(), w.table); err != nil || !v.OK() {
			t.Fatalf("seed %d: %+v, %v", seed, v, err)
		}
		removed += done.Removed
	}
	if removed < int64(4*seeds) {
		t.Errorf("only %d objects were removed", removed)
	}
}

// maintain does what a dry run has said before: it expires, merges and removes the same.
func (w *world) maintain(o maintain.Options) (done *maintain.Done, gone []string) {
	w.t.Helper()
	var lists [2][]string
	var sums [2]*maintain.Done
	for i, dry := range []bool{true, false} {
		before := append(w.names(w.table.Folder), w.names("ledger/")...)
		o.DryRun, o.Removes = dry, func(key string, _ int64) { lists[i] = append(lists[i], key) }
		var err error
		if sums[i], err = maintain.Table(w.t.Context(), w.table, o); err != nil || int(sums[i].Removed) != len(lists[i]) {
			w.t.Fatalf("dry run %t: %+v, %v", dry, sums[i], err)
		}
		if now := append(w.names(w.table.Folder), w.names("ledger/")...); dry && !slices.Equal(now, before) {
			w.t.Fatal("a dry run changes something")
		}
		slices.Sort(lists[i])
	}
	if !slices.Equal(lists[0], lists[1]) || *sums[0] != *sums[1] {
		w.t.Fatalf("%+v, planned was %+v; removed are %q, planned were %q", sums[1], sums[0], lists[1], lists[0])
	}
	return sums[1], lists[1]
}

// blindDry is a compaction of others that looks for deletes: files that have none are
// written again.
func (w *world) blindDry() {
	w.t.Helper()
	h := w.head()
	masked := map[string]bool{}
	for _, f := range w.files(h) {
		masked[f.Path] = len(f.Masked) > 0
	}
	rows := iceberg.Rows{Drop: map[string]struct{}{}}
	for _, f := range w.entries(h) {
		if !masked[f.Path] && w.r.IntN(2) == 0 {
			rows.Drop[f.Path] = struct{}{}
			rows.Add = append(rows.Add, w.copyFile(f))
		}
	}
	if len(rows.Add) > 0 {
		w.foreign(rows)
	}
}

// Many small commits leave many small manifests and runs, which become few; every file
// that sluice writes has a name that maintain knows.
func TestMaintainMerges(t *testing.T) {
	for older, expired := range map[time.Duration]int{0: 2, time.Nanosecond: 4} {
		w := newWorld(t, 1, "keep")
		w.table.Retention = iceberg.Retention{Snapshots: 3}
		for n := range 26 {
			w.put(n%9, 1+n%3)
			w.run()
		}
		before := w.rows(w.head())
		for _, folder := range []string{w.table.Folder, w.head().LedgerFolder()} {
			for _, key := range w.names(folder) {
				name := strings.TrimPrefix(key, folder)
				if name != "metadata/version-hint.text" && !tables.IsOfTable(name) && !tables.IsOfLedger(name) {
					t.Errorf("%s has no known form", name)
				}
			}
		}
		w.age(30*24*time.Hour, anyKey)
		done, _ := w.maintain(maintain.Options{OlderThan: 7 * 24 * time.Hour, ExpireOlder: older})
		if done.Manifests < 8 || done.Runs != 3 || done.Expired != expired || done.Removed < 50 {
			t.Fatalf("%+v", done)
		}
		w.sound(before)
		lines, err := w.table.Files.Manifests(t.Context(), w.head().Metadata().Head())
		if err != nil || len(lines) > 2 {
			t.Errorf("%d manifests are left, %v", len(lines), err)
		}
	}
}

// Others commit while a merge is under way: it is offered on their head.
func TestMaintainBesideCommits(t *testing.T) {
	w := newWorld(t, 1, "keep")
	for n := range 18 {
		w.put(n, 1)
		w.run()
	}
	catalog := &interrupted{Catalog: w.table.Catalog, times: 2, before: func() {
		w.put(w.r.IntN(30), 2)
		w.run()
	}}
	mine := *w.table
	mine.Catalog = catalog
	done, err := maintain.Table(t.Context(), &mine, maintain.Options{OlderThan: 7 * 24 * time.Hour})
	if err != nil || done.Runs != 2 || catalog.times != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	w.sound(w.rows(w.head()))
}

// Objects that are named with another scheme are not taken for others'; a table that is
// elsewhere is refused.
func TestMaintainElsewhere(t *testing.T) {
	w := newWorld(t, 1, "keep")
	w.put(1, 1)
	w.run()
	mine := *w.table
	mine.Folder = "orders_data_parquet/"
	mine.Elsewhere = func(string) (iceberg.Files, string, error) { return iceberg.Files{}, "", nil } // a catalog may choose
	if _, err := maintain.Table(t.Context(), &mine, maintain.Options{}); err == nil || !strings.Contains(err.Error(), "not where the sink would have it") {
		t.Errorf("%v", err)
	}
}

// The time of a store is not that of the machine.
func TestMaintainAsksTheStore(t *testing.T) {
	w := newWorld(t, 1, "keep")
	w.put(1, 1)
	w.run()
	const left = "data/20200101T000000Z_0123456789ab-1.parquet"
	w.write(w.table.Folder+left, "x")
	mine := *w.table
	mine.Now = func() time.Time { return time.Now().Add(1000 * time.Hour) }
	if done, err := maintain.Table(t.Context(), &mine, maintain.Options{OlderThan: 24 * time.Hour}); err != nil || done.Removed != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if names, err := filepath.Glob(w.path(w.table.Folder + "clock-*")); err != nil || len(names) > 0 {
		t.Errorf("%v, %v", names, err)
	}
}

// The files of a staged batch stay, however old they are.
func TestMaintainStaged(t *testing.T) {
	w := newWorld(t, 3, "keep")
	w.change(3)
	h := w.head()
	staged, lost := h.Folder()+"data/20200101T000000Z_0123456789ab-1.parquet", h.Folder()+"data/20200101T000000Z_0123456789ab-2.parquet"
	w.write(staged, "rows")
	w.write(lost, "rows")
	e := runs.Entry{Key: runs.Key{Key: "raw_orders_data/x.json"}, State: ledger.State{Identity: "v1"}}
	e.Shown = runs.Shown{Identity: "v1", Rows: 1, Files: []runs.FileRange{{Path: w.table.Files.URI(staged), Rows: 1}}}
	b := &tables.Batch{
		ID: tables.NewBatchID(), Changes: []tables.Change{{After: e, Replaces: true}},
		Files: []iceberg.SpecFile{{SpecID: int32(h.Metadata().SpecID), DataFile: iceberg.DataFile{Path: w.table.Files.URI(staged), Format: "PARQUET", Rows: 1}}},
	}
	if err := w.table.Stage(t.Context(), h, b); err != nil {
		t.Fatal(err)
	}
	w.age(30*24*time.Hour, anyKey)
	done, err := maintain.Table(t.Context(), w.table, maintain.Options{OlderThan: 7 * 24 * time.Hour})
	if err != nil || done.Staged != 1 || done.Since.IsZero() {
		t.Errorf("%+v, %v", done, err)
	}
	left := w.names(w.table.Folder)
	if !slices.Contains(left, staged) || slices.Contains(left, lost) {
		t.Errorf("left are %v", left)
	}
}

// Data files that nobody names stay if a staged batch was written by a newer version, which may
// name them; all else is done. Files of a batch that is damaged are never named. One that was
// set aside goes when it is old.
func TestMaintainUnread(t *testing.T) {
	w := newWorld(t, 3, "keep")
	w.change(3)
	h := w.head()
	lost := h.Folder() + "data/20200101T000000Z_0123456789ab-2.parquet"
	run := h.LedgerFolder() + "run-0000000000000000001-0123456789abcdef0123456789abcdef-1-01234567-0.parquet"
	batch := "20200101T000000.000Z_0123456789abcdef0123456789abcdef.json.gz"
	w.write(lost, "rows")
	w.write(run, "entries")
	var newer bytes.Buffer
	z := gzip.NewWriter(&newer)
	fmt.Fprint(z, `{"version": 2}`)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	w.write(h.StagedFolder()+batch, newer.String())
	w.write(h.StagedFolder()+"a"+batch, "no batch")
	w.age(30*24*time.Hour, anyKey)
	o := maintain.Options{OlderThan: 7 * 24 * time.Hour}
	done, err := maintain.Table(t.Context(), w.table, o)
	if err == nil || !strings.Contains(err.Error(), "data files that nobody names stay") || !strings.Contains(err.Error(), "newer version of sluice") || done.Staged != 2 || done.Damaged != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	if files, ledger := w.names(w.table.Folder), w.names(h.LedgerFolder()); !slices.Contains(files, lost) || slices.Contains(ledger, run) {
		t.Errorf("left are %v and %v", files, ledger)
	}
	if err := w.table.Unstage(t.Context(), []tables.Staged{{Key: h.StagedFolder() + batch}}); err != nil {
		t.Fatal(err)
	}
	aside, err := w.table.SetAside(t.Context(), h, tables.Staged{Key: h.StagedFolder() + "a" + batch})
	if err != nil {
		t.Fatal(err)
	}
	w.write(h.DamagedFolder()+batch, "no batch")
	w.age(30*24*time.Hour, anyKey)
	done, err = maintain.Table(t.Context(), w.table, o)
	if err != nil || done.Staged != 0 || done.Damaged != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if files, ledger := w.names(w.table.Folder), w.names(h.LedgerFolder()); slices.Contains(files, lost) || slices.Contains(ledger, h.DamagedFolder()+batch) || !slices.Contains(ledger, aside) {
		t.Errorf("left are %v and %v", files, ledger)
	}
}
