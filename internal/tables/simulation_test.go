package tables_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/internal/batch"
	"sluice/internal/iceberg"
	"sluice/internal/iceberg/datafile"
	"sluice/internal/jsonscan"
	"sluice/internal/ledger"
	"sluice/internal/parquetfile"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
	"sluice/schema"
)

var (
	schedules = flag.Int("schedules", 250, "schedules that the simulation runs")
	firstSeed = flag.Uint64("seed", 1, "seed of the first schedule")
)

// TestSimulation runs workers over a few source keys under a scheduler that decides,
// from a seed, who goes on at each effect, who dies there, and what happens to the reply
// of a commit, while sources are overwritten, set back, emptied, broken and deleted, and
// others compact the table. In each snapshot each key shows one version, whole; what it
// shows never goes back; and after a calm run it shows the newest version that is sound.
func TestSimulation(t *testing.T) {
	defer oneAtATime()()
	total := map[string]int{}
	if testing.Short() {
		*schedules = min(*schedules, 120)
	}
	for i := range *schedules {
		s := newSimulation(t, *firstSeed+uint64(i))
		if err := s.run(); err != nil {
			t.Fatalf("seed %d: %v\n%s", *firstSeed+uint64(i), err, s.trace.String())
		}
		for what, n := range s.counts {
			total[what] += n
		}
	}
	t.Logf("%d schedules: %v", *schedules, total)
	for _, what := range []string{"commits", "crashes", "lost replies", "refused", "late", "overtaken", "compactions", "moved", "rejects", "deletes", "settled", "dropped files", "expired", "compactions given up", "set back",
		"staged", "commits of what was staged", "dropped", "asked", "looked at again"} {
		if total[what] == 0 && *schedules >= 200 {
			t.Errorf("never happened: %s", what)
		}
	}
}

// oneAtATime makes handing over between workers cheaper, and collects garbage seldom: a
// schedule leaves much of it, and keeps little.
func oneAtATime() (end func()) {
	procs, percent := runtime.GOMAXPROCS(1), debug.SetGCPercent(800)
	return func() { runtime.GOMAXPROCS(procs); debug.SetGCPercent(percent) }
}

var columns = []schema.Column{
	{Name: "version", Type: schema.Type{Kind: schema.Int64}},
	{Name: "n", Type: schema.Type{Kind: schema.Int64}},
	{Name: tables.SourceColumn, Type: schema.Type{Kind: schema.String}},
}

// version is a state of a source.
type version struct {
	number int // the n-th version; 0: the key is absent
	rows   int
	broken bool
}

func (v version) identity() string {
	if v.number == 0 {
		return ledger.Absent
	}
	return fmt.Sprint("v", v.number)
}

var errCrash = errors.New("the worker died")

// caches says what workers remember of the ledger: nothing, what any of them has read or
// written, as in one process, or only their own, which begins cold.
type caches int

const (
	noCache caches = iota
	ownCache
	oneCache
)

type simulation struct {
	t          testing.TB
	r          *rand.Rand
	store      *memory
	catalog    *catalog
	table      *tables.Table
	files      *files
	sources    map[runs.Key][]version // all that a source ever was; the last one is current
	trace      strings.Builder
	counts     map[string]int
	calm       bool
	compaction *compaction // of others, under way
	stages     bool        // some workers stage what they read, and some commit what is staged
	staged     []acked     // what was staged, and so acknowledged
	broken     error       // a promise that was not kept on the way

	batchID func(ctx context.Context) string
	caches  caches
	onLook  func(ctx context.Context, entries map[runs.Key]runs.Entry)
	onBatch func(ctx context.Context, b *tables.Batch)
	// onAsk is given the key whose source a committer asks, onDecided those that it looks at
	// again.
	onAsk     func(ctx context.Context, k runs.Key)
	onDecided func(ctx context.Context, look []runs.Key)
	gates     map[int]chan error
	yield     chan int // a worker waits, or ended if below 0
}

