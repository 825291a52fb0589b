package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/store"
)

var walks = flag.String("walks", "testdata/walks.txt", "file of walks through the model of the protocol")

// walk is a course of events in a model of the protocol: one table, and workers
// that take events, die or give up.
type walk struct {
	name    string
	kinds   string // of the source states: r has rows, z none, x is not JSON, d deleted
	workers int
	refused bool // the model has a fault: the code must not go along
	steps   []walkStep
}

// walkStep says what happens, and where the worker is and what stands after it.
// ETags are numbers in the model: equal ones must be equal here, others not.
// 0 is none.
type walkStep struct {
	do     string // write, take (an event), step, drop (what another has acknowledged), die
	worker int
	at     string // the worker's next step: top, fence, read, act, ledger; or done

	shown    int // state that is published
	etag     int
	revision int64 // of the ledger entry
	named    int   // state whose time names the output
	seen     int   // state that the ledger names
	told     int   // ETag that the ledger names
}

// readWalks reads a file of walks: the head of each begins with "walk", and a
// line for each step has its fields.
func readWalks(t *testing.T, name string) (walks []walk) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if head, ok := strings.CutPrefix(line, "walk "); ok {
			var w walk
			_, err = fmt.Sscan(head, &w.kinds, &w.workers, &w.refused)
			_, w.name, _ = strings.Cut(head, ": ")
			walks = append(walks, w)
		} else if len(walks) > 0 {
			var s walkStep
			_, err = fmt.Sscan(line, &s.do, &s.worker, &s.at, &s.shown, &s.etag, &s.revision, &s.named, &s.seen, &s.told)
			w := &walks[len(walks)-1]
			w.steps = append(w.steps, s)
		}
		if err != nil {
			t.Fatalf("%s:%d: %v", name, i+1, err)
		}
	}
	return walks
}

// TestModel has the code go through walks, step by step, and compares what
// stands. testdata has one for each fault that a model can have, and some without;
// .ci/model.py makes thousands.
func TestModel(t *testing.T) {
	all := readWalks(t, *walks)
	if len(all) == 0 {
		t.Fatal("no walks")
	}
	steps, refused, unseen := 0, 0, 0
	for i := range all {
		w := &all[i]
		m := newModelled(t, w)
		err := m.goThrough()
		steps += m.gone
		switch {
		case errors.Is(err, errUnseen):
			unseen++
		case w.refused && err == nil:
			t.Fatalf("walk %d, %s: the code goes along with a fault: %+v", i, w.name, w.steps)
		case w.refused:
			refused++
		case err != nil:
			t.Fatalf("walk %d, %s: step %d: %v: %+v", i, w.name, m.gone, err, w.steps)
		}
	}
	t.Logf("%d walks, %d steps: %d refused, %d end with a source that was deleted before anybody had looked", len(all), steps, refused, unseen)
}

// errUnseen is the one case in which the code does less than the model: it
// claims nothing for a key that is not there.
var errUnseen = errors.New("deleted before anybody had looked")

// modelled is the code on its way through a walk.
type modelled struct {
	*walk
	source, sink *memStore
	p            *Pipeline
	now          int64
	states       []simState // from 1 on
	times        []int64
	workers      []*modelWorker
	self         *modelWorker   // who runs now
	etags        map[int]string // of the model's numbers
	gone         int            // steps
}

// modelWorker is a worker that stops before each look at a store and each effect.
type modelWorker struct {
	stops  chan string // the step that comes next, or done
	goOn   chan bool   // false: die here
	at     string
	fenced bool // it has looked at the output since it read the ledger
	err    error
}

func newModelled(t testing.TB, w *walk) *modelled {
	m := &modelled{walk: w, workers: make([]*modelWorker, w.workers), etags: map[int]string{0: ""}, states: make([]simState, 1), times: make([]int64, 1)}
	m.source, m.sink = newMemStore("raw", &m.now), newMemStore("sink", &m.now)
	m.source.versioned = true
	m.source.gate = func(op, _ string) {
		if op == "open" {
			m.stop("read")
		} else {
			m.stop("top") // the time that names the output
		}
	}
	m.sink.gate = func(op, key string) {
		isLedger := strings.HasPrefix(key, "ledger/")
		switch {
		case isLedger && op == "open":
			m.stop("top")
			m.self.fenced = false
		case isLedger && !m.self.fenced:
			m.stop("top") // the claim
		case isLedger:
			m.stop("ledger")
		case op == "head":
			m.stop("fence")
			m.self.fenced = true
		default:
			m.stop("act")
		}
	}
	m.p = &Pipeline{
		Mapping: simMapping(t, "a"), Codec: sluice.None, RemoveDeleted: true,
		Source: func(string) (store.Store, error) { return m.source, nil },
		Sink:   m.sink, SinkPrefix: "out/",
		Ledger:     ledger.New(m.sink, "ledger/"),
		Quarantine: m.sink, QuarantinePrefix: "quarantine/",
		alone: true,
	}
	return m
}

// stop says which step comes next, and waits until the worker may take it.
func (m *modelled) stop(at string) {
	w := m.self
	w.stops <- at
	if !<-w.goOn {
		panic(death{})
	}
}

