// Package maintain gives back what tables need no more: it expires snapshots, merges small
// metadata, and removes what no snapshot names. No result depends on it. It reads no rows,
// so the function may do it too.
package maintain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// Options say what is done.
type Options struct {
	OlderThan time.Duration // of what is removed: nothing younger is
	DryRun    bool
	// ExpireOlder, if above 0, is the age from which snapshots expire, in the place of the
	// retention: all but the newest.
	ExpireOlder time.Duration
	// Keeps are URIs of files that no snapshot names, and that others will name.
	Keeps   []string
	Removes func(key string, bytes int64) // is called for what is removed, or would be
}

// Done is what was done to a table. Its JSON names are a contract.
type Done struct {
	Table     string `json:"table"`
	Expired   int    `json:"snapshots_expired"`
	Manifests int    `json:"manifests_merged"`
	Runs      int    `json:"ledger_runs_merged"`
	Removed   int64  `json:"objects_removed"`
	Bytes     int64  `json:"bytes_removed"`
	// Staged is the number of batches that wait for a commit, and Since when the oldest was
	// staged.
	Staged int       `json:"batches_staged"`
	Since  time.Time `json:"staged_since,omitzero"`
	// Damaged is how many of them nobody can commit, until [tables.Table.SetAside] moves them.
	Damaged int `json:"batches_damaged"`
}

// UsualAge is the age from which what nobody names is removed, if nobody says another.
const UsualAge = 7 * 24 * time.Hour

// mergeManifests is the number of small manifests of a kind that are worth a snapshot.
const mergeManifests = 8

// Table expires snapshots, merges small manifests and runs of the ledger, and removes
// objects below the folders of the table and of its ledger that no snapshot in the
// metadata, and no root of one, names. It removes only what has a name that sluice gives,
// and what is so old that no commit that is under way can name it.
func Table(ctx context.Context, t *tables.Table, o Options) (*Done, error) {
	if o.ExpireOlder > 0 {
		own := *t
		own.Retention = iceberg.Retention{Snapshots: 1, Age: o.ExpireOlder}
		t = &own
	}
	m := &maintenance{t: t, o: o, Done: Done{Table: t.Name}, seed: maphash.MakeSeed(), named: map[uint64]struct{}{}}
	if err := m.run(ctx); err != nil {
		return &m.Done, fmt.Errorf("maintain table %s: %w", t.Name, err)
	}
	return &m.Done, nil
}

type maintenance struct {
	Done
	t *tables.Table
	o Options
	h *tables.Head

	seed  maphash.Seed
	mu    sync.Mutex
	named map[uint64]struct{} // hashes of keys: two that are alike only keep an object
	// unread is why a staged batch could not be read: it may name any data file.
	unread error
}

func (m *maintenance) run(ctx context.Context) (err error) {
	if m.h, err = m.t.Load(ctx); err != nil {
		return err
	}
	if folder, err := m.t.Files.Folder(m.h.Metadata()); err != nil || folder != m.t.Folder {
		return fmt.Errorf("it is at %s, and not where the sink would have it", m.h.Metadata().Location)
	}
	for _, uri := range m.o.Keeps {
		m.nameURI(uri)
	}
	// What is staged is read before the head: what is committed meanwhile, that names.
	if err := m.staged(ctx); err != nil {
		return err
	}
	if m.h, err = m.t.Load(ctx); err != nil {
		return err
	}
	if err := m.merge(ctx); err != nil {
		return err
	}
	if err := m.expire(ctx); err != nil {
		return err
	}
	// What is named is read before what is there is listed.
	if err := m.names(ctx); err != nil {
		return err
	}
	if m.unread == nil {
		if err := m.sweep(ctx, m.t.Files.Store, m.t.Folder, isOfTable); err != nil {
			return err
		}
	}
	return errors.Join(m.unread, m.sweep(ctx, m.t.Ledger, m.h.LedgerFolder(), isOfLedger))
}

