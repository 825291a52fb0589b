package pipeline_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"sluice/internal/event"
	"sluice/internal/pipeline"
	"sluice/internal/servertest"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
)

// Run, on a folder and on servers.
func runs(t *testing.T, open func(t testing.TB) store.Store) {
	s := suite{open: open}
	t.Run("entry lost, found by run", func(t *testing.T) { t.Parallel(); s.lostThenRun(t) })
	t.Run("entry lost, found by an event", func(t *testing.T) { t.Parallel(); s.lostThenEvent(t) })
	t.Run("findings", func(t *testing.T) { t.Parallel(); s.survey(t) })
}

func TestRunFolder(t *testing.T) { runs(t, folder) }

func TestRunVersitygw(t *testing.T) {
	server := servertest.Versitygw(t)
	runs(t, func(t testing.TB) store.Store { return server.Store(t, server.Bucket(t, false), s3store.Config{}) })
}

func TestRunMoto(t *testing.T) {
	server := servertest.Moto(t)
	runs(t, func(t testing.TB) store.Store { return server.Store(t, server.Bucket(t, true), s3store.Config{}) })
}

func everything(store.Info) event.Record { return event.Record{Action: event.Process} }

var runOptions = pipeline.RunOptions{Bucket: "raw", Prefix: "in/", Workers: 2, Judge: everything}

// run is a Run that must commit so many objects.
func (w *world) run(t *testing.T, commits int64) {
	t.Helper()
	sum, err := w.p.Run(t.Context(), runOptions)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Objects[pipeline.DidCommit] != commits || sum.Objects[pipeline.DidFail] != 0 {
		t.Fatalf("run: %v; want %d commits", sum.Objects, commits)
	}
}

