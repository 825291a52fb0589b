// Package dirstore is a folder used as a bucket: a key is the path of a file
// in it, with slashes. Files that people put there by hand are objects like
// those the Store wrote.
//
// What the Store needs for itself is in the subfolder ".sluice":
//
//	uploads/<id>-<key>            objects until their Commit, locked while they are written
//	meta/<key>.<modified>-<size>  the Meta of the state with this time and size
//	locks/<hash>                  held by a publication, see lock.go
//
// An object is published by renaming its file, so readers of the older state
// keep reading that state. If another program changes a file while it is read, its
// size or time shows that.
//
// The folder must be on one local file system, or on a shared one with atomic
// renames and with locks that all its users see. If the file system ignores case,
// so does the Store.
package dirstore

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sluice/internal/store"
)

var _ store.Store = (*Store)(nil)

// Store is a folder. Every access goes through an os.Root, so nothing outside the
// folder is read or written, whatever keys and symbolic links say. Links to files
// inside the folder are followed.
type Store struct {
	path string
	root *os.Root
}

// Open uses the folder at path, which must exist. It writes nothing: a folder
// that is only read needs no permission to write.
func Open(path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	s := &Store{path: path, root: root}
	if err := s.checkOwn(); err != nil {
		root.Close() //nolint:errcheck // nothing was written
		return nil, fmt.Errorf("open folder: %w", err)
	}
	return s, nil
}

// checkOwn refuses links among the store's own folders: the store must not write or
// remove files where they lead, whether that is outside or a folder of objects. If a
// link appears later, os.Root still keeps all access inside the folder.
func (s *Store) checkOwn() error {
	for _, name := range []string{private, filepath.Join(private, "uploads"), metaFolder, filepath.Join(private, "locks")} {
		stat, err := s.root.Lstat(name)
		switch {
		case isAbsent(err):
		case err != nil:
			return err
		case stat.Mode()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s is a symbolic link, but must be a folder, since sluice keeps its own files in it: remove the link", filepath.Join(s.path, name))
		case !stat.IsDir():
			return fmt.Errorf("%s must be a folder, since sluice keeps its own files in it: move it away", filepath.Join(s.path, name))
		}
	}
	return nil
}

// Close releases the folder.
func (s *Store) Close() error { return s.root.Close() }

// String gives the absolute path of the folder.
func (s *Store) String() string { return s.path }

// Head implements [store.Store].
func (s *Store) Head(ctx context.Context, key string) (store.Info, error) {
	name, err := localName(key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return store.Info{}, s.fail("head", key, err)
	}
	info, err := s.current(ctx, key, name)
	if err != nil {
		return store.Info{}, s.fail("head", key, err)
	}
	return info, nil
}

// Delete implements [store.Store]. Folders that become empty stay, but those of partitions
// (column=value) go: their names are values.
func (s *Store) Delete(ctx context.Context, key string) error {
	name, err := localName(key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return s.fail("delete", key, err)
	}
	if _, err := s.root.Lstat(name); isAbsent(err) {
		return nil
	}
	unlock, err := s.lock(ctx, key)
	if err != nil {
		return s.fail("delete", key, err)
	}
	defer unlock()
	if err := s.remove(name); err != nil {
		return s.fail("delete", key, err)
	}
	return nil
}

func (s *Store) remove(name string) error {
	stat, err := s.root.Lstat(name)
	if isAbsent(err) || err == nil && stat.IsDir() {
		return nil // a folder is not an object
	}
	if err != nil {
		return err
	}
	if err := s.root.Remove(name); err != nil && !isAbsent(err) {
		return err
	}
	s.root.Remove(metaName(name, stat)) //nolint:errcheck // it may have none; a file that stays only wastes space
	s.prune(filepath.Dir(metaName(name, stat)))
	left := s.prune(filepath.Dir(name))
	if err := s.syncDir(left); err != nil && !isAbsent(err) { // another may have removed it too
		return err
	}
	return nil
}

// prune removes folders of partitions that are empty, from dir upwards, and returns the
// first folder that stays.
func (s *Store) prune(dir string) string {
	for strings.Contains(filepath.Base(dir), "=") && s.root.Remove(dir) == nil {
		dir = filepath.Dir(dir)
	}
	return dir
}

// regular returns the file under name, or fs.ErrNotExist for a folder: keys are
// files. Anything else is an ErrKey: opening a FIFO would block, and a link that
// leads nowhere is not the same as no object.
func (s *Store) regular(name string) (fs.FileInfo, error) {
	stat, err := s.root.Stat(name)
	if err == nil && stat.Mode().IsRegular() {
		return stat, nil
	}
	link, absent := s.root.Lstat(name)
	switch {
	case absent != nil:
		return nil, absent
	case link.Mode()&fs.ModeSymlink != 0 && (err != nil || stat.IsDir()):
		return nil, store.ErrLink
	case err != nil:
		return nil, err
	case stat.IsDir():
		return nil, fs.ErrNotExist
	}
	return nil, fmt.Errorf("%w: not a regular file", store.ErrKey)
}