// merge merges small manifests and runs of the ledger, if there are enough.
func (m *maintenance) merge(ctx context.Context) error {
	for try := 0; ; try++ {
		r := tables.Rewrite{ID: tables.NewBatchID(), MergeAt: mergeManifests}
		due, left, err := m.t.ManifestsDue(ctx, m.h, mergeManifests)
		if err != nil {
			return err
		}
		manifests := len(due)
		ledger, runsLeft := m.h.RunsDue()
		switch {
		case manifests+ledger == 0:
			return nil
		case m.o.DryRun:
			m.Manifests, m.Runs = manifests, ledger
			return m.foreseen(ctx, due, left, runsLeft)
		}
		if err := m.t.MergeRuns(ctx, m.h, &r); err != nil {
			return err
		}
		expired := m.t.Expired(m.h)
		next, err := m.t.Rewrite(ctx, m.h, &r)
		if err == nil {
			m.h, m.Expired, m.Manifests, m.Runs = next, expired, manifests, ledger
			return nil
		}
		if !errors.Is(err, tables.ErrMoved) || try == mostTries {
			return err
		}
		if m.h, err = m.t.Load(ctx); err != nil {
			return err
		}
	}
}

// foreseen names what the snapshot of a merge would name, of what is there already.
func (m *maintenance) foreseen(ctx context.Context, due, left []iceberg.Manifest, runs []string) error {
	for i := range left {
		m.nameURI(left[i].Path)
	}
	for _, name := range runs {
		m.name(m.h.LedgerFolder() + name)
	}
	return m.dataFiles(ctx, slices.Concat(due, left))
}

// mostTries is how often something is made anew because others were faster.
const mostTries = 5

func (m *maintenance) expire(ctx context.Context) (err error) {
	if m.o.DryRun {
		m.h, m.Expired, err = m.t.Foresee(m.h, m.Manifests > 0, m.Runs > 0)
		return err
	}
	next, n, err := m.t.Expire(ctx, m.h)
	if err != nil {
		return err
	}
	m.h = next
	m.Expired += n
	return nil
}

func (m *maintenance) hash(key string) uint64 { return maphash.String(m.seed, key) }

// name notes that a key is named. What is not in the store is nothing that is removed.
func (m *maintenance) name(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.named[m.hash(key)] = struct{}{}
}

func (m *maintenance) nameURI(uri string) {
	if key, err := m.t.Files.Key(uri); err == nil {
		m.name(key)
	}
}

// filesRead is how many metadata files are read at the same time.
const filesRead = 16