func newSimulation(t testing.TB, seed uint64) *simulation {
	s := &simulation{t: t, r: rand.New(rand.NewPCG(seed, 5)), sources: map[runs.Key][]version{}, counts: map[string]int{}, gates: map[int]chan error{}, yield: make(chan int)}
	s.batchID = func(context.Context) string { return fmt.Sprintf("%016x%016x", s.r.Uint64(), s.r.Uint64()) }
	s.stages = seed%4 < 2
	s.store = &memory{gate: s.gate, objects: map[string][]byte{}}
	s.catalog = &catalog{gate: s.gate, fault: s.fault}
	s.files = newFiles()
	files := iceberg.Files{Store: s.store, Base: "mem://"}
	var fields []iceberg.PartitionField
	if seed%2 == 0 {
		fields = []iceberg.PartitionField{{SourceID: 2, ID: 1000, Name: "n_truncate", Transform: iceberg.Transform{Name: "truncate", N: 2}}}
	}
	m, err := iceberg.New("mem://t", columns, fields, nil, start)
	if err != nil {
		t.Fatal(err)
	}
	s.table = &tables.Table{
		Catalog: s.catalog, Name: "t", Files: files, Folder: "t/", Ledger: s.store, LedgerPrefix: "ledger/", CreatedBy: "test",
		Now: func() time.Time { return start }, Pause: func(context.Context, time.Duration) error { return nil }, Retention: iceberg.Retention{Snapshots: 1000},
	}
	switch seed / 2 % 8 { // of even and odd seeds: these say whether the table is partitioned
	case 0:
	case 1, 2, 3:
		s.caches = ownCache
	default:
		s.caches = oneCache
	}
	if s.caches == oneCache {
		s.table.LedgerCache = runs.NewCache(cacheBytes)
	}
	if _, err := s.catalog.Create(t.Context(), "t", m); err != nil {
		t.Fatal(err)
	}
	for k := range 3 {
		s.sources[runs.Key{Key: fmt.Sprint("raw/", k)}] = nil
	}
	return s
}

type workerKey struct{}

// gate hands the turn to the scheduler, which says when to go on, or to die.
func (s *simulation) gate(ctx context.Context, op string) error {
	id, ok := ctx.Value(workerKey{}).(int)
	if !ok || s.calm {
		return nil
	}
	gate := s.gates[id] // before others go on
	if gate == nil {
		return errCrash
	}
	s.yield <- id
	err := <-gate
	if err != nil {
		s.gates[id] = nil // whatever it tries to do yet
		fmt.Fprintf(&s.trace, "%d dies before %s\n", id, op)
	}
	return err
}

func (s *simulation) fault() fault {
	if s.calm || s.r.IntN(3) > 0 {
		return none
	}
	f := fault(s.r.IntN(int(faults)))
	s.counts[[]string{"none", "lost replies", "refused", "late"}[f]]++
	fmt.Fprintf(&s.trace, "fault %d\n", f)
	return f
}

