// Package published is SQL over the tables of a lake: over the files that its ledger
// names as published. What else is in the folders of the tables does not count, so
// each source key is there once, in one state.
package published

import (
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

	"sluice/internal/lake"
	"sluice/internal/query"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/internal/tables"
	"sluice/schema"
)

// atOnce is the number of files that are copied at once.
const atOnce = 16

// Options say which tables are wanted, and what a statement may cost.
type Options struct {
	Setup func() *setup.Setup
	// Lake is kept up to date by others. If it is nil, the ledger is looked at before
	// each statement.
	Lake *lake.Lake
	// Mapped says that the tables of the mapping are wanted also if the ledger
	// names others only: a person has chosen the mapping.
	Mapped bool
	// MaxFetched bounds the bytes that are copied from a bucket.
	MaxFetched int64
	Engine     query.Engine
	Limits     query.Limits
}

// Session runs each statement over the tables as they are then: also over objects that
// came after the session was made.
type Session struct {
	o     Options
	fresh bool // look at the ledger before each statement

	mu        sync.Mutex
	copies    map[copied]*fileCopy // of outputs in a bucket
	temporary string               // folder of copies, or empty
	fetched   int64                // bytes in it
}

var _ query.Session = (*Session)(nil)

// copied names a state of an output.
type copied struct{ key, etag string }

// fileCopy is the copy of one.
type fileCopy struct {
	name string
	size int64
	uses int // by statements
}

// found are the tables of a statement, and where their files are.
type found struct {
	folder string // from which the names of the files are paths
	all    []query.Table
	copies []copied // that the statement uses
}

// TooLargeError says that the files in a bucket have more than
// [Options].MaxFetched bytes.
type TooLargeError struct{ Most int64 }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the tables have more than %d bytes, which is the most that is copied from the bucket", e.Most)
}

// New is a session of which nothing was read yet.
func New(o Options) *Session {
	s := &Session{o: o, copies: map[copied]*fileCopy{}}
	if o.Lake == nil {
		s.o.Lake, s.fresh = lake.New(o.Setup), true
	}
	return s
}

// Close removes the copies.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.temporary == "" {
		return nil
	}
	return os.RemoveAll(s.temporary)
}

// Tables are the tables as they are now.
func (s *Session) Tables(ctx context.Context) ([]query.Table, error) {
	t, err := s.look(ctx, "")
	if err != nil {
		return nil, err
	}
	s.release(t)
	return t.all, nil
}

// Query starts a statement.
func (s *Session) Query(ctx context.Context, sql string) (query.Rows, error) {
	t, err := s.look(ctx, sql)
	if err != nil {
		return nil, err
	}
	over := s.o.Engine(t.folder, t.all, s.o.Limits)
	got, err := over.Query(ctx, sql)
	if err != nil {
		over.Close() // the statement has failed
		s.release(t)
		return nil, err
	}
	return &rows{got, sync.OnceValue(func() error { s.release(t); return over.Close() })}, nil
}

// Export writes the rows of a statement to a Parquet file.
func (s *Session) Export(ctx context.Context, sql, file string) error {
	t, err := s.look(ctx, sql)
	if err != nil {
		return err
	}
	defer s.release(t)
	over := s.o.Engine(t.folder, t.all, s.o.Limits)
	defer over.Close()
	return over.Export(ctx, sql, file)
}

// rows keep the files of their statement.
type rows struct {
	query.Rows
	end func() error // once
}

func (r *rows) Close() error {
	r.Rows.Close() // closing rows loses nothing
	return r.end()
}

// look finds the tables. The files of a bucket are copied to a folder for temporary
// files, of the tables that the statement names. They stay until the caller calls
// release, and a later statement has others.
func (s *Session) look(ctx context.Context, sql string) (*found, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.find(ctx, strings.ToLower(sql))
	if err != nil {
		return nil, fmt.Errorf("find the tables: %w", err)
	}
	return t, nil
}