// staged finds the files of staged batches, which no snapshot names yet. Of a batch that is
// damaged the files are never named.
func (m *maintenance) staged(ctx context.Context) error {
	all, err := m.t.Staged(ctx, m.h, 0)
	if err != nil {
		return err
	}
	m.Staged, m.Since = len(all), tables.Oldest(all)
	return tables.Each(ctx, filesRead, all, func(ctx context.Context, s *tables.Staged) error {
		paths, err := m.t.StagedFiles(ctx, m.h, *s)
		for _, path := range paths {
			m.nameURI(path)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		switch {
		case errors.Is(err, tables.ErrDamaged):
			m.Damaged++
		case err != nil && ctx.Err() == nil:
			m.unread = errors.Join(m.unread, fmt.Errorf("data files that nobody names stay, since a staged batch may name them: %w", err))
		}
		return ctx.Err()
	})
}

// names finds what the snapshots of the metadata name.
func (m *maintenance) names(ctx context.Context) error {
	meta := m.h.Metadata()
	m.nameURI(m.h.MetadataFile())
	for _, old := range meta.MetadataLog {
		m.nameURI(old.File)
	}
	manifests := map[string]iceberg.Manifest{} // by path
	err := tables.Each(ctx, filesRead, meta.Snapshots, func(ctx context.Context, s *iceberg.Snapshot) error {
		m.nameURI(s.List)
		lines, err := m.t.Files.Manifests(ctx, s)
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, line := range lines {
			manifests[line.Path] = line
		}
		return err
	})
	if err != nil {
		return err
	}
	for path := range manifests {
		m.nameURI(path)
	}
	if err := m.dataFiles(ctx, slices.Collect(maps.Values(manifests))); err != nil {
		return err
	}
	roots := m.h.Roots()
	return tables.Each(ctx, filesRead, roots, func(ctx context.Context, root *string) error {
		m.name(m.h.LedgerFolder() + *root)
		files, err := m.h.RunsOf(ctx, *root)
		if errors.Is(err, runs.ErrDamaged) {
			return nil // of an older snapshot: that of the head was read. It names nothing
		}
		for _, f := range files {
			m.name(m.h.LedgerFolder() + f)
		}
		return err
	})
}

// dataFiles finds what manifests name.
func (m *maintenance) dataFiles(ctx context.Context, manifests []iceberg.Manifest) error {
	return tables.Each(ctx, filesRead, manifests, func(ctx context.Context, line *iceberg.Manifest) error {
		return m.t.Files.Entries(ctx, m.h.Metadata(), line, func(e *iceberg.Entry) error {
			m.nameURI(e.File.Path)
			return nil
		})
	})
}

// clockForm is that of what clock writes, if a process ended before it removed it.
var clockForm = tables.NewForm(`^clock-[0-9a-f]{32}$`)

func isOfTable(name string) bool  { return tables.IsOfTable(name) || clockForm.Find(name) != nil }
func isOfLedger(name string) bool { return tables.IsOfLedger(name) || clockForm.Find(name) != nil }

// sweep removes what is below a folder, has a name of ours, is old and is not named.
func (m *maintenance) sweep(ctx context.Context, s store.Store, folder string, isOurs func(name string) bool) error {
	now := m.t.Now()
	if !m.o.DryRun {
		var err error
		if now, err = clock(ctx, s, folder); err != nil {
			return fmt.Errorf("ask for the time: %w", err)
		}
	}
	type version struct {
		store.Info
		number int
	}
	var versions []version // a reader follows them from an old one to the newest: the oldest goes first
	var batch []store.Info
	flush := func() error {
		err := tables.Each(ctx, filesRead, batch, func(ctx context.Context, i *store.Info) error { return m.remove(ctx, s, *i) })
		batch = batch[:0]
		return err
	}
	err := s.List(ctx, folder, func(i store.Info) error {
		name := i.Key[len(folder):]
		if i.Err != nil || now.Sub(i.Modified) < m.o.OlderThan || !isOurs(name) {
			return nil
		}
		if _, named := m.named[m.hash(i.Key)]; named {
			return nil
		}
		if v := tables.VersionForm.Find(name); v != nil {
			n, _ := strconv.Atoi(v[1])
			versions = append(versions, version{i, n})
			return nil
		}
		if batch = append(batch, i); len(batch) == 1000 {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	slices.SortFunc(versions, func(a, b version) int { return cmp.Compare(a.number, b.number) })
	for _, v := range versions {
		if err == nil {
			err = m.remove(ctx, s, v.Info)
		}
	}
	if err != nil {
		return fmt.Errorf("remove what nobody names: %w", err)
	}
	return nil
}

func (m *maintenance) remove(ctx context.Context, s store.Store, i store.Info) error {
	if !m.o.DryRun {
		if err := s.Delete(ctx, i.Key); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Removed++
	m.Bytes += i.Size
	if m.o.Removes != nil {
		m.o.Removes(i.Key, i.Size)
	}
	return nil
}

// clock is the time of a store: what it says of an object that is written now.
func clock(ctx context.Context, s store.Store, folder string) (now time.Time, err error) {
	key := folder + "clock-" + tables.NewBatchID()
	if _, err := store.Put(ctx, s, key, nil, store.CreateOptions{}, store.IfNoneMatch()); err != nil {
		return now, err
	}
	info, err := s.Head(ctx, key)
	return info.Modified, errors.Join(err, s.Delete(ctx, key))
}
