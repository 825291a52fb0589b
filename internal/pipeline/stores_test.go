package pipeline_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/internal/gen"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/servertest"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
	"sluice/internal/store/storetest"
)

// traits are differences of the stores that change what can be shown on them.
type traits struct {
	ifMatchIgnored bool // for objects of several parts, see storetest.Traits
	deleteMarkers  bool // what was deleted counts for preconditions, see storetest.Traits
}

func TestFolder(t *testing.T) {
	protocol(t, traits{}, folder)
}

func TestVersitygw(t *testing.T) {
	server := servertest.Versitygw(t)
	protocol(t, traits{}, func(t testing.TB) store.Store {
		return server.Store(t, server.Bucket(t, false), s3store.Config{PartSize: 5 << 20})
	})
}

func TestVersitygwVersioning(t *testing.T) {
	server := servertest.Versitygw(t)
	protocol(t, traits{deleteMarkers: true}, func(t testing.TB) store.Store {
		return server.Store(t, server.Bucket(t, true), s3store.Config{PartSize: 5 << 20})
	})
}

func TestMoto(t *testing.T) {
	server := servertest.Moto(t)
	protocol(t, traits{ifMatchIgnored: true}, func(t testing.TB) store.Store {
		return server.Store(t, server.Bucket(t, true), s3store.Config{PartSize: 5 << 20})
	})
}

// protocol runs the promises of the package on a kind of store.
func protocol(t *testing.T, tr traits, open func(t testing.TB) store.Store) {
	s := suite{tr, open}
	for _, test := range []struct {
		name string
		run  func(suite, *testing.T)
	}{
		{"crash at every step", suite.crash},
		{"overwrite", suite.overwrite},
		{"delete and keep", suite.deleteKeep},
		{"delete and remove", suite.deleteRemove},
		{"delete twice", suite.deleteTwice},
		{"ledger entry damaged", suite.damaged},
		{"ledger entry lost", suite.lost},
		{"workers at the same key", suite.race},
		{"workers and an overwrite", suite.raceOverwrite},
		{"late worker", suite.late},
		{"two versions of the code", suite.twoVersions},
		{"large output", suite.large},
		{"failures of the store", suite.failures},
		{"no value in errors", suite.canary},
		{"same bytes as in a folder", suite.sameBytes},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(s, t)
		})
	}
}

type suite struct {
	traits
	open func(t testing.TB) store.Store
}

func (s suite) world(t testing.TB) *world { return newWorld(t, s.open(t), s.open(t)) }

const (
	twoRows = `[{"id":1,"amount":0.1},{"id":2,"amount":0.2},{"id":"x"}]` // and one record for the quarantine
	oneRow  = `[{"id":3,"amount":0.3}]`
)

var errCrash = errors.New("crash made by the test")

