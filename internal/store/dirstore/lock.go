package dirstore

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// lock keeps other publications of key away, in this process and others,
// between the look at the current state and the rename. The system frees the
// lock of a process that dies. It is held for a few calls of the file system,
// so waiting for it is short. Keys share 256 lock files, which stay.
func (s *Store) lock(key string) (unlock func(), err error) {
	sum := sha256.Sum256([]byte(strings.ToLower(key))) // "A" and "a" may be one file
	name := filepath.Join(private, "locks", hex.EncodeToString(sum[:1]))
	mutex := lockedfile.MutexAt(filepath.Join(s.path, name))
	unlock, err = mutex.Lock()
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return nil, err
		}
		unlock, err = mutex.Lock()
	}
	return unlock, err
}
