package dirstore

import (
	"context"
	"errors"
	"io/fs"
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
	var stopped stop
	err := s.walk(ctx, dir, prefix, fn)
	switch {
	case errors.As(err, &stopped):
		return stopped.err
	case err != nil:
		return s.fail("list", prefix, err)
	}
	return nil
}

// stop wraps an error of the caller's function, so that it is returned unchanged.
type stop struct{ err error }

func (s stop) Error() string { return s.err.Error() }

func (s *Store) walk(ctx context.Context, dir, prefix string, fn func(store.Info) error) error {
	names, err := s.names(dir)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		key := path.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			if inside := key + "/"; strings.HasPrefix(inside, prefix) || strings.HasPrefix(prefix, inside) {
				if err := s.walk(ctx, key, prefix, fn); err != nil {
					return err
				}
			}
			continue
		}
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		info, ok, err := s.listed(key)
		if err != nil {
			return err
		}
		if ok {
			if err := fn(info); err != nil {
				return stop{err}
			}
		}
	}
	return nil
}

// names lists a folder in the order of keys: a subfolder stands where its name
// with a slash would, since its keys begin with that.
func (s *Store) names(dir string) ([]string, error) {
	d, err := s.root.Open(filepath.FromSlash(dir))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		switch {
		case dir == "." && isPrivate(e.Name()):
		case e.IsDir():
			names = append(names, e.Name()+"/")
		default:
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// listed describes a file for a listing; false if it is gone by now.
func (s *Store) listed(key string) (store.Info, bool, error) {
	name := filepath.FromSlash(key)
	link, err := s.root.Lstat(name)
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
	stat := link
	if !link.Mode().IsRegular() {
		stat, err = s.regular(name)
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
	_, err = s.root.Lstat(metaName(name, stat))
	info.Size, info.Modified, info.ETag = stat.Size(), stat.ModTime().UTC(), etag(stat, err == nil)
	return info, true, nil
}
