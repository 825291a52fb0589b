package upkeep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice/internal/runs"
	"sluice/internal/tables"
)

// Rebuilt is what Rebuild did. Its JSON names are a contract.
type Rebuilt struct {
	Table string `json:"table"`
	Lost  string `json:"lost"` // what was wrong with the ledger; empty: nothing, and it stays
	Keys  int64  `json:"keys"` // that have rows
	Rows  int64  `json:"rows"` // of them
	// Former are those of the keys that the source no longer lists: the former ledger
	// has named them.
	Former int64 `json:"keys_former"`
	// Unknown are rows of a source whose key nobody knows, and Foreign those without one.
	// They stay, and are not in the ledger.
	Unknown    int64 `json:"rows_unknown"`
	UnknownIDs int64 `json:"ids_unknown"`
	Foreign    int64 `json:"rows_foreign"`
}

// SourceKeys calls fn with each key of the source, until it returns an error.
type SourceKeys func(ctx context.Context, fn func(bucket, key string) error) error

const (
	// heldPlaces bounds what is in memory of sources and places of their rows, some 200
	// bytes each: for so many the source is listed once more.
	heldPlaces = 1 << 18
	// mostPlaces is the number of places of a source that its entry names. Rows that others
	// have scattered more are found by their IDs.
	mostPlaces = 1000
)

// Rebuild makes the ledger of a table anew if it is lost or damaged, of the columns that
// say whose the rows are, and of the keys of the source. A key cannot be read from its ID,
// so keys are tried: those that the source lists, then those of old runs. What the keys
// show is the rows that are there, of whatever state, and the next run looks at all of
// them. Readers see the same rows.
func Rebuild(ctx context.Context, t *tables.Table, keys SourceKeys) (*Rebuilt, error) {
	for try := 0; ; try++ {
		b := &rebuilding{t: t, keys: keys, most: heldPlaces, places: mostPlaces, Rebuilt: Rebuilt{Table: t.Name}}
		err := b.run(ctx)
		if errors.Is(err, tables.ErrMoved) && try < mostTries {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("rebuild ledger of table %s: %w", t.Name, err)
		}
		return &b.Rebuilt, nil
	}
}

type rebuilding struct {
	Rebuilt
	t            *tables.Table
	keys         SourceKeys
	most, places int // heldPlaces, mostPlaces

	h     *tables.Head
	files []tables.LiveFile
	made  tables.Rebuild

	held  map[uint64]*shownSource // by the hash of their IDs
	count int                     // of held, and of their places
	last  *shownSource
}

// shownSource is a source that the table has rows of.
type shownSource struct {
	source
	key      runs.Key
	isNamed  bool
	rows     int64
	sequence int64 // of its oldest rows
	places   []runs.FileRange
}

func (b *rebuilding) run(ctx context.Context) (err error) {
	var lost error
	if b.h, lost, err = b.t.LoadLost(ctx); err != nil || lost == nil {
		return err
	}
	b.Lost = lost.Error()
	b.made.ID, b.held = tables.NewBatchID(), map[uint64]*shownSource{}
	if b.files, err = tables.NewLive(b.t.Files).Files(ctx, b.h); err != nil {
		return err
	}
	all := &facts{most: heldFacts}
	defer func() { err = errors.Join(err, all.close()) }()
	if err := b.read(ctx, all); err != nil {
		return err
	}
	if err := all.each(func(f *fact) error { return b.take(ctx, f) }); err != nil {
		return err
	}
	if err := b.pass(ctx); err != nil {
		return err
	}
	if b.Keys == 0 && b.Unknown > 0 {
		return fmt.Errorf("no object of the source has rows in the table, which has %d: name the source as before", b.Unknown)
	}
	_, err = b.t.Rebuild(ctx, b.h, &b.made)
	return err
}