func (s *simulation) run() error {
	s.change()
	s.change()
	running := map[int]bool{}
	next := 0
	for steps := 0; steps < 400 && (next < 7 || len(running) > 0); steps++ {
		if next < 7 && len(running) < 3 && s.r.IntN(3) == 0 {
			running[next] = true
			s.start(next)
			next++
			if id := <-s.yield; id < 0 {
				delete(running, -1-id)
			}
		}
		switch s.r.IntN(12) {
		case 0:
			s.change()
		case 1:
			if len(s.catalog.late) > 0 {
				fmt.Fprintln(&s.trace, "a late commit lands, or not")
				s.catalog.late[0]()
				s.catalog.late = s.catalog.late[1:]
			}
		case 2:
			if err := s.others(); err != nil {
				return err
			}
		case 3:
			if s.r.IntN(8) == 0 {
				s.rollBack()
			}
		}
		if len(running) == 0 {
			continue
		}
		id := slices.Sorted(maps.Keys(running))[s.r.IntN(len(running))]
		var err error
		if s.r.IntN(60) == 0 {
			err = errCrash
			s.counts["crashes"]++
		}
		s.gates[id] <- err
		if id := <-s.yield; id < 0 {
			delete(running, -1-id)
		}
	}
	for id := range running { // the rest dies
		for running[id] {
			s.gates[id] <- errCrash
			if id := <-s.yield; id < 0 {
				delete(running, -1-id)
			}
		}
	}
	for _, land := range s.catalog.late {
		land()
	}
	s.catalog.late = nil
	s.calm = true
	if _, err := s.table.Load(context.Background()); errors.Is(err, tables.ErrRolledBack) {
		s.counts["refused after rollback"]++ // nobody knows what the rows are
		return s.broken
	}
	if err := s.commitStaged(context.Background()); err != nil {
		return fmt.Errorf("calm commit of what is staged: %w", err)
	}
	for _, a := range s.staged {
		if err := s.seen(a); err != nil {
			return err
		}
	}
	if err := s.work(context.Background(), slices.SortedFunc(maps.Keys(s.sources), func(a, b runs.Key) int { return strings.Compare(a.Key, b.Key) })); err != nil {
		return fmt.Errorf("calm run: %w", err)
	}
	p := newPromise(s)
	for i, m := range s.catalog.seen { // also snapshots that have expired since
		if err := p.snapshot(m); err != nil {
			return fmt.Errorf("snapshot %d: %w", i, err)
		}
	}
	return errors.Join(s.broken, p.end(s.catalog.table.Metadata))
}

// others begin a compaction, or end the one that they began.
func (s *simulation) others() (err error) {
	if c := s.compaction; c != nil {
		s.compaction = nil
		// A table that was set back loses the snapshots that say so if they expire.
		return s.finish(c, s.r.IntN(3) == 0 && s.catalog.setBacks == 0)
	}
	c, err := s.compact(func(files int) bool { return files > 1 && s.r.IntN(2) == 0 }, func(rows []sourceRow) {
		s.r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	})
	if err != nil || len(c.drop) == 0 {
		return err
	}
	if s.compaction = c; s.r.IntN(2) == 0 {
		return s.others()
	}
	return nil
}

// change gives a source another state.
func (s *simulation) change() {
	k := runs.Key{Key: fmt.Sprint("raw/", s.r.IntN(3))}
	all := s.sources[k]
	v := version{number: len(all) + 1, rows: s.r.IntN(4), broken: s.r.IntN(5) == 0}
	switch {
	case len(all) > 0 && s.r.IntN(6) == 0:
		v = version{}
	case len(all) > 1 && s.r.IntN(5) == 0:
		v = all[s.r.IntN(len(all))] // set back, with the same identity
	}
	fmt.Fprintf(&s.trace, "%s is now %+v\n", k.Key, v)
	s.sources[k] = append(all, v)
}

func (s *simulation) start(id int) {
	s.gates[id] = make(chan error)
	var keys []runs.Key
	for k := range 3 {
		if s.r.IntN(2) == 0 {
			keys = append(keys, runs.Key{Key: fmt.Sprint("raw/", k)})
		}
	}
	ctx := context.WithValue(context.Background(), workerKey{}, id)
	work := func() error { return s.work(ctx, keys) }
	if s.stages {
		switch s.r.IntN(5) {
		case 0, 1:
			work = func() error { return s.stage(ctx, keys) }
		case 2, 3:
			work = func() error { return s.commitStaged(ctx) }
		}
	}
	go func() {
		err := work()
		if err != nil {
			fmt.Fprintf(&s.trace, "%d ends: %v\n", id, err)
		}
		s.yield <- -1 - id
	}()
}

const (
	mostRounds = 20
	cacheBytes = 1 << 20
)

// work brings keys up to date, as a worker does.
func (s *simulation) work(ctx context.Context, keys []runs.Key) error {
	table := s.ownTable()
	for range mostRounds {
		setBack := s.catalog.setBacks
		head, b, err := s.prepared(ctx, table, keys)
		if err != nil || b == nil {
			return err
		}
		done, err := table.Commit(ctx, head, b)
		if errors.Is(err, tables.ErrOvertaken) {
			s.counts["overtaken"]++
			continue
		}
		if err == nil {
			s.counts["commits"]++
			fmt.Fprintf(&s.trace, "%v has committed\n", ctx.Value(workerKey{}))
			s.lost(done)
			if s.catalog.setBacks == setBack { // else the commit may be undone
				err = s.acknowledge(b)
			}
		}
		return err
	}
	return fmt.Errorf("overtaken %d times", mostRounds)
}

