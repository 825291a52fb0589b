package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"sluice/internal/store"
)

// passing are errors of the system that may be gone at the next try: full disks,
// exhausted resources, faults of the device or of the network to it.
var passing = []error{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS, syscall.EMFILE, syscall.ENFILE,
	syscall.ENOMEM, syscall.EAGAIN, syscall.EBUSY, syscall.EINTR, syscall.ETIMEDOUT, syscall.ESTALE,
	os.ErrDeadlineExceeded,
}

// errAborted is the error of a Commit whose upload was removed meanwhile.
var errAborted = errors.New("another process aborted the upload")

// fail makes the error of an operation on key.
func (s *Store) fail(op, key string, err error) error {
	return s.failAt(op, filepath.Join(s.path, filepath.FromSlash(key)), err)
}

func (s *Store) failAt(op, location string, err error) error {
	e := &store.Error{Op: op, Location: location, Err: cause(err)}
	switch {
	case errors.Is(err, store.ErrChanged), errors.Is(err, errAborted), errors.Is(err, errLocked):
		e.Transient = true
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case isAbsent(err):
		e.Err = store.ErrNotFound
	case errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EILSEQ):
		e.Err = errors.Join(store.ErrKey, e.Err)
	default:
		for _, p := range passing {
			e.Transient = e.Transient || errors.Is(err, p)
		}
	}
	return e
}

// isAbsent is also true if a folder on the way is a file: "a/b" cannot exist if "a"
// is an object.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// cause leaves out the names of files in the store's own folder: the error names the
// object already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return cause(path.Err)
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	if err.Error() == "path escapes from parent" { // of os.Root, which has no name for it
		return fmt.Errorf("a link on the way leads out of the folder: %w", err)
	}
	return err
}
