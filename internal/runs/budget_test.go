package runs_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/runs"
)

// spreadLedger has seven runs of entries of some 1,000 bytes whose names come in no order;
// the oldest run has two thirds of all keys.
func spreadLedger(t *testing.T, f runs.Files, keys int) *runs.Root {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	root := &runs.Root{}
	detail := make([]byte, 750)
	n := 0
	for i := range 7 {
		count := keys / 3 * 2
		if i > 0 {
			count = keys / 18
		}
		added := make([]runs.Entry, count)
		for j := range added {
			added[j] = randomEntry(r, spreadKey(n), "0123456789ab")
			for k := range detail {
				detail[k] = byte(r.Uint32())
			}
			added[j].State.Detail = base64.StdEncoding.EncodeToString(detail)
			n++
		}
		var err error
		if root, _, err = f.Add(t.Context(), root, added, 1, "uuid", int64(i+1), fmt.Sprintf("%032x", i), ""); err != nil {
			t.Fatal(err)
		}
	}
	if n != keys || root.Keys != int64(keys) {
		t.Fatalf("%d keys, and %d in the root", n, root.Keys)
	}
	return root
}

// spreadKey is a name beside which the next one is anywhere else. No two are the same.
func spreadKey(n int) runs.Key {
	return runs.Key{Bucket: "orders", Key: fmt.Sprintf("raw/%010x.json", int(uint64(n)*0x9E3779B97F4A7C15>>24))}
}

// live is what the heap has that is in use, in bytes. What pools keep goes with the second
// collection.
func live() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The memory of a scan does not grow with the number of keys.
func TestScanMemory(t *testing.T) {
	const small, most = 18_000, 16 << 20
	var peaks []int64
	for _, keys := range []int{small, 3 * small} {
		f := files(t)
		root := spreadLedger(t, f, keys)
		before, peak, n := live(), int64(0), 0
		if err := f.Scan(t.Context(), root, func(*runs.Entry) error {
			if n++; n%(keys/24) == 0 {
				peak = max(peak, live()-before)
			}
			return nil
		}); err != nil || n != keys {
			t.Fatalf("%d keys, %v", n, err)
		}
		t.Logf("%d keys in %d files: %.1f MiB", keys, len(root.Runs), float64(peak)/(1<<20))
		peaks = append(peaks, peak)
	}
	if peaks[1] > most || peaks[1] > peaks[0]+peaks[0]/4 {
		t.Errorf("a scan of three times the keys takes %d bytes, and not %d; at most %d are allowed", peaks[1], peaks[0], most)
	}
}

// A run that is large has several files, each with keys after those of the one before. It
// is one run for those who merge.
func TestRunOfFiles(t *testing.T) {
	const keys = 36_000
	f := files(t)
	root := spreadLedger(t, f, keys)
	check := func(root *runs.Root) {
		t.Helper()
		n, last := 0, runs.Key{}
		if err := f.ScanBrief(t.Context(), root, func(e *runs.Entry) error {
			if last.Compare(e.Key) >= 0 {
				t.Fatalf("%v comes after %v", e.Key, last)
			}
			n, last = n+1, e.Key
			return nil
		}); err != nil || n != keys {
			t.Fatalf("%d keys, %v", n, err)
		}
		var wanted []runs.Key
		for n := 0; n < keys; n += keys / 50 {
			wanted = append(wanted, spreadKey(n))
		}
		got, err := f.Look(t.Context(), root, wanted)
		if err != nil || len(got) != len(wanted) {
			t.Fatalf("%d entries, %v", len(got), err)
		}
		for i, r := range root.Runs {
			if r.Bytes > 18<<20 {
				t.Errorf("a file of %d bytes", r.Bytes)
			}
			if before := root.Runs[max(i-1, 0)]; r.Part > 0 && (before.Part != r.Part-1 || before.Last.Compare(r.First) >= 0 || before.Level != r.Level) {
				t.Errorf("file %+v after %+v", r, before)
			}
		}
	}
	check(root)
	if last := root.Runs[len(root.Runs)-1]; len(root.Runs) != 8 || last.Part != 1 || last.Level != 0 {
		t.Fatalf("%d files, the last one is %+v", len(root.Runs), last)
	}
	if due, n := root.MergeDue(); n > 0 {
		t.Errorf("%d of %d files are due", len(due), len(root.Runs))
	}
	merged, err := f.Merge(t.Context(), root.Runs, 8, "0123456789ab", "")
	if err != nil {
		t.Fatal(err)
	}
	next, name, ok, err := f.Splice(t.Context(), root, root.Runs, merged, "uuid", 8, "0123456789ab")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	again, err := f.Read(t.Context(), name)
	if diff := cmp.Diff(next, again); diff != "" || err != nil {
		t.Fatal(diff, err)
	}
	if len(next.Runs) != 2 || next.Keys != keys || !slices.IsSortedFunc(next.Runs, func(a, b runs.Info) int { return a.Part - b.Part }) {
		t.Errorf("merged to %d files of %d keys", len(next.Runs), next.Keys)
	}
	check(next)

	// An eighth run of the level, and it is merged with those that are small enough: the
	// large one of several files stays as it is.
	e := randomEntry(rand.New(rand.NewPCG(1, 2)), runs.Key{Key: "raw/new"}, "0123456789ab")
	root, _, err = f.Add(t.Context(), root, []runs.Entry{e}, 1, "uuid", 9, "0123456789ab", "")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(root.Runs); root.Runs[0].Level != 1 || root.Runs[n-1].Level != 1 {
		t.Errorf("%d files of level %d to %d", n, root.Runs[0].Level, root.Runs[n-1].Level)
	}
}
