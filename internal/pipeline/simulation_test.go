package pipeline

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/parquetread"
	"sluice/internal/store"
	"sluice/mapping"
)

var (
	schedules = flag.Int("schedules", 1500, "schedules that the simulation runs")
	firstSeed = flag.Uint64("seed", 1, "seed of the first schedule")
)

// TestSimulation runs workers over one source key under a scheduler that
// decides, from a seed, who goes on at each look at a store and at each effect,
// who dies there, and whose reply is lost; while the source is overwritten,
// emptied, broken and deleted. Then the promises are checked. A failure names
// its seed: `go test ./internal/pipeline -run Simulation -args -seed N -schedules 1`
// runs that schedule alone.
func TestSimulation(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte("table: t\ncolumns: [{name: id, path: $.id, type: int64, required: true}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	var total faults
	for seed := *firstSeed; seed < *firstSeed+uint64(*schedules); seed++ {
		s := newSimulation(seed, m)
		s.run()
		if err := s.check(); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, s.trace.String())
		}
		total.add(s.faults)
	}
	t.Logf("%d schedules: %+v", *schedules, total)
	if *schedules >= 1000 && (total.Crashes == 0 || total.LostReplies == 0 || total.Again == 0 || total.Duplicates == 0 || total.Rejects == 0) {
		t.Errorf("a kind of fault never happened: %+v", total)
	}
}

type faults struct{ Steps, Crashes, LostReplies, Again, Duplicates, Rejects, Commits int }

func (f *faults) add(g faults) {
	f.Steps += g.Steps
	f.Crashes += g.Crashes
	f.LostReplies += g.LostReplies
	f.Again += g.Again
	f.Duplicates += g.Duplicates
	f.Rejects += g.Rejects
	f.Commits += g.Commits
}

const simKey = "raw/orders.json"

// contents are what the source is overwritten with. The number in them tells
// the states apart.
var contents = []struct {
	text     string
	accepted bool
}{
	{`[{"id":%d},{"id":%[1]d}]`, true},
	{`[{"id":%d}]`, true},
	{`[]`, true}, // no rows, but a state that must be published
	{`[{"id":%d}`, false},
	{`[{"id":"x%d"}]`, false}, // every record is quarantined
	{`[{"id":%d},{"id":"x"}]`, true},
}

// simulation is one schedule.
type simulation struct {
	faults
	rng    *rand.Rand
	now    int64
	source *memStore
	sink   *memStore
	p      *Pipeline
	trace  bytes.Buffer

	states    []simState // of the source, in order
	published []int      // index of the state behind each publication, in order
	lastAck   int        // number of states when the last acknowledged Process began

	parked chan *actor
	live   int
	self   *actor // who runs now
}

type simState struct {
	identity string
	rows     []string // nil: not accepted
}

// actor is a goroutine that the scheduler lets go on one step at a time.
type actor struct {
	name   string
	step   chan bool // false: die here
	mayDie bool
}

type death struct{}

func newSimulation(seed uint64, m *mapping.Mapping) *simulation {
	s := &simulation{rng: rand.New(rand.NewPCG(seed, 0)), parked: make(chan *actor), lastAck: -1}
	s.source, s.sink = newMemStore("raw", &s.now), newMemStore("sink", &s.now)
	gate := func() { s.pause() }
	s.source.gate, s.sink.gate = gate, gate
	s.sink.lose = func() int { return s.lose() }
	s.sink.commits = func(key string, o memObject) {
		fmt.Fprintf(&s.trace, "  %s publishes %s from %s\n", s.who(), key, o.info.Meta[metaIdentity])
		if strings.HasPrefix(key, "out/") {
			s.Commits++
			s.published = append(s.published, s.stateOf(o.info.Meta[metaIdentity]))
		}
	}
	s.p = &Pipeline{
		Mapping: m, Codec: sluice.None, RemoveDeleted: seed%2 == 0,
		Source: func(string) (store.Store, error) { return s.source, nil },
		Sink:   s.sink, SinkPrefix: "out/",
		Ledger:     ledger.New(s.sink, "ledger/"),
		Quarantine: s.sink, QuarantinePrefix: "quarantine/",
		pause: func(context.Context, time.Duration) error { return nil },
	}
	return s
}

func (s *simulation) who() string {
	if s.self == nil {
		return "reconciler"
	}
	return s.self.name
}

// pause parks the actor that runs until the scheduler picks it again.
func (s *simulation) pause() {
	me := s.self
	if me == nil {
		return // set-up and the checks at the end run alone
	}
	s.parked <- me
	if !<-me.step {
		panic(death{})
	}
}

// lose says whether the reply to an effect gets lost: 0 no, 1 the caller sees
// an error, 2 the SDK repeats the call and sees a failed precondition.
func (s *simulation) lose() int {
	if s.self == nil || s.rng.IntN(25) > 0 {
		return 0
	}
	s.LostReplies++
	fmt.Fprintf(&s.trace, "  a reply to %s is lost\n", s.who())
	return 1 + s.rng.IntN(2)
}

func (s *simulation) stateOf(identity string) int {
	for i := len(s.states) - 1; i >= 0; i-- {
		if s.states[i].identity == identity {
			return i
		}
	}
	return -1
}

// start runs f as an actor.
func (s *simulation) start(name string, mayDie bool, f func()) *actor {
	a := &actor{name: name, step: make(chan bool), mayDie: mayDie}
	s.live++
	go func() {
		defer func() {
			if r := recover(); r != nil && r != any(death{}) {
				panic(r)
			}
			s.parked <- nil
		}()
		if <-a.step {
			f()
		}
	}()
	return a
}

