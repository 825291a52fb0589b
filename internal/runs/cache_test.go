package runs_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/runs"
	"sluice/internal/store"
)

// batches adds batches of keys, and returns the root of each with all entries that it has.
func batches(t *testing.T, f runs.Files, r *rand.Rand, count, keys int) (root *runs.Root, name string, entries map[runs.Key]runs.Entry) {
	t.Helper()
	root, entries = &runs.Root{}, map[runs.Key]runs.Entry{}
	for n := range count {
		batch := fmt.Sprintf("%032x", r.Uint64())
		added := make([]runs.Entry, keys)
		for i := range added {
			k := runs.Key{Bucket: "orders", Key: fmt.Sprintf("raw/%d-%06d.json", r.IntN(10), n*keys+i)}
			added[i] = randomEntry(r, k, batch)
			entries[k] = added[i]
		}
		var err error
		if root, name, err = f.Add(t.Context(), root, added, 1, "uuid", int64(n+1), batch, ""); err != nil {
			t.Fatal(err)
		}
	}
	return root, name, entries
}

// A process that wrote a ledger finds its keys without a request, and so does one that
// has looked before. What it finds is what the files say.
func TestCache(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	f := files(t)
	s := &counted{Store: f.Store}
	f.Store, f.Cache = s, runs.NewCache(16<<20)
	root, name, entries := batches(t, f, r, 9, 140) // all small runs are decoded whole, the merged one is not
	keys := slices.Collect(maps.Keys(entries))
	look := func(f runs.Files, requests int64) {
		t.Helper()
		s.requests = 0
		root, err := f.Read(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Look(t.Context(), root, keys)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(entries, got); diff != "" {
			t.Error(diff)
		}
		if s.requests != requests {
			t.Errorf("%d requests, and not %d", s.requests, requests)
		}
	}
	files := int64(1 + len(root.Runs))
	look(f, 0) // as they were written
	look(f, 0) // as they were decoded
	look(runs.Files{Store: s, Folder: f.Folder}, files)
	another := runs.Files{Store: s, Folder: f.Folder, Cache: runs.NewCache(16 << 20)}
	look(another, files)
	look(another, 0)
	full := runs.Files{Store: s, Folder: f.Folder, Cache: runs.NewCache(1)} // nothing has room
	look(full, files)
	look(full, files)

	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if got, err := another.Look(t.Context(), root, keys); err != nil || len(got) != len(entries) {
				t.Errorf("%d entries, %v", len(got), err)
			}
		})
	}
	all.Wait()
}

// A file that is damaged or removed is refused by all who read it, also by a scan of a
// process that has it in memory. Only look-ups of that process go on, with what it said.
func TestCacheOfDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cold := files(t)
	warm := cold
	warm.Cache = runs.NewCache(1 << 20)
	root, _, entries := batches(t, warm, r, 2, 50)
	keys := slices.Collect(maps.Keys(entries))
	if got, err := warm.Look(t.Context(), root, keys); err != nil || len(got) != len(entries) {
		t.Fatal(len(got), err)
	}
	damaged := root.Runs[0].Name
	data, _, err := store.Get(t.Context(), cold.Store, cold.Folder+damaged, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	for _, spoil := range []func() error{
		func() error {
			_, err := store.Put(t.Context(), cold.Store, cold.Folder+damaged, data, store.CreateOptions{}, store.Unconditional())
			return err
		},
		func() error { return cold.Store.Delete(t.Context(), cold.Folder+damaged) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		got, err := warm.Look(t.Context(), root, keys)
		if diff := cmp.Diff(entries, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
		_, err = cold.Look(t.Context(), root, keys)
		for who, err := range map[string]error{
			"a cold look-up": err,
			"a scan":         warm.Scan(t.Context(), root, func(*runs.Entry) error { return nil }),
			"a brief scan":   warm.ScanBrief(t.Context(), root, func(*runs.Entry) error { return nil }),
		} {
			if err == nil || !strings.Contains(err.Error(), damaged) {
				t.Errorf("%s: %v", who, err)
			}
		}
	}
	// A root that means another file is not answered from memory.
	other := *root
	other.Runs = slices.Clone(root.Runs)
	other.Runs[0].Blocks = []uint32{other.Runs[0].Blocks[0] + 1}
	if _, err := warm.Look(t.Context(), &other, keys); err == nil {
		t.Error("a run with other checksums is taken from memory")
	}
}

// What a cache takes of memory is bounded, whatever goes through it.
func TestCacheBytes(t *testing.T) {
	const most = 2 << 20
	r := rand.New(rand.NewPCG(1, 2))
	f := files(t)
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	batches(t, f, r, 2, 400)
	before := heap()
	f.Cache = runs.NewCache(most)
	for range 2 {
		root, _, entries := batches(t, f, r, 12, 400)
		if _, err := f.Look(t.Context(), root, slices.Collect(maps.Keys(entries))); err != nil {
			t.Fatal(err)
		}
		if f.Cache.Size() > most {
			t.Errorf("it counts %d bytes", f.Cache.Size())
		}
	}
	took := heap() - before
	t.Logf("%d bytes counted, %d taken", f.Cache.Size(), took)
	if f.Cache.Size() < most/2 || took > most*3/2 {
		t.Errorf("%d bytes counted, %d taken, and at most %d are allowed", f.Cache.Size(), took, most)
	}
	runtime.KeepAlive(f.Cache)
}
