// Package published finds the files of the tables of a lake: those that its ledger
// names as published. What else is in the folders of the tables does not count, so
// each source key is there once, in one state.
package published

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"sluice/internal/ledger"
	"sluice/internal/query"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/schema"
)

// atOnce is the number of ledger entries or files that are read at once.
const atOnce = 16

// Options say which tables are wanted, and what they may cost.
type Options struct {
	// Mapped says that the tables of the mapping are wanted also if the ledger
	// names others only: a person has chosen the mapping.
	Mapped bool
	// MaxFetched bounds the bytes that are copied from a bucket.
	MaxFetched int64
}

// Lake is what its ledger names. It keeps what it has read, and reads only what has
// changed since. It may be used by several goroutines.
type Lake struct {
	o Options

	mu        sync.Mutex
	entries   map[ledger.ID]entry
	copies    map[copied]*fileCopy // of outputs in a bucket
	temporary string               // folder of copies, or empty
	fetched   int64                // bytes in it
}

// entry is a ledger entry, as far as tables need it.
type entry struct {
	etag, bucket, key string
	outputs           []ledger.Output // that are published
}

// copied names a state of an output.
type copied struct{ key, etag string }

// fileCopy is the copy of one.
type fileCopy struct {
	name string
	size int64
	uses int // by tables that are not released
}

// Tables are the tables of a lake at some time, and where their files are.
type Tables struct {
	Folder string // from which the names of the files are paths
	Tables []query.Table

	lake   *Lake
	copies []copied
}

// TooLargeError says that the files in a bucket have more than
// [Options].MaxFetched bytes.
type TooLargeError struct{ Most int64 }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the tables have more than %d bytes, which is the most that is copied from the bucket", e.Most)
}

// New is a lake of which nothing was read yet.
func New(o Options) *Lake {
	return &Lake{o: o, entries: map[ledger.ID]entry{}, copies: map[copied]*fileCopy{}}
}

// Close removes the copies.
func (l *Lake) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.temporary == "" {
		return nil
	}
	return os.RemoveAll(l.temporary)
}

// Look says what the tables are now. It lists the ledger, and reads the entries that
// have changed. The files of a bucket are copied to a folder for temporary files;
// they stay until the caller calls Release, and a later Look finds others.
func (l *Lake) Look(ctx context.Context, s *setup.Setup) (*Tables, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed, err := l.read(ctx, s)
	if err != nil {
		return nil, err
	}
	var all []entry
	for _, e := range l.entries {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.bucket, b.bucket), strings.Compare(a.key, b.key))
	})
	var outputs []ledger.Output
	for _, e := range all {
		outputs = append(outputs, e.outputs...)
	}
	t := &Tables{Folder: s.SinkFolder(), lake: l}
	if t.Folder == "" || slices.ContainsFunc(outputs, func(o ledger.Output) bool { return special(o.Key) }) {
		err = l.fetch(ctx, s, t, outputs)
	} else {
		err = each(ctx, len(changed), func(ctx context.Context, i int) error {
			_, err := s.Pipeline.Sink.Head(ctx, changed[i].Key)
			return missing(changed[i].Key, err)
		})
	}
	if err != nil {
		l.entries = map[ledger.ID]entry{} // look at all of it the next time
		return nil, err
	}
	t.group(s, outputs, l.o.Mapped)
	return t, nil
}

// Release lets copies go that no later tables have.
func (t *Tables) Release() {
	t.lake.mu.Lock()
	defer t.lake.mu.Unlock()
	for _, c := range t.copies {
		t.lake.copies[c].uses--
	}
	t.copies = nil
}

