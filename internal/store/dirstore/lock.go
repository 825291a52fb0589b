package dirstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice/internal/filelock"
)

// lockWait is how long a publication waits for another one. A publication takes a
// few calls of the file system: a process that holds a lock longer was stopped.
const lockWait = 2 * time.Minute

var errLocked = errors.New("another process has held the lock for minutes: was it stopped?")

// lock keeps other publications of key away, in this process and others,
// between the look at the current state and the rename. The system frees the
// lock of a process that dies. Keys share 256 lock files, which stay.
func (s *Store) lock(ctx context.Context, key string) (unlock func(), err error) {
	sum := sha256.Sum256([]byte(strings.ToLower(key))) // "A" and "a" may be one file
	f, err := s.openOwn(filepath.Join(private, "locks", hex.EncodeToString(sum[:1])), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, lockWait, errLocked)
	defer cancel()
	if err := filelock.Lock(ctx, f); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
