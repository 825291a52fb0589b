package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/internal/iceberg"
	"sluice/internal/pipeline"
	"sluice/internal/store"
	"sluice/internal/tables"
)

const splitMapping = `tables:
- table: orders
  columns:
  - {name: id, path: $.id, type: int64, required: true}
  - {name: day, path: $.day, type: date, on_error: "null"}
  - {name: total, path: $.total, type: "decimal(18,4)"}
- table: lines
  explode: $.lines[*]
  when_empty: skip
  columns:
  - {name: id, path: $.id, type: int64, required: true}
  - {name: price, path: "$.lines[*]", type: "decimal(18,2)"}
limits: {quarantine_share: 0.5}
`

// splitDocument has all that makes borders of parts hard.
func splitDocument(records int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	b.WriteString("{\"id\":0,\"total\":1}\n") // this one shows that it is NDJSON
	for i := range records {
		switch r.IntN(12) {
		case 0:
			fmt.Fprintf(&b, `{"id":"no number %d"}`, i)
		case 1:
			fmt.Fprintf(&b, "{\"id\":%d,\n\"lines\":[\n1.5,\n2]\n,\"day\":\"2026-01-0%d\"}", i, 1+r.IntN(3))
		case 2:
			fmt.Fprintf(&b, `{"id":%d,"more":"}\n{\"id\":1}","day":"never"}`, i)
		case 3:
			fmt.Fprintf(&b, `broken {"id":%d`, i)
		default:
			fmt.Fprintf(&b, `{"id":%d,"day":"2026-01-0%d","total":%d.25,"lines":[%d.5,7]}`, i, 1+r.IntN(3), r.IntN(1000), r.IntN(100))
		}
		b.WriteString([]string{"\n", "\r\n", "\n\n", " \n "}[r.IntN(4)])
	}
	return b.String()
}

// whole is what one process makes of the document.
func wholeOf(t *testing.T, mapping, doc string, partition ...pipeline.Partition) *tablesWorld {
	t.Helper()
	w := newTablesWorld(t)
	w.t = w.targetOf(t, mapping, partition...)
	w.p = w.t.Pipeline
	w.put(t, "huge.ndjson", doc)
	if _, err := w.t.Process(t.Context(), "raw", "huge.ndjson"); err != nil {
		t.Fatal(err)
	}
	return w
}

// sameAs compares what two targets show and know of the document.
func (w *tablesWorld) sameAs(t *testing.T, want *tablesWorld) {
	t.Helper()
	for i := range w.t.Tables {
		got, wanted := slices.Sorted(maps.Values(joined(w.rows(t, i)))), slices.Sorted(maps.Values(joined(want.rows(t, i))))
		if !slices.Equal(got, wanted) {
			t.Errorf("table %d has %d rows, want %d:\n%.2000s\nwant\n%.2000s", i, len(got), len(wanted), got, wanted)
		}
	}
	got, wanted := w.entryOf(t), want.entryOf(t)
	if got.state != wanted.state {
		t.Errorf("the ledger has\n%s, want\n%s", got.state, wanted.state)
	}
	if got.quarantine != wanted.quarantine {
		t.Errorf("the quarantine has\n%s, want\n%s", got.quarantine, wanted.quarantine)
	}
}

// joined are the rows of each key as one text.
func joined(rows map[string][]string) map[string]string {
	all := map[string]string{}
	for key, r := range rows {
		all[key] = strings.Join(r, "\n")
	}
	return all
}

type splitEntry struct{ state, quarantine string }

