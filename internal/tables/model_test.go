package tables_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/runs"
	"sluice/internal/tables"
)

// modelCase is a case that the protocol was designed with. Its names and numbers are those
// of the model there: sources are written at any time, each of them in its own order; a
// write is an event; idle workers take events of any keys that have some, also those that
// another has, until all are acknowledged. An event of a key that is gone, and that no table
// has, fails and stays: another worker may be about to commit what it read before. Where there
// are committers, workers stage what they read; an idle committer takes all that is staged.
type modelCase struct {
	name    string
	large   bool     // with -exhaustive only
	kinds   []string // of the versions of each key: r has rows, z none, x is broken, d is a deletion
	workers int
	// committers commit what the workers stage; 0: workers commit what they have read.
	committers int

	crashes     int
	unknown     int // commits without a reply, which land at any later time, or never
	compactions int
}

var modelCases = []modelCase{
	// The model finds each of its faults in one of these.
	{name: "unknown result", kinds: []string{"rr"}, workers: 2, unknown: 1},
	{name: "crash", kinds: []string{"rr"}, workers: 2, crashes: 1},
	{name: "rejected, deleted", kinds: []string{"rxd"}, workers: 2},
	{name: "rejects", kinds: []string{"x", "x"}, workers: 2},
	{name: "no rows at last", kinds: []string{"rz"}, workers: 2},
	{name: "two keys, one worker", kinds: []string{"rr", "r"}, workers: 1, compactions: 1},
	{name: "three keys, one worker", large: true, kinds: []string{"rr", "r", "r"}, workers: 1, compactions: 1},
	{name: "two keys", large: true, kinds: []string{"rr", "r"}, workers: 2, compactions: 1},

	{name: "one key, all faults", large: true, kinds: []string{"rrd"}, workers: 2, crashes: 1, unknown: 1, compactions: 1},
	{name: "rejected between", large: true, kinds: []string{"rxr"}, workers: 2, crashes: 1, unknown: 1},
	{name: "rejected at last, deleted", large: true, kinds: []string{"rxd"}, workers: 2, crashes: 1, unknown: 1, compactions: 1},
	{name: "no rows, then rows", large: true, kinds: []string{"zrd"}, workers: 2, crashes: 1, unknown: 1, compactions: 1},
	{name: "rows, then none", large: true, kinds: []string{"rz"}, workers: 3, crashes: 1, compactions: 1},
	{name: "two keys, crash", large: true, kinds: []string{"rr", "r"}, workers: 2, crashes: 1, compactions: 1},
	{name: "two keys, unknown result", large: true, kinds: []string{"rr", "r"}, workers: 2, unknown: 1, compactions: 1},
	{name: "two keys overwritten", large: true, kinds: []string{"rr", "rr"}, workers: 2, compactions: 1},
	{name: "rows beside a reject", large: true, kinds: []string{"rx", "r"}, workers: 2, crashes: 1},
	{name: "rejects only", large: true, kinds: []string{"x", "xr"}, workers: 2, crashes: 1, unknown: 1},
	{name: "deleted beside rows", large: true, kinds: []string{"rd", "r"}, workers: 2, unknown: 1, compactions: 1},
	{name: "three keys", large: true, kinds: []string{"r", "r", "r"}, workers: 2, compactions: 1},
	{name: "three workers", large: true, kinds: []string{"rr", "r"}, workers: 3},

	{name: "staged", kinds: []string{"rr"}, workers: 1, committers: 1},
	{name: "staged, crash", large: true, kinds: []string{"rr"}, workers: 2, crashes: 1, committers: 1},
	{name: "staged, unknown result", large: true, kinds: []string{"rr"}, workers: 2, unknown: 1, committers: 1},
	{name: "staged, compaction", large: true, kinds: []string{"rr", "r"}, workers: 1, compactions: 1, committers: 1},
	{name: "staged, two committers", large: true, kinds: []string{"rr"}, workers: 1, crashes: 1, committers: 2},
	{name: "staged, two committers, unknown result", large: true, kinds: []string{"rr"}, workers: 1, unknown: 1, committers: 2},
	{name: "staged, two keys", large: true, kinds: []string{"rr", "r"}, workers: 1, crashes: 1, committers: 1},
	{name: "staged, deleted, rejected", kinds: []string{"rxd"}, workers: 1, crashes: 1, committers: 1},
	{name: "staged, three versions", large: true, kinds: []string{"rrr"}, workers: 1, crashes: 1, unknown: 1, committers: 1},
	{name: "staged, three versions, two workers", large: true, kinds: []string{"rrr"}, workers: 2, committers: 1},
}

