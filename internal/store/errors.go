package store

import (
	"errors"
	"fmt"
	"strconv"
)

// The errors that callers must distinguish. Errors of a Store wrap them.
var (
	// ErrNotFound: there is no object under the key.
	ErrNotFound = errors.New("no such object")

	// ErrChanged: the state that was opened no longer exists. Open again for the
	// current one.
	ErrChanged = errors.New("the object was replaced or removed while it was read")

	// ErrPrecondition: the precondition of a Commit did not hold.
	ErrPrecondition = errors.New("precondition failed: another state stands there, which may be of this very call")

	// ErrConflict: another write of the same key was in progress. Write again
	// from a new Create.
	ErrConflict = errors.New("conflict with another write of the object")

	// ErrKey: the store cannot hold an object of this key.
	ErrKey = errors.New("key not possible here")
	// ErrLink, an ErrKey: a link in a folder that is not followed. There may be
	// objects where it leads.
	ErrLink = fmt.Errorf("%w: a link to a folder, to nowhere, or out of this folder is not followed", ErrKey)

	// ErrDenied: the server refused by its policies.
	ErrDenied = errors.New("access denied")

	// ErrArchived: the object is in an archive storage class.
	ErrArchived = errors.New("the object is archived: restore the object, then process it again")
)

// Error says which operation failed on which object, and why.
type Error struct {
	Op       string // "head", "open", "read", "create", "write", "commit", "abort", "list", "delete"
	Location string // of the object or the store, such as s3://bucket/key
	Err      error

	// Transient says that the same call may succeed later: something outside
	// failed (throttled, timeout, connection reset, short body, disk full), or the
	// object was replaced. It is set where the error arises, and read by
	// IsTransient.
	Transient bool
}

// Error quotes the location, since a key may contain line ends and control
// characters.
func (e *Error) Error() string {
	return e.Op + " " + strconv.Quote(e.Location) + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// IsRace reports whether the call that returned err came too late: another worker
// has written the object. Read it again before the next try.
func IsRace(err error) bool {
	return errors.Is(err, ErrPrecondition) || errors.Is(err, ErrConflict) || errors.Is(err, ErrChanged)
}

// IsTransient reports whether the call that returned err may succeed later without
// any action by a person. The end of a context is not transient: it is the caller's
// own decision.
func IsTransient(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Transient
}
