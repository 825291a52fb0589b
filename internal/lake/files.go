package lake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"sluice/internal/ledger"
	"sluice/internal/parquetread"
	"sluice/internal/store"
	"sluice/internal/tables"
	"sluice/schema"
)

// File is a file of a table that counts.
type File struct {
	Entry  *Entry // of the object that its rows are of; nil: of many objects
	Output ledger.Output
	Info   store.Info    // what is there; without a key if there is none
	Masked []tables.Rows // that do not count, in order
	// Constants are values of all rows, by the name of a column that the file lacks.
	Constants map[string]string
}

// name names a file in errors.
func (f *File) name() string {
	if f.Entry == nil {
		return fmt.Sprintf("file %q", f.Output.Key)
	}
	return fmt.Sprintf("object %q", f.Entry.Key)
}

// missing says that a file is not there.
func (f *File) missing() error {
	if f.Entry == nil {
		return errGone
	}
	return errMissing
}

// Missing reports whether a file that counts is not there.
func (f *File) Missing() bool { return f.Info.Key == "" }

// fileState names the content of a file.
type fileState struct{ key, etag string }

func (f *File) state() fileState { return fileState{f.Output.Key, f.Info.ETag} }

// footer is what is kept of the footer of a file.
type footer struct {
	groups  []int64 // rows of each row group
	rows    int64
	columns []schema.Column // shared by files with the same ones
	err     error           // the file is damaged, or none of ours
}

// GoneHint says what to do if a data file of a table is missing.
const GoneHint = "put it back from a copy, or have its objects named by sluice table verify, and converted again by sluice run --reprocess KEY"

// errMissing and errGone say that a file is not there.
var (
	errMissing = errors.New("the file, which the ledger names, is missing; sluice run makes it again")
	errGone    = errors.New("the file, which the table names, is missing; " + GoneHint)
)

const (
	wholeBytes = 1 << 20  // a file up to this size is read in one request
	tailBytes  = 64 << 10 // of a larger one, with its footer
)

// open opens a file at the state that was listed.
func (l *Lake) open(ctx context.Context, f *File) (*parquetread.File, error) {
	if f.Missing() {
		return nil, f.missing()
	}
	r := &reader{ctx: ctx, store: l.at().Pipeline.Sink, info: f.Info}
	end := f.Info.Size
	if end > wholeBytes {
		end = tailBytes
	}
	tail := make([]byte, end)
	if err := r.store.ReadAt(ctx, r.info, tail, r.info.Size-end); err != nil {
		return nil, err
	}
	r.tail = tail
	return parquetread.Open(r, f.Info.Size)
}

// reader reads an object of a store at a state, with its last bytes in memory.
type reader struct {
	ctx   context.Context
	store store.Store
	info  store.Info
	tail  []byte
}

func (r *reader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off > r.info.Size {
		return 0, io.EOF
	}
	if int64(len(p)) > r.info.Size-off {
		p, err = p[:r.info.Size-off], io.EOF
	}
	if at := off - (r.info.Size - int64(len(r.tail))); at >= 0 {
		return copy(p, r.tail[at:]), err
	}
	if err := r.store.ReadAt(r.ctx, r.info, p, off); err != nil {
		return 0, err
	}
	return len(p), err
}

// outside reports whether an error is not about the content of a file: the store did
// not give it, or nobody waits any more.
func outside(err error) bool {
	var e *store.Error
	return errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// footer reads the footer of a file, if it is not known. A file that is missing or
// damaged has a footer that says so.
func (l *Lake) footer(ctx context.Context, f *File) (*footer, error) {
	if f.Missing() {
		return &footer{err: f.missing()}, nil
	}
	l.mu.Lock()
	known := l.footers[f.state()]
	l.mu.Unlock()
	if known != nil {
		return known, nil
	}
	file, err := l.open(ctx, f)
	r := &footer{err: err}
	switch {
	case outside(err):
		return nil, err
	case err == nil:
		r.rows = file.NumRows()
		for i := range file.NumRowGroups() {
			r.groups = append(r.groups, file.RowGroupRows(i))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		r.columns = l.shared(file.Schema().Columns)
	}
	l.footers[f.state()] = r
	return r, nil
}

// shared is a list of columns that is the same for all files with these columns.
// l.mu is locked.
func (l *Lake) shared(columns []schema.Column) []schema.Column {
	name := fmt.Sprintf("%#v", columns)
	if l.schemas[name] == nil {
		l.schemas[name] = columns
	}
	return l.schemas[name]
}

// Columns are the columns of each file of a table, shared by files with the same ones;
// nil for a file of which nothing can be read here.
func (l *Lake) Columns(ctx context.Context, t *Table) ([][]schema.Column, error) {
	all := make([][]schema.Column, len(t.Files))
	err := Each(ctx, atOnce, len(all), func(ctx context.Context, i int) error {
		footer, err := l.footer(ctx, t.Files[i])
		if err == nil {
			all[i] = footer.columns
		}
		return err
	})
	return all, err
}

// Places are where the columns of a table are in a file; -1: it has none. A column is
// found by its ID, which stays when it is renamed, and by its name where there are no IDs.
func Places(table, file []schema.Column) []int {
	all := make([]int, len(table))
	for i, c := range table {
		all[i] = slices.IndexFunc(file, func(o schema.Column) bool {
			if c.ID == 0 || o.ID == 0 {
				return o.Name == c.Name
			}
			return o.ID == c.ID
		})
	}
	return all
}

// Table is a table and its files.
type Table struct {
	Schema schema.Schema // of the mapping, or the table's own; without columns if the mapping has no such table
	Fixed  bool          // the table has the columns of Schema, whatever its files have
	Files  []*File       // in the order of the source keys, or of their own

	sum     [sha256.Size]byte // of the states of the files, and of the schema
	damaged int               // ledger entries that cannot be read: each may have a file of the table
	view    atomic.Pointer[View]
}

// sign makes the name of the state.
func (t *Table) sign() {
	h := sha256.New()
	fmt.Fprintf(h, "%#v %d\n", t.Schema.Columns, t.damaged)
	for _, f := range t.Files {
		fmt.Fprintf(h, "%s\n%s\n%v\n", f.Output.Key, f.Info.ETag, f.Masked)
	}
	h.Sum(t.sum[:0])
}