// TestModelCases goes through all interleavings of the model's cases, over the real code.
//
// Work ends at states that were gone on from before. Two states are the same if they
// differ only in the names of batches, commits and files, in the places of workers, and in
// what happened before: see state. What the code does next depends on nothing else: it
// compares names only with one another; the order of sequence numbers is part of the
// state; and the ledger and the manifests of these cases are too few to be merged, which
// the other tests do.
//
// Some steps are not tried beside those of others, since they change nothing that others
// can see, and nothing of others changes them: a read of a source that is never written
// again, and a commit on a head that is no longer the current one. A compaction that can
// only fail ends at once.
func TestModelCases(t *testing.T) {
	defer oneAtATime()()
	for i := range modelCases {
		c := &modelCases[i]
		if c.large && !*exhaustive {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			x := &modelExplorer{c: c, t: t, path: path{visited: map[uint64]struct{}{}}, counts: map[string]int{}}
			for x.schedules == 0 || x.next() {
				x.schedules++
				if err := x.run(); err != nil {
					t.Fatalf("schedule %v: %v\n%s", x.taken(), err, x.s.trace.String())
				}
			}
			t.Logf("%d schedules, %d states, %d ends, %v", x.schedules, len(x.visited), x.ends, x.counts)
			if x.ends == 0 || c.unknown > 0 && x.counts["late"] == 0 || c.compactions > 0 && x.counts["compactions"] == 0 || c.crashes > 0 && x.counts["crashes"] == 0 ||
				c.committers > 0 && (x.counts["dropped"] == 0 || x.counts["asked"] == 0 || x.counts["looked at again"] == 0) {
				t.Error("what the case is for never happened")
			}
		})
	}
}

// modelExplorer goes through the schedules of a case, depth first.
type modelExplorer struct {
	path
	c         *modelCase
	t         *testing.T
	schedules int
	ends      int // states in which everything is acknowledged
	counts    map[string]int

	// Of the schedule that goes on:
	s           *simulation
	keys        []runs.Key
	events      []uint // of each key, its versions with an event, as bits
	workers     []modelWorker
	crashes     int
	unknown     int
	compactions int
	late        []modelCommit
	prepared    map[string]*tables.Batch // that workers stage, by ID
	drops       map[string]string        // files of the compaction under way, and the rows that they showed
	heads       map[*iceberg.Metadata]*modelHead
	batches     int
	turn        int // worker that went on last
	broken      error
}

// modelWorker is a worker: idle if it waits before nothing.
type modelWorker struct {
	op     string
	keys   []int
	held   []uint            // events that it acknowledges at its end, of each of its keys
	loads  int               // of the head
	fences []string          // of the entries that it has looked up; "": none
	read   []string          // states of sources
	base   *iceberg.Metadata // that it commits on
	batch  *tables.Batch     // that it commits or stages

	// Of a committer:
	listed []string // batches that were staged when it began
	gone   string   // which of them another had removed when it read them
	asked  []string // states of sources that it asked for, since it read the head
	asks   int      // the key whose source it asks next
	done   int      // batches that it has removed
}

// modelCommit is one that is under way, though its worker had an error.
type modelCommit struct {
	by   modelWorker // as it was then
	land func()
}

// modelHead is what a state of the table is, for what comes next.
type modelHead struct {
	entries []runs.Entry // of each key; without fence: none
	files   []modelFile  // data files that are live, in the order of their sequence numbers
}

type modelFile struct {
	path     string
	sequence int64
	rows     int64
	shows    string
}

