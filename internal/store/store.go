// Package store is one bucket, or a folder used as one: objects are read at a
// pinned version and appear whole, under a precondition, or not at all. The
// promise of the pipeline (one visible result for a source key, whatever is
// repeated, late or killed) depends on this contract, so it has two real
// implementations, s3store and dirstore, and one suite that both pass:
// storetest.
package store

import (
	"context"
	"io"
	"time"
)

// Store is one bucket or one folder.
//
// Every method MUST be safe for use by several goroutines, and the
// preconditions MUST hold between processes and machines that use the same
// bucket or folder. What was committed MUST be seen by every Head, Open and
// List that starts afterwards.
//
// Errors are of type [*Error]: they name the operation and the object, wrap
// one of the Err values of this package where one applies, and say with
// [IsTransient] whether the same call may succeed later. A store repeats
// calls that failed for a passing reason by itself, a few times: callers do
// not need a loop of their own, but for a whole attempt.
//
// A key is valid UTF-8 of 1 to 1,024 bytes, as in S3, and without segments "."
// and "..", see [CheckKey]. A store refuses a key that it cannot hold with
// [ErrKey]; a bucket holds every other, a folder those that are plain paths.
type Store interface {
	// String is where the store is, such as "s3://bucket" or a folder's path,
	// without credentials.
	String() string

	// Head describes the current state of key; [ErrNotFound] if there is none.
	Head(ctx context.Context, key string) (Info, error)

	// Open reads the current state of key; [ErrNotFound] if there is none. The
	// state is pinned: every byte comes from the version that Info describes.
	// ctx also governs the reading.
	Open(ctx context.Context, key string) (Object, error)

	// OpenVersion reads the state of key with this [Info.VersionID], also when
	// it is not the current one any more; [ErrNotFound] if the store does not
	// have it, as one without versioning never does.
	OpenVersion(ctx context.Context, key, versionID string) (Object, error)

	// Create starts an object that stays invisible until its Commit. ctx also
	// governs the writing, until Commit returns.
	Create(ctx context.Context, key string, opts CreateOptions) (Writer, error)

	// List calls fn for every object whose key begins with prefix, in the
	// order of the keys' bytes, and stops at the first error of fn, which it
	// returns as it is. It does not hold the whole listing in memory. Objects
	// that come or go meanwhile may be listed or not. Infos of a listing have
	// no Meta and may lack the VersionID: compare [Info.State].
	//
	// Nothing that is there is left out: what cannot be given as an object
	// under its name is listed too, with [Info.Err].
	List(ctx context.Context, prefix string, fn func(Info) error) error

	// Delete removes key, so that Head gives ErrNotFound. It is idempotent: a
	// key that is not there is no error. A bucket with versioning keeps the
	// bytes as an older version.
	Delete(ctx context.Context, key string) error

	// PendingUploads lists the objects that were created under prefix and
	// neither committed nor aborted, also those of dead processes and those
	// that others are writing now. A store may keep small objects in memory
	// until Commit; these are not listed, and a dead process leaves nothing.
	PendingUploads(ctx context.Context, prefix string) ([]Upload, error)

	// AbortUpload removes what a pending upload has stored; its Commit, if it
	// comes, fails. It is idempotent.
	AbortUpload(ctx context.Context, u Upload) error

	// Sweep removes the pending uploads under prefix whose writers are dead,
	// and says how many: for as long as the store waits, nobody has written to
	// them, and nobody is known to hold them. If a writer is alive after all,
	// its Commit fails, as it does after AbortUpload.
	Sweep(ctx context.Context, prefix string) (int, error)
}

// Info describes one state of an object.
type Info struct {
	Key  string
	Size int64 // bytes

	// ETag is opaque: it changes whenever the content changes, and is no hash
	// of it. Without the quotes that HTTP puts round it.
	ETag string

	// VersionID names this state in a bucket with versioning, else it is empty.
	VersionID string

	// Modified is when the state was made, UTC, in the resolution that Head
	// and List share: a second on S3. Commit may leave it zero.
	Modified time.Time

	Meta map[string]string // as given to Create; nil in listings

	// Err is set only in listings: something is there that is no object to this
	// store, and why, an ErrKey. So are keys that CheckKey refuses, and in a
	// folder links that lead to a folder or nowhere, and devices. Key is then
	// its name as it stands, which may be no valid UTF-8 or longer than a key:
	// quote it. Head and Open of it fail. It must not be taken for a deleted
	// key.
	Err error
}

// Object is the content of one state of an object. Close it, once; reading is
// for one goroutine.
//
// Read gives io.EOF only after exactly Info().Size bytes of this state, and
// after whatever checksum the store keeps has matched. A body that is shorter
// or longer is a transient error; a state that was replaced, so that its bytes
// cannot be had any more, is [ErrChanged].
type Object interface {
	io.ReadCloser
	Info() Info
}

// CreateOptions are stored together with the content, in the same step.
type CreateOptions struct {
	// Meta is at most 2 KiB of names and values, as S3 counts them. Names are
	// of lower-case letters, digits and "-", values of printable ASCII without
	// a space at either end: what HTTP headers carry unchanged. Create refuses
	// others.
	Meta map[string]string

	// ContentType is for people and browsers; a folder has no use for it.
	ContentType string
}

// Writer is an object that is being written. It is for one goroutine, and must
// be ended:
//
//	w, err := s.Create(ctx, key, opts)
//	...
//	defer w.Abort(ctx) // a no-op after Commit, as for sql.Tx
type Writer interface {
	// Write adds to the content. After an error nothing but Abort is of use.
	io.Writer

	// Commit makes the object visible, whole and durable, if p holds at that
	// moment. It ends the Writer also when it fails. Its errors:
	//
	// [ErrPrecondition]: p did not hold. As replies can get lost and calls are
	// repeated, this very Commit may be what stands there now: Head tells, by
	// the Meta.
	//
	// [ErrConflict]: another write of the key was in progress; nothing was
	// published, start with a new Create.
	//
	// Any other error: the object was most likely not published, but a lost
	// reply can hide that it was. Head tells here too.
	//
	// The Info has the ETag and the VersionID of the state that was published,
	// which is not necessarily the current one any more.
	Commit(ctx context.Context, p Precondition) (Info, error)

	// Abort throws the object away. After Commit or Abort it does nothing,
	// except to try again what an earlier one could not remove. It also works
	// when ctx has ended, for a few seconds, as [CleanUp] has it.
	Abort(ctx context.Context) error
}

// Upload is an object that was created and not yet committed or aborted.
type Upload struct {
	Key     string
	ID      string // names the upload among those of the key
	Started time.Time
}
