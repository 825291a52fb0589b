package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sluice"
	"sluice/internal/ledger"
)

// office is a ledger in memory, and who hears of new paths.
type office struct {
	store *memStore
	heard map[string]int
	calls int // of the store
	deaf  bool
	clock time.Time
}

func newOffice() *office {
	o := &office{store: newMemStore("ledger", new(int64)), heard: map[string]int{}, clock: time.Date(2024, 1, 10, 8, 0, 0, 0, time.UTC)}
	o.store.gate = func(string, string) { o.calls++ }
	return o
}

// worker is a process that keeps what it has read.
func (o *office) worker() *News {
	return NewNews(ledger.New(o.store, "ledger/"), func(_ context.Context, paths []ledger.DriftedPath) error {
		if o.deaf {
			return errors.New("nobody hears it")
		}
		for _, p := range paths {
			o.heard[p.Kind+" "+p.Path]++
		}
		return nil
	}, func() time.Time { return o.clock })
}

func drifted(key string, paths ...string) *ledger.Entry {
	e := &ledger.Entry{Bucket: "raw", Key: key, State: &ledger.State{}}
	for _, p := range paths {
		e.State.Drift = append(e.State.Drift, sluice.DriftPath{Kind: sluice.DriftUnknown, Path: p, Count: 1})
	}
	return e
}

// Many workers see the same paths at once: one of them announces each. Whoever
// knows a path makes no request for it, and an object without drift never does.
func TestNewsOnce(t *testing.T) {
	for seed := range uint64(200) {
		r, o := rand.New(rand.NewPCG(seed, 1)), newOffice()
		workers := make([]*News, 1+r.IntN(5))
		for i := range workers {
			workers[i] = o.worker()
		}
		want := map[string]bool{}
		// Before any request of a worker, others may go on.
		depth := 0
		var step func()
		o.store.gate = func(string, string) {
			if o.calls++; depth < 3 && r.IntN(3) == 0 {
				depth++
				step()
				depth--
			}
		}
		step = func() {
			w := workers[r.IntN(len(workers))]
			if !w.mu.TryLock() {
				return // it is in the middle of another object
			}
			w.mu.Unlock()
			path := fmt.Sprintf("$.p%d", r.IntN(4))
			want["unknown "+path] = true
			if _, err := w.note(t.Context(), drifted(fmt.Sprint(r.IntN(1e9)), path)); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		for range 30 {
			step()
		}
		for path := range want {
			if o.heard[path] != 1 {
				t.Fatalf("seed %d: %s was announced %d times", seed, path, o.heard[path])
			}
		}
		before := o.calls
		for _, w := range workers {
			for range 3 {
				if _, err := w.note(t.Context(), drifted("known")); err != nil {
					t.Fatal(err)
				}
			}
		}
		if o.calls != before {
			t.Errorf("seed %d: %d requests for objects without drift", seed, o.calls-before)
		}
	}
}

// Replies are lost, and workers die or cannot announce: each path is announced all
// the same, once the object is looked at again or, by another, a while later.
func TestNewsAtLeastOnce(t *testing.T) {
	for seed := range uint64(200) {
		r, o := rand.New(rand.NewPCG(seed, 2)), newOffice()
		o.store.lose = func() int { return max(0, r.IntN(5)-2) } // 1, 2: the reply is lost
		for i := range 20 {
			key, path := fmt.Sprint(i), fmt.Sprintf("$.p%d", i)
			o.deaf = r.IntN(4) == 0
			for again := 0; ; again++ {
				n := o.worker()
				if r.IntN(4) == 0 {
					n.announce = func(context.Context, []ledger.DriftedPath) error { panic("it dies") }
				}
				err := func() (err error) {
					defer func() {
						if recover() != nil {
							err = errors.New("it died")
						}
					}()
					_, err = n.note(t.Context(), drifted(key, path))
					return err
				}()
				if err == nil || errors.As(err, new(*AnnounceError)) {
					break
				}
			}
		}
		o.deaf, o.store.lose = false, func() int { return 0 }
		o.clock = o.clock.Add(time.Hour)
		if _, err := o.worker().note(t.Context(), drifted("later", "$.later")); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			if path := fmt.Sprintf("unknown $.p%d", i); o.heard[path] == 0 {
				t.Fatalf("seed %d: %s was not announced", seed, path)
			}
		}
	}
}

// Names in an object that is keyed by data do not become news for ever.
func TestNewsOfData(t *testing.T) {
	o := newOffice()
	n := o.worker()
	for i := range 200 {
		if _, err := n.note(t.Context(), drifted(fmt.Sprint(i), fmt.Sprintf("$.by_id['%d']", i), "$$.cursor")); err != nil {
			t.Fatal(err)
		}
	}
	if len(o.heard) != maxBeside+2 || o.heard["unknown $.by_id.*"] != 1 || o.heard["unknown $$.cursor"] != 1 {
		t.Errorf("%d announced: %v", len(o.heard), o.heard)
	}
	for i := range 2 * maxKnown {
		if _, err := n.note(t.Context(), drifted(fmt.Sprint(i), fmt.Sprintf("$.a%d.x", i))); err != nil {
			t.Fatal(err)
		}
	}
	d, _, err := ledger.New(o.store, "ledger/").Drift(t.Context())
	if err != nil || len(d.Paths) != maxKnown {
		t.Errorf("%d paths are kept, %v", len(d.Paths), err)
	}
	if slices.ContainsFunc(d.Paths, func(p ledger.DriftedPath) bool { return !p.Announced || p.Since.IsZero() || p.Key == "" }) {
		t.Error("a path is not announced, or nobody knows where it came from")
	}
}

// A few records say nothing about a column without a value.
func TestNewsOfFewRecords(t *testing.T) {
	o := newOffice()
	n := o.worker()
	e := drifted("a")
	e.State.Drift = []sluice.DriftPath{{Kind: sluice.DriftMissing, Path: "$.gift", Count: fewRecords}}
	e.State.RecordsRead = fewRecords
	if _, err := n.note(t.Context(), e); err != nil || o.calls != 0 {
		t.Errorf("%d requests, %v", o.calls, err)
	}
	e.State.RecordsRead++
	if added, err := n.note(t.Context(), e); err != nil || added != 1 || o.heard["missing $.gift"] != 1 {
		t.Errorf("%d added, %v: %v", added, err, o.heard)
	}
}