func (x *modelExplorer) run() error {
	s := newSimulation(x.t, 1)
	clear(s.sources)
	x.s, x.at, x.keys, x.events, x.batches, x.broken = s, 0, nil, make([]uint, len(x.c.kinds)), 0, nil
	x.crashes, x.unknown, x.compactions, x.late, x.drops = x.c.crashes, x.c.unknown, x.c.compactions, nil, nil
	x.workers, x.heads, x.prepared = make([]modelWorker, x.c.workers+x.c.committers), map[*iceberg.Metadata]*modelHead{}, map[string]*tables.Batch{}
	for k := range x.c.kinds {
		x.keys = append(x.keys, runs.Key{Key: fmt.Sprint("raw/", k)})
		s.sources[x.keys[k]] = nil
	}
	s.counts = x.counts
	s.store.gate, s.catalog.gate, s.catalog.fault, s.catalog.landed = x.gate, x.gate, x.fault, x.landed
	s.batchID, s.onLook, s.onBatch = x.batchID, x.onLook, x.onBatch
	s.onDecided, s.onAsk = x.onDecided, x.onAsk
	x.heads[s.catalog.table.Metadata] = &modelHead{entries: make([]runs.Entry, len(x.keys))}
	for x.broken == nil && s.broken == nil && x.step() {
	}
	for id := range x.workers {
		for x.workers[id].op != "" {
			x.resume(id, errCrash)
		}
	}
	return errors.Join(x.broken, s.broken)
}

// step lets one of those go on who can; false: the schedule ends.
func (x *modelExplorer) step() bool {
	x.tidy()
	if x.broken != nil {
		return false
	}
	if x.at >= len(x.trail) { // else it is on the way to a new state
		state := x.state()
		if _, ok := x.visited[state]; ok {
			return false
		}
		x.visited[state] = struct{}{}
		if x.settled() {
			x.ends++
			if x.broken = x.end(); x.broken != nil {
				return false
			}
		}
	}
	can := x.alone()
	if can == nil {
		can = slices.Concat(x.ofSources(), x.ofOthers(), x.ofWorkers())
	}
	if len(can) == 0 {
		return false
	}
	i := x.choose(len(can))
	if c := &x.trail[x.at-1]; c.states == nil {
		c.states = make([]uint64, len(can))
		for i, way := range can {
			if way.ahead != nil {
				c.states[i] = x.peek(way.ahead)
			}
		}
	}
	can[i].do()
	return true
}

// way is what may happen next. If it changes only what a worker waits for, and what is to
// come, ahead says so: a state that was gone on from before is not gone to again.
type way struct{ do, ahead func() }

// peek is the state that ahead makes. Everything is as before then.
func (x *modelExplorer) peek(ahead func()) uint64 {
	workers, events, crashes, sources := slices.Clone(x.workers), slices.Clone(x.events), x.crashes, maps.Clone(x.s.sources)
	ahead()
	state := x.state()
	copy(x.workers, workers) // they know their places
	x.events, x.crashes, x.s.sources = events, crashes, sources
	return state
}

// tidy takes out what can only fail.
func (x *modelExplorer) tidy() {
	m := x.s.catalog.table.Metadata
	for _, land := range x.s.catalog.late {
		x.late = append(x.late, modelCommit{x.workers[x.turn], land})
	}
	x.s.catalog.late = nil
	x.late = slices.DeleteFunc(x.late, func(l modelCommit) bool { return l.by.base != m })
	if x.drops == nil {
		return
	}
	live := map[string]string{}
	for _, f := range x.head(m).files {
		live[f.path] = f.shows
	}
	for path, shows := range x.drops {
		if now, ok := live[path]; !ok || now != shows {
			x.drops, x.s.compaction = nil, nil
			return
		}
	}
}

// alone are the steps of a worker that need not be tried beside those of others; nil:
// there is none.
func (x *modelExplorer) alone() []way {
	for id := range x.workers {
		w := &x.workers[id]
		switch {
		case w.op == "commit" && w.base != x.s.catalog.table.Metadata:
			return []way{{do: func() { x.resume(id, nil) }}} // what dies here can die at the next step too
		case w.op == "read source" && x.left(w.keys[len(w.read)]) == 0, w.op == "ask source" && x.left(w.asks) == 0:
			return x.ofWorker(id)
		}
	}
	return nil
}

// left is the number of versions that are still to come.
func (x *modelExplorer) left(k int) int { return len(x.c.kinds[k]) - len(x.s.sources[x.keys[k]]) }

func (x *modelExplorer) ofSources() (can []way) {
	for k := range x.keys {
		if x.left(k) > 0 {
			can = append(can, way{func() {
				x.write(k)
				fmt.Fprintf(&x.s.trace, "%s is now %+v\n", x.keys[k].Key, x.s.now(x.keys[k]))
			}, func() { x.write(k) }})
		}
	}
	return can
}

