package runs_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/store/dirstore"
)

func files(t *testing.T) runs.Files {
	t.Helper()
	s, err := dirstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return runs.Files{Store: s, Folder: "ledger/t/"}
}

func randomEntry(r *rand.Rand, k runs.Key, batch string) runs.Entry {
	e := runs.Entry{
		Key: k, FirstSeen: time.UnixMicro(1700000000000000 + r.Int64N(1e12)).UTC(), Fence: batch,
		State: ledger.State{
			Identity: fmt.Sprintf("etag:%016x:%d", r.Uint64(), r.IntN(1000)), Listed: "l", Mapping: strings.Repeat("0a", 32), MappingName: "orders", Software: "1",
			Stats: sluice.Stats{RecordsRead: r.Int64N(9), RecordsCommitted: r.Int64N(9), RowsWritten: r.Int64N(99), Outcome: "accept", Sums: map[string]string{"t.price": "1.50"}},
		},
	}
	switch r.IntN(4) {
	case 0:
		e.State.Outcome, e.State.Reason, e.State.Detail, e.State.Report = "reject", "bad_json", "syntax error", "quarantine/r.json"
	default:
		e.Shown = runs.Shown{Identity: e.State.Identity, Mapping: e.State.Mapping, Sequence: r.Int64N(1 << 40), Rows: 7, Files: []runs.FileRange{{Path: "s3://b/data/" + batch + ".parquet", First: r.Int64N(1 << 20), Rows: 7}}}
	}
	return e
}

// A walk of batches, compared with a map: what a root says of a key is what the newest
// batch wrote, and old roots still say what they said.
func TestRuns(t *testing.T) {
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 2))
		f := files(t)
		root, err := f.Read(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		type state struct {
			name    string
			entries map[runs.Key]runs.Entry
		}
		var states []state
		entries := map[runs.Key]runs.Entry{}
		for n := range 30 {
			batch := fmt.Sprintf("%012x", r.Uint64()>>16)
			entries = maps.Clone(entries)
			count := r.IntN(30)
			if n == 20 {
				count = 5000 // more than a row group
			}
			var added []runs.Entry
			for range count {
				k := runs.Key{Bucket: []string{"", "b"}[r.IntN(2)], Key: fmt.Sprintf("raw/%d.json", r.IntN(200+count*4))}
				if slices.ContainsFunc(added, func(e runs.Entry) bool { return e.Key == k }) {
					continue
				}
				e := randomEntry(r, k, batch)
				added = append(added, e)
				entries[k] = e
			}
			var name string
			if root, name, err = f.Add(t.Context(), root, added, 3, "uuid", int64(n+1), batch, "sluice test"); err != nil {
				t.Fatal(err)
			}
			states = append(states, state{name, entries})
		}
		for n, s := range states {
			if n%7 != 0 && n != len(states)-1 {
				continue
			}
			root, err := f.Read(t.Context(), s.name)
			if err != nil {
				t.Fatal(err)
			}
			if root.Sequence != int64(n+1) || root.Rows != int64(3*(n+1)) || len(root.Runs) > 24 {
				t.Errorf("root %d: sequence %d, %d rows, %d runs", n, root.Sequence, root.Rows, len(root.Runs))
			}
			var keys []runs.Key
			want := map[runs.Key]runs.Entry{}
			for k, e := range s.entries {
				if r.IntN(3) == 0 {
					keys = append(keys, k, k) // one twice is no matter
					want[k] = e
				}
			}
			keys = append(keys, runs.Key{Key: "raw/absent"}, runs.Key{Bucket: "c", Key: "raw/1.json"}, runs.Key{Key: "a"}, runs.Key{Key: "z"})
			got, err := f.Look(t.Context(), root, keys)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("root %d:\n%s", n, diff)
			}
			all := map[runs.Key]runs.Entry{}
			last := ""
			if err := f.Scan(t.Context(), root, func(e *runs.Entry) error {
				if e.Key.Key < last {
					t.Errorf("%s comes after %s", e.Key.Key, last)
				}
				last = e.Key.Key
				if _, twice := all[e.Key]; twice {
					t.Errorf("%s comes twice", e.Key.Key)
				}
				all[e.Key] = *e
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s.entries, all); diff != "" {
				t.Fatalf("root %d:\n%s", n, diff)
			}
			if err := f.ScanBrief(t.Context(), root, func(e *runs.Entry) error {
				full := all[e.Key]
				if e.State.Identity != full.State.Identity || e.State.Outcome != full.State.Outcome || e.State.RowsWritten != full.State.RowsWritten || e.Shown.Rows != full.Shown.Rows || e.Shown.Mapping != full.Shown.Mapping {
					t.Errorf("%s is %+v, and not %+v", e.Key.Key, e, full)
				}
				delete(all, e.Key)
				return nil
			}); err != nil || len(all) > 0 {
				t.Fatalf("root %d: a brief scan lacks %d entries: %v", n, len(all), err)
			}
		}
	}
}

// What a key costs in a large run.
func TestBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	f := files(t)
	var all []runs.Entry
	for n := range 50_000 {
		all = append(all, randomEntry(r, runs.Key{Bucket: "orders", Key: fmt.Sprintf("raw_orders_data/2024-01-10/%08d.json", n)}, "0123456789ab"))
	}
	root, _, err := f.Add(t.Context(), &runs.Root{}, all, 0, "uuid", 1, "0123456789ab", "")
	if err != nil {
		t.Fatal(err)
	}
	perKey := root.Runs[0].Bytes / 50_000
	t.Logf("%d bytes a key", perKey)
	if perKey > 80 {
		t.Errorf("%d bytes a key", perKey)
	}
}

