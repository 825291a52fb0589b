package tables_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"sluice/internal/iceberg"
	"sluice/internal/runs"
	"sluice/internal/tables"
	"sluice/schema"
)

// newVersion gives a source its next version.
func (s *simulation) newVersion(k runs.Key, rows int) {
	s.sources[k] = append(s.sources[k], version{number: len(s.sources[k]) + 1, rows: rows})
}

func (s *simulation) stageKeys(t *testing.T, keys ...runs.Key) {
	t.Helper()
	if err := s.stage(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
}

func (s *simulation) waiting(t *testing.T) []tables.Staged {
	t.Helper()
	staged, err := s.table.Staged(t.Context(), s.load(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	return staged
}

// decided commits what is staged, and compares what came of it.
func (s *simulation) decided(t *testing.T, batches, keys, dropped int, look ...runs.Key) tables.CommittedStaged {
	t.Helper()
	c, err := s.table.CommitStaged(t.Context(), s.waiting(t), tables.Asks{State: s.identity})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Done) != batches || c.Keys != keys || c.Dropped != dropped || !slices.Equal(c.Look, look) || c.Missing != 0 || c.Resurrected != 0 || len(c.Left) > 0 {
		t.Errorf("%d batches, %d keys, %d dropped, look at %v, %d missing, %d resurrected, left %v", len(c.Done), c.Keys, c.Dropped, c.Look, c.Missing, c.Resurrected, c.Left)
	}
	return c
}

func (s *simulation) unstage(t *testing.T, c tables.CommittedStaged) {
	t.Helper()
	if err := s.table.Unstage(t.Context(), c.Done); err != nil {
		t.Fatal(err)
	}
	if left := s.waiting(t); len(left) > 0 {
		t.Errorf("%d batches still wait", len(left))
	}
}

// snapshots is how many commits have landed.
func (s *simulation) snapshots(t *testing.T, want int) {
	t.Helper()
	if n := len(s.catalog.seen); n != want {
		t.Errorf("%d snapshots, want %d", n, want)
	}
}

// Staged batches of other keys become visible in one snapshot; nothing is before.
func TestStaged(t *testing.T) {
	s := newCalm(t)
	for _, k := range []runs.Key{keyA, keyB, keyC} {
		s.stageKeys(t, k)
	}
	s.snapshots(t, 0)
	c := s.decided(t, 3, 3, 0)
	if s.snapshots(t, 1); c.Files != 3 || c.Head.Rows() != 9 || c.Tries != 1 {
		t.Errorf("%d files, %d rows, %d tries", c.Files, c.Head.Rows(), c.Tries)
	}
	s.unstage(t, c)
	s.keeps(t)
}

// Of two staged states of a key that is new, the one that the source has now becomes visible.
// The rows of the other are taken out of sight in the same snapshot, beside those of another
// key that stay; a file all of whose rows go is not added.
func TestStagedTwice(t *testing.T) {
	s := newCalm(t)
	s.stageKeys(t, keyA, keyB) // 2 and 3 rows in a file
	s.stageKeys(t, keyC)
	s.newVersion(keyB, 1)
	s.stageKeys(t, keyB)
	s.newVersion(keyC, 5)
	s.stageKeys(t, keyC)
	c := s.decided(t, 4, 3, 2)
	if n, ok := c.Head.Totals(); !ok || c.Files != 3 || n.Files != 3 || n.Records != 11 || n.PositionDeletes != 3 || c.Head.Rows() != 8 {
		t.Errorf("%d files, %+v, %d rows", c.Files, n, c.Head.Rows())
	}
	s.unstage(t, c)
	s.keeps(t)
}

// If the source has none of two staged states, one of them becomes visible, and the key is to
// be looked at again. Whoever comes next finds nothing to do, with the same batches and with
// some of them.
func TestStagedAndOverwritten(t *testing.T) {
	s := newCalm(t)
	s.stageKeys(t, keyA, keyB)
	s.newVersion(keyB, 1)
	s.stageKeys(t, keyB)
	s.newVersion(keyB, 4)
	s.decided(t, 2, 2, 1, keyB)
	for _, at := range s.waiting(t) {
		c, err := s.table.CommitStaged(t.Context(), []tables.Staged{at}, tables.Asks{State: s.identity})
		if err != nil || c.Keys != 0 || c.Tries != 0 {
			t.Errorf("%d keys in %d tries, %v", c.Keys, c.Tries, err)
		}
	}
	s.snapshots(t, 1)
	s.bring(t, keyB, keyC)
	c := s.decided(t, 2, 0, 2, keyB)
	s.unstage(t, c)
	s.keeps(t)
}

// A source that cannot be asked leaves the key to a new look.
func TestSourceThatFails(t *testing.T) {
	s := newCalm(t)
	s.stageKeys(t, keyA)
	s.newVersion(keyA, 4)
	s.stageKeys(t, keyA)
	c, err := s.table.CommitStaged(t.Context(), s.waiting(t), tables.Asks{State: func(context.Context, runs.Key) (string, error) { return "", io.ErrUnexpectedEOF }})
	if err != nil || c.Keys != 1 || !slices.Equal(c.Look, []runs.Key{keyA}) {
		t.Errorf("%+v, %v", c, err)
	}
	s.bring(t, keyA, keyB, keyC)
	s.keeps(t)
}

// A state that was staged several times counts once.
func TestStagedAgain(t *testing.T) {
	s := newCalm(t)
	for range 3 {
		s.stageKeys(t, keyA, keyB)
	}
	c := s.decided(t, 3, 2, 0)
	if c.Files != 1 || c.Head.Rows() != 5 {
		t.Errorf("%d files, %d rows", c.Files, c.Head.Rows())
	}
	s.unstage(t, c)
	s.bring(t, keyC)
	s.keeps(t)
}

// Batches that a committer has committed, and not removed before it died, are known: the next
// one commits nothing and looks at nothing.
func TestCommitterDies(t *testing.T) {
	s := newCalm(t)
	s.stageKeys(t, keyA)
	s.stageKeys(t, keyB, keyC)
	s.decided(t, 2, 3, 0)
	c := s.decided(t, 2, 0, 0)
	s.snapshots(t, 1)
	s.unstage(t, c)
	s.keeps(t)
}

// A staged state whose key was changed meanwhile does not become visible, whatever it is; the
// key is looked at unless the ledger has that very state.
func TestStagedLate(t *testing.T) {
	s := newCalm(t)
	s.stageKeys(t, keyA, keyB)
	s.stageKeys(t, keyC)
	s.newVersion(keyB, 5)
	s.bring(t, keyB)
	s.bring(t, keyC)
	c := s.decided(t, 2, 1, 1, keyB)
	if c.Head.Rows() != 2+5+4 {
		t.Errorf("%d rows", c.Head.Rows())
	}
	s.bring(t, keyA) // settled
	s.unstage(t, c)
	s.keeps(t)
}

// What is staged of broken and deleted sources becomes visible as any other state.
func TestStagedWithoutRows(t *testing.T) {
	s := newCalm(t)
	s.bring(t, keyA, keyB)
	s.sources[keyA] = append(s.sources[keyA], version{number: 2, broken: true})
	s.sources[keyB] = append(s.sources[keyB], version{})
	s.newVersion(keyC, 0)
	s.stageKeys(t, keyA, keyB, keyC)
	c := s.decided(t, 1, 3, 0)
	if c.Head.Rows() != 2 || c.Files != 0 {
		t.Errorf("%d rows, %d files", c.Head.Rows(), c.Files)
	}
	found, err := c.Head.Look(t.Context(), []runs.Key{keyA})
	if e := found[keyA]; err != nil || e.State.Identity != "v2" || e.Shown.Identity != "v1" {
		t.Errorf("%+v, %v", e, err)
	}
	s.keeps(t)
}

// A reply that is lost, a commit that lands late, and one that is refused, are the same to a
// committer as to a batch.
func TestStagedFaults(t *testing.T) {
	for f := lostReply; f < faults; f++ {
		s := newCalm(t)
		s.stageKeys(t, keyA, keyB)
		s.stageKeys(t, keyC)
		first := true
		s.catalog.fault = func() fault {
			if !first {
				return none
			}
			first = false
			return f
		}
		c := s.decided(t, 2, 3, 0)
		if s.snapshots(t, 1); c.Tries != 1 && f == lostReply || c.Tries != 2 && f != lostReply {
			t.Errorf("fault %d: %d tries", f, c.Tries)
		}
		for _, land := range s.catalog.late {
			land()
		}
		s.unstage(t, c)
		s.keeps(t)
	}
}

// Batches with other columns are left to the next commit. If the table cannot take the columns
// any more, the keys are looked at again.
func TestStagedColumns(t *testing.T) {
	s := newCalm(t)
	h := s.load(t)
	now := start
	s.table.Now = func() time.Time { return now }
	stage := func(b *tables.Batch) {
		t.Helper()
		now = now.Add(time.Millisecond)
		if err := s.table.Stage(t.Context(), h, b); err != nil {
			t.Fatal(err)
		}
	}
	stage(with(t, h, s.prepare(t, h, keyA), "a", schema.String))
	stage(with(t, h, s.prepare(t, h, keyB), "b", schema.String)) // under the same ID
	stage(with(t, h, s.prepare(t, h, keyC), "a", schema.String))
	for n := range 2 {
		c, err := s.table.CommitStaged(t.Context(), s.waiting(t), tables.Asks{State: s.identity})
		if err != nil {
			t.Fatal(err)
		}
		fields := c.Head.Metadata().CurrentSchema().Fields[len(columns):]
		if len(fields) != 1 || fields[0].Name != "a" || n == 0 && c.Keys != 2 || n == 1 && !slices.Equal(c.Look, []runs.Key{keyB}) || len(c.Look)+c.Keys != len(c.Done) {
			t.Errorf("%+v: %+v", fields, c)
		}
		s.bring(t, c.Look...)
		if err := s.table.Unstage(t.Context(), c.Done); err != nil {
			t.Fatal(err)
		}
	}
	if left := s.waiting(t); len(left) > 0 {
		t.Errorf("%d batches still wait", len(left))
	}
	s.keeps(t)
}

// Staged batches that cannot be read stay, and others go on. Of damage nothing becomes visible.
func TestStagedDamaged(t *testing.T) {
	s := newCalm(t)
	s.stageKeys(t, keyA)
	s.stageKeys(t, keyB)
	newer, damaged := s.waiting(t)[0].Key, s.waiting(t)[1].Key
	s.store.objects[newer] = zipped(t, `{"version": 2}`)
	whole := s.store.objects[damaged]
	s.stageKeys(t, keyC)
	left := func() (isDamaged bool) {
		t.Helper()
		c, err := s.table.CommitStaged(t.Context(), s.waiting(t), tables.Asks{State: s.identity})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Left) == 0 || c.Left[0].Key != newer || errors.Is(c.Left[0].Err, tables.ErrDamaged) || !strings.Contains(c.Left[0].Err.Error(), newer+": it was written by a newer version of sluice") {
			t.Errorf("%+v", c.Left)
		}
		if len(c.Left) < 2 {
			return false
		}
		if c.Left[1].Key != damaged || !errors.Is(c.Left[1].Err, tables.ErrDamaged) || !strings.Contains(c.Left[1].Err.Error(), damaged+": it is damaged") {
			t.Errorf("%+v", c.Left[1])
		}
		return true
	}
	r := rand.New(rand.NewPCG(1, 2))
	noticed := 0
	for range 60 {
		bad := slices.Clone(whole)
		bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		s.store.objects[damaged] = bad
		if left() {
			noticed++ // some bits of gzip say nothing: the batch is the same
		}
	}
	if noticed < 50 {
		t.Errorf("damage was noticed %d times", noticed)
	}
	z, err := gzip.NewReader(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for what, bad := range map[string][]byte{
		"cut":               whole[:len(whole)-1],
		"rows of no file":   zipped(t, strings.Replace(string(text), `"rows":3`, `"rows":4`, 1)),
		"no such partition": zipped(t, strings.Replace(string(text), `"spec_id":0`, `"spec_id":7`, 1)),
		"no such type":      zipped(t, strings.Replace(string(text), `"columns":null`, `"columns":[{"name":"a","type":"int63","id":9}]`, 1)),
		"a list":            zipped(t, "[]"),
	} {
		if s.store.objects[damaged] = bad; !left() {
			t.Errorf("%s: it was not noticed", what)
		}
	}
	s.sources[keyA] = nil // in the newer one
	s.bring(t, keyB)
	s.keeps(t)
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	fmt.Fprint(z, text)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A damaged batch is set aside by whoever comes first, also after one that died in between.
func TestSetAside(t *testing.T) {
	s := newCalm(t)
	s.stageKeys(t, keyA)
	h, at := s.load(t), s.waiting(t)[0]
	bad := []byte("no batch")
	s.store.objects[at.Key] = bad
	for n := range 3 {
		key, err := s.table.SetAside(t.Context(), h, at)
		if err != nil || !strings.HasPrefix(key, h.DamagedFolder()) || !bytes.Equal(s.store.objects[key], bad) {
			t.Errorf("%s has %q, %v", key, s.store.objects[key], err)
		}
		if left := s.waiting(t); len(left) > 0 {
			t.Errorf("%v still wait", left)
		}
		if n == 0 {
			s.store.objects[at.Key] = bad // it was copied, and not removed
		}
	}
	s.bring(t, keyA, keyB, keyC)
	s.keeps(t)
}

// A key whose rows were moved into a file that is lost now stops its own batch, and no other.
func TestStagedAndLost(t *testing.T) {
	s := newCalm(t)
	s.bring(t, keyB)
	c, err := s.compact(func(int) bool { return true }, slices.Reverse[[]sourceRow])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.finish(c, false); err != nil {
		t.Fatal(err)
	}
	moved, err := s.table.Files.Key(c.files[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	lost := s.store.objects[moved]
	delete(s.store.objects, moved)
	s.stageKeys(t, keyA)
	s.newVersion(keyB, 2)
	before := s.waiting(t)
	s.stageKeys(t, keyB)
	stuck := slices.DeleteFunc(s.waiting(t), func(w tables.Staged) bool { return slices.Contains(before, w) })[0]
	s.stageKeys(t, keyC)
	var left []tables.Uncommitted
	for wait := s.waiting(t); len(wait) > 0; {
		c, err := s.table.CommitStaged(t.Context(), wait, tables.Asks{State: s.identity})
		if err != nil || len(c.Done)+len(c.Left) == 0 {
			t.Fatalf("%+v, %v", c, err)
		}
		left = append(left, c.Left...)
		wait = slices.DeleteFunc(wait, func(s tables.Staged) bool {
			return slices.Contains(c.Done, s) || slices.ContainsFunc(c.Left, func(l tables.Uncommitted) bool { return l.Staged == s })
		})
		if err := s.table.Unstage(t.Context(), c.Done); err != nil {
			t.Fatal(err)
		}
	}
	if len(left) != 1 || left[0].Staged != stuck || errors.Is(left[0].Err, tables.ErrDamaged) || !strings.Contains(left[0].Err.Error(), "commit staged batch "+stuck.Key+": find moved rows in ") {
		t.Errorf("%+v", left)
	}
	s.snapshots(t, 4)
	s.store.objects[moved] = lost // restored
	s.unstage(t, s.decided(t, 1, 1, 0))
	s.keeps(t)
}

// Of a key that is new to a table, only the state counts by whose ID the first table has it.
func TestStagedForTwoTables(t *testing.T) {
	s := newCalm(t)
	s.stageKeys(t, keyA, keyB) // A at its first version
	s.newVersion(keyA, 3)
	s.stageKeys(t, keyA)
	first := map[runs.Key]time.Time{keyA: start.Add(time.Second)}
	for n := range 2 {
		c, err := s.table.CommitStaged(t.Context(), s.waiting(t), tables.Asks{State: s.identity, FirstSeen: func(_ context.Context, fresh []runs.Key) (map[runs.Key]time.Time, error) {
			if n == 0 && len(fresh) != 2 || n == 1 && len(fresh) != 0 {
				t.Errorf("%v are new", fresh)
			}
			return first, nil
		}})
		if err != nil || !slices.Equal(c.Look, []runs.Key{keyA}) || c.Keys != 2-2*n {
			t.Errorf("%+v, %v", c, err)
		}
		found, err := c.Head.Look(t.Context(), []runs.Key{keyA})
		if e := found[keyA]; err != nil || !e.FirstSeen.Equal(first[keyA]) || e.Shown.Identity != "v1" {
			t.Errorf("%+v, %v", e, err)
		}
	}
	s.bring(t, keyA, keyC)
	s.keeps(t)
}

// A commit takes two hundred batches, the oldest first, and leaves the others.
func TestMostBatches(t *testing.T) {
	s := newCalm(t)
	for n := range 203 {
		k := runs.Key{Key: fmt.Sprintf("raw/%03d", n+5)}
		s.sources[k] = []version{{number: 1, rows: 1}}
		s.stageKeys(t, k)
	}
	all := s.waiting(t)
	c, err := s.table.CommitStaged(t.Context(), all, tables.Asks{State: s.identity})
	if err != nil || c.Keys != 200 || !slices.Equal(c.Done, all[:200]) {
		t.Fatalf("%d keys, %v", c.Keys, err)
	}
	if err := s.table.Unstage(t.Context(), c.Done); err != nil {
		t.Fatal(err)
	}
	s.unstage(t, s.decided(t, 3, 3, 0))
	if some, err := s.table.Staged(t.Context(), s.load(t), 2); err != nil || len(some) > 0 {
		t.Errorf("%v, %v", some, err)
	}
	s.snapshots(t, 2)
}

// A batch that would break the ledger is not staged, and one without changes needs no file.
func TestStageIsChecked(t *testing.T) {
	s := newCalm(t)
	h := s.load(t)
	b := s.prepare(t, h, keyA)
	b.Changes[0].After.Shown.Rows++
	if err := s.table.Stage(t.Context(), h, b); err == nil || !strings.Contains(err.Error(), "stage batch "+b.ID) {
		t.Errorf("%v", err)
	}
	if err := s.table.Stage(t.Context(), h, &tables.Batch{ID: tables.NewBatchID()}); err != nil {
		t.Error(err)
	}
	if n := len(s.waiting(t)); n > 0 {
		t.Errorf("%d batches wait", n)
	}
}

// Rows that move into another file, while rows of the same key that never counted stay where
// they are, are found.
func TestStagedAndMoved(t *testing.T) {
	s := newCalm(t)
	s.stageKeys(t, keyA, keyB)
	s.newVersion(keyB, 4)
	s.stageKeys(t, keyB)
	c := s.decided(t, 2, 2, 1)
	s.unstage(t, c)
	found, err := c.Head.Look(t.Context(), []runs.Key{keyB})
	if err != nil {
		t.Fatal(err)
	}
	var rows []sourceRow
	for n := range int64(4) {
		rows = append(rows, sourceRow{version: 2, n: n, source: tables.SourceID(keyB, found[keyB].FirstSeen)})
	}
	moved, err := s.write(t.Context(), c.Head.Metadata(), "moved", rows)
	if err != nil {
		t.Fatal(err)
	}
	s.foreign(t, iceberg.Rows{Drop: map[string]struct{}{found[keyB].Shown.Files[0].Path: {}}, Add: []iceberg.SpecFile{{DataFile: moved}}})
	s.newVersion(keyB, 1)
	if c := s.bring(t, keyB); c.Missing != 0 || c.Resurrected != 0 || c.Head.Rows() != 3 {
		t.Errorf("%d missing, %d resurrected, %d rows", c.Missing, c.Resurrected, c.Head.Rows())
	}
	s.sources[keyC] = nil
	s.keeps(t)
}