func (x *modelExplorer) write(k int) {
	all := x.s.sources[x.keys[k]]
	v := version{number: len(all) + 1}
	switch kind := x.c.kinds[k][len(all)]; kind {
	case 'r':
		v.rows = v.number
	case 'x':
		v.broken = true
	case 'd':
		v = version{}
	}
	x.s.sources[x.keys[k]] = append(slices.Clip(all), v)
	x.events[k] |= 1 << len(all)
}

func (x *modelExplorer) ofOthers() (can []way) {
	for i, l := range x.late {
		can = append(can, way{do: func() {
			fmt.Fprintln(&x.s.trace, "a late commit lands")
			x.late = slices.Delete(slices.Clone(x.late), i, i+1)
			l.land()
		}})
	}
	m := x.s.catalog.table.Metadata
	switch {
	case x.s.compaction != nil:
		can = append(can, way{do: func() {
			c := x.s.compaction
			x.s.compaction, x.drops = nil, nil
			x.broken = x.s.finish(c, false)
		}})
	case x.compactions > 0 && len(x.head(m).files) > 0:
		can = append(can, way{do: func() {
			fmt.Fprintln(&x.s.trace, "a compaction begins")
			x.compactions--
			c, err := x.s.compact(func(int) bool { return true }, slices.Reverse[[]sourceRow])
			x.s.compaction, x.broken, x.drops = c, err, map[string]string{}
			for _, f := range x.head(m).files {
				x.drops[f.path] = f.shows
			}
		}})
	}
	return can
}

func (x *modelExplorer) ofWorkers() (can []way) {
	idle, idleCommitter := -1, -1
	for id := range x.workers {
		switch {
		case x.workers[id].op != "":
			can = append(can, x.ofWorker(id)...)
		case id < x.c.workers:
			idle = id // all that are idle are the same
		default:
			idleCommitter = id
		}
	}
	if staged := x.staged(); idleCommitter >= 0 && len(staged) > 0 {
		can = append(can, way{func() { x.begin(idleCommitter, x.commit) }, func() {
			x.workers[idleCommitter] = modelWorker{op: "load", listed: staged}
		}})
	}
	if idle < 0 {
		return can
	}
	for some := 1; some < 1<<len(x.keys); some++ {
		var keys []int
		for k := range x.keys {
			if some&(1<<k) != 0 && x.events[k] != 0 {
				keys = append(keys, k)
			}
		}
		if len(keys) == bits.OnesCount(uint(some)) {
			can = append(can, way{func() { x.take(idle, keys) }, func() {
				w := x.with("read source", keys)
				for _, k := range keys {
					w.fences = append(w.fences, x.head(x.s.catalog.table.Metadata).entries[k].Fence)
				}
				x.workers[idle] = w
			}})
		}
	}
	return can
}

func (x *modelExplorer) ofWorker(id int) []way {
	can := []way{{do: func() { x.resume(id, nil) }}}
	if x.crashes > 0 {
		can = append(can, way{func() {
			x.crashes--
			x.counts["crashes"]++
			fmt.Fprintf(&x.s.trace, "%d dies before %s\n", id, x.workers[id].op)
			for x.workers[id].op != "" {
				x.resume(id, errCrash)
			}
		}, func() {
			x.crashes--
			x.workers[id] = modelWorker{}
		}})
	}
	return can
}

// with is a worker with the events of keys.
func (x *modelExplorer) with(op string, keys []int) modelWorker {
	w := modelWorker{op: op, keys: keys}
	for _, k := range keys {
		w.held = append(w.held, x.events[k])
	}
	return w
}

// take gives an idle worker events: it loads the head, and waits before its first source.
func (x *modelExplorer) take(id int, keys []int) {
	w := &x.workers[id]
	*w = x.with("begin", keys)
	names := make([]runs.Key, len(keys))
	for i, k := range keys {
		names[i] = x.keys[k]
	}
	fmt.Fprintf(&x.s.trace, "%d takes %v\n", id, keys)
	x.begin(id, func(ctx context.Context) error {
		work := x.s.work
		if x.c.committers > 0 {
			work = x.s.stage
		}
		err := work(ctx, names)
		if err == nil {
			for i, k := range keys {
				if w.fences[i] != "" || w.read[i] != ledger.Absent {
					x.events[k] &^= w.held[i]
				}
			}
		}
		return err
	})
}

