package dirstore

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	"sluice/internal/filelock"
)

// lock keeps other publications of key away, in this process and others,
// between the look at the current state and the rename. The system frees the
// lock of a process that dies. It is held for a few calls of the file system,
// so waiting for it is short. Keys share 256 lock files, which stay.
func (s *Store) lock(key string) (unlock func(), err error) {
	sum := sha256.Sum256([]byte(strings.ToLower(key))) // "A" and "a" may be one file
	f, err := s.openOwn(filepath.Join(private, "locks", hex.EncodeToString(sum[:1])), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	if err := filelock.Lock(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
