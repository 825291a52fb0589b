// Package filelock locks open files, so that processes keep out of each other's
// way and see that another one lives: the system frees the lock of who dies. It
// takes an open file and not a name, as who opened it knows where it leads.
package filelock

import (
	"fmt"
	"os"
)

// Lock waits until no other open file of the same name holds the lock, and
// takes it. Closing f gives it back.
func Lock(f *os.File) error {
	_, err := lock(f, true)
	return err
}

// TryLock takes the lock if nobody holds it, and says whether it did.
func TryLock(f *os.File) (bool, error) { return lock(f, false) }

func lock(f *os.File, wait bool) (got bool, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false, fmt.Errorf("lock file: %w", err)
	}
	var locked error
	if err = conn.Control(func(fd uintptr) { got, locked = lockHandle(fd, wait) }); err == nil {
		err = locked
	}
	if err != nil {
		return false, fmt.Errorf("lock file: %w", err)
	}
	return got, nil
}