// begin lets a worker or committer that is idle go on to its first step.
func (x *modelExplorer) begin(id int, work func(context.Context) error) {
	x.s.gates[id] = make(chan error)
	ctx := context.WithValue(context.Background(), workerKey{}, id)
	go func() {
		if err := work(ctx); err != nil && !errors.Is(err, errCrash) && x.broken == nil {
			x.broken = fmt.Errorf("worker %d: %w", id, err)
		}
		x.s.yield <- -1 - id
	}()
	x.wait()
}

// commit commits what is staged.
func (x *modelExplorer) commit(ctx context.Context) error {
	_, err := x.s.commitOnce(ctx)
	return err
}

// staged are the IDs of the batches that are staged, in the order of their listing.
func (x *modelExplorer) staged() (ids []string) {
	for key := range x.s.store.objects {
		if strings.Contains(key, "/staged/") {
			ids = append(ids, key[strings.LastIndexByte(key, '_')+1:len(key)-len(".json.gz")])
		}
	}
	slices.Sort(ids) // all have the same time
	return ids
}

func (x *modelExplorer) resume(id int, err error) {
	x.turn = id
	x.s.gates[id] <- err
	x.wait()
}

// wait waits until a worker waits, or has ended.
func (x *modelExplorer) wait() {
	if id := <-x.s.yield; id < 0 {
		x.workers[-1-id] = modelWorker{}
	}
}

// gate stops a worker before the steps of the model. What it writes before its commit,
// nobody sees.
func (x *modelExplorer) gate(ctx context.Context, op string) error {
	id, ok := ctx.Value(workerKey{}).(int)
	if !ok {
		return nil
	}
	w := &x.workers[id]
	isCommitter := id >= x.c.workers
	switch op {
	case "begin": // from here on only the head counts
		w.fences, w.read, w.base, w.batch = nil, nil, nil, nil
		return nil
	case "load":
		if w.loads++; w.loads == 1 { // a part of taking events
			w.base = x.s.catalog.table.Metadata
			return nil
		}
	case "list": // a part of it too
		w.listed = x.staged()
		return nil
	case "read source", "ask source", "commit", "unstage":
	case "write":
		if x.c.committers == 0 || isCommitter || w.batch == nil {
			return nil
		}
		op = "stage"
	default:
		return nil
	}
	w.op = op
	gate := x.s.gates[id]
	x.s.yield <- id
	err := <-gate
	fmt.Fprintf(&x.s.trace, "%d: %s\n", id, op)
	if err != nil {
		return err
	}
	switch op {
	case "load":
		w.base, w.asked = x.s.catalog.table.Metadata, nil
		if isCommitter && w.loads == 2 { // it reads what it has listed
			there := x.staged()
			for i, batch := range w.listed {
				if !slices.Contains(there, batch) {
					w.gone += fmt.Sprint(i, " ")
				}
			}
		}
	case "read source":
		k := x.keys[w.keys[len(w.read)]]
		w.read = append(w.read, x.s.now(k).identity())
	case "ask source":
		w.asked = append(w.asked, x.s.now(x.keys[w.asks]).identity())
	case "unstage":
		w.done++
	}
	return err
}

func (x *modelExplorer) batchID(context.Context) string {
	x.batches++
	return fmt.Sprintf("%032x", x.batches)
}

func (x *modelExplorer) onLook(ctx context.Context, entries map[runs.Key]runs.Entry) {
	if id, ok := ctx.Value(workerKey{}).(int); ok {
		for _, k := range x.workers[id].keys {
			x.workers[id].fences = append(x.workers[id].fences, entries[x.keys[k]].Fence)
		}
	}
}

func (x *modelExplorer) onBatch(ctx context.Context, b *tables.Batch) {
	if id, ok := ctx.Value(workerKey{}).(int); ok {
		x.workers[id].batch, x.prepared[b.ID] = b, b
	}
}

func (x *modelExplorer) onAsk(ctx context.Context, k runs.Key) {
	if id, ok := ctx.Value(workerKey{}).(int); ok {
		x.workers[id].asks = slices.Index(x.keys, k)
	}
}

// onDecided is called when a committer has committed.
func (x *modelExplorer) onDecided(ctx context.Context, look []runs.Key) {
	if id, ok := ctx.Value(workerKey{}).(int); ok {
		w := &x.workers[id]
		w.base, w.asked = nil, nil
		for _, k := range look {
			w.keys = append(w.keys, slices.Index(x.keys, k))
		}
	}
}

