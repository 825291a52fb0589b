package dirstore

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// lock keeps other publications of key away, in this process and others,
// between the look at the current state and the rename. The system frees the
// lock of a process that dies. It is held for a few calls of the file system,
// so waiting for it is short. Keys share 256 lock files, which stay.
func (s *Store) lock(key string) (unlock func(), err error) {
	sum := sha256.Sum256([]byte(strings.ToLower(key))) // "A" and "a" may be one file
	name := filepath.Join(private, "locks", hex.EncodeToString(sum[:1]))
	if err := s.root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, err
	}
	return lockedfile.MutexAt(filepath.Join(s.path, name)).Lock()
}

// makeDirs makes the folder dir so that it survives a loss of power.
func (s *Store) makeDirs(dir string) error {
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
