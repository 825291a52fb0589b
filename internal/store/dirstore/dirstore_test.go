package dirstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/filelock"
	"sluice/internal/store"
	"sluice/internal/store/dirstore"
	"sluice/internal/store/storetest"
)

func write(t *testing.T, s *dirstore.Store, name, content string) string {
	t.Helper()
	path := filepath.Join(s.String(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func listed(t *testing.T, s *dirstore.Store) []string {
	t.Helper()
	var keys []string
	if err := s.List(t.Context(), "", func(i store.Info) error {
		keys = append(keys, i.Key)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return keys
}

func head(t *testing.T, s *dirstore.Store, key string) store.Info {
	t.Helper()
	info, err := s.Head(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// Files that people put into the folder are objects.
func TestPlainFiles(t *testing.T) {
	s := open(t)
	path := write(t, s, "in/orders.json", "[1]")
	before := head(t, s, "in/orders.json")
	if before.Size != 3 || before.Meta != nil || before.ETag == "" {
		t.Errorf("head gives %+v", before)
	}
	if data, info, err := store.Get(t.Context(), s, "in/orders.json", 10); err != nil || string(data) != "[1]" || info.Identity() != before.Identity() {
		t.Errorf("read %q, %+v: %v", data, info, err)
	}
	if keys := listed(t, s); !slices.Equal(keys, []string{"in/orders.json"}) {
		t.Errorf("listed %q", keys)
	}
	if entries, err := os.ReadDir(s.String()); err != nil || len(entries) != 1 {
		t.Errorf("reading made files: %v, %v", entries, err)
	}

	// Other content of the same size and, as unpackers of archives set it, the
	// same modification time.
	if runtime.GOOS == "linux" || runtime.GOOS == "darwin" {
		time.Sleep(20 * time.Millisecond) // the system's clock for files has a coarse tick
		write(t, s, "in/orders.json", "[2]")
		if err := os.Chtimes(path, before.Modified, before.Modified); err != nil {
			t.Fatal(err)
		}
		if after := head(t, s, "in/orders.json"); after.Identity() == before.Identity() {
			t.Error("the identity is the same for other content")
		}
	}

	info, err := store.Put(t.Context(), s, "in/orders.json", []byte("[3]"), store.CreateOptions{}, store.IfMatch(head(t, s, "in/orders.json").ETag))
	if err != nil || info.Size != 3 {
		t.Errorf("replacing a plain file: %+v, %v", info, err)
	}
}

// Damaged metadata is told by its file, and what helps does.
func TestDamagedMetadata(t *testing.T) {
	s := open(t)
	if _, err := store.Put(t.Context(), s, "a/key", []byte("one"), store.CreateOptions{Meta: map[string]string{"a": "b"}}, store.IfNoneMatch()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(s.String(), ".sluice", "meta", "a", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte("garbage"), 0o666); err != nil {
		t.Fatal(err)
	}
	name, err := filepath.Rel(s.String(), files[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Head(t.Context(), "a/key"); err == nil || !strings.Contains(err.Error(), name+", is damaged; delete it") {
		t.Errorf("error %v", err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if info := head(t, s, "a/key"); info.Meta != nil || info.Size != 3 {
		t.Errorf("head gives %+v", info)
	}
}

// A published state that another program changes loses its metadata: it is not
// what was published any more.
func TestChangedByOthers(t *testing.T) {
	s := open(t)
	info, err := store.Put(t.Context(), s, "key", []byte("one"), store.CreateOptions{Meta: map[string]string{"a": "b"}}, store.IfNoneMatch())
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, "key", "other")
	if now := head(t, s, "key"); now.ETag == info.ETag || now.Meta != nil {
		t.Errorf("head gives %+v", now)
	}
	_, err = store.Put(t.Context(), s, "key", []byte("x"), store.CreateOptions{}, store.IfMatch(info.ETag))
	if !errors.Is(err, store.ErrPrecondition) {
		t.Errorf("error %v", err)
	}
}

// A file may go while it is looked at, as when another program renames it.
func TestGoneWhileLookedAt(t *testing.T) {
	s, err := dirstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		path := filepath.Join(s.String(), "a")
		for range 3000 {
			_ = os.WriteFile(path, []byte("1"), 0o666)
			_ = os.Remove(path)
		}
	}()
	for seen := 0; ; seen++ {
		if _, err := s.Head(t.Context(), "a"); err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		select {
		case <-done:
			t.Logf("looked %d times", seen)
			return
		default:
		}
	}
}

// A copy of the folder that keeps modification times keeps what it says.
func TestCopy(t *testing.T) {
	s := open(t)
	meta := map[string]string{"identity": "version:1"}
	info, err := store.Put(t.Context(), s, "out/key", []byte("one"), store.CreateOptions{Meta: meta}, store.IfNoneMatch())
	if err != nil {
		t.Fatal(err)
	}
	target := t.TempDir()
	if err := os.CopyFS(target, os.DirFS(s.String())); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(target, "out/key"), info.Modified, info.Modified); err != nil {
		t.Fatal(err)
	}
	c, err := dirstore.Open(target)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := head(t, c, "out/key"); got.ETag != info.ETag || got.Meta["identity"] != "version:1" {
		t.Errorf("the copy says %+v, the original %+v", got, info)
	}
}

// A program writes to a file while it is read.
func TestWrittenWhileRead(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"longer":  func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("y", 200)), 0o666) },
		"shorter": func(path string) error { return os.Truncate(path, 50) },
		"same size": func(path string) error {
			if err := os.WriteFile(path, []byte(strings.Repeat("y", 100)), 0o666); err != nil {
				return err
			}
			return os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)) // a tick of the clock
		},
	} {
		s := open(t)
		path := write(t, s, "key", strings.Repeat("x", 100))
		o, err := s.Open(t.Context(), "key")
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		if _, err := io.ReadFull(o, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(o); !errors.Is(err, store.ErrChanged) || !store.IsTransient(err) {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := o.(io.ReaderAt).ReadAt(make([]byte, 10), 20); !errors.Is(err, store.ErrChanged) || !store.IsTransient(err) {
			t.Errorf("%s, a part: error %v", name, err)
		}
	}
}

// An object is read like one of bytes, wherever it is read.
func TestReadAt(t *testing.T) {
	s := open(t)
	data := strings.Repeat("0123456789", 10)
	write(t, s, "key", data)
	ctx, cancel := context.WithCancel(t.Context())
	o, err := s.Open(ctx, "key")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if err := iotest.TestReader(io.NewSectionReader(o.(io.ReaderAt), 0, o.Info().Size), []byte(data)); err != nil {
		t.Error(err)
	}
	cancel()
	if _, err := o.(io.ReaderAt).ReadAt(make([]byte, 10), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// The clock is set back, or ticks in hours: a later state still has a later
// time and another ETag, and a stale fence does not hold.
func TestClock(t *testing.T) {
	s := open(t)
	path := write(t, s, "key", "a")
	future := time.Now().Add(1000 * time.Hour)
	if err := os.Chtimes(path, future, future); err != nil {
		t.Fatal(err)
	}
	before := head(t, s, "key")
	for _, content := range []string{"b", "c"} {
		info, err := store.Put(t.Context(), s, "key", []byte(content), store.CreateOptions{Meta: map[string]string{"n": content}}, store.IfMatch(before.ETag))
		if err != nil {
			t.Fatal(err)
		}
		if info.ETag == before.ETag || !info.Modified.After(before.Modified) || info.Meta["n"] != content {
			t.Errorf("%+v after %+v", info, before)
		}
		before = info
	}
}

// Old metadata is removed with the state it belongs to.
func TestMetadataOfOldStates(t *testing.T) {
	s := open(t)
	for range 5 {
		if _, err := store.Put(t.Context(), s, "out/key", []byte("x"), store.CreateOptions{Meta: map[string]string{"a": "b"}}, store.Unconditional()); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{1, 0} {
		if entries, err := os.ReadDir(filepath.Join(s.String(), ".sluice/meta/out")); err != nil || len(entries) != want {
			t.Errorf("%d files, want %d: %v", len(entries), want, err)
		}
		if err := s.Delete(t.Context(), "out/key"); err != nil {
			t.Fatal(err)
		}
	}
}

// Keys that are no plain paths, or not possible as file names.
func TestRefusedKeys(t *testing.T) {
	s := open(t)
	write(t, s, "file", "x")
	for _, key := range []string{
		"/absolute", "a//b", "slash/", "/", "with\x00nul", ".sluice", ".sluice/meta/x", ".SLUICE/locks/00",
		strings.Repeat("n", 256), "a/" + strings.Repeat("é", 200),
	} {
		_, err := s.Create(t.Context(), key, store.CreateOptions{})
		if !errors.Is(err, store.ErrKey) || store.IsTransient(err) {
			t.Errorf("create %.40q: %v", key, err)
		}
		if _, err := s.Open(t.Context(), key); !errors.Is(err, store.ErrKey) && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("open %.40q: %v", key, err)
		}
	}
	// A file cannot be a folder as well.
	write(t, s, "folder/file", "x")
	for _, key := range []string{"file/below", "folder"} {
		_, err := store.Put(t.Context(), s, key, []byte("x"), store.CreateOptions{}, store.Unconditional())
		if !errors.Is(err, store.ErrKey) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if uploads, err := s.PendingUploads(t.Context(), ""); err != nil || len(uploads) > 0 {
		t.Errorf("left: %v, %v", uploads, err)
	}
}

// No key leads out of the folder: not by its text, not through a link.
func TestNothingOutside(t *testing.T) {
	parent := t.TempDir()
	secret := filepath.Join(parent, "secret")
	if err := os.WriteFile(secret, []byte("untouched"), 0o666); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(parent, "lake")
	if err := os.MkdirAll(filepath.Join(inside, "real"), 0o777); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"absolute": secret, "relative": "../secret", "folder": parent, "dangling": "nowhere", "loop": "loop", "good": "real",
	} {
		if err := os.Symlink(target, filepath.Join(inside, link)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := dirstore.Open(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rapid.Check(t, func(r *rapid.T) {
		segments := rapid.SliceOfN(rapid.SampledFrom([]string{
			"..", ".", "", "absolute", "relative", "folder", "secret", "dangling", "loop", "good", "x", "\\..", "C:", "..\\secret", "\x00",
		}), 1, 5).Draw(r, "segments")
		key := strings.Join(segments, "/")
		if data, _, err := store.Get(t.Context(), s, key, 100); err == nil && string(data) == "untouched" {
			r.Fatalf("%q reads the secret", key)
		}
		store.Put(t.Context(), s, key, []byte("touched"), store.CreateOptions{Meta: map[string]string{"a": "b"}}, store.Unconditional()) // most are refused
		s.Delete(t.Context(), key)                                                                                                       // so are these
		if data, err := os.ReadFile(secret); err != nil || string(data) != "untouched" {
			r.Fatalf("%q touched the secret: %q, %v", key, data, err)
		}
		if entries, err := os.ReadDir(parent); err != nil || len(entries) != 2 {
			r.Fatalf("%q made a file outside: %v, %v", key, entries, err)
		}
	})
}

// The store's own folders are no links: who opens the folder is told, and of
// one that is put there later nothing outside is touched.
func TestOwnFoldersAreNoLinks(t *testing.T) {
	for _, name := range []string{".sluice", ".sluice/locks", ".sluice/uploads", ".sluice/meta"} {
		for _, isInside := range []bool{false, true} {
			s := open(t)
			write(t, s, "in/order.json", "untouched")
			target := t.TempDir()
			if isInside {
				target = filepath.Join(s.String(), "in")
			}
			link := filepath.Join(s.String(), name)
			if err := os.MkdirAll(filepath.Dir(link), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, link); err != nil {
				t.Fatal(err)
			}
			if _, err := dirstore.Open(s.String()); err == nil || !strings.Contains(err.Error(), link+" is a symbolic link") {
				t.Errorf("%s: opened, error %v", name, err)
			}
			if isInside {
				continue
			}
			_, err := store.Put(t.Context(), s, "key", []byte("x"), store.CreateOptions{Meta: map[string]string{"a": "b"}}, store.IfNoneMatch())
			if err == nil || !strings.HasSuffix(err.Error(), `/key": a link on the way leads out of the folder: path escapes from parent`) {
				t.Errorf("%s: written, error %v", name, err)
			}
			if err := s.Delete(t.Context(), "in/order.json"); err == nil && strings.HasSuffix(name, "locks") {
				t.Errorf("%s: deleted without a lock", name)
			}
			if entries, err := os.ReadDir(target); err != nil || len(entries) > 0 {
				t.Errorf("%s: outside are %v, %v", name, entries, err)
			}
		}
	}
	s := open(t)
	write(t, s, ".sluice", "a file")
	if _, err := dirstore.Open(s.String()); err == nil || !strings.Contains(err.Error(), "must be a folder") {
		t.Errorf("a file in its place: %v", err)
	}
}

// A lock file that is a link locks nothing outside, and makes nothing there.
func TestLockFileIsNoLink(t *testing.T) {
	s := open(t)
	outside := filepath.Join(t.TempDir(), "made")
	write(t, s, ".sluice/locks/x", "")
	for i := range 256 {
		if err := os.Symlink(outside, filepath.Join(s.String(), fmt.Sprintf(".sluice/locks/%02x", i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Put(t.Context(), s, "key", []byte("x"), store.CreateOptions{}, store.IfNoneMatch()); err == nil {
		t.Error("written under a lock outside")
	}
	if _, err := os.Lstat(outside); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made outside: %v", err)
	}
}

// A process that was stopped while it holds a lock holds nobody up for ever: the
// wait ends with the context, or after minutes with an error that may pass.
func TestLockIsHeld(t *testing.T) {
	s := open(t)
	write(t, s, ".sluice/locks/x", "")
	for i := range 256 {
		f, err := os.Create(filepath.Join(s.String(), fmt.Sprintf(".sluice/locks/%02x", i)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got, err := filelock.TryLock(f); !got || err != nil {
			t.Fatal(err)
		}
	}
	put := func(ctx context.Context) error {
		_, err := store.Put(ctx, s, "key", []byte("x"), store.CreateOptions{}, store.IfNoneMatch())
		return err
	}
	synctest.Test(t, func(t *testing.T) { // under a clock of its own
		if err := put(t.Context()); !store.IsTransient(err) || !strings.HasSuffix(err.Error(), "was it stopped?") {
			t.Errorf("error %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := put(ctx); !errors.Is(err, context.DeadlineExceeded) || store.IsTransient(err) {
			t.Errorf("error %v", err)
		}
	})
	if n := len(uploadFiles(t, s)); n > 0 {
		t.Errorf("%d uploads are left", n)
	}
}

// Links to files inside the folder are followed.
func TestLinks(t *testing.T) {
	s := open(t)
	path := write(t, s, "in/real.json", "content")
	if err := os.Symlink("real.json", filepath.Join(s.String(), "in/link.json")); err != nil {
		t.Fatal(err)
	}
	if keys := listed(t, s); !slices.Equal(keys, []string{"in/link.json", "in/real.json"}) {
		t.Errorf("listed %q", keys)
	}
	if data, _, err := store.Get(t.Context(), s, "in/link.json", 100); err != nil || string(data) != "content" {
		t.Errorf("read %q: %v", data, err)
	}
	if err := s.Delete(t.Context(), "in/link.json"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("deleting the link deleted the file: %v", err)
	}
}

// What is no object is listed as such: names that are no keys, and what is
// neither a file nor a folder.
func TestStrangers(t *testing.T) {
	s := open(t)
	if err := os.MkdirAll(filepath.Join(s.String(), "in/real"), 0o777); err != nil {
		t.Fatal(err)
	}
	names := []string{"in/nowhere.json", "in/loop", "in/outside.json", "in/folder", "in/circle"}
	for i, target := range []string{"gone", "loop", t.TempDir(), "real", "."} {
		if err := os.Symlink(target, filepath.Join(s.String(), names[i])); err != nil {
			t.Fatal(err)
		}
	}
	if runtime.GOOS == "linux" { // others refuse these names, or have no such files
		for _, name := range []string{"in/bad\xff.json", "in/bad\xff/below.json"} {
			names = append(names, name)
			write(t, s, name, "x")
		}
		pipe, err := net.Listen("unix", filepath.Join(s.String(), "in/socket"))
		if err != nil {
			t.Fatal(err)
		}
		defer pipe.Close()
		names = append(names, "in/socket")
	}
	long := "in/" + strings.Repeat(strings.Repeat("d", 250)+"/", 4) + strings.Repeat("f", 100) + ".json"
	write(t, s, long, "x")
	storetest.Strangers(t, s, "in/", append(names, long)...)
}

func TestOpenFolder(t *testing.T) {
	if _, err := dirstore.Open(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if err := open(t).AbortUpload(t.Context(), store.Upload{Key: "x", ID: "../../x"}); err == nil {
		t.Error("aborts anything")
	}
}

// The folder of a partition goes with its last file, and others who write to it meanwhile
// make it again.
func TestFoldersOfPartitions(t *testing.T) {
	s := open(t)
	put := func(key string) error {
		_, err := store.Put(t.Context(), s, key, []byte("x"), store.CreateOptions{Meta: map[string]string{"by": "test"}}, store.IfNoneMatch())
		return err
	}
	folders := func() (all []string) {
		err := filepath.WalkDir(s.String(), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && strings.Contains(path, "=") {
				all = append(all, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	for _, key := range []string{"data/a=1/b=2/x", "data/a=1/y"} {
		if err := put(key); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete(t.Context(), "data/a=1/b=2/x"); err != nil {
		t.Fatal(err)
	}
	if left := folders(); len(left) != 2 { // that of the file, and that of its Meta
		t.Errorf("%q", left)
	}
	if err := s.Delete(t.Context(), "data/a=1/y"); err != nil {
		t.Fatal(err)
	}
	if left := folders(); len(left) != 0 {
		t.Errorf("%q", left)
	}
	if _, err := os.Stat(filepath.Join(s.String(), "data")); err != nil {
		t.Errorf("another folder is gone: %v", err)
	}
	errs := make(chan error)
	for n := range 4 {
		go func() {
			var err error
			for i := 0; i < 100 && err == nil; i++ {
				key := fmt.Sprintf("data/a=1/b=2/%d", n)
				if err = put(key); err == nil {
					err = s.Delete(t.Context(), key)
				}
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if left := folders(); len(left) != 0 {
		t.Errorf("%q", left)
	}
}