// read reads the entries of the ledger that have changed, and returns their outputs.
func (l *Lake) read(ctx context.Context, s *setup.Setup) (changed []ledger.Output, err error) {
	var listed []ledger.Listed
	there := map[ledger.ID]bool{}
	if err := s.Pipeline.Ledger.List(ctx, func(x ledger.Listed) error {
		there[x.ID] = true
		if l.entries[x.ID].etag != x.ETag {
			listed = append(listed, x)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	maps.DeleteFunc(l.entries, func(id ledger.ID, _ entry) bool { return !there[id] })
	entries := make([]entry, len(listed))
	err = each(ctx, len(listed), func(ctx context.Context, i int) error {
		e, etag, err := s.Pipeline.Ledger.Read(ctx, listed[i].ID)
		switch {
		case errors.Is(err, store.ErrNotFound): // removed since it was listed
			return nil
		case errors.Is(err, ledger.ErrDamaged):
			return fmt.Errorf("%w (%s%s.json): the rows of its object would be missing; sluice run makes the entry again", err, s.Config.Ledger, listed[i].ID)
		}
		entries[i] = entry{etag, e.Bucket, e.Key, s.Pipeline.Published(&e)}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		l.entries[listed[i].ID] = e
		changed = append(changed, e.outputs...)
	}
	return changed, nil
}

// special reports whether DuckDB would take a name for more than a path: a pattern,
// an address, the home folder.
func special(name string) bool {
	return strings.ContainsAny(name, `*?[]{}\`) || strings.Contains(name, "://") || strings.HasPrefix(name, "~")
}

// missing explains why a published file is not there.
func missing(key string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("the file %q, which the ledger names, is missing; sluice run makes it again: %w", key, err)
	}
	return err
}

// fetch copies the outputs that are not copied yet, and changes their keys to the
// names of the copies.
func (l *Lake) fetch(ctx context.Context, s *setup.Setup, t *Tables, outputs []ledger.Output) (err error) {
	if l.temporary == "" {
		if l.temporary, err = os.MkdirTemp("", "sluice-query-"); err != nil {
			return fmt.Errorf("make a folder for copies: %w", err)
		}
	}
	t.Folder = l.temporary
	var wanted []copied
	named := map[copied]bool{}
	for _, o := range outputs {
		c := copied{o.Key, o.ETag}
		if l.copies[c] == nil && !named[c] {
			wanted = append(wanted, c)
		}
		named[c] = true
	}
	for c, old := range l.copies {
		if !named[c] && old.uses == 0 {
			os.Remove(filepath.Join(l.temporary, old.name))
			l.fetched -= old.size
			delete(l.copies, c)
		}
	}
	made := make([]fileCopy, len(wanted))
	var fetched atomic.Int64
	fetched.Store(l.fetched)
	err = each(ctx, len(wanted), func(ctx context.Context, i int) error {
		return l.copy(ctx, s, wanted[i].key, &made[i], &fetched)
	})
	for i := range made {
		switch {
		case made[i].name == "":
		case err != nil:
			os.Remove(filepath.Join(l.temporary, made[i].name))
		default:
			l.copies[wanted[i]] = &made[i]
			l.fetched += made[i].size
		}
	}
	if err != nil {
		return err
	}
	for i, o := range outputs {
		c := copied{o.Key, o.ETag}
		l.copies[c].uses++
		t.copies = append(t.copies, c)
		outputs[i].Key = l.copies[c].name
	}
	return nil
}

// copy copies one output.
func (l *Lake) copy(ctx context.Context, s *setup.Setup, key string, made *fileCopy, fetched *atomic.Int64) error {
	from, err := s.Pipeline.Sink.Open(ctx, key)
	if err != nil {
		return missing(key, err)
	}
	defer from.Close()
	made.size = from.Info().Size
	if fetched.Add(made.size) > l.o.MaxFetched {
		return &TooLargeError{l.o.MaxFetched}
	}
	to, err := os.CreateTemp(l.temporary, "*.parquet") // readable by its owner alone
	if err != nil {
		return fmt.Errorf("copy from %s: %w", s.Config.Sink, err)
	}
	made.name = filepath.Base(to.Name())
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err != nil {
		return fmt.Errorf("copy from %s: %w", s.Config.Sink, err)
	}
	return nil
}

// group makes tables of outputs: first those of the mapping, then the others by
// their names.
func (t *Tables) group(s *setup.Setup, outputs []ledger.Output, mapped bool) {
	files := map[string][]query.File{}
	var names []string
	for _, o := range outputs {
		if files[o.Table] == nil {
			names = append(names, o.Table)
		}
		files[o.Table] = append(files[o.Table], query.File{Name: filepath.FromSlash(o.Key), Columns: o.Columns})
	}
	for _, m := range s.Tables {
		if name := m.Schema.Table; files[name] != nil || mapped || len(names) == 0 {
			t.Tables = append(t.Tables, query.Table{Schema: m.Schema, Files: files[name]})
		}
	}
	slices.Sort(names)
	for _, name := range names {
		known := func(k query.Table) bool { return k.Schema.Table == name }
		if name != "" && !slices.ContainsFunc(t.Tables, known) {
			t.Tables = append(t.Tables, query.Table{Schema: schema.Schema{Table: name}, Files: files[name]})
		}
	}
}

// each calls do with the numbers below n, a few at once, until one fails.
func each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(atOnce, n) {
		all.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
