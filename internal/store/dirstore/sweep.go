package dirstore

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sluice/internal/filelock"
)

// Sweep implements [store.Store]. It also removes the Meta of states that were
// replaced, or never published, by processes that died over it.
func (s *Store) Sweep(ctx context.Context, prefix string) (int, error) {
	n, err := s.sweepUploads(ctx, prefix)
	if err == nil {
		err = s.sweepMeta(ctx, ".", prefix)
	}
	if err != nil {
		return n, s.fail("sweep", prefix, err)
	}
	return n, nil
}

// own lists one of the store's own folders.
func (s *Store) own(dir string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(s.root.FS(), path.Join(private, dir))
	if isAbsent(err) {
		err = nil
	}
	return entries, err
}

func (s *Store) sweepUploads(ctx context.Context, prefix string) (n int, err error) {
	entries, err := s.own("uploads")
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		u, err := s.pendingUpload(e)
		switch {
		case isAbsent(err): // it has just ended
			continue
		case err != nil:
			return n, err
		case u.Key != "" && !strings.HasPrefix(u.Key, prefix):
			continue
		}
		isSwept, err := s.sweepUpload(u.ID, u.Key == "")
		if err != nil {
			return n, err
		}
		if isSwept {
			s.pruneOf(u.Key)
			n++
		}
	}
	return n, err
}

// sweepUpload removes an upload, or the key of one, that nobody writes to. Nobody
// takes up an ended upload again, so one that is free now stays free.
func (s *Store) sweepUpload(id string, isKey bool) (bool, error) {
	if isKey { // it goes with its upload, if that was ever begun
		if _, err := s.root.Lstat(uploadName(strings.TrimSuffix(id, ".key"))); !isAbsent(err) {
			return false, err
		}
	}
	f, err := s.root.OpenFile(uploadName(id), os.O_WRONLY, 0)
	if isAbsent(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if isAbandoned, err := filelock.Abandoned(f); err != nil || !isAbandoned {
		return false, err
	}
	f.Close() // some systems remove no open file
	return !isKey, s.removeUpload(id)
}

// pruneOf removes the folders of partitions that a dead writer made for an object.
func (s *Store) pruneOf(key string) {
	if name, err := localName(key); err == nil {
		s.prune(filepath.Dir(name))
		s.prune(filepath.Join(metaFolder, filepath.Dir(name)))
	}
}

// sweepMeta looks at the Meta of the keys in dir and below. Of a key that has
// several only that of its current state is of use. Empty folders of partitions go.
func (s *Store) sweepMeta(ctx context.Context, dir, prefix string) error {
	entries, err := s.own(path.Join("meta", dir))
	if err != nil {
		return err
	}
	byKey := map[string][]string{}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		key := path.Join(dir, e.Name())
		if e.IsDir() {
			if inside := key + "/"; strings.HasPrefix(inside, prefix) || strings.HasPrefix(prefix, inside) {
				if err := s.sweepMeta(ctx, key, prefix); err != nil {
					return err
				}
				s.prune(filepath.Join(metaFolder, filepath.FromSlash(key)))
			}
			continue
		}
		if key = strings.TrimSuffix(key, path.Ext(key)); strings.HasPrefix(key, prefix) {
			byKey[key] = append(byKey[key], e.Name())
		}
	}
	for key, names := range byKey {
		if len(names) > 1 {
			if err := s.sweepMetaOf(ctx, key, names); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweepMetaOf looks under the lock of the key: a publication under way has its
// Meta before its state.
func (s *Store) sweepMetaOf(ctx context.Context, key string, names []string) error {
	name, err := localName(key)
	if err != nil {
		return nil // it was made of another key; a rest is only waste
	}
	unlock, err := s.lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	stat, err := s.root.Stat(name)
	if err != nil {
		return nil // nothing says which of them is of use
	}
	current := metaName(name, stat)
	if _, err := s.root.Lstat(current); err != nil {
		return nil
	}
	for _, other := range names {
		if other := filepath.Join(filepath.Dir(current), other); other != current {
			if err := s.root.Remove(other); err != nil && !isAbsent(err) {
				return err
			}
		}
	}
	return nil
}
