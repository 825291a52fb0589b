// Package lake is the read side of a lake: what its ledger, its tables and its
// quarantine show. It writes nothing.
//
// A [Lake] keeps what it has read of the ledger and the sink, and reads only what has
// changed since. Files are read where they are, in parts, at the state that the
// listing showed; nothing is copied.
package lake

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/runs"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/schema"
)

// atOnce is the number of entries or files that are read at once.
const atOnce = 16

// maxTexts bounds the texts that entries share, such as names of columns.
const maxTexts = 10000

// Entry is a ledger entry as it was last read.
type Entry struct {
	ledger.Entry // without the paths of drift
	ID           ledger.ID
	ETag         string
	Written      time.Time
	Err          error // the entry cannot be read, and the rest of it is empty
	// Shown are the rows of the object in tables that many share, table by table.
	Shown []runs.Shown
}

// Lake is what is known of a lake. It is safe for use by several goroutines.
type Lake struct {
	at func() *setup.Setup

	reading sync.Mutex    // one Refresh at a time: the second finds nothing changed
	working chan struct{} // holds one for each profile, chart or sum that is being made

	mu      sync.Mutex
	known   bool // the ledger was read
	entries map[ledger.ID]*Entry
	rows    visible
	state   *State       // of entries, rows and setup
	of      *setup.Setup // that state was made with
	footers map[fileState]*footer
	schemas map[string][]schema.Column
	texts   map[string]string // that entries share
	money   map[ledger.ID]*entryMoney
	profile map[string]*Profile // by table
}

// visible is how rows are visible: in a file for each object, or in tables.
type visible interface {
	// refresh reads what has changed since the last call, and note what is known of some
	// objects. l.reading is locked.
	refresh(ctx context.Context) error
	note(ctx context.Context, ids []ledger.ID) error

	// entry is that of an object as the ledger has it now, with its tag.
	entry(ctx context.Context, bucket, key string) (ledger.Entry, string, error)
	// listed are all entries with their tags, as the ledger has them now.
	listed(ctx context.Context) ([]ledger.Listed, error)
	// parts are where the rows of an object are.
	parts(ctx context.Context, e *ledger.Entry) ([]Part, error)

	// money is what is found when the sums of objects are compared with those of the rows
	// that they show, nil if there is nothing to compare; and of which entries it is.
	money(ctx context.Context, s *State) ([]*Entry, []*entryMoney, error)

	// files are the files of each table, by its name. l.reading or l.mu is locked.
	files(at *setup.Setup, entries []*Entry) map[string][]*File

	// columns are those that a table has, whatever its files have, if it has columns of its
	// own; fixed says that it has no others.
	columns(table string, mapped []schema.Column) (all []schema.Column, fixed bool)
}

// New reads a lake that a setup names. The setup may be another at each call, with
// another mapping, but the places stay.
func New(at func() *setup.Setup) *Lake {
	l := &Lake{
		at: at, working: make(chan struct{}, workers), entries: map[ledger.ID]*Entry{},
		footers: map[fileState]*footer{}, schemas: map[string][]schema.Column{}, texts: map[string]string{}, money: map[ledger.ID]*entryMoney{}, profile: map[string]*Profile{},
	}
	l.rows = &objects{l: l, sink: map[string]store.Info{}}
	if _, is := at().Target.(*pipeline.Tables); is {
		l.rows = &shared{l: l, tables: map[string]*sharedTable{}}
	}
	return l
}

// State is what ledger and sink showed at one time. Nobody changes it.
type State struct {
	Entries []*Entry // by bucket and key; those that cannot be read are first
	Tables  []*Table // those of the mapping, then others by name
}

// Damaged is the error of the first entry that cannot be read, or nil.
func (s *State) Damaged() error {
	if len(s.Entries) > 0 {
		return s.Entries[0].Err
	}
	return nil
}

// Table is the table with a name, or nil.
func (s *State) Table(name string) *Table {
	i := slices.IndexFunc(s.Tables, func(t *Table) bool { return t.Schema.Table == name })
	if i < 0 {
		return nil
	}
	return s.Tables[i]
}

// Refresh reads what has changed in ledger and tables.
func (l *Lake) Refresh(ctx context.Context) error {
	l.reading.Lock()
	defer l.reading.Unlock()
	if err := l.rows.refresh(ctx); err != nil {
		return err
	}
	l.replace()
	return nil
}

// read puts what was read in the place of all that was known. l.reading is locked.
func (l *Lake) read(entries []*Entry, more func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.entries)
	for _, e := range entries {
		if e != nil {
			l.entries[e.ID] = e
		}
	}
	l.known = true
	more()
}

// before are the entries as they were last read.
func (l *Lake) before() map[ledger.ID]*Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.entries)
}

// Note reads entries and their outputs again: somebody knows that they have changed.
func (l *Lake) Note(ctx context.Context, ids ...ledger.ID) error {
	l.reading.Lock()
	defer l.reading.Unlock()
	l.mu.Lock()
	known := l.known
	l.mu.Unlock()
	if !known {
		return nil // the first Refresh reads all
	}
	defer l.replace()
	return l.rows.note(ctx, ids)
}

// Entry is that of an object as the ledger has it now, and what its ETag is there.
func (l *Lake) Entry(ctx context.Context, bucket, key string) (ledger.Entry, string, error) {
	return l.rows.entry(ctx, bucket, key)
}

