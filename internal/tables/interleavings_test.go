package tables_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"testing"

	"sluice/internal/iceberg"
	"sluice/internal/runs"
	"sluice/internal/tables"
)

var exhaustive = flag.Bool("exhaustive", false, "go through the interleavings of the larger cases too")

// situation is a small case: what may happen in it, in any order.
type situation struct {
	name    string
	large   bool     // with -exhaustive only
	workers []string // the keys of each: "a", "ab"
	before  string   // what the sources are when the table has been brought up to date: "a1"
	events  []string // what happens to them then, in this order, at any time
	split   bool     // a partitioned table

	crashes, lost, refused, late int  // at most so many
	anywhere                     bool // crashes also between the steps that others can notice
	compactions                  int
	expire                       bool // compactions leave their own snapshot only
	setBacks                     int
}

// A state of a source is a key, a version, and how it is: "a2" has two rows, "a2-" none,
// "a2!" is broken, "a0" is a deletion, "a1" after "a2" is the first version again.
var situations = []situation{
	{name: "two workers", workers: []string{"a", "a"}, before: "", events: []string{"a1"}},
	{name: "overwritten", workers: []string{"a", "a"}, before: "a1", events: []string{"a2"}},
	{name: "overwritten twice", workers: []string{"a", "a"}, before: "", events: []string{"a1", "a2"}},
	{name: "crash", workers: []string{"a", "a"}, before: "a1", events: []string{"a2"}, crashes: 1, anywhere: true},
	{name: "lost reply", workers: []string{"a", "a"}, before: "a1", events: []string{"a2"}, lost: 1},
	{name: "refused", workers: []string{"a", "a"}, before: "a1", events: []string{"a2"}, refused: 1},
	{name: "late", workers: []string{"a", "a"}, before: "a1", events: []string{"a2"}, late: 1},
	{name: "deleted", workers: []string{"a", "a"}, before: "a1", events: []string{"a0"}},
	{name: "without rows", workers: []string{"a", "a"}, before: "a1", events: []string{"a2-"}},
	{name: "broken", workers: []string{"a", "a"}, before: "a1", events: []string{"a2!"}},
	{name: "compacted", workers: []string{"a", "a"}, before: "a1", events: []string{"a2"}, compactions: 1},
	{name: "compacted and expired", workers: []string{"a"}, before: "a1 b1", events: []string{"a2"}, compactions: 1, expire: true},
	{name: "set back", workers: []string{"a", "a"}, before: "a1", events: []string{"a2"}, setBacks: 1},
	{name: "set back behind expiry", workers: []string{"a"}, before: "a1 b1", events: []string{"a2"}, compactions: 1, expire: true, setBacks: 1},
	{name: "two keys", workers: []string{"ab", "b"}, before: "a1 b1", events: []string{"b2"}},

	{name: "two versions", large: true, workers: []string{"a", "a"}, before: "a1", events: []string{"a2", "a3"}, crashes: 1, lost: 1, late: 1},
	{name: "set to its first version", large: true, workers: []string{"a", "a"}, before: "a1", events: []string{"a2", "a1"}, lost: 1, late: 1, crashes: 1},
	{name: "deleted and made again", large: true, workers: []string{"a", "a"}, before: "a1", events: []string{"a0", "a2"}, crashes: 1, lost: 1, late: 1},
	{name: "deleted twice", large: true, workers: []string{"a", "a"}, before: "a1", events: []string{"a0", "a2", "a0"}, late: 1, crashes: 1},
	{name: "broken and sound", large: true, workers: []string{"a", "a"}, before: "a1", events: []string{"a2!", "a3"}, crashes: 1, lost: 1, late: 1},
	{name: "without rows, then with", large: true, workers: []string{"a", "a"}, before: "a1", events: []string{"a2-", "a3"}, crashes: 1, lost: 1, late: 1},
	{name: "compaction and late", large: true, workers: []string{"a", "a"}, before: "a1 b1", events: []string{"a2"}, compactions: 2, late: 1, lost: 1},
	{name: "compaction, crash and expiry", large: true, workers: []string{"a", "a"}, before: "a1 b1", events: []string{"a2"}, compactions: 2, expire: true, crashes: 1, lost: 1},
	{name: "partitions", large: true, split: true, workers: []string{"a", "ab"}, before: "a3 b3", events: []string{"a2", "b2"}, compactions: 1, late: 1},
	{name: "keys of two batches", large: true, workers: []string{"ab", "ab"}, before: "a1", events: []string{"b1", "a2"}, crashes: 1, lost: 1, late: 1},
	{name: "keys that meet", large: true, workers: []string{"ab", "bc"}, before: "b1", events: []string{"b2", "c1"}, refused: 1, late: 1, crashes: 1},
	{name: "three workers", large: true, workers: []string{"a", "a", "a"}, before: "a1", events: []string{"a2"}, lost: 1, late: 1},
	{name: "set back and late", large: true, workers: []string{"a", "a"}, before: "a1", events: []string{"a2"}, setBacks: 1, late: 1, lost: 1},
	{name: "all faults", large: true, workers: []string{"a", "a"}, before: "a1", events: []string{"a2"}, crashes: 1, lost: 1, refused: 1, late: 1, compactions: 1},
}

