// Package filelock locks open files, so that processes keep out of each other's
// way and see that another one lives: the system frees the lock of who dies. It
// takes an open file and not a name, as who opened it knows where it leads.
package filelock

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Lock waits until no other open file of the same name holds the lock, or ctx
// ends, and takes it. Closing f gives it back.
func Lock(ctx context.Context, f *os.File) error {
	const longest = 20 * time.Millisecond
	for pause := time.Millisecond; ; pause = min(2*pause, longest) {
		if got, err := TryLock(f); got || err != nil {
			return err
		}
		// The system's own waiting cannot be called off.
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("lock file: %w", context.Cause(ctx))
		}
	}
}

// silence is how long nobody must have written to a file before it counts as
// abandoned. A living process has locked its file, so this only matters in the moment
// before it does, and on file systems where a machine does not see the locks of another.
const silence = time.Hour

// Abandoned reports whether the process that wrote f has died: nobody has
// written to it for an hour, and nobody holds its lock, which f then does.
func Abandoned(f *os.File) (bool, error) {
	stat, err := f.Stat()
	if err != nil || time.Since(stat.ModTime()) < silence {
		return false, err
	}
	return TryLock(f)
}

// TryLock takes the lock if nobody holds it, and says whether it did.
func TryLock(f *os.File) (got bool, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false, fmt.Errorf("lock file: %w", err)
	}
	var locked error
	if err = conn.Control(func(fd uintptr) { got, locked = tryHandle(fd) }); err == nil {
		err = locked
	}
	if err != nil {
		return false, fmt.Errorf("lock file: %w", err)
	}
	return got, nil
}