// EntryOf is Entry of an object of which only the ID is known.
func (l *Lake) EntryOf(ctx context.Context, id ledger.ID) (ledger.Entry, string, error) {
	if _, err := l.State(ctx); err != nil {
		return ledger.Entry{}, "", err
	}
	l.mu.Lock()
	e := l.entries[id]
	l.mu.Unlock()
	if e != nil && e.Err == nil {
		return l.Entry(ctx, e.Bucket, e.Key)
	}
	if _, are := l.rows.(*objects); are {
		return l.at().Pipeline.Ledger.Read(ctx, id) // one that the state does not have yet
	}
	return ledger.Entry{}, "", fmt.Errorf("read ledger entry: %w", store.ErrNotFound)
}

// Listed are all entries, with their IDs and tags, as the ledger has them now.
func (l *Lake) Listed(ctx context.Context) ([]ledger.Listed, error) { return l.rows.listed(ctx) }

// Part is rows of an object in a file.
type Part struct {
	Output  ledger.Output // that the file is of
	Bytes   int64         // of the file
	First   int64         // row of the file
	Rows    int64
	Shared  bool // the file has rows of other objects too
	Missing bool // the file is not there; a shared one may have been compacted by others
	Damaged bool // it has no footer that can be read, so no rows
}

// Parts are where the rows of an object are.
func (l *Lake) Parts(ctx context.Context, e *ledger.Entry) ([]Part, error) {
	return l.rows.parts(ctx, e)
}

// replace replaces the state by one of what was read. Until then requests have the
// state before, and do not wait: only who has locked l.reading changes what it is made
// of.
func (l *Lake) replace() {
	at := l.at()
	s := l.derive(at)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state, l.of = s, at
	l.prune()
}

// trim leaves out of an entry what nobody asks for, and has entries share what is the same
// in many.
func (l *Lake) trim(e *Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	share := func(texts ...*string) {
		for _, t := range texts {
			if known, ok := l.texts[*t]; ok {
				*t = known
			} else if len(l.texts) < maxTexts {
				l.texts[*t] = *t
			}
		}
	}
	share(&e.Bucket)
	for i := range e.Outputs {
		o := &e.Outputs[i]
		share(&o.Table, &o.Mapping, &o.Columns)
	}
	s := e.Entry.State
	if s == nil {
		return
	}
	s.Drift, s.RecordSums, s.ValueErrors, s.Listed = nil, nil, nil, ""
	if len(s.Reasons) == 0 {
		s.Reasons = nil
	}
	sums := make(map[string]string, len(s.Sums))
	for name, sum := range s.Sums {
		share(&name)
		sums[name] = sum
	}
	s.Sums = sums
	share(&s.MappingName, &s.Mapping, &s.Software)
}

// State is what is known; it reads the ledger if that was never read.
func (l *Lake) State(ctx context.Context) (*State, error) {
	l.mu.Lock()
	known := l.known
	l.mu.Unlock()
	if !known {
		if err := l.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := l.at(); l.state == nil || l.of != at {
		l.state, l.of = l.derive(at), at
		l.prune()
	}
	return l.state, nil
}

// derive makes the state of what was read. l.reading or l.mu is locked.
func (l *Lake) derive(at *setup.Setup) *State {
	s := &State{Entries: slices.Collect(maps.Values(l.entries))}
	slices.SortFunc(s.Entries, func(a, b *Entry) int {
		return cmp.Or(strings.Compare(a.Bucket, b.Bucket), strings.Compare(a.Key, b.Key), bytes.Compare(a.ID[:], b.ID[:]))
	})
	files := l.rows.files(at, s.Entries)
	for _, t := range at.Tables {
		name := t.Schema.Table
		table := &Table{Schema: t.Schema, Files: files[name]}
		table.Schema.Columns, table.Fixed = l.rows.columns(name, t.Schema.Columns)
		s.Tables = append(s.Tables, table)
		delete(files, name)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		t := &Table{Files: files[name]}
		t.Schema.Table = name
		s.Tables = append(s.Tables, t)
	}
	damaged := 0
	for damaged < len(s.Entries) && s.Entries[damaged].Err != nil {
		damaged++
	}
	for _, t := range s.Tables {
		t.damaged = damaged
		t.sign()
	}
	return s
}

// prune forgets what was kept of other states of files and entries. l.mu is locked.
func (l *Lake) prune() {
	kept := map[fileState]*footer{}
	for _, t := range l.state.Tables {
		for _, f := range t.Files {
			if known := l.footers[f.state()]; known != nil {
				kept[f.state()] = known
			}
		}
	}
	l.footers = kept
	maps.DeleteFunc(l.money, func(id ledger.ID, m *entryMoney) bool { return l.entries[id] == nil })
	maps.DeleteFunc(l.profile, func(name string, p *Profile) bool { return l.state.Table(name) == nil })
}

// settled calls do with the state, and again with a newer one if a file was replaced
// while it was read.
func (l *Lake) settled(ctx context.Context, do func(*State) error) error {
	const tries = 4
	for try := 1; ; try++ {
		s, err := l.State(ctx)
		if err != nil {
			return err
		}
		if err = do(s); try == tries || !errors.Is(err, store.ErrChanged) {
			return err
		}
		if err := l.Refresh(ctx); err != nil {
			return err
		}
	}
}

// workers is the number of profiles, charts and sums that are made at once: each reads
// many files at once, and others ask for something small meanwhile.
const workers = 2

// work waits until there is room for one of these, and does it.
func (l *Lake) work(ctx context.Context, do func() error) error {
	select {
	case l.working <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.working }()
	return do()
}

// Each calls do with the numbers below n, up to most of them at once, until one fails.
func Each(ctx context.Context, most, n int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(most, n) {
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