// TestInterleavings goes through all interleavings of small cases: of the effects of the
// workers, what happens to sources, crashes, faults of the catalog, and what others do to
// the table. Work that leads to a state that was gone on from before ends there.
func TestInterleavings(t *testing.T) {
	defer oneAtATime()()
	for i := range situations {
		c := &situations[i]
		if c.large && !*exhaustive {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			x := newExplorer(t, c)
			for x.schedules == 0 || x.next() {
				x.schedules++
				if err := x.run(); err != nil {
					t.Fatalf("seed %v: %v\n%s", x.taken(), err, x.s.trace.String())
				}
			}
			t.Logf("%d schedules, %d states, %d snapshots", x.schedules, len(x.visited), len(x.snapshots))
			if x.ends == 0 || c.late+c.lost > 0 && x.faults == 0 || c.compactions > 0 && x.s.counts["compactions"] == 0 {
				t.Errorf("%d ends, %d faults, %v", x.ends, x.faults, x.s.counts)
			}
		})
	}
}

// TestStates compares the first situation with all its schedules to their ends: ending
// at states that were gone on from before leaves no snapshot out.
func TestStates(t *testing.T) {
	defer oneAtATime()()
	var found [2]*explorer
	for i := range found {
		x := newExplorer(t, &situations[0])
		x.whole = i == 1
		for x.schedules == 0 || x.next() {
			x.schedules++
			if err := x.run(); err != nil {
				t.Fatalf("seed %v: %v\n%s", x.taken(), err, x.s.trace.String())
			}
		}
		t.Logf("%d schedules, %d states, %d snapshots", x.schedules, len(x.visited), len(x.snapshots))
		found[i] = x
	}
	if found[0].schedules >= found[1].schedules || !maps.EqualFunc(found[0].snapshots, found[1].snapshots, maps.Equal) || !maps.Equal(found[0].visited, found[1].visited) {
		t.Errorf("%d and %d snapshots, %d and %d states", len(found[0].snapshots), len(found[1].snapshots), len(found[0].visited), len(found[1].visited))
	}
}

// explorer goes through the schedules of a situation, depth first.
type explorer struct {
	c     *situation
	first *simulation // as it is before the workers begin
	s     *simulation // of the schedule that goes on

	path
	whole bool // all schedules, to their ends

	snapshots map[uint64]map[runs.Key]int // heads that were checked, and what they show
	schedules int
	ends      int // schedules that went to their end
	faults    int

	// Of the schedule that goes on:
	heads    map[*iceberg.Metadata]uint64 // what a state of the table is made of
	lives    []life
	event    int // that is next
	crashes  int
	budget   [faults]int
	compacts int
	setBacks int
	lates    []lateCommit
	turn     int               // worker that went on last
	batches  map[string]string // their changes, by ID
	broken   error
	over     bool // at a state that was gone on from before
	ended    bool
}

// path goes through the choices of schedules, depth first.
type path struct {
	visited map[uint64]struct{} // states that were gone on from
	trail   []choice
	at      int // choices of the schedule that were made
}

type choice struct {
	taken, of int
	states    []uint64 // that the ways lead to, where it is known; 0: it is not
}

// choose takes the next of n ways.
func (p *path) choose(n int) int {
	if p.at == len(p.trail) {
		p.trail = append(p.trail, choice{of: n})
	}
	p.at++
	return p.trail[p.at-1].taken
}

// next goes to the next schedule; false: there is none.
func (p *path) next() bool {
	for last := len(p.trail) - 1; last >= 0; last-- {
		c := &p.trail[last]
		for c.taken++; c.taken < c.of; c.taken++ {
			if c.states != nil {
				if _, ok := p.visited[c.states[c.taken]]; ok {
					continue
				}
			}
			p.trail = p.trail[:last+1]
			return true
		}
	}
	return false
}