// A run that is too large to be read as a whole is read in blocks.
func TestLargeRun(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	f := files(t)
	var all []runs.Entry
	for n := range 40_000 {
		e := randomEntry(r, runs.Key{Key: fmt.Sprintf("raw/%08d.json", n)}, "0123456789ab")
		e.State.Detail = fmt.Sprintf("%x", [40]uint64{r.Uint64(), r.Uint64(), r.Uint64(), 39: r.Uint64()}) + strings.Repeat(string(rune('a'+r.IntN(20))), 9)
		for range 20 {
			e.State.Detail += fmt.Sprintf("%x", r.Uint64())
		}
		all = append(all, e)
	}
	root, _, err := f.Add(t.Context(), &runs.Root{}, all, 0, "uuid", 1, "0123456789ab", "")
	if err != nil {
		t.Fatal(err)
	}
	if root.Runs[0].Bytes <= 8<<20 {
		t.Fatalf("the run has %d bytes", root.Runs[0].Bytes)
	}
	if n := int64(len(root.Runs[0].Blocks)); n != (root.Runs[0].Bytes+1<<18-1)>>18 {
		t.Errorf("%d checksums for %d bytes", n, root.Runs[0].Bytes)
	}
	got, err := f.Look(t.Context(), root, []runs.Key{all[7].Key, all[39_999].Key, {Key: "raw/x"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[runs.Key]runs.Entry{all[7].Key: all[7], all[39_999].Key: all[39_999]}, got); diff != "" {
		t.Error(diff)
	}
	n := 0
	if err := f.Scan(t.Context(), root, func(e *runs.Entry) error {
		if e.State.Detail != all[n].State.Detail {
			t.Errorf("entry %d differs", n)
		}
		n++
		return nil
	}); err != nil || n != len(all) {
		t.Errorf("%d entries, %v", n, err)
	}
	root.Runs[0].Blocks[11]++ // its data are no longer those of this block
	if err := f.Scan(t.Context(), root, func(*runs.Entry) error { return nil }); err == nil {
		t.Error("a block that is damaged is read")
	}
	if _, err := f.Look(t.Context(), root, []runs.Key{all[7].Key}); err != nil {
		t.Errorf("other blocks: %v", err)
	}
}

// A run or a root with any byte changed, or a part of it, is refused.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	f := files(t)
	var all []runs.Entry
	for n := range 300 {
		all = append(all, randomEntry(r, runs.Key{Key: fmt.Sprintf("raw/%08d.json", n)}, "0123456789ab"))
	}
	root, name, err := f.Add(t.Context(), &runs.Root{}, all, 0, "uuid", 1, "0123456789ab", "")
	if err != nil {
		t.Fatal(err)
	}
	for file, read := range map[string]func() error{
		name: func() error {
			got, err := f.Read(t.Context(), name)
			if err == nil && !reflect.DeepEqual(got, root) {
				t.Errorf("another root: %+v", got)
			}
			return err
		},
		root.Runs[0].Name: func() error {
			_, err := f.Look(t.Context(), root, []runs.Key{all[7].Key})
			err2 := f.Scan(t.Context(), root, func(*runs.Entry) error { return nil })
			if err3 := f.Check(t.Context(), root); (err == nil) != (err2 == nil) || (err == nil) != (err3 == nil) || err3 != nil && !errors.Is(err3, runs.ErrDamaged) {
				t.Errorf("Look: %v, Scan: %v, and Check: %v", err, err2, err3)
			}
			former := map[runs.Key]bool{}
			if err4 := f.FormerKeys(t.Context(), func(k runs.Key) { former[k] = true }); err4 != nil || err == nil && len(former) != len(all) {
				t.Errorf("%d former keys of %d, %v", len(former), len(all), err4)
			}
			return err
		},
	} {
		good, _, err := store.Get(t.Context(), f.Store, f.Folder+file, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		put := func(data []byte) {
			if _, err := store.Put(t.Context(), f.Store, f.Folder+file, data, store.CreateOptions{}, store.Unconditional()); err != nil {
				t.Fatal(err)
			}
		}
		damaged := [][]byte{{}, good[:1], good[:len(good)/2], good[:len(good)-1], append(slices.Clone(good), 0)}
		for range 60 {
			bad := slices.Clone(good)
			at := 10 + r.IntN(len(bad)-10) // after the header of gzip, which says nothing
			bad[at] ^= 1 << r.IntN(8)
			damaged = append(damaged, bad)
		}
		for n, bad := range damaged {
			put(bad)
			err := read()
			if err == nil && file == name {
				continue // some bits of gzip say nothing: the root is the same
			}
			if err == nil || !strings.Contains(err.Error(), "read ledger ") || !strings.Contains(err.Error(), file) {
				t.Errorf("%s, damage %d: %v", file, n, err)
			}
		}
		if err := f.Store.Delete(t.Context(), f.Folder+file); err != nil {
			t.Fatal(err)
		}
		if err := read(); !errors.Is(err, runs.ErrDamaged) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s is missing: %v", file, err)
		}
		put(good)
		if err := read(); err != nil {
			t.Error(err)
		}
	}
}