func (w *tablesWorld) entryOf(t *testing.T) (e splitEntry) {
	t.Helper()
	entry, err := w.t.Entry(t.Context(), "raw", "huge.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	s := entry.State
	if s.Quarantine != "" {
		data, _, err := store.Get(t.Context(), w.sink, s.Quarantine, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		e.quarantine = string(data)
	}
	stats := s.Stats
	stats.BytesWritten = 0 // of other files
	if stats.Outcome == sluice.Reject {
		stats.Reasons, stats.BytesRead, stats.Drift, stats.DriftRest = nil, 0, nil, 0 // of what was read before it was rejected
	}
	e.state = fmt.Sprintf("%+v %s", stats, s.Report[max(len(s.Report)-12, 0):])
	return e
}

// noSplits checks that nothing is left of a split that is finished.
func (w *tablesWorld) noSplits(t *testing.T) {
	t.Helper()
	err := w.sink.List(t.Context(), "", func(i store.Info) error {
		if strings.Contains(i.Key, "split") {
			t.Errorf("%s is left", i.Key)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSplit: parts of an object, in several sizes, give what one process gives.
func TestSplit(t *testing.T) {
	day := pipeline.Partition{Transform: iceberg.Transform{Name: "day"}, Column: "day"}
	for name, c := range map[string]struct {
		mapping   string
		doc       string
		partition []pipeline.Partition
	}{
		"orders":      {splitMapping, splitDocument(120, 1), nil},
		"partitioned": {strings.ReplaceAll(splitMapping, "when_empty: skip\n  columns:", "when_empty: skip\n  columns:\n  - {name: day, path: $.day, type: date, on_error: \"null\"}"), splitDocument(60, 2), []pipeline.Partition{day}},
		"rejected":    {strings.ReplaceAll(splitMapping, "0.5", "0.01"), splitDocument(120, 3), nil},
		"bad":         {splitMapping, "{\"id\":1}\n{\"id\":2}\n{\"sluice_quarantine\":1}\n{\"id\":3}\n", nil},
		"held":        {"on_drift: hold\n" + splitMapping, splitDocument(60, 4), nil},
	} {
		t.Run(name, func(t *testing.T) {
			want := wholeOf(t, c.mapping, c.doc, c.partition...)
			for _, size := range []int{1, 700, len(c.doc)/3 + 1, 2 * len(c.doc)} {
				if size == 1 {
					c.doc, size = strings.Clone(c.doc), len(c.doc)/20+1
				}
				w := newTablesWorld(t)
				w.t = w.targetOf(t, c.mapping, c.partition...)
				w.p = w.t.Pipeline
				w.put(t, "huge.ndjson", c.doc)
				r, _, err := w.t.Split(t.Context(), "raw", "huge.ndjson", int64(size), 2, nil)
				if err != nil {
					t.Fatal(err)
				}
				wantR := pipeline.DidCommit
				if r.Stats.Outcome == sluice.Reject {
					wantR = pipeline.DidReject
				}
				if r.Disposition != wantR {
					t.Errorf("it is %s", r.Disposition)
				}
				w.sameAs(t, want)
				w.noSplits(t)
				if r, _, err = w.t.Split(t.Context(), "raw", "huge.ndjson", int64(size), 2, nil); err != nil || r.Disposition != pipeline.DidDuplicate {
					t.Errorf("again it is %s: %v", r.Disposition, err)
				}
				if r, err := w.t.Process(t.Context(), "raw", "huge.ndjson"); err != nil || r.Disposition != pipeline.DidDuplicate {
					t.Errorf("an event of it is %s: %v", r.Disposition, err)
				}
			}
		})
	}
}

var errKilled = errors.New("killed")

// TestSplitKilled: workers on several machines die at random steps, and others begin again.
// What they leave is what one process gives.
func TestSplitKilled(t *testing.T) {
	doc := splitDocument(80, 5)
	want := wholeOf(t, splitMapping, doc)
	seeds := uint64(8)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		w := newTablesWorld(t)
		w.t = w.targetOf(t, splitMapping)
		w.p = w.t.Pipeline
		w.put(t, "huge.ndjson", doc)
		var mu sync.Mutex
		r, deaths := rand.New(rand.NewPCG(seed, 2)), 0
		p := *w.t.Pipeline
		p.Hook = func(pipeline.Step) error {
			mu.Lock()
			defer mu.Unlock()
			if r.IntN(15) == 0 {
				deaths++
				return errKilled
			}
			return nil
		}
		dying := *w.t
		dying.Pipeline = &p
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				for range 1000 {
					_, _, err := dying.Split(t.Context(), "raw", "huge.ndjson", 500, 2, nil)
					if err == nil {
						return
					}
					if !errors.Is(err, errKilled) {
						t.Errorf("seed %d: %v", seed, err)
						return
					}
				}
				t.Errorf("seed %d: it is never finished", seed)
			})
		}
		all.Wait()
		w.sameAs(t, want)
		if deaths == 0 {
			t.Errorf("seed %d: nobody died", seed)
		}
	}
}

// TestSplitChanged: a source that was replaced since the plan, or that others have
// processed, makes the plan stale.
func TestSplitChanged(t *testing.T) {
	w := newTablesWorld(t)
	w.t = w.targetOf(t, splitMapping)
	w.p = w.t.Pipeline
	old, now := splitDocument(30, 6), splitDocument(40, 7)
	w.put(t, "huge.ndjson", old)
	plan := func() *pipeline.Split {
		t.Helper()
		s, _, err := w.t.PlanSplit(t.Context(), "raw", "huge.ndjson", 300)
		if err != nil || s == nil {
			t.Fatal(err)
		}
		return s
	}
	stale := func(name string, err error) {
		t.Helper()
		if !errors.Is(err, pipeline.ErrStale) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := plan()
	if again := plan(); again.Name() != s.Name() {
		t.Error("the plan of a second process is another")
	}
	if err := s.Part(t.Context(), 0, nil); err != nil {
		t.Fatal(err)
	}
	w.put(t, "huge.ndjson", now)
	stale("a part of a source that was replaced", s.Part(t.Context(), 1, nil))
	_, _, err := s.Finish(t.Context())
	stale("the end of one", err)

	s = plan()
	if _, err := w.t.Process(t.Context(), "raw", "huge.ndjson"); err != nil {
		t.Fatal(err)
	}
	if r, _, err := s.Finish(t.Context()); err != nil || r.Disposition != pipeline.DidDuplicate {
		t.Errorf("others have done the same state: %s, %v", r.Disposition, err)
	}
	w.put(t, "huge.ndjson", old)
	if r, _, err := w.t.Split(t.Context(), "raw", "huge.ndjson", 300, 1, nil); err != nil || r.Disposition != pipeline.DidCommit {
		t.Errorf("an older state that came back: %s, %v", r.Disposition, err)
	}
	w.sameAs(t, wholeOf(t, splitMapping, old))

	w.put(t, "huge.ndjson", now+"{\"id\":1}\n")
	s = plan()
	w.put(t, "huge.ndjson", now)
	if _, err := w.t.Process(t.Context(), "raw", "huge.ndjson"); err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Finish(t.Context())
	stale("others have done a newer state", err)
	w.sameAs(t, wholeOf(t, splitMapping, now))

	w.put(t, "huge.ndjson", old+"{\"id\":2}\n")
	s = plan()
	for i := range s.Parts() {
		if err := s.Part(t.Context(), i, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.put(t, "huge.ndjson", now+"{\"id\":3}\n")
	if _, err := w.t.Process(t.Context(), "raw", "huge.ndjson"); err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Finish(t.Context())
	stale("others have done a newer state since all parts were done", err)
	w.sameAs(t, wholeOf(t, splitMapping, now+"{\"id\":3}\n"))

	if _, err := w.t.OpenSplit(t.Context(), "raw", "huge.ndjson", "../../../x"); err == nil {
		t.Error("a split of any name is opened")
	}
}

// TestSplitRebuilt: after the ledger was made anew, that a key has no entry does not say that
// nobody has changed it since the plan.
func TestSplitRebuilt(t *testing.T) {
	w := newTablesWorld(t)
	w.t = w.targetOf(t, splitMapping)
	w.p = w.t.Pipeline
	w.put(t, "other.ndjson", splitDocument(3, 1))
	if _, err := w.runAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.put(t, "huge.ndjson", splitDocument(30, 2))
	s, _, err := w.t.PlanSplit(t.Context(), "raw", "huge.ndjson", 300)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.sink.List(t.Context(), "ledger/", func(i store.Info) error {
		if strings.Contains(i.Key, "/root-") {
			return w.sink.Delete(t.Context(), i.Key)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, table := range w.t.Tables {
		h, lost, err := table.LoadLost(t.Context())
		if err != nil || !tables.IsLost(lost) {
			t.Fatalf("lost %v, error %v", lost, err)
		}
		if _, err := table.Rebuild(t.Context(), h, &tables.Rebuild{ID: tables.NewBatchID()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Part(t.Context(), 0, nil); !errors.Is(err, pipeline.ErrStale) {
		t.Errorf("a part of a plan from before: %v", err)
	}
	if r, _, err := w.t.Split(t.Context(), "raw", "huge.ndjson", 300, 1, nil); err != nil || r.Disposition != pipeline.DidCommit {
		t.Errorf("a new plan: %s, %v", r.Disposition, err)
	}
}

// TestSplitReadAgain: a part that was read from elsewhere than where the one before it ends
// is read again.
func TestSplitReadAgain(t *testing.T) {
	doc := "{\"id\":1}\n{\"id\":2,\n\"lines\":[\n" + strings.Repeat("1.5,\n", 50) + "2]}\n{\"id\":3}\n"
	doc = strings.ReplaceAll(doc, "1.5,\n2]", "1.5,\n{\"id\":9},\n2]") // looks like a record
	want := wholeOf(t, splitMapping, doc)
	w := newTablesWorld(t)
	w.t = w.targetOf(t, splitMapping)
	w.p = w.t.Pipeline
	w.put(t, "huge.ndjson", doc)
	again := map[string]bool{}
	p := *w.t.Pipeline
	p.Hook = func(s pipeline.Step) error {
		if s != pipeline.Accounted {
			return nil
		}
		return w.sink.List(context.Background(), "ledger/split/", func(i store.Info) error {
			if name := i.Key[strings.LastIndexByte(i.Key, '/')+1:]; strings.Count(name, "-") == 2 {
				again[name] = true
			}
			return nil
		})
	}
	w.t.Pipeline = &p
	if _, _, err := w.t.Split(t.Context(), "raw", "huge.ndjson", 100, 1, nil); err != nil {
		t.Fatal(err)
	}
	w.sameAs(t, want)
	if len(again) == 0 {
		t.Error("no part was read again")
	}
}

// TestNotSplit: what cannot be split says why, and what to do.
func TestNotSplit(t *testing.T) {
	w := newTablesWorld(t)
	w.put(t, "array.json", `[{"id":1},{"id":2}]`)
	_, _, err := w.t.Split(t.Context(), "raw", "array.json", 100, 1, nil)
	if not := new(pipeline.NotSplitError); !errors.As(err, &not) || !strings.Contains(err.Error(), "it is not NDJSON") || !strings.Contains(err.Error(), "sluice run") {
		t.Error(err)
	}
	if _, _, err := w.t.Split(t.Context(), "raw", "none.json", 100, 1, nil); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

// TestSplitTooOld: a plan that is older than 72 hours holds no more, and the next one does
// not take its parts, whose data files may be gone.
func TestSplitTooOld(t *testing.T) {
	w := newTablesWorld(t)
	w.t = w.targetOf(t, splitMapping)
	w.p = w.t.Pipeline
	doc := splitDocument(40, 8)
	w.put(t, "huge.ndjson", doc)
	at := time.Now()
	for i := range w.t.Tables {
		w.t.Tables[i].Now = func() time.Time { return at }
	}
	plan := func() *pipeline.Split {
		t.Helper()
		s, _, err := w.t.PlanSplit(t.Context(), "raw", "huge.ndjson", 500)
		if err != nil || s == nil {
			t.Fatal(err)
		}
		return s
	}
	old := plan()
	for i := range old.Parts() {
		if err := old.Part(t.Context(), i, nil); err != nil {
			t.Fatal(err)
		}
	}
	if at = at.Add(71 * time.Hour); plan().Name() != old.Name() {
		t.Error("a plan of 71 hours is not found again")
	}
	if missing, err := plan().Missing(t.Context()); err != nil || len(missing) > 0 {
		t.Errorf("parts %v are missing after 71 hours: %v", missing, err)
	}
	at = at.Add(2 * time.Hour)
	if err := old.Part(t.Context(), old.Parts(), nil); !errors.Is(err, pipeline.ErrStale) {
		t.Errorf("a part that the plan does not have: %v", err)
	}
	if _, _, err := old.Finish(t.Context()); !errors.Is(err, pipeline.ErrStale) {
		t.Errorf("the end of an old plan: %v", err)
	}
	for i := range w.t.Tables { // as maintain does, of what no snapshot names
		if err := w.sink.List(t.Context(), w.t.Tables[i].Folder+"data/", func(i store.Info) error { return w.sink.Delete(t.Context(), i.Key) }); err != nil {
			t.Fatal(err)
		}
	}
	now := plan()
	if missing, err := now.Missing(t.Context()); err != nil || len(missing) != now.Parts() {
		t.Errorf("only parts %v of %d are missing of the new plan: %v", missing, now.Parts(), err)
	}
	if r, _, err := w.t.Split(t.Context(), "raw", "huge.ndjson", 500, 2, nil); err != nil || r.Disposition != pipeline.DidCommit {
		t.Errorf("begun anew it is %s: %v", r.Disposition, err)
	}
	w.sameAs(t, wholeOf(t, splitMapping, doc))
	w.noSplits(t)
}
