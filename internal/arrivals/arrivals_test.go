package arrivals

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sluice/internal/store"
	"sluice/internal/store/dirstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// looking is a folder that is looked at, and the keys that were named.
type looking struct {
	t     *testing.T
	dir   string
	a     *Arrivals
	named chan string
}

func look(t *testing.T, edit func(*Options)) *looking {
	t.Helper()
	l := &looking{t: t, dir: t.TempDir(), named: make(chan string, 100_000)}
	if err := os.Mkdir(filepath.Join(l.dir, "in"), 0o777); err != nil {
		t.Fatal(err)
	}
	source, err := dirstore.Open(l.dir)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Source: source, Prefix: "in/", Warn: func(err error) { t.Log("warn:", err) },
		Arrived: func(keys []string) {
			for _, k := range keys {
				l.named <- k
			}
		},
	}
	if edit != nil {
		edit(&o)
		o.Folder = map[bool]string{true: l.dir}[o.Folder != ""]
	}
	l.a = New(o)
	t.Cleanup(func() { source.Close() })
	return l
}

// start looks until the end of the test, and returns after the first listing.
func (l *looking) start() {
	l.t.Helper()
	ctx, cancel := context.WithCancel(l.t.Context())
	var running sync.WaitGroup
	ready := make(chan struct{})
	running.Go(func() { l.a.Run(ctx, func() { close(ready) }) })
	l.t.Cleanup(func() { cancel(); running.Wait() })
	<-ready
}

func (l *looking) write(name, text string, flag int) {
	l.t.Helper()
	f, err := os.OpenFile(filepath.Join(l.dir, name), os.O_WRONLY|os.O_CREATE|flag, 0o666)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// nothing makes sure that no key was named.
func (l *looking) nothing(when string) {
	l.t.Helper()
	synctest.Wait()
	select {
	case key := <-l.named:
		l.t.Fatalf("%s: %q was named", when, key)
	default:
	}
}

// all takes the keys that were named.
func (l *looking) all(when string, want ...string) {
	l.t.Helper()
	synctest.Wait()
	var got []string
	for len(l.named) > 0 {
		got = append(got, <-l.named)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		l.t.Fatalf("%s: named %q, want %q", when, got, want)
	}
}

// Without notifications, by listings alone. The clock is the test's, so the files
// are all of the future: only that they do not change says that they are whole.
func TestListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := look(t, nil)
		l.write("in/before.json", "{", 0)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { l.a.Run(ctx, nil) })
		defer running.Wait()
		defer cancel()
		synctest.Wait()
		l.nothing("at the start")

		// A file that grows is not named, however long it takes.
		for range 20 {
			time.Sleep(400 * time.Millisecond)
			l.write("in/before.json", "{}", os.O_APPEND)
			l.nothing("while it grows")
		}
		time.Sleep(10 * time.Second)
		l.all("at rest", "in/before.json")

		l.write("in/b.json", "{}", 0)
		if err := os.MkdirAll(filepath.Join(l.dir, "in/x/y"), 0o777); err != nil {
			t.Fatal(err)
		}
		l.write("in/x/y/c.json", "{}", 0)
		l.write("other.json", "{}", 0) // not of the prefix
		time.Sleep(10 * time.Second)
		l.all("new ones", "in/b.json", "in/x/y/c.json")

		time.Sleep(time.Minute)
		l.nothing("nothing changes")

		l.write("in/b.json", "[1]", os.O_TRUNC)
		time.Sleep(10 * time.Second)
		l.all("one is written anew", "in/b.json")

		if err := os.RemoveAll(filepath.Join(l.dir, "in/x")); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(l.dir, "in/before.json")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		l.all("two are removed", "in/before.json", "in/x/y/c.json")

		// Between two looks one was removed and written again.
		if err := os.Remove(filepath.Join(l.dir, "in/b.json")); err != nil {
			t.Fatal(err)
		}
		l.write("in/b.json", "[1]", 0)
		time.Sleep(10 * time.Second)
		l.all("one is replaced", "in/b.json")
	})
}

