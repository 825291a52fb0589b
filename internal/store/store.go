// Package store is one bucket, or a folder used as one: objects are read at a
// pinned version and appear whole, under a precondition, or not at all. The
// promise of the pipeline (one visible result for a source key, whatever is
// repeated, late or killed) depends on this contract. It has two real
// implementations, s3store and dirstore; both pass one suite, storetest.
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
// [IsTransient] whether the same call may succeed later. A store itself repeats
// a call a few times if the reason of its failure may pass. So callers repeat
// whole attempts only, never single calls.
//
// A key is valid UTF-8 of 1 to 1,024 bytes, as in S3, and without segments "."
// and "..", see [CheckKey]. A bucket holds every such key, a folder those that are
// plain paths. A store refuses a key that it cannot hold with [ErrKey].
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

	// OpenVersion reads the state of key with this [Info.VersionID], even if a
	// newer one has replaced it; [ErrNotFound] if the store does not have it. A
	// store without versioning never has it.
	OpenVersion(ctx context.Context, key, versionID string) (Object, error)

	// ReadAt fills p with the bytes from offset on of the state that info
	// describes, an Info of Head, Open or List. [ErrChanged] means that the state was
	// replaced or removed, and its bytes are gone. To read beyond info.Size is an
	// error. A checksum of the whole object is not compared.
	ReadAt(ctx context.Context, info Info, p []byte, offset int64) error

	// Create starts an object that stays invisible until its Commit. ctx also
	// governs the writing, until Commit returns.
	Create(ctx context.Context, key string, opts CreateOptions) (Writer, error)

	// List calls fn for every object whose key begins with prefix, in the
	// order of the keys' bytes, and stops at the first error of fn, which it
	// returns unchanged. It does not hold the whole listing in memory. An object
	// that is written or deleted during the listing may be listed or not. Infos
	// of a listing have no Meta and may lack the VersionID: compare [Info.State].
	//
	// Nothing is left out. What the store cannot read as an object under its
	// name is listed too, with [Info.Err].
	List(ctx context.Context, prefix string, fn func(Info) error) error

	// Delete removes key, so that Head gives ErrNotFound. It is not an error if
	// the key is not there. A bucket with versioning keeps the bytes as an older
	// version.
	Delete(ctx context.Context, key string) error

	// PendingUploads lists the objects under prefix that were created, and
	// neither committed nor aborted. Some may belong to dead processes, others
	// may be in the middle of their writing. A store may keep small objects in
	// memory until Commit: these are not listed, and end with their process.
	PendingUploads(ctx context.Context, prefix string) ([]Upload, error)

	// AbortUpload removes what a pending upload has stored; a later Commit of it
	// fails. To abort it again is not an error.
	AbortUpload(ctx context.Context, u Upload) error

	// Sweep removes the pending uploads under prefix whose writers seem dead, and
	// returns their number. A writer seems dead if it holds no lock on the upload
	// and has written nothing for a time that the store chooses. If it lives
	// after all, its Commit fails, as after AbortUpload.
	Sweep(ctx context.Context, prefix string) (int, error)
}

// Info describes one state of an object.
type Info struct {
	Key  string
	Size int64 // bytes

	// ETag is opaque: it changes whenever the content changes, but need not be
	// a hash of it. It has no quotes around it, as it has in HTTP.
	ETag string

	// VersionID names this state in a bucket with versioning, else it is empty.
	VersionID string

	// Modified is when the state was made, UTC, in the resolution that Head
	// and List share: a second on S3. Commit may leave it zero.
	Modified time.Time

	Meta map[string]string // as given to Create; nil in listings

	// Err is set only in listings. It says why the store cannot read this entry
	// as an object, and is an ErrKey: its key is one that CheckKey refuses, or in
	// a folder it is a device, or a link that leads to a folder or nowhere. Key is
	// then the name as it is: quote it, since it may be longer than a key or not
	// be UTF-8. Head and Open of it fail, but it does not count as deleted.
	Err error
}

// Object is the content of one state of an object. Close it, once; reading is
// for one goroutine.
//
// Read gives io.EOF only after exactly Info().Size bytes of this state, and
// after the checksum has matched, if the store keeps one. A body that is shorter
// or longer is a transient error. [ErrChanged] means that the state was replaced
// and its bytes are gone.
//
// An object that is an [io.ReaderAt] too can be read in parts, by several goroutines; an
// error of ReadAt is one of Read.
type Object interface {
	io.ReadCloser
	Info() Info
}

// CreateOptions are stored together with the content, in the same step.
type CreateOptions struct {
	// Meta is at most 2 KiB of names and values, as S3 counts them. Only what
	// HTTP headers carry unchanged is allowed: names of lower-case letters,
	// digits and "-", values of printable ASCII without a space at either end.
	// Create refuses anything else.
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
	// Write adds to the content. After an error, only Abort makes sense.
	io.Writer

	// Commit makes the object visible, whole and durable, if p holds at that
	// moment. It ends the Writer even if it fails. Its errors:
	//
	// [ErrPrecondition]: p did not hold. The state that broke it may be the one
	// that this Commit published: its reply was lost, and the store repeated the
	// call. The Meta that Head returns shows whose it is.
	//
	// [ErrConflict]: another write of the key was in progress. Nothing was
	// published; start with a new Create.
	//
	// Any other error: the object was most likely not published, but it may be
	// that only the reply was lost. Head shows this too.
	//
	// The Info has the ETag and the VersionID of the state that was published. A
	// newer state may have replaced it already.
	Commit(ctx context.Context, p Precondition) (Info, error)

	// Abort throws the object away. After Commit or Abort it only tries again to
	// remove what an earlier one could not. If ctx has ended it still works, for
	// the few seconds of [CleanUp].
	Abort(ctx context.Context) error
}

// Upload is an object that was created and not yet committed or aborted.
type Upload struct {
	Key     string
	ID      string // names the upload among those of the key
	Started time.Time
}