// goThrough goes to the end, or to the first step that differs.
func (m *modelled) goThrough() error {
	defer func() {
		for i := range m.workers {
			m.end(i)
		}
	}()
	for _, s := range m.steps {
		m.gone++
		if err := m.take(s); err != nil {
			return err
		}
		if err := m.compare(s); err != nil {
			return fmt.Errorf("after %s of worker %d: %w", s.do, s.worker, err)
		}
	}
	return nil
}

func (m *modelled) take(s walkStep) error {
	w := m.workers[s.worker]
	switch s.do {
	case "write":
		m.write()
		return nil
	case "drop", "die":
		m.end(s.worker)
		return nil
	case "take":
		m.workers[s.worker] = m.start()
		return nil
	}
	if w == nil {
		return fmt.Errorf("worker %d is done, and should go to %s", s.worker, s.at)
	}
	m.self = w
	// A step of the model is all up to the next: a claim is three requests, and
	// who finds everything settled is done when the source is open.
	for from := w.at; w.at == from && w.at != "done"; {
		w.goOn <- true
		w.at = <-w.stops
	}
	if w.at == "done" && errors.Is(w.err, store.ErrNotFound) && m.states[len(m.states)-1].identity == ledger.Absent {
		return errUnseen
	}
	if w.at == "done" && w.err != nil {
		return w.err
	}
	if w.at == "done" && s.at != "act" {
		m.workers[s.worker] = nil
	}
	if w.at != s.at && (w.at != "done" || s.at != "act") {
		return fmt.Errorf("worker %d goes to %s, want %s", s.worker, w.at, s.at)
	}
	return nil
}

// start starts a worker, which stops before it reads the ledger.
func (m *modelled) start() *modelWorker {
	w := &modelWorker{stops: make(chan string), goOn: make(chan bool)}
	m.self = w
	go func() {
		defer func() {
			if r := recover(); r != nil && r != any(death{}) {
				panic(r)
			}
			w.stops <- "done"
		}()
		_, w.err = m.p.Process(context.Background(), "raw", simKey)
	}()
	w.at = <-w.stops
	return w
}

// end has a worker die where it is.
func (m *modelled) end(i int) {
	w := m.workers[i]
	m.workers[i] = nil
	if w == nil || w.at == "done" {
		return
	}
	m.self = w
	w.goOn <- false
	<-w.stops
}

func (m *modelled) write() {
	n := len(m.states)
	text, kind := "", m.kinds[n-1]
	switch kind {
	case 'r':
		text = `[{"id":1}]` // the bytes of each are the same
	case 'z':
		text = `[]`
	case 'x':
		text = `[{"id":1}`
	case 'd':
		delete(m.source.objects, simKey)
		m.states, m.times = append(m.states, simState{identity: ledger.Absent}), append(m.times, 0)
		return
	}
	o := m.source.put(simKey, []byte(text), nil)
	m.states, m.times = append(m.states, simState{identity: o.info.Identity()}), append(m.times, o.info.Modified.UnixMilli())
}

// compare compares what stands with what the model has.
func (m *modelled) compare(want walkStep) error {
	var got walkStep
	var etag, told string
	outputs := 0
	for key, o := range m.sink.objects {
		switch {
		case strings.HasPrefix(key, "out/"):
			outputs++
			etag, got.shown = o.info.ETag, m.index(o.info.Meta[metaIdentity])
		case strings.HasPrefix(key, "ledger/"):
			var e ledger.Entry
			if err := json.Unmarshal(o.data, &e); err != nil {
				return err
			}
			got.revision, told = e.Revision, e.Outputs[0].ETag
			for i, at := range m.times {
				if i > 0 && at == e.FirstSeen.UnixMilli() {
					got.named = i
				}
			}
			if e.State != nil {
				got.seen = m.index(e.State.Identity)
			}
		}
	}
	switch {
	case outputs > 1:
		return fmt.Errorf("%d outputs", outputs)
	case got.shown != want.shown:
		return fmt.Errorf("state %d is published, want %d", got.shown, want.shown)
	case got.revision != want.revision || got.named != want.named || got.seen != want.seen:
		return fmt.Errorf("the ledger has revision %d, named by state %d, and tells of %d; want %d, %d, %d",
			got.revision, got.named, got.seen, want.revision, want.named, want.seen)
	}
	if err := m.same(want.etag, etag); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	if err := m.same(want.told, told); err != nil {
		return fmt.Errorf("output in the ledger: %w", err)
	}
	return nil
}

func (m *modelled) index(identity string) int {
	for i := len(m.states) - 1; i > 0; i-- {
		if m.states[i].identity == identity {
			return i
		}
	}
	return -1
}

// same checks that a number of the model and an ETag always go together.
func (m *modelled) same(number int, etag string) error {
	if _, ok := m.etags[number]; !ok {
		m.etags[number] = etag
	}
	for n, e := range m.etags {
		if (n == number) != (e == etag) {
			return fmt.Errorf("ETag %q is number %d in the model, and %q number %d", etag, number, e, n)
		}
	}
	return nil
}
