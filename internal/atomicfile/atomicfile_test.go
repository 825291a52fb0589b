package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, name, content string) *File {
	t.Helper()
	f, err := Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, content); err != nil {
		t.Fatal(err)
	}
	return f
}

// names lists the directory, hidden files included.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func content(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCommit(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.parquet")
	f := start(t, name, "one")
	defer f.Abort()
	if got := names(t, dir); !strings.HasPrefix(got, ".a.parquet.") || !strings.HasSuffix(got, ".sluice") {
		t.Errorf("before Commit the directory has %q, want only the hidden file", got)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	if got := names(t, dir); got != "a.parquet" {
		t.Errorf("after Commit and Abort the directory has %q", got)
	}
	if got := content(t, name); got != "one" {
		t.Errorf("the file holds %q", got)
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second Commit: %v, want %v", err, fs.ErrClosed)
	}
}

func TestCommitReplacesAndKeepsPermissions(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	if err := os.WriteFile(name, []byte("old, and longer"), 0o640); err != nil {
		t.Fatal(err)
	}
	f := start(t, name, "new")
	if got := content(t, name); got != "old, and longer" {
		t.Errorf("before Commit the file holds %q", got)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, name); got != "new" {
		t.Errorf("the file holds %q", got)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got&0o077 != 0o040 && os.PathSeparator == '/' {
		t.Errorf("the file has the permissions %o, the older one had 640", got)
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	start(t, filepath.Join(dir, "new"), "half").Abort()
	if got := names(t, dir); got != "" {
		t.Errorf("after Abort the directory has %q", got)
	}
	old := filepath.Join(dir, "old")
	if err := os.WriteFile(old, []byte("whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := start(t, old, "half")
	f.Abort()
	f.Abort()
	if got := content(t, old); got != "whole" {
		t.Errorf("after Abort the older file holds %q", got)
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Commit after Abort: %v, want %v", err, fs.ErrClosed)
	}
}

func TestSymbolicLinkIsFollowed(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := start(t, link, "new").Commit(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, target); got != "new" {
		t.Errorf("the target of the link holds %q", got)
	}
	if got, err := os.Readlink(link); err != nil || got != target {
		t.Errorf("the link was replaced: %q, %v", got, err)
	}
}

func TestDeviceIsWrittenDirectly(t *testing.T) {
	before, err := os.Stat(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	f := start(t, os.DevNull, "gone")
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	start(t, os.DevNull, "gone").Abort()
	after, err := os.Stat(os.DevNull)
	if err != nil || after.Mode() != before.Mode() {
		t.Errorf("%s was replaced: %v, %v", os.DevNull, after, err)
	}
}

func TestCreateErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want string }{
		{"folder is absent", filepath.Join(dir, "absent", "a"), "create file: open "},
		{"folder is a file", filepath.Join(file, "a"), "create file: "},
		{"name is a folder", dir, "is a directory"},
	} {
		f, err := Create(c.path)
		if err == nil {
			f.Abort()
			t.Errorf("%s: no error", c.name)
		} else if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: error %q lacks %q or the path", c.name, err, c.want)
		}
	}
	if got := names(t, dir); got != "file" {
		t.Errorf("the directory has %q", got)
	}
}

// The name is taken by a folder between Create and Commit: nothing may be left.
func TestCommitFails(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	f := start(t, name, "new")
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err == nil || !strings.Contains(err.Error(), "commit file: ") {
		t.Errorf("Commit over a folder: %v", err)
	}
	if got := names(t, dir); got != "a" {
		t.Errorf("the directory has %q", got)
	}
}

// A large file goes to the disk while it is written.
func TestSyncedOnTheWay(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.parquet")
	large := strings.Repeat("0123456789abcdef", syncStep/16)
	f := start(t, name, large)
	defer f.Abort()
	if f.syncing == nil {
		t.Fatalf("no sync is under way behind %d bytes", syncStep)
	}
	for range 3 {
		if _, err := io.WriteString(f, large); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if content(t, name) != strings.Repeat(large, 4) {
		t.Error("the file has other bytes than were written")
	}

	f = start(t, filepath.Join(dir, "b.parquet"), large)
	f.Abort()
	if got := names(t, dir); got != "a.parquet" {
		t.Errorf("after Abort the directory has %q", got)
	}
}

// The system reports a failed write once, to the sync that comes first.
func TestFailedSyncOnTheWay(t *testing.T) {
	dir := t.TempDir()
	f := start(t, filepath.Join(dir, "a.parquet"), "one")
	defer f.Abort()
	f.syncing = make(chan error, 1)
	f.syncing <- fs.ErrInvalid
	if err := f.Sync(); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Sync: %v, want the error of the sync before", err)
	}
	if err := commitFails(t, f, dir); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Commit: %v, want the error of the sync before", err)
	}
}

// commitFails expects that nothing appears in dir, and returns the error.
func commitFails(t *testing.T, f *File, dir string) error {
	t.Helper()
	err := f.Commit()
	if err == nil {
		t.Error("Commit: no error")
	}
	if got := names(t, dir); got != "" {
		t.Errorf("after a failed Commit the directory has %q", got)
	}
	return err
}

// What lacks bytes does not appear.
func TestFailedWrite(t *testing.T) {
	dir := t.TempDir()
	f := start(t, filepath.Join(dir, "a.parquet"), "one")
	defer f.Abort()
	readOnly, err := os.Open(f.f.Name()) // a write to it fails
	if err != nil {
		t.Fatal(err)
	}
	f.f.Close()
	f.f = readOnly
	if _, err := io.WriteString(f, "two"); err == nil {
		t.Fatal("a write to a file that is open for reading succeeded")
	}
	commitFails(t, f, dir)
}

// Only what a dead process left is removed: a hidden file of ours, old and free.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	live := start(t, filepath.Join(dir, "a.parquet"), "half")
	defer live.Abort()
	for _, name := range []string{".dead.parquet.k3x9.sluice", ".new.parquet.k3x9.sluice", ".sluice", "visible.sluice", ".other.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".folder.k3x9.sluice"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("visible.sluice", filepath.Join(dir, ".link.k3x9.sluice")); err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	for _, name := range strings.Fields(names(t, dir)) {
		if strings.HasPrefix(name, ".new") {
			continue
		}
		if err := os.Chtimes(filepath.Join(dir, name), yesterday, yesterday); err != nil {
			t.Fatal(err)
		}
	}
	before := names(t, dir)
	Sweep(dir)
	if got, want := names(t, dir), strings.Replace(before, ".dead.parquet.k3x9.sluice ", "", 1); got != want {
		t.Errorf("left %s, want %s", got, want)
	}
	if err := live.Commit(); err != nil {
		t.Error(err)
	}
	Sweep(filepath.Join(dir, "absent"))
}
