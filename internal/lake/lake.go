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
}

// Lake is what is known of a lake. It is safe for use by several goroutines.
type Lake struct {
	at func() *setup.Setup

	reading sync.Mutex    // one Refresh at a time: the second finds nothing changed
	working chan struct{} // holds one for each profile, chart or sum that is being made

	mu      sync.Mutex
	known   bool // the ledger was read
	entries map[ledger.ID]*Entry
	sink    map[string]store.Info // by key: what the entries name, and is there
	state   *State                // of entries, sink and setup
	of      *setup.Setup          // that state was made with
	footers map[fileState]*footer
	schemas map[string][]schema.Column
	texts   map[string]string // that entries share
	money   map[ledger.ID]*entryMoney
	profile map[string]*Profile // by table
}

// New reads a lake that a setup names. The setup may be another at each call, with
// another mapping, but the places stay.
func New(at func() *setup.Setup) *Lake {
	return &Lake{
		at: at, working: make(chan struct{}, workers), entries: map[ledger.ID]*Entry{}, sink: map[string]store.Info{},
		footers: map[fileState]*footer{}, schemas: map[string][]schema.Column{}, texts: map[string]string{}, money: map[ledger.ID]*entryMoney{}, profile: map[string]*Profile{},
	}
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

// Refresh lists ledger and sink, and reads the entries that have changed.
func (l *Lake) Refresh(ctx context.Context) error {
	l.reading.Lock()
	defer l.reading.Unlock()
	p := l.at().Pipeline
	sink := map[string]store.Info{}
	// The sink is listed after the ledger: a publication comes before its account.
	var listed []ledger.Listed
	if err := p.Ledger.List(ctx, func(e ledger.Listed) error { listed = append(listed, e); return nil }); err != nil {
		return err
	}
	if err := p.Sink.List(ctx, p.SinkPrefix, func(info store.Info) error {
		if info.Err == nil && strings.HasSuffix(info.Key, ".parquet") {
			sink[info.Key] = info
		}
		return nil
	}); err != nil {
		return fmt.Errorf("list tables: %w", err)
	}
	l.mu.Lock()
	before := maps.Clone(l.entries)
	l.mu.Unlock()
	read := make([]*Entry, len(listed))
	if err := Each(ctx, atOnce, len(listed), func(ctx context.Context, i int) (err error) {
		if old := before[listed[i].ID]; old != nil && old.ETag == listed[i].ETag {
			read[i] = old
			return nil
		}
		read[i], err = l.read(ctx, listed[i])
		return err
	}); err != nil {
		return err
	}
	l.mu.Lock()
	clear(l.entries)
	for _, e := range read {
		if e != nil {
			l.entries[e.ID] = e
		}
	}
	l.known, l.sink = true, sink
	l.mu.Unlock()
	l.replace()
	return nil
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
	for _, id := range ids {
		if err := l.note(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lake) note(ctx context.Context, id ledger.ID) error {
	p := l.at().Pipeline
	e, err := l.read(ctx, ledger.Listed{ID: id, Written: time.Now().UTC()})
	if err != nil {
		return err
	}
	found := map[string]*store.Info{}
	if e != nil {
		for _, o := range p.Published(&e.Entry) {
			info, err := p.Sink.Head(ctx, o.Key)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("read tables: %w", err)
			}
			found[o.Key] = &info
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e == nil {
		delete(l.entries, id)
		return nil
	}
	l.entries[id] = e
	for key, info := range found {
		if delete(l.sink, key); info.Key != "" {
			info.Meta = nil
			l.sink[key] = *info
		}
	}
	return nil
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

// read reads an entry; nil if it is gone.
func (l *Lake) read(ctx context.Context, listed ledger.Listed) (*Entry, error) {
	e, etag, err := l.at().Pipeline.Ledger.Read(ctx, listed.ID)
	r := &Entry{Entry: e, ID: listed.ID, ETag: etag, Written: listed.Written}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case errors.Is(err, ledger.ErrDamaged) || errors.Is(err, ledger.ErrNewer):
		at := l.at().Config.Ledger
		r.Entry, r.Err = ledger.Entry{}, fmt.Errorf("%w (%s%s.json): the rows of its object would be missing; sluice run makes the entry again", err, at, listed.ID)
	case err != nil:
		return nil, err
	}
	l.trim(r)
	return r, nil
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
	files := map[string][]*File{}
	for _, e := range s.Entries {
		for _, o := range at.Pipeline.Published(&e.Entry) {
			files[o.Table] = append(files[o.Table], &File{Entry: e, Output: o, Info: l.sink[o.Key]})
		}
	}
	for _, t := range at.Tables {
		name := t.Schema.Table
		s.Tables = append(s.Tables, &Table{Schema: t.Schema, Files: files[name]})
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
