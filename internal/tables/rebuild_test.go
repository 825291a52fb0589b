package tables_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"sluice/internal/iceberg"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// loseLedger removes the ledger, but not what is staged.
func (s *simulation) loseLedger(t *testing.T) {
	t.Helper()
	err := s.store.List(t.Context(), "ledger/", func(i store.Info) error {
		if !strings.Contains(i.Key, "/staged/") {
			delete(s.store.objects, i.Key)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rebuild makes the ledger anew, of the rows of keys that the former one showed. change says
// what else is different.
func (s *simulation) rebuild(t *testing.T, change func(*runs.Entry)) *tables.Head {
	t.Helper()
	var entries []runs.Entry
	err := s.load(t).Scan(t.Context(), func(e *runs.Entry) error {
		if e.Shown.Mapping = ""; e.Shown.Rows > 0 {
			change(e)
			entries = append(entries, *e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.loseLedger(t)
	h, lost, err := s.table.LoadLost(t.Context())
	if err != nil || !tables.IsLost(lost) {
		t.Fatalf("lost %v, error %v", lost, err)
	}
	r := &tables.Rebuild{ID: tables.NewBatchID()}
	for part := range slices.Chunk(entries, 2) { // several runs
		if err := s.table.AddRun(t.Context(), h, r, func(add func(*runs.Entry) error) error {
			for i := range part {
				if err := add(&part[i]); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if h, err = s.table.Rebuild(t.Context(), h, r); err != nil {
		t.Fatal(err)
	}
	return h
}

func asItIs(*runs.Entry) {}

// rowsOf are the rows of a version of a key.
func rowsOf(e runs.Entry, version, rows int64) (all []sourceRow) {
	for n := range rows {
		all = append(all, sourceRow{version: version, n: n, source: tables.SourceID(e.Key, e.FirstSeen)})
	}
	return all
}

// All rows of an unknown state are replaced: where the ledger says, where others have moved
// them, and also those of older versions that came back with them. So are those that it has no
// place of, in files with rows of others.
func TestUnknownRows(t *testing.T) {
	for _, moved := range []bool{false, true} {
		s := newCalm(t)
		before := s.bring(t, keyA, keyB, keyC).Head
		found, err := before.Look(t.Context(), []runs.Key{keyA, keyB, keyC})
		if err != nil {
			t.Fatal(err)
		}
		h := s.rebuild(t, func(e *runs.Entry) {
			if e.Key == keyB {
				e.Shown.Files = nil
			}
		})
		if h.Rows() != 9 {
			t.Errorf("%d rows", h.Rows())
		}
		if moved {
			rows := slices.Concat(rowsOf(found[keyA], 1, 2), rowsOf(found[keyB], 1, 3), rowsOf(found[keyA], 0, 5), rowsOf(found[keyC], 1, 4), rowsOf(found[keyB], 0, 1))
			f, err := s.write(t.Context(), h.Metadata(), "moved", rows)
			if err != nil {
				t.Fatal(err)
			}
			s.foreign(t, iceberg.Rows{Drop: map[string]struct{}{found[keyA].Shown.Files[0].Path: {}}, Add: []iceberg.SpecFile{{DataFile: f}}})
		}
		s.newVersion(keyA, 1)
		s.newVersion(keyB, 2)
		c := s.bring(t, keyA, keyB)
		if c.Missing != 0 || c.Resurrected != 0 || c.Head.Rows() != 7 {
			t.Errorf("moved %t: %d missing, %d resurrected, %d rows", moved, c.Missing, c.Resurrected, c.Head.Rows())
		}
		if c := s.bring(t, keyC); c.Missing != 0 || c.Resurrected != 0 || c.Head.Rebuilt() != h.Rebuilt() {
			t.Errorf("moved %t: %d missing, %d resurrected, made anew in snapshot %d", moved, c.Missing, c.Resurrected, c.Head.Rebuilt())
		}
		if err := newPromise(s).end(s.catalog.table.Metadata); err != nil {
			t.Errorf("moved %t: %v", moved, err)
		}
	}
}

// A batch that began before the ledger was made anew begins again: that a key has no entry
// does not say any more that it was not changed. So does what was staged, and a rewrite.
func TestRebuiltMeanwhile(t *testing.T) {
	s := newCalm(t)
	s.bring(t, keyA)
	head := s.load(t)
	late := s.prepare(t, head, keyB)
	s.stageKeys(t, keyB)
	s.newVersion(keyB, 0)
	s.bring(t, keyB)
	rewrite := &tables.Rewrite{ID: tables.NewBatchID(), Live: tables.NewLive(s.table.Files)}
	rewritten := s.load(t)
	s.rebuild(t, asItIs)
	if found, err := s.load(t).Look(t.Context(), []runs.Key{keyB}); err != nil || len(found) != 0 {
		t.Fatalf("%v, %v", found, err)
	}
	if _, err := s.table.Commit(t.Context(), head, late); !errors.Is(err, tables.ErrOvertaken) {
		t.Errorf("a batch from before: %v", err)
	}
	if _, err := s.table.Rewrite(t.Context(), rewritten, rewrite); !errors.Is(err, tables.ErrMoved) {
		t.Errorf("a rewrite from before: %v", err)
	}
	c := s.decided(t, 1, 0, 1, keyB)
	s.bring(t, keyA, keyB, keyC)
	s.decided(t, 1, 0, 1, keyB)
	s.unstage(t, c)
	if err := newPromise(s).end(s.catalog.table.Metadata); err != nil {
		t.Error(err)
	}
}

// Whoever makes a ledger anew reads the files, also if it has their texts in memory. What is
// whole stays; after an error the head says whether the new ledger is there; and others who
// were faster are not lost.
func TestRebuildLands(t *testing.T) {
	s := newCalm(t)
	s.table.LedgerCache = runs.NewCache(cacheBytes)
	s.bring(t, keyA, keyB)
	if _, lost, err := s.table.LoadLost(t.Context()); lost != nil || err != nil {
		t.Errorf("a ledger that is whole: %v, %v", lost, err)
	}
	s.loseLedger(t)
	s.load(t) // from memory
	h, lost, err := s.table.LoadLost(t.Context())
	if err != nil || !errors.Is(lost, runs.ErrDamaged) || h.Rows() != 0 {
		t.Fatalf("lost %v, error %v", lost, err)
	}
	s.foreign(t, iceberg.Rows{})
	if _, err := s.table.Rebuild(t.Context(), h, &tables.Rebuild{ID: tables.NewBatchID()}); !errors.Is(err, tables.ErrMoved) {
		t.Errorf("another commit: %v", err)
	}
	if h, _, err = s.table.LoadLost(t.Context()); err != nil {
		t.Fatal(err)
	}
	own := *s.table
	own.Catalog = &replyLost{s.catalog}
	next, err := own.Rebuild(t.Context(), h, &tables.Rebuild{ID: tables.NewBatchID()})
	if err != nil || next.Rebuilt() != next.Metadata().LastSequence || len(s.catalog.seen) != 3 {
		t.Errorf("a lost reply: %v, %d commits", err, len(s.catalog.seen))
	}
}

// replyLost loses the reply of each commit.
type replyLost struct{ iceberg.Catalog }

func (c *replyLost) Commit(ctx context.Context, base *iceberg.Table, change iceberg.Change) (*iceberg.Table, error) {
	if _, err := c.Catalog.Commit(ctx, base, change); err != nil {
		return nil, err
	}
	return nil, io.ErrUnexpectedEOF
}