func (s *Session) find(ctx context.Context, sql string) (*found, error) {
	if s.fresh {
		if err := s.o.Lake.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	state, err := s.o.Lake.State(ctx)
	if err != nil {
		return nil, err
	}
	if err := state.Damaged(); err != nil {
		return nil, err
	}
	at := s.o.Setup()
	t := &found{folder: at.SinkFolder()}
	isNamed := func(x *lake.Table) bool { return len(x.Files) > 0 }
	named := slices.ContainsFunc(state.Tables, isNamed)
	copying := t.folder == ""
	for _, x := range state.Tables {
		copying = copying || slices.ContainsFunc(x.Files, func(f *lake.File) bool { return special(f.Output.Key) })
	}
	var files []*lake.File
	for _, x := range state.Tables {
		if x.Schema.Table == "" || !isNamed(x) && named && !s.o.Mapped {
			continue
		}
		table := query.Table{Schema: x.Schema}
		columns := make([][]schema.Column, len(x.Files)) // of each file, where the table says which count
		if copying && !strings.Contains(sql, strings.ToLower(x.Schema.Table)) {
			// The statement may still make the name, by a function such as query.
			table.Absent = fmt.Sprintf("table %s was not copied from the bucket: write its name in the statement", x.Schema.Table)
		}
		if x.Fixed && table.Absent == "" {
			if columns, err = s.o.Lake.Columns(ctx, x); err != nil {
				return nil, err
			}
		}
		if hidden(x, columns) {
			table.Absent = fmt.Sprintf("table %s has rows that no longer count, and a column of a name that DuckDB has for the places of rows, file_index or file_row_number: it cannot be queried", x.Schema.Table)
		}
		for i, f := range x.Files {
			if f.Missing() && f.Entry == nil {
				return nil, fmt.Errorf("the file %q, which table %s names, is missing; %s: %w", f.Output.Key, x.Schema.Table, lake.GoneHint, store.ErrNotFound)
			}
			if f.Missing() {
				return nil, fmt.Errorf("the file %q, which the ledger names, is missing; sluice run makes it again: %w", f.Output.Key, store.ErrNotFound)
			}
			if table.Absent == "" {
				files = append(files, f)
			}
			file := query.File{Name: filepath.FromSlash(f.Output.Key), Columns: f.Output.Columns, Masked: ranges(f.Masked), Constants: f.Constants}
			if has := columns[i]; len(has) > 0 {
				file.Columns = fmt.Sprintf("%p", has) // files with the same columns share them
				for _, at := range lake.Places(x.Schema.Columns, has) {
					name := ""
					if at >= 0 {
						name = has[at].Name
					}
					file.Names = append(file.Names, name)
				}
			}
			table.Files = append(table.Files, file)
		}
		t.all = append(t.all, table)
	}
	if copying {
		err = s.fetch(ctx, at, t, files)
	}
	return t, err
}

// hidden reports whether a table has rows that do not count, or constants of files, and
// a column that hides from DuckDB where rows are.
func hidden(t *lake.Table, files [][]schema.Column) bool {
	hides := func(c schema.Column) bool {
		return strings.EqualFold(c.Name, "file_index") || strings.EqualFold(c.Name, "file_row_number")
	}
	return slices.ContainsFunc(t.Files, func(f *lake.File) bool { return len(f.Masked)+len(f.Constants) > 0 }) &&
		(slices.ContainsFunc(t.Schema.Columns, hides) || slices.ContainsFunc(files, func(columns []schema.Column) bool { return slices.ContainsFunc(columns, hides) }))
}

func ranges(masked []tables.Rows) (all []query.Range) {
	for _, m := range masked {
		all = append(all, query.Range(m))
	}
	return all
}

// special reports whether DuckDB would take a name for more than a path: a pattern,
// an address, the home folder.
func special(name string) bool {
	return strings.ContainsAny(name, `*?[]{}\`) || strings.Contains(name, "://") || strings.HasPrefix(name, "~")
}

// fetch copies the files that are not copied yet, and has the tables name the copies.
func (s *Session) fetch(ctx context.Context, at *setup.Setup, t *found, files []*lake.File) (err error) {
	if s.temporary == "" {
		if s.temporary, err = os.MkdirTemp("", "sluice-query-"); err != nil {
			return fmt.Errorf("make a folder for copies: %w", err)
		}
	}
	t.folder = s.temporary
	var wanted []copied
	for _, f := range files {
		c := copied{f.Output.Key, f.Output.ETag}
		if s.copies[c] == nil {
			wanted = append(wanted, c)
		}
		t.copies = append(t.copies, c)
	}
	s.forget(t.copies)
	if err := s.copyAll(ctx, at, wanted); err != nil {
		return err
	}
	next := t.copies
	for i := range t.all {
		for j := range t.all[i].Files {
			if t.all[i].Absent != "" {
				break
			}
			made := s.copies[next[0]]
			made.uses++
			t.all[i].Files[j].Name = made.name
			next = next[1:]
		}
	}
	return nil
}

// forget removes the copies that no statement uses, but for those that are wanted.
func (s *Session) forget(wanted []copied) {
	keep := map[copied]bool{}
	for _, c := range wanted {
		keep[c] = true
	}
	for c, old := range s.copies {
		if !keep[c] && old.uses == 0 {
			os.Remove(filepath.Join(s.temporary, old.name))
			s.fetched -= old.size
			delete(s.copies, c)
		}
	}
}

// release lets copies go that no later statement has.
func (s *Session) release(t *found) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range t.copies {
		s.copies[c].uses--
	}
}

// copyAll copies outputs, a few at once, until one fails. Then none stays.
func (s *Session) copyAll(ctx context.Context, at *setup.Setup, wanted []copied) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	made := make([]fileCopy, len(wanted))
	var next, fetched atomic.Int64
	fetched.Store(s.fetched)
	var all sync.WaitGroup
	for range min(atOnce, len(wanted)) {
		all.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(wanted) {
					return
				}
				if err := s.copy(ctx, at, wanted[i].key, &made[i], &fetched); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	err := context.Cause(ctx)
	for i := range made {
		switch {
		case made[i].name == "":
		case err != nil:
			os.Remove(filepath.Join(s.temporary, made[i].name))
		default:
			s.copies[wanted[i]] = &made[i]
			s.fetched += made[i].size
		}
	}
	return err
}

// copy copies one output.
func (s *Session) copy(ctx context.Context, at *setup.Setup, key string, made *fileCopy, fetched *atomic.Int64) error {
	from, err := at.Pipeline.Sink.Open(ctx, key)
	if err != nil {
		return err
	}
	defer from.Close()
	made.size = from.Info().Size
	if fetched.Add(made.size) > s.o.MaxFetched {
		return &TooLargeError{s.o.MaxFetched}
	}
	to, err := os.CreateTemp(s.temporary, "*.parquet") // readable by its owner alone
	if err != nil {
		return fmt.Errorf("copy from %s: %w", at.Config.Sink, err)
	}
	made.name = filepath.Base(to.Name())
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err != nil {
		return fmt.Errorf("copy from %s: %w", at.Config.Sink, err)
	}
	return nil
}
