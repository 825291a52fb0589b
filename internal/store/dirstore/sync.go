package dirstore

import (
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"syscall"
)

// mostTries is how often a folder is made again that others took away: see prune.
const mostTries = 100

// makeDirs makes the folder dir so that it survives a loss of power.
func (s *Store) makeDirs(dir string) (err error) {
	for range mostTries {
		if err = s.makeDirsOnce(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}

func (s *Store) makeDirsOnce(dir string) error {
	if stat, err := s.root.Stat(dir); err == nil && stat.IsDir() {
		return nil
	}
	if err := s.root.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for dir != "." {
		dir = filepath.Dir(dir)
		if err := s.syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// syncDir makes changes of names in dir last. Windows cannot do so, and some
// network file systems refuse it with EINVAL or ENOTSUP.
func (s *Store) syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