func (p *path) taken() (all []int) {
	for _, c := range p.trail[:p.at] {
		all = append(all, c.taken)
	}
	return all
}

// life is a worker.
type life struct {
	running bool
	dead    bool   // whatever it tries to do yet fails
	op      string // that it waits before
	seen    uint64 // all that its next steps depend on
	round   int
	batch   string // ID of its batch
}

type lateCommit struct {
	base *iceberg.Metadata
	what uint64
	land func()
}

func newExplorer(t *testing.T, c *situation) *explorer {
	seed := uint64(1)
	if c.split {
		seed = 2
	}
	x := &explorer{c: c, path: path{visited: map[uint64]struct{}{}}, snapshots: map[uint64]map[runs.Key]int{}}
	x.first = newSimulation(t, seed)
	x.first.calm = true
	clear(x.first.sources)
	x.first.sources[keyA] = nil
	for _, e := range strings.Fields(c.before) {
		x.first.happen(e)
	}
	if err := x.first.work(t.Context(), []runs.Key{keyA, keyB}); err != nil { // in one file
		t.Fatal(err)
	}
	return x
}

// happen gives a source the next state.
func (s *simulation) happen(event string) {
	k := runs.Key{Key: fmt.Sprint("raw/", event[0]-'a')}
	v := version{number: int(event[1] - '0'), rows: int(event[1] - '0'), broken: strings.HasSuffix(event, "!")}
	if strings.HasSuffix(event, "-") {
		v.rows = 0
	}
	s.sources[k] = append(slices.Clip(s.sources[k]), v)
	fmt.Fprintf(&s.trace, "%s is now %s\n", k.Key, event)
}

func hash(parts ...any) uint64 {
	h := fnv.New64a()
	fmt.Fprintln(h, parts...)
	return h.Sum64()
}

// run goes along one schedule.
func (x *explorer) run() error {
	c := x.c
	s := &simulation{
		t: x.first.t, files: x.first.files.clone(), sources: maps.Clone(x.first.sources), counts: x.first.counts, yield: make(chan int), gates: map[int]chan error{},
	}
	x.s, x.at, x.event, x.crashes, x.compacts, x.setBacks, x.lates, x.broken, x.over, x.ended = s, 0, 0, c.crashes, c.compactions, c.setBacks, nil, nil, false, false
	x.budget = [faults]int{lostReply: c.lost, refused: c.refused, landsLate: c.late}
	s.store = &memory{gate: x.gate, objects: maps.Clone(x.first.store.objects)}
	s.catalog = &catalog{gate: x.gate, fault: x.fault, table: x.first.catalog.table, landed: x.landed}
	table := *x.first.table
	table.Catalog, table.Files.Store, table.Ledger = s.catalog, s.store, s.store
	s.table = &table
	s.batchID = x.batchID
	s.onBatch = x.onBatch
	x.heads = map[*iceberg.Metadata]uint64{s.catalog.table.Metadata: 1}
	x.snapshots[1] = map[runs.Key]int{}
	for k, all := range s.sources {
		if len(all) > 0 {
			x.snapshots[1][k] = len(all) - 1
		}
	}
	x.lives, x.batches = make([]life, len(c.workers)), map[string]string{}
	for id := range x.lives {
		x.begin(id)
	}
	for x.broken == nil && x.step() {
	}
	for id := range x.lives { // a state that was gone on from before
		for x.lives[id].running {
			x.resume(id, errCrash)
		}
	}
	if err := errors.Join(x.broken, s.broken); err != nil || x.over {
		return err
	}
	return x.end()
}

func (x *explorer) begin(id int) {
	s := x.s
	s.gates[id] = make(chan error)
	var keys []runs.Key
	for _, k := range x.c.workers[id] {
		keys = append(keys, runs.Key{Key: fmt.Sprint("raw/", k-'a')})
	}
	ctx := context.WithValue(context.Background(), workerKey{}, id)
	x.lives[id].running = true
	go func() {
		err := s.work(ctx, keys)
		if err != nil && !errors.Is(err, errCrash) && !errors.Is(err, tables.ErrRolledBack) && x.broken == nil {
			x.broken = fmt.Errorf("worker %d: %w", id, err)
		}
		s.yield <- -1 - id
	}()
	x.wait()
}

