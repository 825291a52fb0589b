package doctor

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"sluice/internal/store"
)

// A disk that cannot be written is no trouble that passes.
func TestHintsOfTheDisk(t *testing.T) {
	for cause, want := range map[error]string{
		syscall.EROFS: "can only be read", syscall.ENOSPC: "the disk is full", syscall.EACCES: "owner and the permissions", syscall.EIO: "try again",
	} {
		err := &store.Error{Op: "create", Location: "x", Err: &fs.PathError{Op: "open", Path: "x", Err: cause}, Transient: true}
		if c := failed("sink", err); c.Status != Failed || !strings.Contains(c.Hint, want) {
			t.Errorf("%v: hint %q, want %q in it", cause, c.Hint, want)
		}
	}
}