// fault chooses whether a commit gets a reply. One whose head is not the current one any
// more fails in any case.
func (x *modelExplorer) fault() fault {
	if x.unknown == 0 || x.workers[x.turn].base != x.s.catalog.table.Metadata || x.choose(2) == 0 {
		return none
	}
	x.unknown--
	x.counts["late"]++
	fmt.Fprintln(&x.s.trace, "its commit has no reply")
	return landsLate
}

// landed is called after each new head. On the way to a new state it was checked before.
func (x *modelExplorer) landed(base, head *iceberg.Metadata, _ iceberg.Change) {
	if x.at < len(x.trail) || x.broken != nil {
		return
	}
	x.broken = x.check(x.head(base), head)
}

// check checks a new head: each key shows one version, whole, not an older one than before,
// and the one that the ledger says.
func (x *modelExplorer) check(base *modelHead, m *iceberg.Metadata) error {
	p := newPromise(x.s)
	for k, e := range base.entries {
		if i := x.place(k, e.Shown.Identity); i >= 0 {
			p.last[x.keys[k]] = i
		}
	}
	if err := p.snapshot(m); err != nil {
		return err
	}
	for k, e := range x.head(m).entries {
		was, is := x.place(k, base.entries[k].Shown.Identity), x.place(k, e.Shown.Identity)
		last, shown := p.last[x.keys[k]]
		if is < was || x.rows(k, is) > 0 && is != last || shown && x.rows(k, is) != x.rows(k, last) {
			return fmt.Errorf("%s shows its version %d, and the ledger says %q, after %q", x.keys[k].Key, last, e.Shown.Identity, base.entries[k].Shown.Identity)
		}
	}
	return nil
}

// place is that of a version in the history of its source; -1: it is no version.
func (x *modelExplorer) place(k int, identity string) int {
	return slices.IndexFunc(x.s.sources[x.keys[k]], func(v version) bool { return v.identity() == identity })
}

// rows is the number of rows of a version.
func (x *modelExplorer) rows(k, place int) int {
	if place < 0 {
		return 0
	}
	return x.s.sources[x.keys[k]][place].rows
}

// head reads a head once in a schedule.
func (x *modelExplorer) head(m *iceberg.Metadata) *modelHead {
	if h, ok := x.heads[m]; ok {
		return h
	}
	h := &modelHead{entries: make([]runs.Entry, len(x.keys))}
	x.heads[m] = h
	head, err := x.s.table.Load(context.Background())
	if err == nil && head.Metadata() != m {
		err = errors.New("the head is another one")
	}
	var found map[runs.Key]runs.Entry
	if err == nil {
		found, err = head.Look(context.Background(), x.keys)
	}
	shown, live, _, readErr := x.s.read(m, m.Head())
	if err := errors.Join(err, readErr); err != nil {
		x.broken = err
		return h
	}
	for k, key := range x.keys {
		h.entries[k] = found[key]
	}
	for i := range live {
		f := modelFile{path: live[i].File.Path, sequence: *live[i].Sequence, rows: live[i].File.Rows}
		for _, r := range shown {
			if r.file == f.path {
				f.shows += fmt.Sprint(r.position, " ", r.source, " ", r.version, ";")
			}
		}
		h.files = append(h.files, f)
	}
	slices.SortFunc(h.files, func(a, b modelFile) int {
		return cmp.Or(cmp.Compare(a.sequence, b.sequence), strings.Compare(a.shows, b.shows))
	})
	return h
}

