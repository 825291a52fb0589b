package runs_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"sluice/internal/runs"
	"sluice/internal/store"
)

var (
	scaleKeys  = flag.Int("keys", 20_000, "keys of the ledger whose cost TestScale measures")
	scaleBatch = flag.Int("batch", 1_000, "keys of a batch")
)

// counted counts the requests to a store, and the bytes that they read.
type counted struct {
	store.Store
	requests, bytes int64
}

func (s *counted) Head(ctx context.Context, key string) (store.Info, error) {
	s.requests++
	return s.Store.Head(ctx, key)
}

func (s *counted) Open(ctx context.Context, key string) (store.Object, error) {
	s.requests++
	o, err := s.Store.Open(ctx, key)
	if err == nil {
		s.bytes += o.Info().Size
	}
	return o, err
}

func (s *counted) ReadAt(ctx context.Context, info store.Info, p []byte, offset int64) error {
	s.requests++
	s.bytes += int64(len(p))
	return s.Store.ReadAt(ctx, info, p, offset)
}

// peak is the largest memory that the process ever had, in MiB; 0 if nobody knows.
func peak() (mib int64) {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Sscan(rest, &mib)
		}
	}
	return mib >> 10
}

// fillLedger adds the entries of all keys, in batches.
func fillLedger(t *testing.T, f runs.Files, entry func(n int, batch string) runs.Entry) (root *runs.Root, name string) {
	t.Helper()
	root = &runs.Root{}
	entries := make([]runs.Entry, *scaleBatch)
	for n := 0; n < *scaleKeys; n += *scaleBatch {
		batch := fmt.Sprintf("%032x", n)
		for i := range entries {
			entries[i] = entry(n+i, batch)
		}
		var err error
		if root, name, err = f.Add(t.Context(), root, entries, 7, "uuid", int64(n+1), batch, ""); err != nil {
			t.Fatal(err)
		}
	}
	return root, name
}

// TestScale says what a ledger of many keys costs. The keys come in the order of their
// names, as those with a date do, or spread over all names; what is looked up is as new
// as the last batch, spread over all keys, or not there yet. What is bounded is the
// number of requests: of a look-up by the bytes of the ledger, of a scan by those of the
// listing that goes beside it.
func TestScale(t *testing.T) {
	for _, order := range []string{"in order", "spread"} {
		t.Run(order, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			f := files(t)
			s := &counted{Store: f.Store}
			f.Store = s
			name := func(n int) runs.Key {
				if order == "spread" {
					return spreadKey(n)
				}
				return runs.Key{Bucket: "orders", Key: fmt.Sprintf("raw_orders_data/2024-01-10/%010d.json", n)}
			}
			begin := time.Now()
			root, last := fillLedger(t, f, func(n int, batch string) runs.Entry { return randomEntry(r, name(n), batch) })
			size := int64(0)
			for _, i := range root.Runs {
				size += i.Bytes
			}
			rootSize, err := s.Head(t.Context(), f.Folder+last)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d keys in batches of %d: %v, %d requests, %d runs, %.1f bytes a key, root of %d bytes, peak %d MiB",
				*scaleKeys, *scaleBatch, time.Since(begin).Round(time.Millisecond), s.requests, len(root.Runs), float64(size)/float64(*scaleKeys), rootSize.Size, peak())
			measure := func(what string, most int64, fn func() int) {
				debug.FreeOSMemory()
				_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // the peak begins anew
				s.requests, s.bytes = 0, 0
				begin := time.Now()
				found := fn()
				t.Logf("%s: %d entries, %v, %d requests, %.1f MB read, peak %d MiB", what, found, time.Since(begin).Round(time.Millisecond), s.requests, float64(s.bytes)/1e6, peak())
				if most += 4 * int64(len(root.Runs)); s.requests > most { // for the size of each file, its footer and its last piece
					t.Errorf("%s: %d requests, and not at most %d", what, s.requests, most)
				}
			}
			look := func(key func(i int) runs.Key) func() int {
				return func() int {
					keys := make([]runs.Key, 1000)
					for i := range keys {
						keys[i] = key(i)
					}
					found, err := f.Look(t.Context(), root, keys)
					if err != nil {
						t.Fatal(err)
					}
					return len(found)
				}
			}
			measure("look up 1,000 of the newest", size>>20, look(func(i int) runs.Key { return name(*scaleKeys - 1 - i) }))
			measure("look up 1,000 in a row", size>>20, look(func(i int) runs.Key { return name(*scaleKeys/3 + i) }))
			measure("look up 1,000 of all", size>>20, look(func(int) runs.Key { return name(r.IntN(*scaleKeys)) }))
			measure("look up 1,000 that are new", size>>20, look(func(i int) runs.Key { return name(*scaleKeys + i) }))
			// Beside the listing of the source, which takes as many.
			requests := int64(*scaleKeys / 1000)
			measure("scan", requests, func() int { return scanAll(t, f.Scan, root) })
			measure("brief scan", requests, func() int { return scanAll(t, f.ScanBrief, root) })

			due, n := root.MergeDue()
			if n == 0 {
				return
			}
			measure("merge as maintenance does", requests, func() int {
				merged, err := f.Merge(t.Context(), due, root.Sequence+1, "merged", "")
				if err == nil {
					root, _, _, err = f.Splice(t.Context(), root, due, merged, "uuid", root.Sequence+1, "merged")
				}
				if err != nil {
					t.Fatal(err)
				}
				return n
			})
			measure(fmt.Sprintf("brief scan of the %d files that are left", len(root.Runs)), requests, func() int { return scanAll(t, f.ScanBrief, root) })
		})
	}
}

// scanAll counts the keys, and says what is in use meanwhile.
func scanAll(t *testing.T, scan func(context.Context, *runs.Root, func(*runs.Entry) error) error, root *runs.Root) (n int) {
	t.Helper()
	before, most := live(), int64(0)
	if err := scan(t.Context(), root, func(*runs.Entry) error {
		if n++; n%(*scaleKeys/20) == 0 {
			most = max(most, live()-before)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n != *scaleKeys {
		t.Errorf("%d keys", n)
	}
	t.Logf("at most %.1f MiB in use", float64(most)/(1<<20))
	return n
}
