package dirstore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sluice/internal/store"
)

// List implements [store.Store]. It holds the names of one folder in memory
// for each level. It does not follow links to folders, since they may form circles.
func (s *Store) List(ctx context.Context, prefix string, fn func(store.Info) error) error {
	dir := "."
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		dir = prefix[:i]
		if !fs.ValidPath(dir) || isPrivate(dir) {
			return nil // no key has this prefix
		}
	}
	l := listing{Store: s, ctx: ctx, prefix: prefix, fn: fn}
	defer l.close()
	var stopped stop
	err := l.walk(dir)
	switch {
	case errors.As(err, &stopped):
		return stopped.err
	case err != nil:
		return s.fail("list", prefix, err)
	}
	return nil
}

// listing is one call of List.
type listing struct {
	*Store
	ctx    context.Context
	prefix string
	fn     func(store.Info) error
	meta   *os.Root // the folder of all Meta, if it was there at the last look
}

// stop wraps an error of the caller's function, so that it is returned unchanged.
type stop struct{ err error }

func (s stop) Error() string { return s.err.Error() }

// walk lists a folder, which stays open meanwhile: a look at a file then has no path
// to go.
func (l *listing) walk(dir string) error {
	local := filepath.FromSlash(dir)
	stat, err := l.root.Stat(local)
	if isAbsent(err) || err == nil && !stat.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	folder, err := l.root.OpenRoot(local)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	names, err := names(folder, dir == ".")
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		key := path.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			if inside := key + "/"; strings.HasPrefix(inside, l.prefix) || strings.HasPrefix(l.prefix, inside) {
				if err := l.walk(key); err != nil {
					return err
				}
			}
			continue
		}
		if !strings.HasPrefix(key, l.prefix) {
			continue
		}
		info, ok, err := l.file(folder, name, key)
		if err != nil {
			return err
		}
		if ok {
			if err := l.fn(info); err != nil {
				return stop{err}
			}
		}
	}
	return nil
}

// names lists a folder in the order of keys: a subfolder stands where its name
// with a slash would, since its keys begin with that.
func names(folder *os.Root, isTop bool) ([]string, error) {
	d, err := folder.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var names []string
	for {
		entries, err := d.ReadDir(1000) // in a Root they come with what Lstat says: few at once
		for _, e := range entries {
			switch {
			case isTop && isPrivate(e.Name()):
			case e.IsDir():
				names = append(names, e.Name()+"/")
			default:
				names = append(names, e.Name())
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return names, nil
}

// file describes a file of a folder; false if it is gone by now.
func (l *listing) file(folder *os.Root, name, key string) (store.Info, bool, error) {
	link, err := folder.Lstat(name)
	if isAbsent(err) {
		return store.Info{}, false, nil
	}
	if err != nil {
		return store.Info{}, false, err
	}
	info := store.Info{Key: key, Size: link.Size(), Modified: link.ModTime().UTC()}
	if _, err := localName(key); err != nil {
		info.Err = err
		return info, true, nil
	}
	local := filepath.FromSlash(key)
	stat := link
	if !link.Mode().IsRegular() {
		stat, err = l.regular(local)
		switch {
		case isAbsent(err):
			return store.Info{}, false, nil
		case errors.Is(err, store.ErrKey):
			info.Err = err
			return info, true, nil
		case err != nil:
			return store.Info{}, false, err
		}
	}
	info.Size, info.Modified, info.ETag = stat.Size(), stat.ModTime().UTC(), etag(stat, l.isPublished(local, stat))
	return info, true, nil
}

// isPublished reports whether a state has a Meta.
func (l *listing) isPublished(name string, stat fs.FileInfo) bool {
	if l.meta == nil {
		var err error
		if l.meta, err = l.root.OpenRoot(metaFolder); err != nil {
			return false
		}
	}
	_, err := l.meta.Lstat(metaPath(name, stat))
	return err == nil
}

func (l *listing) close() {
	if l.meta != nil {
		l.meta.Close() //nolint:errcheck // nothing was written
	}
}
