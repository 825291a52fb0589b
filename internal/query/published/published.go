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

// Lake is the tables of a lake, and where their files are.
type Lake struct {
	Folder string // from which the names of the files are paths
	Tables []query.Table

	temporary string // folder of copies, or empty
}

// Close removes the copies.
func (l *Lake) Close() error {
	if l.temporary == "" {
		return nil
	}
	return os.RemoveAll(l.temporary)
}

// TooLargeError says that the files in a bucket have more than
// [Options].MaxFetched bytes.
type TooLargeError struct{ Most int64 }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the tables have more than %d bytes, which is the most that is copied from the bucket", e.Most)
}

// Open reads the ledger. The files of a bucket are copied to a folder for temporary
// files, which Close removes.
func Open(ctx context.Context, s *setup.Setup, o Options) (*Lake, error) {
	entries, err := entriesOf(ctx, s)
	if err != nil {
		return nil, err
	}
	var outputs []ledger.Output
	for i := range entries {
		outputs = append(outputs, s.Pipeline.Published(&entries[i])...)
	}
	l := &Lake{Folder: s.SinkFolder()}
	if l.Folder == "" || slices.ContainsFunc(outputs, func(o ledger.Output) bool { return special(o.Key) }) {
		err = l.fetch(ctx, s, outputs, o.MaxFetched)
	} else {
		err = each(ctx, len(outputs), func(ctx context.Context, i int) error {
			_, err := s.Pipeline.Sink.Head(ctx, outputs[i].Key)
			return missing(outputs[i].Key, err)
		})
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.group(s, outputs, o.Mapped)
	return l, nil
}

// entriesOf reads the ledger, in the order of the source keys.
func entriesOf(ctx context.Context, s *setup.Setup) ([]ledger.Entry, error) {
	var ids []ledger.ID
	if err := s.Pipeline.Ledger.List(ctx, func(l ledger.Listed) error {
		ids = append(ids, l.ID)
		return nil
	}); err != nil {
		return nil, err
	}
	entries := make([]ledger.Entry, len(ids))
	err := each(ctx, len(ids), func(ctx context.Context, i int) (err error) {
		entries[i], _, err = s.Pipeline.Ledger.Read(ctx, ids[i])
		switch {
		case errors.Is(err, store.ErrNotFound): // removed since it was listed
			return nil
		case errors.Is(err, ledger.ErrDamaged):
			return fmt.Errorf("%w (%s%s.json): the rows of its object would be missing; sluice run makes the entry again", err, s.Config.Ledger, ids[i])
		}
		return err
	})
	slices.SortFunc(entries, func(a, b ledger.Entry) int {
		return cmp.Or(strings.Compare(a.Bucket, b.Bucket), strings.Compare(a.Key, b.Key))
	})
	return entries, err
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

// fetch copies the outputs, and changes their keys to the names of the copies.
func (l *Lake) fetch(ctx context.Context, s *setup.Setup, outputs []ledger.Output, most int64) (err error) {
	if l.temporary, err = os.MkdirTemp("", "sluice-query-"); err != nil {
		return fmt.Errorf("make a folder for copies: %w", err)
	}
	l.Folder = l.temporary
	var fetched atomic.Int64
	return each(ctx, len(outputs), func(ctx context.Context, i int) error {
		from, err := s.Pipeline.Sink.Open(ctx, outputs[i].Key)
		if err != nil {
			return missing(outputs[i].Key, err)
		}
		defer from.Close()
		if fetched.Add(from.Info().Size) > most {
			return &TooLargeError{most}
		}
		outputs[i].Key = fmt.Sprintf("%08d.parquet", i)
		to, err := os.OpenFile(filepath.Join(l.temporary, outputs[i].Key), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("copy from %s: %w", s.Config.Sink, err)
		}
		_, err = io.Copy(to, from)
		if err = errors.Join(err, to.Close()); err != nil {
			return fmt.Errorf("copy from %s: %w", s.Config.Sink, err)
		}
		return nil
	})
}

// group makes tables of outputs: first those of the mapping, then the others by
// their names.
func (l *Lake) group(s *setup.Setup, outputs []ledger.Output, mapped bool) {
	files := map[string][]query.File{}
	var names []string
	for _, o := range outputs {
		if files[o.Table] == nil {
			names = append(names, o.Table)
		}
		files[o.Table] = append(files[o.Table], query.File{Name: filepath.FromSlash(o.Key), Columns: o.Columns})
	}
	for _, t := range s.Tables {
		if name := t.Schema.Table; files[name] != nil || mapped || len(names) == 0 {
			l.Tables = append(l.Tables, query.Table{Schema: t.Schema, Files: files[name]})
		}
	}
	slices.Sort(names)
	for _, name := range names {
		known := func(t query.Table) bool { return t.Schema.Table == name }
		if name != "" && !slices.ContainsFunc(l.Tables, known) {
			l.Tables = append(l.Tables, query.Table{Schema: schema.Schema{Table: name}, Files: files[name]})
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