// wait waits until a worker waits, or has ended.
func (x *explorer) wait() {
	if id := <-x.s.yield; id < 0 {
		x.lives[-1-id] = life{}
	}
}

func (x *explorer) resume(id int, err error) {
	x.turn = id
	x.s.gates[id] <- err
	x.wait()
}

// gate stops a worker before what others can see, or what depends on what others did.
// What it writes before its commit, and reads of what never changes, are between.
func (x *explorer) gate(ctx context.Context, op string) error {
	id, ok := ctx.Value(workerKey{}).(int)
	if !ok {
		return nil
	}
	w := &x.lives[id]
	if w.dead {
		return errCrash
	}
	switch op {
	case "begin", "load", "read source", "commit":
	default:
		if x.c.anywhere && x.crashes > 0 && !x.over && x.broken == nil && x.choose(2) == 1 {
			x.crashes--
			fmt.Fprintf(&x.s.trace, "%d dies before %s\n", id, op)
			w.dead = true
			return errCrash
		}
		return nil
	}
	w.op = op
	gate := x.s.gates[id]
	x.s.yield <- id
	err := <-gate
	if err != nil {
		return err
	}
	head := x.heads[x.s.catalog.table.Metadata]
	switch op {
	case "begin":
		w.round++
		w.seen, w.batch = hash(op, w.round), ""
	case "load":
		w.seen = hash(op, w.seen, head)
	case "read source":
		w.seen = hash(op, w.seen, x.event)
	case "commit": // whatever the error is, it loads next
		w.seen = hash(op, x.batches[w.batch])
	}
	fmt.Fprintf(&x.s.trace, "%d: %s\n", id, op)
	return nil
}

func (x *explorer) batchID(ctx context.Context) string {
	id, ok := ctx.Value(workerKey{}).(int)
	if !ok {
		return tables.NewBatchID()
	}
	return fmt.Sprintf("%016x%016x", id+1, x.lives[id].round)
}

func (x *explorer) onBatch(ctx context.Context, b *tables.Batch) {
	id, ok := ctx.Value(workerKey{}).(int)
	if !ok {
		return
	}
	var what strings.Builder
	fmt.Fprint(&what, b.ID)
	for i := range b.Changes {
		c := &b.Changes[i]
		fmt.Fprint(&what, " ", c.After.Key.Key, c.After.State.Identity, c.After.Shown.Identity, c.Replaces)
		if c.Before != nil {
			fmt.Fprint(&what, c.Before.Fence)
		}
	}
	x.lives[id].batch, x.batches[b.ID] = b.ID, what.String()
}

// fault chooses what happens to a commit.
func (x *explorer) fault() fault {
	can := []fault{none}
	for f := lostReply; f < faults; f++ {
		if x.budget[f] > 0 {
			can = append(can, f)
		}
	}
	if len(can) == 1 {
		return none
	}
	f := can[x.choose(len(can))]
	if f != none {
		x.budget[f]--
		x.faults++
		fmt.Fprintf(&x.s.trace, "fault %d\n", f)
	}
	return f
}

// landed is called after each new head: what it is made of names it.
func (x *explorer) landed(base, head *iceberg.Metadata, c iceberg.Change) {
	what := c.Properties["sluice.root"] // of a change without a snapshot
	if c.Snapshot != nil {
		what = x.batches[c.Snapshot.Summary["sluice.batch"]]
	}
	if what == "" {
		what = fmt.Sprint("compaction ", x.compacts, x.s.catalog.compacted)
	}
	x.name(head, hash(x.heads[base], what, len(c.Expire)), x.heads[base])
}

// name names a head, and checks it if it is new.
func (x *explorer) name(m *iceberg.Metadata, name, before uint64) {
	x.heads[m] = name
	if _, ok := x.snapshots[name]; ok || x.broken != nil {
		return
	}
	p := newPromise(x.s)
	p.last = maps.Clone(x.snapshots[before])
	if err := p.snapshot(m); err != nil {
		x.broken = fmt.Errorf("snapshot: %w", err)
	}
	x.snapshots[name] = p.last
}

// state is all that what comes next depends on.
func (x *explorer) state() uint64 {
	parts := []any{x.heads[x.s.catalog.table.Metadata], x.event, x.crashes, x.budget, x.compacts, x.setBacks}
	for _, w := range x.lives {
		parts = append(parts, w.running, w.op, w.seen)
	}
	for _, l := range x.lates {
		parts = append(parts, l.what)
	}
	if c := x.s.compaction; c != nil {
		parts = append(parts, "compaction", c.base)
	}
	return hash(parts...)
}

