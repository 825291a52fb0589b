package tables_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"

	"sluice/internal/iceberg"
	"sluice/internal/runs"
	"sluice/internal/tables"
)

// TestRewrites is the simulation with workers that also put files together, while others
// commit, die, and lose replies: each snapshot keeps the promise.
func TestRewrites(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	n := *schedules
	if testing.Short() {
		n = min(n, 60)
	}
	landed, moved := 0, 0
	for i := range n {
		s := newSimulation(t, 7000+*firstSeed+uint64(i))
		s.onBatch = func(ctx context.Context, _ *tables.Batch) {
			if s.r.IntN(2) > 0 {
				return
			}
			switch did, err := s.rewrite(ctx); {
			case errors.Is(err, tables.ErrMoved):
				moved++
			case err == nil && did:
				landed++
			}
		}
		if err := s.run(); err != nil {
			t.Fatalf("seed %d: %v\n%s", 7000+*firstSeed+uint64(i), err, s.trace.String())
		}
	}
	t.Logf("%d rewrites landed, %d were to be made anew", landed, moved)
	if n >= 60 && (landed == 0 || moved == 0) {
		t.Errorf("%d rewrites landed, %d were to be made anew", landed, moved)
	}
}

// rewrite puts the files of a partition together, as a worker does.
func (s *simulation) rewrite(ctx context.Context) (bool, error) {
	h, err := s.table.Load(ctx)
	if err != nil {
		return false, err
	}
	r := &tables.Rewrite{ID: s.batchID(ctx), Live: tables.NewLive(s.table.Files), MergeAt: 2}
	files, err := r.Live.Files(ctx, h)
	if err != nil || len(files) == 0 {
		return false, err
	}
	m := h.Metadata()
	shown, live, _, err := s.read(m, m.Head())
	if err != nil {
		return false, err
	}
	chosen := files[s.r.IntN(len(files))].Partition
	var rows []sourceRow
	var partition map[string]any
	for _, f := range files {
		if f.Partition != chosen {
			continue
		}
		r.Drop = append(r.Drop, f)
		for _, row := range shown {
			if row.file == f.Path {
				rows = append(rows, row.sourceRow)
			}
		}
		at := slices.IndexFunc(live, func(e iceberg.Entry) bool { return e.File.Path == f.Path })
		partition = live[at].File.Partition
	}
	if len(rows) > 0 {
		f, err := s.write(ctx, m, "rewrite-"+r.ID, rows)
		if err != nil {
			return false, err
		}
		f.Partition = partition
		r.Add = []iceberg.SpecFile{{DataFile: f}}
	}
	_, err = s.table.Rewrite(ctx, h, r)
	return err == nil, err
}

// A delete file stays as long as a data file is there that it names.
func TestRewriteKeepsDeletes(t *testing.T) {
	s := newCalm(t)
	keyD := runs.Key{Key: "raw/3"}
	s.newVersion(keyD, 5)
	s.bring(t, keyA, keyB)
	s.bring(t, keyC, keyD)
	s.newVersion(keyA, 1)
	s.newVersion(keyC, 1)
	h := s.bring(t, keyA, keyC).Head // masks rows of both files
	found, err := h.Look(t.Context(), []runs.Key{keyB})
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.write(t.Context(), h.Metadata(), "again", rowsOf(found[keyB], 1, 3))
	if err != nil {
		t.Fatal(err)
	}
	r := &tables.Rewrite{ID: tables.NewBatchID(), Live: tables.NewLive(s.table.Files), Add: []iceberg.SpecFile{{DataFile: f}}}
	files, err := r.Live.Files(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if file.Path == found[keyB].Shown.Files[0].Path {
			r.Drop = append(r.Drop, file)
		}
	}
	if h, err = s.table.Rewrite(t.Context(), h, r); err != nil {
		t.Fatal(err)
	}
	if n, ok := h.Totals(); !ok || n.DeleteFiles != 1 || h.Resurrected() != 0 {
		t.Errorf("%+v", n)
	}
	s.keeps(t)
}

// A rewrite is made anew if rows of its files went out of sight after it was made.
func TestRewriteMoved(t *testing.T) {
	s := newCalm(t)
	h := s.bring(t, keyA, keyB).Head
	found, err := h.Look(t.Context(), []runs.Key{keyA, keyB})
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.write(t.Context(), h.Metadata(), "again", append(rowsOf(found[keyA], 1, 2), rowsOf(found[keyB], 1, 3)...))
	if err != nil {
		t.Fatal(err)
	}
	r := &tables.Rewrite{ID: tables.NewBatchID(), Live: tables.NewLive(s.table.Files), Add: []iceberg.SpecFile{{DataFile: f}}}
	if r.Drop, err = r.Live.Files(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	s.newVersion(keyA, 1)
	s.bring(t, keyA, keyC)
	if _, err := s.table.Rewrite(t.Context(), h, r); !errors.Is(err, tables.ErrMoved) {
		t.Errorf("error %v", err)
	}
	s.keeps(t)
}