// Another goroutine asks before it reads.
func TestWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := look(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { l.a.Run(ctx, nil) })
		defer running.Wait()
		defer cancel()
		synctest.Wait()

		l.write("in/a.json", "{", 0)
		info := l.head("in/a.json")
		if l.a.Whole(info) {
			t.Fatal("a file of just now counts as whole")
		}
		time.Sleep(10 * time.Second)
		l.all("after the question", "in/a.json")
		if !l.a.Whole(info) {
			t.Fatal("a file that was named is not whole")
		}
		l.write("in/a.json", "}", os.O_APPEND)
		if l.a.Whole(l.head("in/a.json")) {
			t.Fatal("a file that was written to counts as whole")
		}
		if old := (store.Info{Key: "in/old.json", ETag: "1", Modified: time.Now().Add(-time.Hour)}); !l.a.Whole(old) {
			t.Fatal("an old file is not whole")
		}
	})
}

func (l *looking) head(key string) store.Info {
	l.t.Helper()
	info, err := l.a.o.Source.Head(l.t.Context(), key)
	if err != nil {
		l.t.Fatal(err)
	}
	return info
}

// With notifications alone: there is one listing, at the start.
func TestNotifications(t *testing.T) {
	l := look(t, func(o *Options) { o.Folder, o.Poll, o.Settle = "yes", time.Hour, 20*time.Millisecond })
	l.write("in/a.json", "{}", 0)
	l.start()
	w := l.a.watch()
	defer w.close()
	if w.on == nil {
		t.Skip("no notifications on this system")
	}
	expect := func(when string, want ...string) {
		t.Helper()
		var got []string
		for len(got) < len(want) {
			select {
			case key := <-l.named:
				if !slices.Contains(got, key) { // a slow disk may show more than one state
					got = append(got, key)
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("%s: named %q, want %q", when, got, want)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%s: named %q, want %q", when, got, want)
		}
	}
	expect("of before", "in/a.json")
	l.write("in/b.json", "{}", 0)
	expect("new", "in/b.json")
	l.write("in/b.json", "{}", os.O_APPEND)
	expect("written anew", "in/b.json")
	if err := os.Remove(filepath.Join(l.dir, "in/b.json")); err != nil {
		t.Fatal(err)
	}
	expect("removed", "in/b.json")

	// A new folder, and what is in it already.
	l.write("x.json", "{}", 0)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(l.dir, "x.json"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(l.dir, "made/deep"), 0o777); err != nil {
		t.Fatal(err)
	}
	l.write("made/deep/c.json", "{}", 0)
	if err := os.Rename(filepath.Join(l.dir, "made"), filepath.Join(l.dir, "in/made")); err != nil {
		t.Fatal(err)
	}
	expect("a folder was moved here", "in/made/deep/c.json")
	l.write("in/made/deep/d.json", "{}", 0)
	expect("in the new folder", "in/made/deep/d.json")
	if err := os.Rename(filepath.Join(l.dir, "x.json"), filepath.Join(l.dir, "in/x.json")); err != nil {
		t.Fatal(err)
	}
	expect("moved here", "in/x.json")
}

// Many files at once, while some are removed again.
func TestMany(t *testing.T) {
	l := look(t, func(o *Options) { o.Folder, o.Poll, o.Settle = "yes", 100*time.Millisecond, 20*time.Millisecond })
	l.start()
	want := map[string]bool{}
	for i := range 3000 {
		name := filepath.ToSlash(filepath.Join("in", string(rune('a'+i%20)), "f"+string(rune('a'+i/20%26))+string(rune('a'+i%26))+string(rune('a'+i/520))+".json"))
		if err := os.MkdirAll(filepath.Dir(filepath.Join(l.dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		l.write(name, "{}", 0)
		want[name] = true
	}
	for len(want) > 0 {
		select {
		case key := <-l.named:
			delete(want, key)
		case <-time.After(30 * time.Second):
			t.Fatalf("%d keys were never named", len(want))
		}
	}
}