// step lets one of those go on who can; false: the schedule ends.
func (x *explorer) step() bool {
	head := x.s.catalog.table.Metadata
	x.lates = slices.DeleteFunc(x.lates, func(l lateCommit) bool { return l.base.Current != head.Current })
	for _, l := range x.s.catalog.late {
		x.lates = append(x.lates, lateCommit{head, hash("late", x.heads[head], x.batches[x.lives[x.turn].batch]), l})
	}
	x.s.catalog.late = nil
	if x.at >= len(x.trail) { // else it is on the way to a new state
		state := x.state()
		if _, ok := x.visited[state]; ok && !x.whole {
			x.over = true
			return false
		}
		x.visited[state] = struct{}{}
	}
	var can []func()
	for id := range x.lives {
		w := &x.lives[id]
		if !w.running || id > 0 && w.op == "begin" && x.c.workers[id] == x.c.workers[id-1] && x.lives[id-1].op == "begin" && w.round+x.lives[id-1].round == 0 {
			continue // workers that are the same begin in one order
		}
		can = append(can, func() { x.resume(id, nil) })
		if x.crashes > 0 && w.op != "begin" {
			can = append(can, func() {
				x.crashes--
				fmt.Fprintf(&x.s.trace, "%d dies before %s\n", id, w.op)
				for x.lives[id].running {
					x.resume(id, errCrash)
				}
			})
		}
	}
	workers := len(can) > 0
	if x.event < len(x.c.events) {
		can = append(can, func() {
			x.s.happen(x.c.events[x.event])
			x.event++
		})
	}
	for i, l := range x.lates {
		can = append(can, func() {
			fmt.Fprintln(&x.s.trace, "a late commit lands")
			x.lates = slices.Delete(slices.Clone(x.lates), i, i+1)
			l.land()
		})
	}
	if x.compacts > 0 && x.s.compaction == nil && head.Head() != nil {
		can = append(can, func() { x.broken = errors.Join(x.broken, x.compact()) })
	}
	if x.s.compaction != nil {
		can = append(can, func() {
			compaction := x.s.compaction
			x.s.compaction = nil
			x.s.catalog.compacted = compaction.base
			fmt.Fprintln(&x.s.trace, "a compaction ends")
			// A table that was set back loses the snapshots that say so if they expire.
			x.broken = errors.Join(x.broken, x.s.finish(compaction, x.c.expire && x.s.catalog.setBacks == 0))
		})
	}
	if x.setBacks > 0 && head.Head() != nil && head.Head().Parent != nil && head.Snapshot(*head.Head().Parent) != nil {
		can = append(can, func() {
			x.setBacks--
			before := x.heads[head]
			old := x.of(*head.Head().Parent)
			x.s.rollBack()
			x.name(x.s.catalog.table.Metadata, hash("set back", before), old)
		})
	}
	if !workers && x.event == len(x.c.events) {
		can = append(can, func() { x.ended = true })
	}
	can[x.choose(len(can))]()
	return !x.ended
}

// of is the name of the head that had a snapshot first.
func (x *explorer) of(snapshot int64) uint64 {
	for m, name := range x.heads {
		if m.Current == snapshot && m.LastSequence == m.Head().Sequence {
			return name
		}
	}
	return 1
}

func (x *explorer) compact() error {
	c, err := x.s.compact(func(int) bool { return true }, slices.Reverse[[]sourceRow])
	if err != nil || len(c.drop) == 0 {
		x.compacts--
		return err
	}
	x.compacts--
	c.base = x.heads[x.s.catalog.table.Metadata]
	x.s.compaction = c
	fmt.Fprintln(&x.s.trace, "a compaction begins")
	return nil
}

// end brings the table up to date without faults.
func (x *explorer) end() error {
	x.ends++
	x.s.calm = true
	if _, err := x.s.table.Load(context.Background()); errors.Is(err, tables.ErrRolledBack) {
		return nil
	}
	if err := x.s.work(context.Background(), slices.SortedFunc(maps.Keys(x.s.sources), func(a, b runs.Key) int { return strings.Compare(a.Key, b.Key) })); err != nil {
		return fmt.Errorf("calm run: %w", err)
	}
	if x.broken != nil || x.s.broken != nil {
		return errors.Join(x.broken, x.s.broken)
	}
	return newPromise(x.s).end(x.s.catalog.table.Metadata)
}