func (s *simulation) run() {
	s.write() // the first state is there before any event
	var waiting []*actor
	waiting = append(waiting, s.start("writer", false, func() {
		for range s.rng.IntN(4) {
			s.pause()
			s.write()
		}
	}))
	for i := range 2 + s.rng.IntN(2) {
		waiting = append(waiting, s.start(fmt.Sprint("worker ", i), true, func() { s.work() }))
	}
	for s.live > 0 {
		i := s.rng.IntN(len(waiting))
		a := waiting[i]
		waiting = append(waiting[:i], waiting[i+1:]...)
		goOn := !a.mayDie || s.rng.IntN(60) > 0
		if !goOn {
			s.Crashes++
			fmt.Fprintf(&s.trace, "  %s dies\n", a.name)
		}
		s.Steps++
		s.self = a
		a.step <- goOn
		if next := <-s.parked; next != nil {
			waiting = append(waiting, next)
		} else {
			s.live--
		}
	}
	s.self = nil
}

// write changes the source.
func (s *simulation) write() {
	if len(s.states) > 0 && s.rng.IntN(6) == 0 {
		delete(s.source.objects, simKey)
		s.states = append(s.states, simState{identity: ledger.Absent})
		fmt.Fprintf(&s.trace, "source deleted\n")
		return
	}
	c := contents[s.rng.IntN(len(contents))]
	n := len(s.states)
	text := c.text
	if strings.Contains(text, "%") {
		text = fmt.Sprintf(text, n)
	}
	o := s.source.put(simKey, []byte(text), nil)
	st := simState{identity: o.info.Identity()}
	if c.accepted {
		st.rows = []string{}
		for range strings.Count(text, fmt.Sprintf(`{"id":%d}`, n)) {
			st.rows = append(st.rows, fmt.Sprint(n))
		}
	}
	s.states = append(s.states, st)
	fmt.Fprintf(&s.trace, "source is %s: %s\n", st.identity, text)
}

// work handles one event, twice at most as a queue would.
func (s *simulation) work() {
	for range 2 {
		began := len(s.states)
		r, err := s.p.Process(context.Background(), "raw", simKey)
		fmt.Fprintf(&s.trace, "  %s: %s %v\n", s.who(), r.Disposition, err)
		if r.Attempts > 1 {
			s.Again++
		}
		if err != nil {
			continue
		}
		switch r.Disposition {
		case DidDuplicate:
			s.Duplicates++
		case DidReject:
			s.Rejects++
		}
		s.lastAck = max(s.lastAck, began)
		return
	}
}

// check looks at what is visible when all workers have ended, and again when
// the reconciler has been there.
func (s *simulation) check() error {
	for i := 1; i < len(s.published); i++ {
		if s.published[i] < s.published[i-1] && s.states[s.published[i-1]].identity != ledger.Absent {
			return fmt.Errorf("published states went back: %v", s.published)
		}
	}
	newest := s.states[len(s.states)-1]
	visible, rows, err := s.visible()
	if err != nil {
		return err
	}
	must := newest.rows != nil || newest.identity == ledger.Absent && s.p.RemoveDeleted
	// A state with the same rows as the published one is not written again.
	same := func() bool {
		return visible == newest.identity || visible != "" && strings.Join(rows, ",") == strings.Join(newest.rows, ",")
	}
	if s.lastAck == len(s.states) && must && !same() {
		return fmt.Errorf("the newest state %s was acknowledged, but %q is visible with rows %v", newest.identity, visible, rows)
	}
	r, err := s.p.Process(context.Background(), "raw", simKey)
	if errors.Is(err, store.ErrNotFound) && newest.identity == ledger.Absent && len(s.sink.objects) == 0 {
		return nil // deleted before anybody had looked
	}
	if err != nil {
		return fmt.Errorf("reconciler: %w", err)
	}
	if visible, rows, err = s.visible(); err != nil {
		return err
	}
	if must && !same() {
		return fmt.Errorf("behind the reconciler (%s) %q is visible, want %s", r.Disposition, visible, newest.identity)
	}
	again, err := s.p.Process(context.Background(), "raw", simKey)
	if err != nil || again.Disposition != DidDuplicate {
		return fmt.Errorf("a settled key is processed again: %v %v", again.Disposition, err)
	}
	if n := len(s.sink.pending); n > 0 {
		return fmt.Errorf("%d pending uploads", n)
	}
	return nil
}

// visible is the identity of the state that the one output was made from; its
// rows must be exactly those of that state.
func (s *simulation) visible() (identity string, rows []string, err error) {
	for key, o := range s.sink.objects {
		if !strings.HasPrefix(key, "out/") {
			continue
		}
		if identity != "" {
			return "", nil, fmt.Errorf("two outputs for one source key")
		}
		identity = o.info.Meta[metaIdentity]
		f, err := parquetread.Open(bytes.NewReader(o.data), int64(len(o.data)))
		if err != nil {
			return "", nil, err
		}
		rows = []string{}
		if err := f.Rows(math.MaxInt, func(row []string) error { rows = append(rows, row[0]); return nil }); err != nil {
			return "", nil, err
		}
	}
	if identity == "" {
		return "", nil, nil
	}
	i := s.stateOf(identity)
	if i < 0 {
		return "", nil, fmt.Errorf("%q was never a state of the source", identity)
	}
	if want := s.states[i].rows; strings.Join(want, ",") != strings.Join(rows, ",") {
		return "", nil, fmt.Errorf("%s is visible with rows %v, want %v", identity, rows, want)
	}
	return identity, rows, nil
}
