package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"sluice/internal/store"
)

type glueError string

func (e glueError) Error() string     { return string(e) + ": said by the test" }
func (e glueError) ErrorCode() string { return string(e) }

// A user refused by a policy is told which action is missing; a user without
// valid credentials is not.
func TestHintsOfPolicies(t *testing.T) {
	for err, want := range map[error]bool{
		&store.Error{Op: "head", Location: "x", Err: fmt.Errorf("Forbidden (403): %w", store.ErrDenied)}: true,
		glueError("AccessDeniedException"): true, glueError("UnrecognizedClientException"): false, errors.New("AccessDenied"): false,
	} {
		if c := unseen("catalog", fmt.Errorf("look: %w", err), "glue:GetTable"); (c.Hint != "") != want || c.Status != NotChecked {
			t.Errorf("%v: %+v", err, c)
		}
	}
}

// A disk that cannot be written is no trouble that passes.
func TestHintsOfTheDisk(t *testing.T) {
	for cause, want := range map[error]string{
		syscall.EROFS: "mounted read-only", syscall.ENOSPC: "the disk is full", syscall.EACCES: "owner and the permissions", syscall.EIO: "try again",
	} {
		err := &store.Error{Op: "create", Location: "x", Err: &fs.PathError{Op: "open", Path: "x", Err: cause}, Transient: true}
		if c := failed("sink", err); c.Status != Failed || !strings.Contains(c.Hint, want) {
			t.Errorf("%v: hint %q, want %q in it", cause, c.Hint, want)
		}
	}
}