// ownTable is the table of a process of its own.
func (s *simulation) ownTable() *tables.Table {
	table := *s.table
	if s.caches == ownCache {
		table.LedgerCache = runs.NewCache(cacheBytes)
	}
	return &table
}

// lost notes that rows are missing, or came back.
func (s *simulation) lost(done tables.Committed) {
	if done.Missing != 0 || done.Resurrected != 0 {
		s.broken = fmt.Errorf("%d rows were missing, and %d came back", done.Missing, done.Resurrected)
	}
}

// prepared is a batch that brings keys up to date, and the head that was loaded before its
// sources were read; nil: there is nothing to do.
func (s *simulation) prepared(ctx context.Context, table *tables.Table, keys []runs.Key) (*tables.Head, *tables.Batch, error) {
	if err := s.store.gate(ctx, "begin"); err != nil {
		return nil, nil, err
	}
	head, err := table.Load(ctx)
	if err != nil {
		return nil, nil, err
	}
	entries, err := head.Look(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	if s.onLook != nil {
		s.onLook(ctx, entries)
	}
	b := &tables.Batch{ID: s.batchID(ctx)}
	var rows []sourceRow
	for _, k := range keys {
		if err := s.store.gate(ctx, "read source"); err != nil {
			return nil, nil, err
		}
		before, known := entries[k]
		c, add, todo := s.look(k, before, known)
		if !todo {
			s.counts["settled"]++
			continue
		}
		fmt.Fprintf(&s.trace, "%v read %s of %s\n", ctx.Value(workerKey{}), c.After.State.Identity, k.Key)
		rows = append(rows, add...)
		b.Changes = append(b.Changes, c)
	}
	if len(b.Changes) == 0 {
		return nil, nil, nil
	}
	if err := s.convert(ctx, head, b, rows); err != nil {
		return nil, nil, err
	}
	if s.onBatch != nil {
		s.onBatch(ctx, b)
	}
	return head, b, nil
}

// acknowledge checks what an acknowledged event promises: the ledger knows the state
// that was read, or a newer one.
func (s *simulation) acknowledge(b *tables.Batch) error {
	ctx := context.Background()
	head, err := s.table.Load(ctx)
	if err != nil {
		return err
	}
	keys := make([]runs.Key, len(b.Changes))
	for i := range b.Changes {
		keys[i] = b.Changes[i].After.Key
	}
	found, err := head.Look(ctx, keys)
	if err != nil {
		return err
	}
	for i, k := range keys {
		if e := found[k]; e.Fence != b.ID {
			s.broken = errors.Join(s.broken, s.isNewer(acked{key: k, place: placeOf(&b.Changes[i])}, e))
		}
	}
	return nil
}

// acked is a state of a source whose event was acknowledged.
type acked struct {
	key      runs.Key
	place    int // in the history of the source
	setBacks int // of the table, before
}

// isNewer returns an error if an entry has an older state than one that was acknowledged.
func (s *simulation) isNewer(a acked, e runs.Entry) error {
	if s.newest(a.key, e.State.Identity) < a.place {
		return fmt.Errorf("%s is acknowledged at its state %d, and the ledger has %q", a.key.Key, a.place, e.State.Identity)
	}
	return nil
}

// placeOf is that of a state in the history of its source, as it was read.
func placeOf(c *tables.Change) int {
	place, err := strconv.Atoi(c.After.State.Listed)
	if err != nil {
		panic(err)
	}
	return place
}

// newest is the last place of a state in the history of its source; -1: it was never there.
func (s *simulation) newest(k runs.Key, identity string) int {
	all := s.sources[k]
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].identity() == identity {
			return i
		}
	}
	return -1
}

// sourceRow is a row of a source's version.
type sourceRow struct {
	version, n int64
	source     string
}