// visible are the rows of all outputs, as a query of the table sees them, and
// the number of outputs.
func (w *world) visible(t *testing.T) (rows []string, outputs int) {
	t.Helper()
	if err := w.sink.List(t.Context(), "out/", func(i store.Info) error {
		data, _, err := store.Get(t.Context(), w.sink, i.Key, 1<<30)
		if err == nil {
			rows = append(rows, ids(t, data)...)
			outputs++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return rows, outputs
}

func (w *world) expect(t *testing.T, outputs int, rows ...string) {
	t.Helper()
	got, n := w.visible(t)
	if strings.Join(got, " ") != strings.Join(rows, " ") || n != outputs {
		t.Fatalf("rows %v in %d outputs, want %v in %d", got, n, rows, outputs)
	}
}

// later overwrites a key at a later second than before: the time of S3 is in
// seconds, and the name of an output is made of it.
func (w *world) later(t *testing.T, key, text string) {
	t.Helper()
	before, err := w.source.Head(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for {
		w.put(t, key, text)
		if now, err := w.source.Head(t.Context(), key); err != nil || now.Modified.UnixMilli() > before.Modified.UnixMilli() {
			return
		}
	}
}

// An entry was deleted and the source overwritten: run finds the output and
// keeps its name.
func (s suite) lostThenRun(t *testing.T) {
	w := s.world(t)
	w.put(t, "in/a.json", twoRows)
	w.put(t, "in/b.json", `[{"id":7}]`)
	w.run(t, 2)
	name := w.holds(t, "in/a.json", "1", "2")
	if err := w.sink.Delete(t.Context(), entryKey("in/a.json")); err != nil {
		t.Fatal(err)
	}
	w.later(t, "in/a.json", oneRow)
	w.run(t, 1)
	if again := w.holds(t, "in/a.json", "3"); again != name {
		t.Errorf("the output is %s now, and was %s", again, name)
	}
	w.settled(t, "in/a.json")
	w.run(t, 0)
	w.noUploads(t)
}

// An event came first and made a second output: nothing is ever emptied for
// that, but it is told; and an entry that is lost once more, or damaged, names
// the newer output, also while the source is no good.
func (s suite) lostThenEvent(t *testing.T) {
	w := s.world(t)
	w.put(t, "in/a.json", twoRows)
	w.process(t, "in/a.json", pipeline.DidCommit)
	if err := w.sink.Delete(t.Context(), entryKey("in/a.json")); err != nil {
		t.Fatal(err)
	}
	w.later(t, "in/a.json", `[{"id":`) // rejected: the older output is all there is
	w.process(t, "in/a.json", pipeline.DidReject)
	w.run(t, 0)
	w.expect(t, 1, "1", "2")

	w.later(t, "in/a.json", oneRow)
	w.process(t, "in/a.json", pipeline.DidCommit)
	w.run(t, 0)
	w.expect(t, 2, "1", "2", "3")
	w.doubled(t, 1)

	if err := w.sink.Delete(t.Context(), entryKey("in/a.json")); err != nil {
		t.Fatal(err)
	}
	w.later(t, "in/a.json", `[{"id":`)
	w.run(t, 0)
	w.expect(t, 2, "1", "2", "3")
	w.later(t, "in/a.json", `[{"id":4}]`)
	w.run(t, 1)
	w.expect(t, 2, "1", "2", "4")
	w.settled(t, "in/a.json")
	w.doubled(t, 1)
	w.noUploads(t)
}

// findings are what a run would report, without a run.
func (w *world) findings(t *testing.T) pipeline.Findings {
	t.Helper()
	o := runOptions
	o.DryRun = true
	sum, err := w.p.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return sum.Findings
}

// doubled must find so many keys with several outputs.
func (w *world) doubled(t *testing.T, n int) {
	t.Helper()
	if f := w.findings(t); f.Doubled != int64(n) || f.Unaccounted != int64(n) {
		t.Errorf("findings: %+v", f)
	}
}

func (s suite) survey(t *testing.T) {
	w := s.world(t)
	want := func(objects, behind, lost int64) {
		t.Helper()
		got := w.findings(t)
		if got.Source != objects || got.Behind != behind || got.Unaccounted != lost || got.Doubled != 0 || got.Oldest.IsZero() != (behind == 0) {
			t.Errorf("findings %+v, want %d objects, %d behind, %d lost", got, objects, behind, lost)
		}
	}
	want(0, 0, 0)
	w.put(t, "in/a.json", twoRows)
	w.put(t, "in/b.json", oneRow)
	want(2, 2, 0)
	w.process(t, "in/a.json", pipeline.DidCommit)
	want(2, 1, 0)
	w.run(t, 1)
	want(2, 0, 0)
	w.later(t, "in/b.json", `[{"id":9}]`)
	w.later(t, "in/b.json", `[{"id":8}]`)
	want(2, 1, 0)
	if err := w.sink.Delete(t.Context(), entryKey("in/a.json")); err != nil {
		t.Fatal(err)
	}
	want(2, 2, 1)
}

// Not more large objects than workers are processed at once: they take memory.
func TestRunLargeObjects(t *testing.T) {
	w := newWorld(t, folder(t), folder(t))
	const objects, workers = 12, 2
	text := "[" + strings.Repeat(" ", 300<<10) + `{"id":1}]`
	for i := range objects {
		w.put(t, fmt.Sprintf("in/%d.json", i), text)
	}
	var going, most atomic.Int64
	p := w.with(func(p *pipeline.Pipeline) {
		p.Hook = func(at pipeline.Step) error {
			switch at {
			case pipeline.Started:
				most.Store(max(most.Load(), going.Add(1)))
			case pipeline.Accounted:
				going.Add(-1)
			}
			return nil
		}
	})
	o := runOptions
	o.Workers = workers
	sum, err := p.Run(t.Context(), o)
	if err != nil || sum.Objects[pipeline.DidCommit] != objects {
		t.Fatalf("run: %v %v", sum.Objects, err)
	}
	if n := most.Load(); n < 1 || n > workers {
		t.Errorf("%d large objects at once, by %d workers", n, workers)
	}
}