// read reads whose rows the data files have. The facts are places: the state is the
// number of the file, and the kind the first row.
func (b *rebuilding) read(ctx context.Context, all *facts) error {
	numbers := make(map[string]uint64, len(b.files))
	for i := range b.files {
		numbers[b.files[i].Key] = uint64(i)
	}
	var mu sync.Mutex
	return tables.Each(ctx, filesAtOnce, b.files, func(ctx context.Context, f *tables.LiveFile) error {
		n, err := rowsOf(ctx, b.t, b.h, f, func(r rowRange) error {
			mu.Lock()
			defer mu.Unlock()
			if !r.ours {
				b.Foreign += r.To - r.From
				return nil
			}
			return all.add(fact{r.source, numbers[f.Key], kind(r.From), r.To - r.From})
		})
		if err == nil && n != f.Rows {
			err = fmt.Errorf("it has %d rows, and its manifest says %d", n, f.Rows)
		}
		if err != nil {
			return fmt.Errorf("read data file %s: %w", f.Key, err)
		}
		return nil
	})
}

// take takes a place. They come by their sources.
func (b *rebuilding) take(ctx context.Context, f *fact) error {
	file := &b.files[f.state]
	if b.last == nil || b.last.hash != f.source.hash {
		if b.count >= b.most {
			if err := b.pass(ctx); err != nil {
				return err
			}
		}
		b.last = &shownSource{source: f.source, sequence: file.Sequence}
		b.held[f.source.hash] = b.last
		b.count++
	}
	s, place := b.last, runs.FileRange{Path: file.Path, First: int64(f.kind), Rows: f.rows}
	s.rows += f.rows
	s.sequence = min(s.sequence, file.Sequence)
	n := len(s.places)
	switch {
	case n > 0 && s.places[n-1].Path == place.Path && s.places[n-1].First+s.places[n-1].Rows == place.First:
		s.places[n-1].Rows += place.Rows
	case n <= b.places:
		s.places = append(s.places, place)
		b.count++
	}
	return nil
}

// pass names the sources that are held, and writes a run of them.
func (b *rebuilding) pass(ctx context.Context) error {
	if len(b.held) == 0 {
		return nil
	}
	left := len(b.held)
	name := func(k runs.Key) bool {
		s := b.held[sourceOf(&runs.Entry{Key: k}).hash]
		if s == nil || s.isNamed {
			return false
		}
		s.key, s.isNamed = k, true
		left--
		return true
	}
	enough := errors.New("enough")
	err := b.keys(ctx, func(bucket, key string) error {
		if name(runs.Key{Bucket: bucket, Key: key}); left == 0 {
			return enough
		}
		return nil
	})
	if err != nil && !errors.Is(err, enough) {
		return err
	}
	if left > 0 {
		if err := b.h.FormerKeys(ctx, func(k runs.Key) {
			if name(k) {
				b.Former++
			}
		}); err != nil {
			return err
		}
	}
	var named []*shownSource
	for _, s := range b.held {
		if !s.isNamed {
			b.Unknown += s.rows
			b.UnknownIDs++
			continue
		}
		named = append(named, s)
		b.Keys++
		b.Rows += s.rows
	}
	b.held, b.count, b.last = map[uint64]*shownSource{}, 0, nil
	if len(named) == 0 {
		return nil
	}
	slices.SortFunc(named, func(a, b *shownSource) int { return a.key.Compare(b.key) })
	return b.t.AddRun(ctx, b.h, &b.made, func(add func(*runs.Entry) error) error {
		for _, s := range named {
			if err := add(b.entry(s)); err != nil {
				return err
			}
		}
		return nil
	})
}

// entry is what is known of a source: its rows.
func (b *rebuilding) entry(s *shownSource) *runs.Entry {
	e := &runs.Entry{Key: s.key, FirstSeen: time.UnixMilli(s.seen).UTC(), Shown: runs.Shown{Sequence: s.sequence, Rows: s.rows}}
	if len(s.places) <= b.places {
		e.Shown.Files = s.places
	}
	return e
}
