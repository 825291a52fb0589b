package pipeline_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/parquetread"
	"sluice/internal/pipeline"
	"sluice/internal/store"
	"sluice/internal/store/dirstore"
	"sluice/mapping"
)

// world is a pipeline over real stores: a bucket (or folder) of raw objects
// and one for everything that is written.
type world struct {
	source, sink store.Store
	p            *pipeline.Pipeline
}

func parseMapping(t testing.TB, text string) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Parse("m.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const worldMapping = `table: t
columns:
- {name: id, path: $.id, type: int64, required: true}
- {name: text, path: $.text, type: string}
- {name: amount, path: $.amount, type: "decimal(18,4)"}
`

func newWorld(t testing.TB, source, sink store.Store) *world {
	w := &world{source: source, sink: sink}
	w.p = w.over(parseMapping(t, worldMapping), source, sink)
	return w
}

// over is a pipeline for the same places through other stores.
func (w *world) over(m *mapping.Mapping, source, sink store.Store) *pipeline.Pipeline {
	return &pipeline.Pipeline{
		Mapping: m, Codec: sluice.None, Threads: 1,
		Source: func(string) (store.Store, error) { return source, nil },
		Sink:   sink, SinkPrefix: "out/",
		Ledger:     ledger.New(sink, "ledger/"),
		Quarantine: sink, QuarantinePrefix: "quarantine/",
		Computing: memories(2, 2),
	}
}

// memories are n memories; with a larger room, joints are written when they have less.
func memories(n, room int) chan *sluice.Memory {
	all := make(chan *sluice.Memory, room)
	for range n {
		all <- new(sluice.Memory)
	}
	return all
}

// with is a copy of the pipeline, changed: a Pipeline is read-only at work.
func (w *world) with(change func(p *pipeline.Pipeline)) *pipeline.Pipeline {
	p := *w.p
	change(&p)
	return &p
}

func (w *world) put(t testing.TB, key, text string) {
	t.Helper()
	if _, err := store.Put(t.Context(), w.source, key, []byte(text), store.CreateOptions{}, store.Unconditional()); err != nil {
		t.Fatal(err)
	}
}

// process is a call that must succeed in this way.
func (w *world) process(t testing.TB, key string, want pipeline.Disposition) pipeline.Result {
	t.Helper()
	r, err := w.p.Process(t.Context(), "raw", key)
	if err != nil {
		t.Fatal(err)
	}
	if r.Disposition != want {
		t.Fatalf("%s is %s, want %s", key, r.Disposition, want)
	}
	return r
}

// output is the one output of a key and its content; nil if there is none.
func (w *world) output(t testing.TB, key string) (name string, data []byte) {
	t.Helper()
	end := "_" + ledger.IDOf("raw", key).Short().String() + ".parquet"
	var names []string
	if err := w.sink.List(t.Context(), "out/", func(i store.Info) error {
		if strings.HasSuffix(i.Key, end) {
			names = append(names, i.Key)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	switch len(names) {
	case 0:
		return "", nil
	case 1:
		data, _, err := store.Get(t.Context(), w.sink, names[0], 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		return names[0], data
	}
	t.Fatalf("%d outputs of one source key: %v", len(names), names)
	return "", nil
}

// ids are the values of the first column.
func ids(t testing.TB, data []byte) []string {
	t.Helper()
	f, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	if err := f.Rows(math.MaxInt, func(row []string) error { rows = append(rows, row[0]); return nil }); err != nil {
		t.Fatal(err)
	}
	return rows
}

// holds checks that the rows of key are visible once, and gives the output's name.
func (w *world) holds(t testing.TB, key string, want ...string) string {
	t.Helper()
	name, data := w.output(t, key)
	if name == "" {
		t.Fatalf("%s has no output, want rows %v", key, want)
	}
	if got := ids(t, data); !slices.Equal(got, want) {
		t.Fatalf("the output of %s has rows %v, want %v", key, got, want)
	}
	return name
}

// entry is the ledger entry of a key.
func (w *world) entry(t testing.TB, key string) ledger.Entry {
	t.Helper()
	e, _, err := w.p.Ledger.Get(t.Context(), "raw", key)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// settled checks what must hold when everything about a key was done: the
// law of conservation, an account of what is visible, nothing left to do and
// nothing left behind. A deletion is done again each time.
func (w *world) settled(t testing.TB, key string) {
	t.Helper()
	e := w.entry(t, key)
	if s := e.State; s == nil || s.RecordsRead != s.RecordsCommitted+s.RecordsQuarantined+s.RecordsSkipped {
		t.Fatalf("the account of %s: %+v", key, s)
	}
	for _, o := range e.Outputs {
		info, err := w.sink.Head(t.Context(), o.Key)
		if o.ETag == "" {
			continue
		}
		if err != nil || info.ETag != o.ETag {
			t.Fatalf("the ledger has ETag %q of %s, and the store %q: %v", o.ETag, o.Key, info.ETag, err)
		}
	}
	switch {
	case e.State.Identity != ledger.Absent:
		w.process(t, key, pipeline.DidDuplicate)
	case w.p.RemoveDeleted:
		w.process(t, key, pipeline.DidCommit)
	default:
		w.process(t, key, pipeline.DidSkip)
	}
}

func (w *world) noUploads(t testing.TB) {
	t.Helper()
	uploads, err := w.sink.PendingUploads(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(uploads) > 0 {
		t.Fatalf("pending uploads: %v", uploads)
	}
}

func folder(t testing.TB) store.Store {
	t.Helper()
	s, err := dirstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func ordersPreset(t testing.TB) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Preset(mapping.DefaultPreset)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