// state is all that what comes next depends on, and what the promises compare with. Names
// are numbered as they come, sequence numbers by their order.
func (x *modelExplorer) state() uint64 {
	h := x.head(x.s.catalog.table.Metadata)
	numbers := map[string]int{"": 0}
	name := func(s string) int {
		if _, ok := numbers[s]; !ok {
			numbers[s] = len(numbers)
		}
		return numbers[s]
	}
	var sequences []int64
	for _, f := range h.files {
		sequences = append(sequences, f.sequence)
	}
	for _, e := range h.entries {
		sequences = append(sequences, e.Shown.Sequence)
	}
	slices.Sort(sequences)
	sequences = slices.Compact(sequences)
	order := func(n int64) int { return slices.Index(sequences, n) }
	out := fnv.New64a()
	fmt.Fprint(out, x.events, x.crashes, x.unknown, x.compactions, "\n")
	for k := range x.keys {
		fmt.Fprint(out, len(x.s.sources[x.keys[k]]), " ")
	}
	for _, f := range h.files {
		_, drop := x.drops[f.path]
		fmt.Fprint(out, "\nfile ", name(f.path), order(f.sequence), f.rows, f.shows, drop)
	}
	fmt.Fprint(out, x.drops != nil)
	for _, e := range h.entries {
		fmt.Fprint(out, "\nentry ", name(e.Fence), e.FirstSeen.UnixMilli(), e.State.Identity, " ", e.Shown.Identity, " ", e.Shown.Rows, order(e.Shown.Sequence))
		for _, r := range e.Shown.Files {
			fmt.Fprint(out, " ", name(r.Path), r.First, r.Rows)
		}
	}
	for _, batch := range x.staged() {
		fmt.Fprint(out, "\nstaged ", x.describe(batch, name))
	}
	for _, l := range x.late {
		fmt.Fprint(out, "\nlate ", x.decides(&l.by, name))
	}
	workers := make([]*modelWorker, len(x.workers))
	for id := range x.workers {
		workers[id] = &x.workers[id]
	}
	slices.SortStableFunc(workers, func(a, b *modelWorker) int { return strings.Compare(a.known(), b.known()) })
	for _, w := range workers {
		decided := w.op == "commit" || w.op == "ask source"
		fmt.Fprint(out, "\n", w.known(), decided && w.base == x.s.catalog.table.Metadata)
		for _, f := range w.fences {
			fmt.Fprint(out, " ", name(f))
		}
		fmt.Fprint(out, x.decides(w, name))
	}
	return out.Sum64()
}

// known is what a worker knows, without names.
func (w *modelWorker) known() string {
	return fmt.Sprint(w.op, w.keys, w.held, w.read, w.batch != nil, len(w.listed), w.gone, w.asked, w.asks, w.done)
}

// decides is what a worker or committer commits or stages.
func (x *modelExplorer) decides(w *modelWorker, name func(string) int) (s string) {
	if w.batch != nil {
		s = " batch " + x.describe(w.batch.ID, name)
	}
	for _, batch := range w.listed {
		s += " listed " + x.describe(batch, name)
	}
	return s + w.gone + fmt.Sprint(w.asked)
}

// describe says which states of which keys a batch has, and which entries were seen before.
func (x *modelExplorer) describe(batch string, name func(string) int) string {
	s := fmt.Sprint(name(batch), " ")
	b := x.prepared[batch]
	for i := range b.Changes {
		c := &b.Changes[i]
		s += fmt.Sprint(c.After.Key.Key, c.After.State.Identity, " ")
		if c.Before != nil {
			s += fmt.Sprint("after ", name(c.Before.Fence), " ")
		}
		for _, r := range c.After.Shown.Files {
			s += fmt.Sprint("in ", name(r.Path), r.First, " ", r.Rows, " ")
		}
	}
	return s
}

// settled says whether everything has been written and acknowledged.
func (x *modelExplorer) settled() bool {
	if len(x.staged()) > 0 {
		return false
	}
	for k := range x.keys {
		nobodys := x.s.now(x.keys[k]).number == 0 && x.head(x.s.catalog.table.Metadata).entries[k].Fence == ""
		if x.left(k) > 0 || x.events[k] != 0 && !nobodys {
			return false
		}
	}
	return !slices.ContainsFunc(x.workers, func(w modelWorker) bool { return w.op != "" })
}

// end checks a state in which everything is acknowledged: each key shows its newest version,
// or one before if that is broken, and the ledger has seen the newest.
func (x *modelExplorer) end() error {
	m := x.s.catalog.table.Metadata
	for k, e := range x.head(m).entries {
		if newest := x.s.now(x.keys[k]); e.State.Identity != newest.identity() && (e.Fence != "" || newest.number > 0) {
			return fmt.Errorf("in the end the ledger has seen %q of %s, and not %s", e.State.Identity, x.keys[k].Key, newest.identity())
		}
	}
	for _, a := range x.s.staged {
		if err := x.s.seen(a); err != nil {
			return err
		}
	}
	return newPromise(x.s).end(m)
}
