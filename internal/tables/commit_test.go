package tables_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/runs"
	"sluice/internal/tables"
)

var keyA, keyB, keyC = runs.Key{Key: "raw/0"}, runs.Key{Key: "raw/1"}, runs.Key{Key: "raw/2"}

// newCalm is a table without scheduler and faults, and sources of 2, 3 and 4 rows.
func newCalm(t *testing.T) *simulation {
	s := newSimulation(t, 1)
	s.calm = true
	for n, k := range []runs.Key{keyA, keyB, keyC} {
		s.sources[k] = []version{{number: 1, rows: n + 2}}
	}
	return s
}

func (s *simulation) load(t *testing.T) *tables.Head {
	t.Helper()
	h, err := s.table.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// prepare is the batch that brings keys up to date.
func (s *simulation) prepare(t *testing.T, head *tables.Head, keys ...runs.Key) *tables.Batch {
	t.Helper()
	entries, err := head.Look(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	b := &tables.Batch{ID: tables.NewBatchID()}
	var rows []sourceRow
	for _, k := range keys {
		before, known := entries[k]
		c, add, _ := s.look(k, before, known)
		rows = append(rows, add...)
		b.Changes = append(b.Changes, c)
	}
	if err := s.convert(t.Context(), head, b, rows); err != nil {
		t.Fatal(err)
	}
	return b
}

func (s *simulation) bring(t *testing.T, keys ...runs.Key) tables.Committed {
	t.Helper()
	h := s.load(t)
	c, err := s.table.Commit(t.Context(), h, s.prepare(t, h, keys...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// foreign commits a snapshot of another engine.
func (s *simulation) foreign(t *testing.T, rows iceberg.Rows) {
	t.Helper()
	base := *s.catalog.table
	snapshot, err := s.table.Files.Snapshot(t.Context(), base.Metadata, rows, "t/metadata/", tables.NewBatchID(), start)
	if err == nil {
		err = s.catalog.land(&base, iceberg.Change{Snapshot: snapshot})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Rows that somebody deleted are counted when their key gets others; those that came
// back, or that somebody else wrote, are counted at each commit.
func TestCounts(t *testing.T) {
	s := newCalm(t)
	if c := s.bring(t, keyA, keyB, keyC); c.Missing != 0 || c.Resurrected != 0 || c.Head.Rows() != 9 {
		t.Errorf("%d missing, %d resurrected, %d rows", c.Missing, c.Resurrected, c.Head.Rows())
	}
	found, err := s.load(t).Look(t.Context(), []runs.Key{keyA})
	if err != nil {
		t.Fatal(err)
	}
	s.foreign(t, iceberg.Rows{Drop: map[string]struct{}{found[keyA].Shown.Files[0].Path: {}}})
	s.sources[keyB] = append(s.sources[keyB], version{number: 2, rows: 5})
	c := s.bring(t, keyB)
	if c.Missing != 3 || c.Resurrected != 0 || c.Head.Rows() != 11 {
		t.Errorf("%d missing, %d resurrected, %d rows", c.Missing, c.Resurrected, c.Head.Rows())
	}
	if n, ok := c.Head.Totals(); !ok || n.Files != 1 || n.Records != 5 || n.DeleteFiles != 0 || n.Bytes == 0 {
		t.Errorf("%+v", n)
	}
	// Rows that were deleted hide those that others wrote until their keys change.
	other, err := s.write(t.Context(), s.catalog.table.Metadata, "other", make([]sourceRow, 10))
	if err != nil {
		t.Fatal(err)
	}
	s.foreign(t, iceberg.Rows{Add: []iceberg.SpecFile{{DataFile: other}}})
	s.sources[keyC] = append(s.sources[keyC], version{number: 2, rows: 1})
	if c := s.bring(t, keyC); c.Missing != 4 || c.Resurrected != 8 {
		t.Errorf("%d missing, %d resurrected", c.Missing, c.Resurrected)
	}
}

// A batch that would break what the ledger says of the table is refused.
func TestBatchIsChecked(t *testing.T) {
	s := newCalm(t)
	h := s.load(t)
	rows := func(b *tables.Batch, n int) *runs.FileRange { return &b.Changes[n].After.Shown.Files[0] }
	for want, change := range map[string]func(*tables.Batch){
		"its ID is not 32 hex digits":                    func(b *tables.Batch) { b.ID = "1" },
		"it changes a key twice":                         func(b *tables.Batch) { b.Changes[1] = b.Changes[0] },
		"it changes an entry to that of another key":     func(b *tables.Batch) { b.Changes[0].Before = &runs.Entry{Key: keyB} },
		"an entry has 1 rows, and 2 in files":            func(b *tables.Batch) { b.Changes[0].After.Shown.Rows-- },
		"row 0 of mem://t/data/":                         func(b *tables.Batch) { b.Changes = b.Changes[1:] },
		"has 5 rows, and the entries have 2 of them":     func(b *tables.Batch) { b.Changes = b.Changes[:1] },
		"rows in files that are not of the batch":        func(b *tables.Batch) { b.Files = nil },
		"row 2 of mem://t/data/":                         func(b *tables.Batch) { rows(b, 1).First++ },
		"row 1 of mem://t/data/":                         func(b *tables.Batch) { rows(b, 1).First-- },
		"commit batch 00000000000000000000000000000000 ": func(b *tables.Batch) { b.ID, b.Changes = strings.Repeat("0", 32), nil },
	} {
		b := s.prepare(t, h, keyA, keyB)
		change(b)
		if _, err := s.table.Commit(t.Context(), h, b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if n := len(s.catalog.seen); n != 0 {
		t.Errorf("%d commits landed", n)
	}
	c, err := s.table.Commit(t.Context(), h, &tables.Batch{ID: tables.NewBatchID()})
	if err != nil || c.Head != h || len(s.catalog.seen) != 0 {
		t.Errorf("a batch without changes: %+v, %v", c, err)
	}
}

// Of several who make a table one succeeds, and all have the same; also if the reply of
// the one who made it was lost.
func TestOpen(t *testing.T) {
	s := newCalm(t)
	first := s.catalog.table.Metadata
	s.catalog.table = nil
	if _, err := s.table.Load(t.Context()); !errors.Is(err, iceberg.ErrNoTable) {
		t.Errorf("no table: %v", err)
	}
	if _, err := s.table.Open(t.Context(), func() (*iceberg.Metadata, error) { return nil, context.Canceled }); !errors.Is(err, context.Canceled) {
		t.Errorf("no metadata: %v", err)
	}
	s.catalog.created = func() error { return context.DeadlineExceeded }
	if h, err := s.table.Open(t.Context(), func() (*iceberg.Metadata, error) { return first, nil }); err != nil || h.Metadata().UUID != first.UUID {
		t.Errorf("a lost reply: %v", err)
	}
	if h, err := s.table.Open(t.Context(), func() (*iceberg.Metadata, error) { panic("not called") }); err != nil || h.Metadata().UUID != first.UUID {
		t.Errorf("a table that is there: %v", err)
	}
	s.catalog.table, s.catalog.created = nil, func() error { return nil }
	uuids := make([]string, 8)
	var wg sync.WaitGroup
	for n := range uuids {
		wg.Go(func() {
			h, err := s.table.Open(t.Context(), func() (*iceberg.Metadata, error) {
				return iceberg.New("mem://t", columns, nil, map[string]string{"owner": "sluice"}, start)
			})
			if err != nil || h.Metadata().Properties["owner"] != "sluice" {
				t.Errorf("open: %v", err)
				return
			}
			uuids[n] = h.Metadata().UUID
		})
	}
	wg.Wait()
	for _, id := range uuids {
		if id != uuids[0] {
			t.Errorf("tables %v", uuids)
		}
	}
}

// What Scan gives is what Look gives, in the order of the keys.
func TestScan(t *testing.T) {
	s := newCalm(t)
	s.bring(t, keyC)
	h := s.bring(t, keyB, keyA).Head
	found, err := h.Look(t.Context(), []runs.Key{keyA, keyB, keyC})
	if err != nil {
		t.Fatal(err)
	}
	var keys []runs.Key
	if err := h.Scan(t.Context(), func(e *runs.Entry) error {
		keys = append(keys, e.Key)
		if f := found[e.Key]; f.Fence != e.Fence || f.Shown.Rows != e.Shown.Rows {
			t.Errorf("%s: %+v, and %+v", e.Key.Key, e, f)
		}
		return nil
	}); err != nil || len(keys) != 3 || keys[0] != keyA || keys[1] != keyB || keys[2] != keyC {
		t.Errorf("%v, %v", keys, err)
	}
}

// Keys of the same name in two buckets are two keys.
func TestBuckets(t *testing.T) {
	s := newCalm(t)
	clear(s.sources)
	k, l := runs.Key{Bucket: "north", Key: "raw/0"}, runs.Key{Bucket: "south", Key: "raw/0"}
	s.sources[k], s.sources[l] = []version{{number: 1, rows: 2}}, []version{{number: 1, rows: 3}}
	s.bring(t, k, l)
	s.sources[l] = append(s.sources[l], version{number: 2, rows: 1})
	if c := s.bring(t, l); c.Head.Rows() != 3 || c.Missing != 0 {
		t.Errorf("%d rows, %d missing", c.Head.Rows(), c.Missing)
	}
	s.keeps(t)
}

// keeps checks all snapshots, and the last one for being up to date.
func (s *simulation) keeps(t *testing.T) {
	t.Helper()
	p := newPromise(s)
	for n, m := range s.catalog.seen {
		if err := p.snapshot(m); err != nil {
			t.Errorf("snapshot %d: %v", n, err)
		}
	}
	if err := p.end(s.catalog.table.Metadata); err != nil {
		t.Error(err)
	}
}

// A batch whose commit landed without a reply is overtaken if one of its keys changed
// since. The rows of its other keys count, so its files stay.
func TestOvertakenAfterItLanded(t *testing.T) {
	s := newCalm(t)
	head := s.load(t)
	b := s.prepare(t, head, keyA, keyB)
	again := *b
	if _, err := s.table.Commit(t.Context(), head, b); err != nil {
		t.Fatal(err)
	}
	s.sources[keyA] = append(s.sources[keyA], version{number: 2, rows: 5})
	s.bring(t, keyA)
	if _, err := s.table.Commit(t.Context(), head, &again); !errors.Is(err, tables.ErrOvertaken) {
		t.Errorf("error %v", err)
	}
	for _, f := range b.Files {
		key, err := s.table.Files.Key(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.table.Files.Store.Head(t.Context(), key); err != nil {
			t.Errorf("file of the batch: %v", err)
		}
	}
}

// Of the rows of a file that others dropped, those that they moved go out of sight, and
// those that they deleted are counted.
func TestPartlyMoved(t *testing.T) {
	s := newCalm(t)
	head := s.bring(t, keyA, keyB).Head
	found, err := head.Look(t.Context(), []runs.Key{keyA, keyB})
	if err != nil {
		t.Fatal(err)
	}
	var rows []sourceRow
	for n := range int64(3) {
		rows = append(rows, sourceRow{version: 1, n: n, source: tables.SourceID(keyB, found[keyB].FirstSeen)})
	}
	rows = append(rows, sourceRow{version: 1, n: 1, source: tables.SourceID(keyA, found[keyA].FirstSeen)})
	moved, err := s.write(t.Context(), head.Metadata(), "moved", rows)
	if err != nil {
		t.Fatal(err)
	}
	s.foreign(t, iceberg.Rows{Drop: map[string]struct{}{found[keyA].Shown.Files[0].Path: {}}, Add: []iceberg.SpecFile{{DataFile: moved}}})
	s.sources[keyA] = append(s.sources[keyA], version{number: 2, rows: 4})
	c := s.bring(t, keyA)
	if c.Missing != 1 || c.Resurrected != 0 || c.Head.Rows() != 7 {
		t.Errorf("%d missing, %d resurrected, %d rows", c.Missing, c.Resurrected, c.Head.Rows())
	}
	s.sources[keyC] = nil
	if err := newPromise(s).end(c.Head.Metadata()); err != nil {
		t.Error(err)
	}
}

// A commit whose context ends goes no further, wherever it is, and the next worker finds
// out what became of it.
func TestEndedContext(t *testing.T) {
	for n, done := 1, false; !done; n++ {
		s := newCalm(t)
		s.bring(t, keyA, keyB)
		s.sources[keyA] = append(s.sources[keyA], version{number: 2, rows: 1})
		head := s.load(t)
		b := s.prepare(t, head, keyA)
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		s.store.gate = func(ctx context.Context, _ string) error {
			if calls++; calls == n {
				cancel()
			}
			return ctx.Err()
		}
		s.catalog.gate = s.store.gate
		_, err := s.table.Commit(ctx, head, b)
		cancel()
		if done = err == nil; done == errors.Is(err, context.Canceled) || calls > n {
			t.Errorf("ended at call %d, returns after call %d: %v", n, calls, err)
		}
		s.store.gate = func(context.Context, string) error { return nil }
		s.catalog.gate = s.store.gate
		if err := s.work(t.Context(), []runs.Key{keyA, keyB, keyC}); err != nil {
			t.Error(err)
		}
		s.keeps(t)
	}
}

// Without a configuration the newest hundred snapshots stay, and those of a day.
func TestRetention(t *testing.T) {
	s := newCalm(t)
	s.table.Retention = iceberg.Retention{}
	for n := range 103 {
		s.sources[keyA] = append(s.sources[keyA], version{number: n + 2, rows: 1})
		s.bring(t, keyA)
	}
	if n := len(s.catalog.table.Metadata.Snapshots); n != 103 {
		t.Errorf("%d snapshots of today", n)
	}
	s.table.Now = func() time.Time { return start.Add(25 * time.Hour) }
	s.bring(t, keyB)
	if n := len(s.catalog.table.Metadata.Snapshots); n != 101 {
		t.Errorf("%d snapshots a day later", n)
	}
	s.bring(t, keyC)
	if n := len(s.catalog.table.Metadata.Snapshots); n != 101 {
		t.Errorf("%d snapshots a day later", n)
	}
	s.keeps(t)
}
