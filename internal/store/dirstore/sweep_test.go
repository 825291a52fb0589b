package dirstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sluice/internal/store"
)

// Only what is old, free and under the prefix is removed, and of a key that was
// noted without an upload no trace is left.
func TestSweep(t *testing.T) {
	s := open(t)
	for _, name := range []string{"AAAA-out%2Fold", "BBBB-other%2Fold", "CCCC.key", "DDDD-out%2Fnew", "EEEE.key"} {
		write(t, s, ".sluice/uploads/"+name, "x")
		if name == "CCCC.key" {
			makeOld(t, s)
		}
	}
	live, err := s.Create(t.Context(), "out/live", store.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Sweep(t.Context(), "out/"); n != 1 || err != nil {
		t.Errorf("swept %d: %v", n, err)
	}
	if left := uploadFiles(t, s); len(left) != 4 || slices.Contains(left, "AAAA-out%2Fold") || slices.Contains(left, "CCCC.key") {
		t.Errorf("left %v", left)
	}
	makeOld(t, s)
	if n, err := s.Sweep(t.Context(), ""); n != 2 || err != nil {
		t.Errorf("swept %d: %v", n, err)
	}
	if _, err := live.Commit(t.Context(), store.IfNoneMatch()); err != nil {
		t.Errorf("the living writer: %v", err)
	}
	if left := uploadFiles(t, s); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// A process that dies over a publication leaves the Meta of a state that never
// stood, or does not stand any more.
func TestSweepOfMeta(t *testing.T) {
	s := open(t)
	for _, key := range []string{"out/a", "out/b/c"} {
		if _, err := store.Put(t.Context(), s, key, []byte("x"), store.CreateOptions{Meta: map[string]string{"k": key}}, store.IfNoneMatch()); err != nil {
			t.Fatal(err)
		}
	}
	write(t, s, "out/plain", "not published")
	for _, name := range []string{"out/a.1-1", "out/a.b.1-1", "out/b/c.2-2", "out/plain.1-1", "out/plain.2-2", "out/gone.1-1", "out/gone.2-2"} {
		write(t, s, ".sluice/meta/"+name, `{"meta":{}}`)
	}
	if _, err := s.Sweep(t.Context(), "out/b/"); err != nil {
		t.Fatal(err)
	}
	exists := func(name string) bool {
		_, err := os.Lstat(filepath.Join(s.String(), ".sluice/meta", name))
		return !errors.Is(err, os.ErrNotExist)
	}
	if exists("out/b/c.2-2") || !exists("out/a.1-1") {
		t.Error("not what is under the prefix was swept")
	}
	if _, err := s.Sweep(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if exists("out/a.1-1") {
		t.Error("the Meta of an older state is left")
	}
	for _, name := range []string{"out/a.b.1-1", "out/plain.1-1", "out/plain.2-2", "out/gone.1-1", "out/gone.2-2"} {
		if !exists(name) {
			t.Errorf("%s was swept, though nothing says that it is of no use", name)
		}
	}
	for _, key := range []string{"out/a", "out/b/c"} {
		if got := head(t, s, key).Meta["k"]; got != key {
			t.Errorf("%s has the Meta %q", key, got)
		}
	}
}

// Of what a process left that died over a file of a partition, the folders go too: their
// names are values. Those with something in them stay.
func TestSweepOfPartitions(t *testing.T) {
	s := open(t)
	for _, dir := range []string{"out/data/name=Ada", "out/data/name=Bob/day=1", ".sluice/meta/out/data/name=Ada", ".sluice/meta/out/data/name=Bob/day=1", ".sluice/meta/out/data/name=Eve"} {
		if err := os.MkdirAll(filepath.Join(s.String(), dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write(t, s, "out/data/name=Bob/x", "x")
	write(t, s, ".sluice/uploads/AAAA-out%2Fdata%2Fname%3DAda%2Fx", "x")
	write(t, s, ".sluice/uploads/BBBB-out%2Fdata%2Fname%3DBob%2Fday%3D1%2Fx", "x")
	makeOld(t, s)
	if n, err := s.Sweep(t.Context(), "out/"); n != 2 || err != nil {
		t.Errorf("swept %d: %v", n, err)
	}
	for dir, stays := range map[string]bool{
		"out/data": true, "out/data/name=Ada": false, "out/data/name=Bob": true, "out/data/name=Bob/day=1": false,
		".sluice/meta/out/data": true, ".sluice/meta/out/data/name=Ada": false, ".sluice/meta/out/data/name=Bob": false, ".sluice/meta/out/data/name=Eve": false,
	} {
		if _, err := os.Stat(filepath.Join(s.String(), dir)); err == nil != stays {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
