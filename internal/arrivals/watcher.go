package arrivals

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"sluice/internal/store"
)

// maxFolders bounds the folders that are watched; what is in others is found by
// listing.
const maxFolders = 10_000

// watcher is the notifications of the system, as far as there are any.
type watcher struct {
	a       *Arrivals
	root    string
	on      *fsnotify.Watcher // nil: there are none
	folders map[string]bool   // that are watched, as keys
	limited bool              // the system allows no more
}

// watch asks for notifications of the folder and all below it. On macOS and the BSDs
// a notification needs an open file for each file in a folder, so there we only list.
func (a *Arrivals) watch() *watcher {
	w := &watcher{a: a, root: a.o.Folder, folders: map[string]bool{}}
	if a.o.Folder == "" || runtime.GOOS != "linux" && runtime.GOOS != "windows" {
		return w
	}
	on, err := fsnotify.NewBufferedWatcher(4096)
	if err != nil {
		w.warn(err)
		return w
	}
	w.on = on
	w.addTree(strings.TrimSuffix(a.o.Prefix, "/"))
	return w
}

func (w *watcher) close() {
	if w.on != nil {
		w.on.Close() //nolint:errcheck // nothing is left to be told
	}
}

func (w *watcher) events() chan fsnotify.Event {
	if w.on == nil {
		return nil
	}
	return w.on.Events
}

func (w *watcher) errors() chan error {
	if w.on == nil {
		return nil
	}
	return w.on.Errors
}

func (w *watcher) warn(err error) {
	if !w.limited {
		w.limited = true
		w.a.o.Warn(fmt.Errorf("watch folder %q: %w; changes are found by listing it every few seconds", w.root, err))
	}
}

// addTree watches a folder and all below it. It follows no links, as listings.
func (w *watcher) addTree(folder string) {
	err := filepath.WalkDir(filepath.Join(w.root, filepath.FromSlash(folder)), func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // the listing tells of what cannot be read
		}
		if rel, err := filepath.Rel(w.root, name); err == nil {
			w.add(filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		w.warn(err)
	}
}

func (w *watcher) add(folder string) {
	if w.on == nil || w.limited || w.folders[folder] || len(w.folders) >= maxFolders {
		return
	}
	if err := w.on.Add(filepath.Join(w.root, filepath.FromSlash(folder))); err != nil {
		if _, gone := os.Lstat(filepath.Join(w.root, filepath.FromSlash(folder))); gone == nil {
			w.warn(err)
		}
		return
	}
	w.folders[folder] = true
}

// addFoldersOf watches the folders of a listed key.
func (w *watcher) addFoldersOf(key string) {
	for at := path.Dir(key); at != "." && strings.HasPrefix(at+"/", w.a.o.Prefix) && !w.folders[at]; at = path.Dir(at) {
		w.add(at)
		if !w.folders[at] {
			return
		}
	}
}

// happened looks at what a notification is about.
func (a *Arrivals) happened(ctx context.Context, w *watcher, event fsnotify.Event) {
	rel, err := filepath.Rel(w.root, event.Name)
	if err != nil || event.Op == fsnotify.Chmod {
		return
	}
	key := filepath.ToSlash(rel)
	if w.folders[key] && event.Has(fsnotify.Remove|fsnotify.Rename) {
		delete(w.folders, key) // the listing finds what else is gone
		return
	}
	if !strings.HasPrefix(key, a.o.Prefix) {
		return
	}
	if event.Has(fsnotify.Create) {
		if stat, err := os.Lstat(event.Name); err == nil && stat.IsDir() {
			a.folderCame(ctx, w, key)
			return
		}
		if a.cameWhole(ctx, key) {
			a.name([]string{key})
			return
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending[key] = &waiting{since: time.Now(), written: true}
}

// folderCame watches a new folder and looks at what is in it already: it may have
// been moved here, or filled before it was watched.
func (a *Arrivals) folderCame(ctx context.Context, w *watcher, folder string) {
	w.addTree(folder)
	var named []string
	_ = a.o.Source.List(ctx, folder+"/", func(info store.Info) error { // the next listing tells of errors
		if info.Err == nil && a.compare(info, 0) {
			named = append(named, info.Key)
		}
		return nil
	})
	a.name(named)
}

// cameWhole reports whether a file that has just appeared was last written a while
// ago: then it was moved here. A file that is being written has the present time.
func (a *Arrivals) cameWhole(ctx context.Context, key string) bool {
	info, err := a.o.Source.Head(ctx, key)
	if err != nil || !a.isCalm(info) {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.pending, key)
	return a.note(key, a.stamp(info))
}