// now is the current state of a source.
func (s *simulation) now(k runs.Key) version {
	if all := s.sources[k]; len(all) > 0 {
		return all[len(all)-1]
	}
	return version{}
}

// look reads a source, and says what becomes of its key.
func (s *simulation) look(k runs.Key, before runs.Entry, known bool) (c tables.Change, rows []sourceRow, todo bool) {
	v := s.now(k)
	if known && before.State.Identity == v.identity() || !known && v.number == 0 {
		return c, nil, false
	}
	c.After = runs.Entry{Key: k, FirstSeen: start.Add(time.Duration(v.number) * time.Second)}
	if known {
		c.Before, c.After.FirstSeen, c.After.Shown = &before, before.FirstSeen, before.Shown
	}
	c.After.State = ledger.State{Identity: v.identity(), Listed: strconv.Itoa(len(s.sources[k]) - 1), Stats: sluice.Stats{Outcome: "accept"}}
	switch {
	case v.broken:
		c.After.State.Outcome = "reject"
		s.counts["rejects"]++
		return c, nil, true
	case v.number == 0:
		s.counts["deletes"]++
	}
	c.Replaces = true
	c.After.Shown = runs.Shown{Identity: v.identity(), Rows: int64(v.rows)}
	for n := range v.rows {
		rows = append(rows, sourceRow{version: int64(v.number), n: int64(n), source: tables.SourceID(k, c.After.FirstSeen)})
	}
	return c, rows, true
}

// convert writes the rows of a batch into one file for each partition.
func (s *simulation) convert(ctx context.Context, head *tables.Head, b *tables.Batch, rows []sourceRow) error {
	m := head.Metadata()
	spec := m.Spec(m.SpecID)
	byPartition, values := map[string][]sourceRow{}, map[string]map[string]any{}
	for _, r := range rows {
		p := ""
		if len(spec.Fields) > 0 {
			f := spec.Fields[0]
			value := f.Transform.Apply(iceberg.Type{Primitive: iceberg.Long}, r.n)
			p = fmt.Sprint(value)
			values[p] = map[string]any{f.Name: value}
		}
		byPartition[p] = append(byPartition[p], r)
	}
	for _, p := range slices.Sorted(maps.Keys(byPartition)) {
		f, err := s.write(ctx, m, b.ID+"-"+p, byPartition[p])
		if err != nil {
			return err
		}
		f.Partition = values[p]
		b.Files = append(b.Files, iceberg.SpecFile{SpecID: int32(m.SpecID), DataFile: f})
		for i := range b.Changes {
			c := &b.Changes[i]
			id := tables.SourceID(c.After.Key, c.After.FirstSeen)
			first, n := int64(-1), int64(0)
			for row, r := range byPartition[p] {
				if r.source == id {
					if n++; first < 0 {
						first = int64(row)
					}
				}
			}
			if n > 0 && c.Replaces {
				c.After.Shown.Files = append(c.After.Shown.Files, runs.FileRange{Path: f.Path, First: first, Rows: n})
			}
		}
	}
	return nil
}

func (s *simulation) write(ctx context.Context, m *iceberg.Metadata, name string, rows []sourceRow) (iceberg.DataFile, error) {
	cols := datafile.Columns(columns, m.CurrentSchema())
	table := schema.Schema{Table: "t", Columns: cols}
	b := batch.New(table, make([]int, len(cols)), 0)
	var text []byte
	for _, r := range rows {
		b.Columns[0].AddFixed(uint64(r.version))
		b.Columns[1].AddFixed(uint64(r.n))
		at := len(text)
		text = append(text, r.source...)
		b.Columns[2].AddBytes(jsonscan.Hash(text[at:]), at, len(r.source))
		b.EndElement(0, 1)
		b.EndRecord()
	}
	b.Flush(text, nil)
	b.Finish()
	var out bytes.Buffer
	w, err := parquetfile.NewWriter(&out, table, parquetfile.Options{})
	if err != nil {
		return iceberg.DataFile{}, err
	}
	e, err := parquetfile.NewEncoder("none")
	if err != nil {
		return iceberg.DataFile{}, err
	}
	g, err := e.Encode(ctx, b)
	if err == nil {
		err = w.Write(g)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return iceberg.DataFile{}, err
	}
	f := datafile.Describe(w, cols)
	f.Path = "mem://t/data/" + name + ".parquet"
	_, err = store.Put(ctx, s.store, "t/data/"+name+".parquet", out.Bytes(), store.CreateOptions{}, store.IfNoneMatch())
	return f, err
}

