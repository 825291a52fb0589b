// Package atomicfile writes a file that appears whole under its name, or not
// at all. Until Commit the bytes are in a hidden file of the same directory,
// ".name.*.sluice", and what stood under the name before stays. The hidden file
// is locked; one that a process left that was killed is not, and Sweep removes it.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"sluice/internal/filelock"
)

// File is a file being written. It is to be ended with Commit or Abort:
//
//	f, err := atomicfile.Create(name)
//	...
//	defer f.Abort() // a no-op after Commit
type File struct {
	f      *os.File
	name   string
	direct bool // a device or FIFO: there is nothing to rename
	ended  bool

	behind  int        // bytes written since a sync began
	syncing chan error // holds the result of the sync under way; nil if there is none
	err     error      // of the first write or sync that failed
}

// syncStep is after how many bytes what was written goes to the disk, while
// more is being written: so the last sync has little left to do.
const syncStep = 8 << 20

// Create starts a file that will stand under name, in place of the regular
// file found there, if any, and with its permissions. A symbolic link is
// followed. A device or FIFO, such as /dev/null, is written directly, since a
// rename would replace it.
func Create(name string) (*File, error) {
	old, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return create(name, nil)
	case err != nil:
		return nil, fmt.Errorf("create file: %w", err)
	case old.IsDir():
		return nil, fmt.Errorf("create file: %w", &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR})
	case !old.Mode().IsRegular():
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, fmt.Errorf("create file: %w", err)
		}
		return &File{f: f, name: name, direct: true}, nil
	}
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return nil, fmt.Errorf("create file: %w", err)
	}
	return create(target, old)
}

func create(name string, old fs.FileInfo) (*File, error) {
	f, err := createTemp(name)
	if fault := (&fs.PathError{}); errors.As(err, &fault) {
		fault.Path = name // and not the hidden file, which nobody has asked for
	}
	if err != nil {
		return nil, fmt.Errorf("create file: %w", err)
	}
	if old != nil {
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			f.Close()
			os.Remove(f.Name())
			return nil, fmt.Errorf("create file %s: %w", name, err)
		}
	}
	return &File{f: f, name: name}, nil
}

// hidden is the end of the name of a hidden file.
const hidden = ".sluice"

// createTemp is os.CreateTemp with the permissions of an ordinary new file:
// 0666 before the umask, and not 0600.
func createTemp(name string) (*os.File, error) {
	dir, base := filepath.Split(name)
	for {
		temp := dir + "." + base + "." + strconv.FormatUint(uint64(rand.Uint32()), 36) + hidden
		f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			// Some file systems have no locks. There a file that is left stays.
			filelock.TryLock(f) //nolint:errcheck // as said above
		}
		return f, err
	}
}

// Sweep removes the hidden files that processes left in dir when they were
// killed: nobody holds them, and nobody wrote to them for an hour. What cannot be
// looked at or removed stays, as who writes in a directory may have no right to
// more.
func Sweep(dir string) {
	entries, _ := os.ReadDir(dir) // as said above
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, ".") && strings.HasSuffix(name, hidden) && len(name) > len(hidden) && e.Type().IsRegular() {
			sweep(filepath.Join(dir, name))
		}
	}
}

func sweep(name string) {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	isAbandoned, err := filelock.Abandoned(f)
	f.Close() // some systems remove no open file; nobody takes it up again
	if err == nil && isAbandoned {
		os.Remove(name)
	}
}

// Write writes to the hidden file.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.f.Write(p)
	f.failed(err)
	if f.behind += n; f.behind >= syncStep && !f.direct && !f.busy() {
		f.behind = 0
		f.syncing = make(chan error, 1)
		go func(done chan<- error) { done <- f.f.Sync() }(f.syncing)
	}
	return n, err
}

// busy reports whether a sync is under way.
func (f *File) busy() bool {
	if f.syncing == nil {
		return false
	}
	select {
	case err := <-f.syncing:
		f.synced(err)
		return false
	default:
		return true
	}
}

// synced takes the result of a sync.
func (f *File) synced(err error) {
	f.syncing = nil
	f.failed(err)
}

// failed keeps the first error: a system may report a failure only once, and an
// incomplete file must not appear.
func (f *File) failed(err error) {
	if f.err == nil {
		f.err = err
	}
}

// settle waits for the sync that is under way.
func (f *File) settle() {
	if f.syncing != nil {
		f.synced(<-f.syncing)
	}
}

// Sync brings what was written to the disk. Commit does so too; to call it
// before the first of several commits leaves little that can fail between them.
func (f *File) Sync() error {
	f.settle()
	if !f.direct {
		f.failed(f.f.Sync())
	}
	if f.err != nil {
		return fmt.Errorf("write file %s: %w", f.name, f.err)
	}
	return nil
}

// Commit makes the file appear under its name, on the disk. After an error
// before the rename nothing has appeared; an error that names the directory
// means that the file stands but may not survive a loss of power.
func (f *File) Commit() error {
	if f.ended {
		return fmt.Errorf("commit file %s: %w", f.name, fs.ErrClosed)
	}
	err := f.Sync()
	f.ended = true
	if closed := f.f.Close(); err == nil && closed != nil {
		err = fmt.Errorf("close file %s: %w", f.name, closed)
	}
	if f.direct {
		return err
	}
	if err == nil {
		err = os.Rename(f.f.Name(), f.name)
	}
	if err != nil {
		os.Remove(f.f.Name())
		return fmt.Errorf("commit file: %w", err)
	}
	return syncDir(filepath.Dir(f.name))
}

// Abort removes the hidden file and leaves what stood under the name. After
// Commit or Abort it does nothing.
func (f *File) Abort() {
	if f.ended {
		return
	}
	f.ended = true
	f.settle()
	f.f.Close()
	if !f.direct {
		os.Remove(f.f.Name())
	}
}

// syncDir makes the rename last. Windows cannot do so for a directory, and
// some network file systems refuse it with EINVAL or ENOTSUP.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	defer d.Close()
	err = d.Sync()
	if err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}