// A worker dies at each step: with an error, as a context that ends, and with a
// panic; of a first version, and of an overwrite. The next one sets it right.
func (s suite) crash(t *testing.T) {
	w := s.world(t)
	for _, step := range pipeline.Steps {
		for _, how := range []string{"error", "panic"} {
			for _, overwrite := range []bool{false, true} {
				key := fmt.Sprintf("in/%s-%s-%t.json", step, how, overwrite)
				var name string
				if overwrite {
					w.put(t, key, oneRow)
					w.process(t, key, pipeline.DidCommit)
					name = w.holds(t, key, "3")
				}
				w.put(t, key, twoRows)
				died := false
				dying := w.with(func(p *pipeline.Pipeline) {
					p.Hook = func(at pipeline.Step) error {
						if at != step {
							return nil
						}
						died = true
						if how == "panic" {
							panic(errCrash)
						}
						return errCrash
					}
				})
				if err := surviving(t.Context(), dying, key); !errors.Is(err, errCrash) || !died {
					t.Fatalf("%s: the worker did not die: %v", key, err)
				}
				want := pipeline.DidCommit
				if step == pipeline.Accounted {
					want = pipeline.DidDuplicate
				}
				w.process(t, key, want)
				if again := w.holds(t, key, "1", "2"); name != "" && again != name {
					t.Errorf("the output is %s now, and was %s", again, name)
				}
				w.settled(t, key)
				e := w.entry(t, key)
				if st := e.State; st.RecordsQuarantined != 1 || st.RowsWritten != 2 || st.Sums["t.amount"] != "0.3000" {
					t.Errorf("%s: account %+v", key, st)
				}
				for _, k := range []string{e.State.Quarantine, e.State.Report} {
					if _, err := w.sink.Head(t.Context(), k); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
	w.noUploads(t)
}

// surviving is Process with a panic of it as an error.
func surviving(ctx context.Context, p *pipeline.Pipeline, key string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err, _ = r.(error)
		}
	}()
	_, err = p.Process(ctx, "raw", key)
	return err
}

// What is visible after each overwrite, under one name.
func (s suite) overwrite(t *testing.T) {
	w := s.world(t)
	const key = "in/a.json"
	w.put(t, key, twoRows)
	w.process(t, key, pipeline.DidCommit)
	name := w.holds(t, key, "1", "2")
	for _, c := range []struct {
		name, text string
		did        pipeline.Disposition
		rows       []string
		report     bool
	}{
		{"fewer rows", oneRow, pipeline.DidCommit, []string{"3"}, false},
		{"truncated: the older output stays", `[{"id":4},{"id":`, pipeline.DidReject, []string{"3"}, true},
		{"every record quarantined: the older output stays", `[{"id":"x"},{"id":"y"}]`, pipeline.DidCommit, []string{"3"}, true},
		{"no rows", `[]`, pipeline.DidCommit, nil, false},
		{"empty object: the older output stays", ``, pipeline.DidReject, nil, true},
		{"rows again", `[{"id":5}]`, pipeline.DidCommit, []string{"5"}, false},
		{"other bytes with the same rows", `[{"id":5} ]`, pipeline.DidCommit, []string{"5"}, false},
	} {
		_, before := w.output(t, key)
		w.put(t, key, c.text)
		r := w.process(t, key, c.did)
		if again := w.holds(t, key, c.rows...); again != name {
			t.Fatalf("%s: the output is %s now, and was %s", c.name, again, name)
		}
		if _, after := w.output(t, key); (c.did == pipeline.DidReject) && string(after) != string(before) {
			t.Errorf("%s: the output was replaced", c.name)
		}
		if (r.Report != "") != c.report {
			t.Errorf("%s: report %q", c.name, r.Report)
		}
		if c.report {
			if _, err := w.sink.Head(t.Context(), r.Report); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		w.settled(t, key)
	}
	w.noUploads(t)
}

func (s suite) deleteKeep(t *testing.T) {
	w := s.world(t)
	const key = "in/a.json"
	w.put(t, key, twoRows)
	w.process(t, key, pipeline.DidCommit)
	s.remove(t, w, key)
	w.process(t, key, pipeline.DidSkip)
	name := w.holds(t, key, "1", "2")
	w.settled(t, key)
	if st := w.entry(t, key).State; st.Identity != ledger.Absent || st.Outcome != ledger.Absent {
		t.Errorf("the ledger does not say that the source is gone: %+v", st)
	}
	w.put(t, key, oneRow)
	w.process(t, key, pipeline.DidCommit)
	if again := w.holds(t, key, "3"); again != name {
		t.Errorf("the output is %s now, and was %s", again, name)
	}
	w.settled(t, key)
	if _, err := w.p.Process(t.Context(), "raw", "in/never.json"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a key that was never there: %v", err)
	}
}

func (s suite) deleteRemove(t *testing.T) {
	w := s.world(t)
	w.p.RemoveDeleted = true
	const key = "in/a.json"
	w.put(t, key, twoRows)
	w.process(t, key, pipeline.DidCommit)
	name := w.holds(t, key, "1", "2")
	s.remove(t, w, key)
	w.process(t, key, pipeline.DidCommit)
	if again := w.holds(t, key); again != name {
		t.Errorf("the output is %s now, and was %s", again, name)
	}
	w.settled(t, key)
	w.noUploads(t)
}

// A worker has read what stood between two deletions, and sleeps while another
// acknowledges the second. All deletions have one identity; still the late worker
// does not bring the rows back, and the ledger does not name them.
func (s suite) deleteTwice(t *testing.T) {
	for _, remove := range []bool{true, false} {
		w := s.world(t)
		w.p.RemoveDeleted = remove
		first := pipeline.DidSkip
		if remove {
			first = pipeline.DidCommit
		}
		for _, step := range []pipeline.Step{pipeline.Opened, pipeline.Converted, pipeline.Quarantined} {
			key := fmt.Sprintf("in/%s.json", step)
			w.put(t, key, oneRow)
			w.process(t, key, pipeline.DidCommit)
			s.remove(t, w, key)
			w.process(t, key, first)
			w.put(t, key, twoRows)
			slept := false
			sleepy := w.with(func(p *pipeline.Pipeline) {
				p.Hook = func(at pipeline.Step) error {
					switch {
					case at == step && !slept:
						slept = true
						s.remove(t, w, key)
						w.process(t, key, first)
					case at == pipeline.Committed:
						return errCrash
					}
					return nil
				}
			})
			_, err := sleepy.Process(t.Context(), "raw", key)
			if !slept || err != nil && !errors.Is(err, errCrash) {
				t.Errorf("%s: slept %t, %v", key, slept, err)
			}
			if remove {
				w.holds(t, key)
			}
			if id := w.entry(t, key).State.Identity; id != ledger.Absent {
				t.Errorf("%s is deleted, and the ledger names %s", key, id)
			}
		}
		w.noUploads(t)
	}
}

func (s suite) remove(t *testing.T, w *world, key string) {
	t.Helper()
	if err := w.source.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
}

// An entry that cannot be read is no licence for a second output, also if the
// source was overwritten meanwhile.
func (s suite) damaged(t *testing.T) {
	w := s.world(t)
	w.put(t, "in/other.json", oneRow)
	w.process(t, "in/other.json", pipeline.DidCommit)
	for i, damage := range []struct {
		name string
		do   func(entry []byte) []byte
	}{
		{"empty", func([]byte) []byte { return nil }},
		{"truncated", func(e []byte) []byte { return e[:len(e)/2] }},
		{"not JSON", func([]byte) []byte { return []byte("<html>") }},
		{"null", func([]byte) []byte { return []byte("null") }},
		{"of another key", func([]byte) []byte {
			e, _, err := store.Get(t.Context(), w.sink, entryKey("in/other.json"), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			return e
		}},
		{"too large", func(e []byte) []byte { return append(e, make([]byte, 1<<20)...) }},
	} {
		for _, overwrite := range []bool{false, true} {
			key := fmt.Sprintf("in/%d-%t.json", i, overwrite)
			w.put(t, key, twoRows)
			w.process(t, key, pipeline.DidCommit)
			name, rows := w.holds(t, key, "1", "2"), []string{"1", "2"}
			e, _, err := store.Get(t.Context(), w.sink, entryKey(key), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.Put(t.Context(), w.sink, entryKey(key), damage.do(e), store.CreateOptions{}, store.Unconditional()); err != nil {
				t.Fatal(err)
			}
			if overwrite {
				w.put(t, key, oneRow)
				rows = []string{"3"}
			}
			w.process(t, key, pipeline.DidCommit)
			if again := w.holds(t, key, rows...); again != name {
				t.Errorf("%s: the output is %s now, and was %s", damage.name, again, name)
			}
			w.settled(t, key)
		}
	}
}

func entryKey(key string) string { return "ledger/" + ledger.IDOf("raw", key).String() + ".json" }

// A deleted entry is made again with the same name while the source is as it was.
func (s suite) lost(t *testing.T) {
	w := s.world(t)
	const key = "in/a.json"
	w.put(t, key, twoRows)
	w.process(t, key, pipeline.DidCommit)
	name := w.holds(t, key, "1", "2")
	if err := w.sink.Delete(t.Context(), entryKey(key)); err != nil {
		t.Fatal(err)
	}
	if s.deleteMarkers { // the entry cannot be claimed again there: loud, and nothing is doubled
		if _, err := w.p.Process(t.Context(), "raw", key); !errors.Is(err, store.ErrPrecondition) {
			t.Errorf("on a server with delete markers: %v", err)
		}
		w.holds(t, key, "1", "2")
		return
	}
	w.process(t, key, pipeline.DidCommit)
	if again := w.holds(t, key, "1", "2"); again != name {
		t.Errorf("the output is %s now, and was %s", again, name)
	}
	w.settled(t, key)
	w.noUploads(t)
}

// Workers that begin at the same time: one of them commits, and the bytes are
// those that a worker alone makes.
func (s suite) race(t *testing.T) {
	w := s.world(t)
	const key = "in/a.json"
	w.put(t, "in/calm.json", twoRows)
	w.process(t, "in/calm.json", pipeline.DidCommit)
	_, calm := w.output(t, "in/calm.json")

	w.put(t, key, twoRows)
	did := w.together(t, key, 8)
	if did[pipeline.DidCommit] != 1 || did[pipeline.DidDuplicate] != 7 {
		t.Errorf("8 workers: %v, want one commit", did)
	}
	if _, data := w.output(t, key); pages(data) != pages(calm) {
		t.Errorf("%d bytes differ from the %d of a calm run", len(data), len(calm))
	}
	w.holds(t, key, "1", "2")
	w.settled(t, key)
	w.noUploads(t)
}

// together processes a key by n workers at once.
func (w *world) together(t *testing.T, key string, n int) map[pipeline.Disposition]int {
	t.Helper()
	var (
		mu    sync.Mutex
		group sync.WaitGroup
		did   = map[pipeline.Disposition]int{}
	)
	for range n {
		group.Go(func() {
			r, err := w.p.Process(t.Context(), "raw", key)
			if err != nil {
				t.Errorf("worker: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			did[r.Disposition]++
		})
	}
	group.Wait()
	return did
}

// Two versions of the code, of which each makes other bytes of the same source
// (here: another codec), work on the same keys. What one has settled the other
// leaves alone, what one died over the other finishes, and at the same time they
// give one output.
func (s suite) twoVersions(t *testing.T) {
	w := s.world(t)
	old := w.with(func(p *pipeline.Pipeline) { p.Codec = sluice.Snappy })
	const key = "in/a.json"
	w.put(t, key, oneRow)
	if r, err := old.Process(t.Context(), "raw", key); err != nil || r.Disposition != pipeline.DidCommit {
		t.Fatalf("the old version: %+v, %v", r, err)
	}
	name, before := w.output(t, key)
	w.process(t, key, pipeline.DidDuplicate)
	if _, after := w.output(t, key); string(after) != string(before) {
		t.Error("the new version wrote again what the old one had settled")
	}

	for round := range 5 {
		w.put(t, key, fmt.Sprintf(`[{"id":%d},{"id":7}]`, round))
		var workers sync.WaitGroup
		for _, p := range []*pipeline.Pipeline{old, w.p, old, w.p} {
			workers.Go(func() {
				if _, err := p.Process(t.Context(), "raw", key); err != nil {
					t.Errorf("worker: %v", err)
				}
			})
		}
		workers.Wait()
		if again := w.holds(t, key, fmt.Sprint(round), "7"); again != name {
			t.Errorf("the output is %s now, and was %s", again, name)
		}
		w.settled(t, key)
	}

	w.put(t, key, twoRows)
	dying := w.with(func(p *pipeline.Pipeline) {
		p.Codec = sluice.Snappy
		p.Hook = func(at pipeline.Step) error {
			if at == pipeline.Committed {
				return errCrash
			}
			return nil
		}
	})
	if _, err := dying.Process(t.Context(), "raw", key); !errors.Is(err, errCrash) {
		t.Fatalf("the old version did not die: %v", err)
	}
	_, before = w.output(t, key)
	w.process(t, key, pipeline.DidCommit)
	if _, after := w.output(t, key); string(after) != string(before) {
		t.Error("the new version published again what the old one had published")
	}
	w.settled(t, key)
	w.noUploads(t)
}

// While the source is overwritten, workers and readers are at the key. Every
// read gives the rows of one state, states do not go back, and the newest stays.
func (s suite) raceOverwrite(t *testing.T) {
	const key, states = "in/a.json", 6
	w := s.world(t)
	state := func(i int) string { return fmt.Sprintf(`[{"id":%d},{"id":%[1]d}]`, i) }
	w.put(t, key, state(0))
	w.process(t, key, pipeline.DidCommit)
	name, _ := w.output(t, key)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var readers sync.WaitGroup
	readers.Go(func() {
		for newest := 0; ctx.Err() == nil; {
			data, _, err := store.Get(ctx, w.sink, name, 1<<20)
			if errors.Is(err, store.ErrChanged) || ctx.Err() != nil {
				continue // loud, and right
			}
			if err != nil {
				t.Errorf("reader: %v", err)
				return
			}
			rows := ids(t, data)
			var i int
			if fmt.Sscan(rows[0], &i); len(rows) != 2 || rows[0] != rows[1] || i < newest {
				t.Errorf("rows %v are visible after state %d", rows, newest)
				return
			}
			newest = i
		}
	})
	var workers sync.WaitGroup
	for i := 1; i < states; i++ {
		w.put(t, key, state(i))
		for range 2 {
			workers.Go(func() {
				if _, err := w.p.Process(t.Context(), "raw", key); err != nil {
					t.Errorf("worker: %v", err)
				}
			})
		}
	}
	workers.Wait()
	cancel()
	readers.Wait()
	w.holds(t, key, fmt.Sprint(states-1), fmt.Sprint(states-1))
	w.settled(t, key)
	w.noUploads(t)
}

// A worker sleeps at each step while the source is overwritten and another
// worker publishes it. When he wakes, the newer state stays.
func (s suite) late(t *testing.T) {
	w := s.world(t)
	for _, step := range pipeline.Steps {
		key := fmt.Sprintf("in/%s.json", step)
		w.put(t, key, twoRows)
		slept := false
		sleepy := w.with(func(p *pipeline.Pipeline) {
			p.Hook = func(at pipeline.Step) error {
				if at == step && !slept {
					slept = true
					w.put(t, key, oneRow)
					w.process(t, key, pipeline.DidCommit)
				}
				return nil
			}
		})
		if _, err := sleepy.Process(t.Context(), "raw", key); err != nil || !slept {
			t.Errorf("%s: slept %t, %v", key, slept, err)
		}
		w.holds(t, key, "3")
		w.settled(t, key)
	}
	w.noUploads(t)
}

// An output of several parts is published under its precondition too.
func (s suite) large(t *testing.T) {
	const key = "in/large.json"
	records := 320 // of 64 KiB
	if testing.Short() {
		records = 100 // two parts
	}
	w := s.world(t)
	w.put(t, key, largeObject(1, records))
	pending := -1
	dying := w.with(func(p *pipeline.Pipeline) {
		p.Hook = func(at pipeline.Step) error {
			if at != pipeline.Converted {
				return nil
			}
			uploads, err := w.sink.PendingUploads(t.Context(), "out/")
			pending = len(uploads)
			return errors.Join(errCrash, err)
		}
	})
	if _, err := dying.Process(t.Context(), "raw", key); !errors.Is(err, errCrash) || pending != 1 {
		t.Fatalf("%d pending uploads at the crash: %v", pending, err)
	}
	w.noUploads(t)
	if name, _ := w.output(t, key); name != "" {
		t.Fatal("an output is visible before its commit")
	}
	if did := w.together(t, key, 2); did[pipeline.DidCommit] != 1 || did[pipeline.DidDuplicate] != 1 {
		t.Errorf("two workers: %v, want one commit", did)
	}
	if _, data := w.output(t, key); len(data) < records<<16 || len(ids(t, data)) != records {
		t.Errorf("the output has %d bytes", len(data))
	}
	w.settled(t, key)
	if s.ifMatchIgnored {
		return // the server would let the late worker through
	}
	slept := false
	sleepy := w.with(func(p *pipeline.Pipeline) {
		p.Hook = func(at pipeline.Step) error {
			if at == pipeline.Quarantined && !slept {
				slept = true
				w.put(t, key, oneRow)
				w.process(t, key, pipeline.DidCommit)
			}
			return nil
		}
	})
	w.put(t, key, largeObject(2, records))
	if r, err := sleepy.Process(t.Context(), "raw", key); err != nil || r.Disposition != pipeline.DidDuplicate || r.Attempts != 2 {
		t.Errorf("the late worker: %s in %d attempts, %v", r.Disposition, r.Attempts, err)
	}
	w.holds(t, key, "3")
	w.settled(t, key)
	w.noUploads(t)
}

// largeObject has records of 64 KiB text that does not compress.
func largeObject(seed byte, records int) string {
	rng := rand.NewChaCha8([32]byte{seed})
	raw := make([]byte, 48<<10)
	var b strings.Builder
	for i := range records {
		rng.Read(raw)
		fmt.Fprintf(&b, "{\"id\":%d,\"text\":%q}\n", i, base64.StdEncoding.EncodeToString(raw))
	}
	return b.String()
}

// Every call to a store fails once, with and without its effect, and every
// call is the last of a process. The next worker sets it right; what a dead
// process leaves invisible is listed, and can be removed.
func (s suite) failures(t *testing.T) {
	faults := map[string]storetest.Fault{
		"fail before": storetest.FailBefore, "lost reply": storetest.FailAfter,
		"crash before": storetest.CrashBefore, "crash after": storetest.CrashAfter,
	}
	w := s.world(t)
	for fault, kind := range faults {
		for n := 1; ; n++ {
			key := fmt.Sprintf("in/%s %d.json", fault, n)
			w.put(t, key, twoRows)
			plan := storetest.NewPlan(n, kind)
			p := w.over(w.p.Mapping, plan.Wrap(w.source), plan.Wrap(w.sink))
			_, err := p.Process(t.Context(), "raw", key)
			if !plan.Happened() {
				if err != nil || n < 12 {
					t.Errorf("%s: %d calls, %v", fault, n-1, err)
				}
				break
			}
			if err != nil && !errors.Is(err, storetest.ErrFault) && !errors.Is(err, storetest.ErrCrash) {
				t.Errorf("%s: %v", key, err)
			}
			if errors.Is(err, storetest.ErrFault) && !store.IsTransient(err) {
				t.Errorf("%s: not transient: %v", key, err)
			}
			if err == nil {
				w.holds(t, key, "1", "2") // what was acknowledged stands
			}
			if _, err := w.p.Process(t.Context(), "raw", key); err != nil {
				t.Errorf("%s: the next worker: %v", key, err)
			}
			w.holds(t, key, "1", "2")
			w.settled(t, key)
		}
		left, err := w.sink.PendingUploads(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range left {
			if kind == storetest.FailBefore && strings.HasPrefix(u.Key, "out/") {
				t.Errorf("%s left an upload of %s", fault, u.Key)
			}
		}
		for _, u := range left {
			if err := w.sink.AbortUpload(t.Context(), u); err != nil {
				t.Error(err)
			}
		}
		w.noUploads(t)
	}
}

// What a field holds is in no error, no ledger entry and no report.
func (s suite) canary(t *testing.T) {
	const canary = "canary-7f3a"
	w := s.world(t)
	for i, text := range []string{
		`[{"id":"` + canary + `"},{"id":1}]`,
		`[{"id":1,"amount":"` + canary + `"},{"id":1}]`,
		`[{"id":1,"text":"` + canary + `\ud800"},{"id":1}]`,
		`[{"id":1,"nickname":"` + canary + `"}]`,
		`[{"id":1,"text":"` + canary,
		`[{"id":1} "` + canary + `"]`,
		canary,
		`"` + canary + `"`,
	} {
		key := fmt.Sprintf("in/%d.json", i)
		w.put(t, key, text)
		for n := 1; n < 20; n += 3 {
			plan := storetest.NewPlan(n, storetest.FailBefore)
			_, err := w.over(w.p.Mapping, plan.Wrap(w.source), plan.Wrap(w.sink)).Process(t.Context(), "raw", key)
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("the error has the value: %v", err)
			}
		}
		r, err := w.p.Process(t.Context(), "raw", key)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []string{entryKey(key), w.entry(t, key).State.Report, r.Report} {
			if k == "" {
				continue
			}
			data, _, err := store.Get(t.Context(), w.sink, k, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(data), canary) {
				t.Errorf("%s has the value: %s", k, data)
			}
		}
	}
}

// The same objects give the same bytes here and in a folder, with another
// number of workers and threads.
func (s suite) sameBytes(t *testing.T) {
	objects := map[string]string{
		"in/empty.json": "[]", "in/bad.json": `[{"order_id":`,
		"in/a b+c%2B.json": `[{"order_id":1,"order_date":"2024-01-10","customer":{"customer_id":1},"products":[{"product_id":1,"price":1,"quantity":1}]}]`,
	}
	for i := range 6 {
		var b strings.Builder
		if _, err := gen.Write(&b, gen.Options{Seed: uint64(i + 1), Orders: 500}); err != nil {
			t.Fatal(err)
		}
		objects[fmt.Sprintf("in/%d.json", i)] = b.String()
	}
	here, there := s.world(t), newWorld(t, folder(t), folder(t))
	got, want := here.publish(t, objects, 4, 2), there.publish(t, objects, 1, 1)
	for key := range objects {
		if got[key] != want[key] {
			t.Errorf("%s: %s here, %s in a folder", key, got[key], want[key])
		}
	}
	if got["in/bad.json"] != "" || got["in/empty.json"] == "" {
		t.Errorf("outputs: %v", got)
	}
}

// pages is a file without its footer, which names the source state.
func pages(file []byte) string {
	end := len(file) - 8
	return string(file[:end-int(binary.LittleEndian.Uint32(file[end:]))])
}

// publish runs the pipeline over objects, and gives the SHA-256 of the pages of
// each output.
func (w *world) publish(t *testing.T, objects map[string]string, workers, threads int) map[string]string {
	t.Helper()
	for key, text := range objects {
		w.put(t, key, text)
	}
	p := w.with(func(p *pipeline.Pipeline) { p.Mapping, p.Threads, p.Codec = ordersPreset(t), threads, sluice.Zstd })
	options := pipeline.RunOptions{Bucket: "raw", Prefix: "in/", Workers: workers, Judge: everything}
	for _, want := range []map[pipeline.Disposition]int64{
		{pipeline.DidCommit: int64(len(objects)) - 1, pipeline.DidReject: 1},
		{pipeline.DidDuplicate: int64(len(objects))},
	} {
		sum, err := p.Run(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(sum.Objects) != fmt.Sprint(want) {
			t.Errorf("run: %v, want %v", sum.Objects, want)
		}
	}
	sums := map[string]string{}
	for key := range objects {
		if name, data := w.output(t, key); name != "" {
			sums[key] = fmt.Sprintf("%x", sha256.Sum256([]byte(pages(data))))
			out := w.entry(t, key).Outputs
			if i := slices.IndexFunc(out, func(o ledger.Output) bool { return o.Key == name }); i < 0 || out[i].SHA256 != fmt.Sprintf("%x", sha256.Sum256(data)) {
				t.Errorf("%s: the ledger has %+v", key, out)
			}
		}
	}
	return sums
}

// dumb is a store that returns no ETags, from Head or from Commit.
type dumb struct {
	store.Store
	heads, commits bool
}

func (s dumb) Head(ctx context.Context, key string) (store.Info, error) {
	info, err := s.Store.Head(ctx, key)
	if s.heads {
		info.ETag = ""
	}
	return info, err
}

func (s dumb) Create(ctx context.Context, key string, o store.CreateOptions) (store.Writer, error) {
	w, err := s.Store.Create(ctx, key, o)
	if s.commits && strings.HasPrefix(key, "out/") {
		w = dumbWriter{w}
	}
	return w, err
}

type dumbWriter struct{ store.Writer }

func (w dumbWriter) Commit(ctx context.Context, p store.Precondition) (store.Info, error) {
	info, err := w.Writer.Commit(ctx, p)
	info.ETag = ""
	return info, err
}

// An output without an ETag does not count as missing, and what was
// committed without one is not accounted for: the store must return it. What
// is there stays.
func TestNoETag(t *testing.T) {
	for name, sink := range map[string]dumb{"head": {heads: true}, "commit": {commits: true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, folder(t), folder(t))
			const key = "in/a.json"
			w.put(t, key, twoRows)
			w.process(t, key, pipeline.DidCommit)
			w.put(t, key, oneRow)
			before := w.entry(t, key)
			sink.Store = w.sink
			r, err := w.over(w.p.Mapping, w.source, sink).Process(t.Context(), "raw", key)
			if err == nil || !strings.Contains(err.Error(), "the store gives no ETag") || r.Attempts != 1 {
				t.Errorf("after %d attempts: %v", r.Attempts, err)
			}
			if diff := cmp.Diff(before, w.entry(t, key)); diff != "" {
				t.Errorf("the ledger (-before +after):\n%s", diff)
			}
			if sink.heads {
				w.holds(t, key, "1", "2")
			}
			w.process(t, key, pipeline.DidCommit)
			w.holds(t, key, "3")
		})
	}
}