// compaction is one by others that is under way.
type compaction struct {
	base   uint64 // the head that it read
	drop   map[string]struct{}
	before []row // what is in the files that it drops
	rows   []sourceRow
	files  []iceberg.SpecFile
}

// compact begins a compaction of the files of the partitions that choose takes: their
// rows are in new files, which nothing names yet.
func (s *simulation) compact(choose func(files int) bool, mix func([]sourceRow)) (*compaction, error) {
	ctx := context.Background()
	m := s.catalog.table.Metadata
	shown, live, _, err := s.read(m, m.Head())
	if err != nil {
		return nil, err
	}
	byPartition := map[string][]iceberg.Entry{}
	for _, e := range live {
		byPartition[fmt.Sprint(e.File.Partition)] = append(byPartition[fmt.Sprint(e.File.Partition)], e)
	}
	c := &compaction{drop: map[string]struct{}{}}
	for _, p := range slices.Sorted(maps.Keys(byPartition)) {
		files := byPartition[p]
		if !choose(len(files)) {
			continue
		}
		mine := map[string]bool{}
		for _, e := range files {
			c.drop[e.File.Path], mine[e.File.Path] = struct{}{}, true
		}
		var rows []sourceRow
		for _, r := range shown {
			if mine[r.file] {
				c.before, rows = append(c.before, r), append(rows, r.sourceRow)
			}
		}
		mix(rows)
		if len(rows) > 0 {
			f, err := s.write(ctx, m, "compact-"+tables.NewBatchID(), rows)
			if err != nil {
				return nil, err
			}
			f.Partition = files[0].File.Partition
			c.files = append(c.files, iceberg.SpecFile{DataFile: f})
		}
		c.rows = append(c.rows, rows...)
	}
	return c, nil
}

// finish ends a compaction, on whatever is the head, as engines do that compare first: if
// the files that it drops are still there, and show the same rows.
func (s *simulation) finish(c *compaction, expire bool) error {
	base := *s.catalog.table
	m := base.Metadata
	shown, live, _, err := s.read(m, m.Head())
	if err != nil {
		return err
	}
	left := len(c.drop)
	for _, e := range live {
		if _, ok := c.drop[e.File.Path]; ok {
			left--
		}
	}
	shown = slices.DeleteFunc(shown, func(r row) bool { _, ok := c.drop[r.file]; return !ok })
	if left > 0 || !slices.Equal(shown, c.before) {
		s.counts["compactions given up"]++
		return nil
	}
	snapshot, err := s.table.Files.Snapshot(context.Background(), m, iceberg.Rows{Drop: c.drop, Add: c.files}, "t/metadata/", "compact-"+tables.NewBatchID(), start)
	if err != nil {
		return err
	}
	s.counts["compactions"]++
	s.counts["moved"] += len(c.rows)
	fmt.Fprintf(&s.trace, "compaction of %d files, %d rows\n", len(c.drop), len(c.rows))
	change := iceberg.Change{Snapshot: snapshot}
	if expire { // they expire snapshots too: all but theirs
		for _, old := range m.Snapshots {
			change.Expire = append(change.Expire, old.ID)
		}
		s.counts["expired"]++
	}
	return s.catalog.land(&base, change)
}

// rollBack sets the table back to the snapshot before its head, as somebody does by hand.
func (s *simulation) rollBack() {
	m := s.catalog.table.Metadata
	head := m.Head()
	if head == nil || head.Parent == nil || m.Snapshot(*head.Parent) == nil {
		return
	}
	fmt.Fprintln(&s.trace, "the table is set back")
	s.counts["set back"]++
	s.catalog.setBack(*head.Parent)
}
