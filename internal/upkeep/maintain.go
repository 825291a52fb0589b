package upkeep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// MaintainOptions say what Maintain does.
type MaintainOptions struct {
	OlderThan time.Duration // of what is removed: nothing younger is
	DryRun    bool
	// ExpireOlder, if above 0, is the age from which snapshots expire, in the place of the
	// retention: all but the newest.
	ExpireOlder time.Duration
	// Keeps are URIs of files that no snapshot names, and that others will name.
	Keeps   []string
	Removes func(key string, bytes int64) // is called for what is removed, or would be
}

// Maintained is what Maintain did. Its JSON names are a contract.
type Maintained struct {
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
}

// mergeManifests is the number of small manifests of a kind that are worth a snapshot.
const mergeManifests = 8

// Maintain expires snapshots, merges small manifests and runs of the ledger, and removes
// objects below the folders of the table and of its ledger that no snapshot in the
// metadata, and no root of one, names. It removes only what has a name that sluice gives,
// and what is so old that no commit that is under way can name it.
func Maintain(ctx context.Context, t *tables.Table, o MaintainOptions) (*Maintained, error) {
	if o.ExpireOlder > 0 {
		own := *t
		own.Retention = iceberg.Retention{Snapshots: 1, Age: o.ExpireOlder}
		t = &own
	}
	m := &maintenance{t: t, o: o, Maintained: Maintained{Table: t.Name}, seed: maphash.MakeSeed(), named: map[uint64]struct{}{}}
	if err := m.run(ctx); err != nil {
		return &m.Maintained, fmt.Errorf("maintain table %s: %w", t.Name, err)
	}
	return &m.Maintained, nil
}

type maintenance struct {
	Maintained
	t *tables.Table
	o MaintainOptions
	h *tables.Head

	seed  maphash.Seed
	mu    sync.Mutex
	named map[uint64]struct{} // hashes of keys: two that are alike only keep an object
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
	if err := m.sweep(ctx, m.t.Files.Store, m.t.Folder, anyOf(tableForms)); err != nil {
		return err
	}
	return m.sweep(ctx, m.t.Ledger, m.h.LedgerFolder(), anyOf(ledgerForms))
}

// merge merges small manifests and runs of the ledger, if there are enough.
func (m *maintenance) merge(ctx context.Context) error {
	for try := 0; ; try++ {
		r := tables.Rewrite{ID: tables.NewBatchID(), MergeAt: mergeManifests}
		var err error
		if m.Manifests, err = m.t.ManifestsDue(ctx, m.h, mergeManifests); err != nil {
			return err
		}
		if m.Runs = m.h.RunsDue(); m.Manifests+m.Runs == 0 || m.o.DryRun {
			return nil
		}
		if err := m.t.MergeRuns(ctx, m.h, &r); err != nil {
			return err
		}
		expired := m.t.Expired(m.h)
		next, err := m.t.Rewrite(ctx, m.h, &r)
		if err == nil {
			m.h, m.Expired = next, expired
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

// mostTries is how often something is made anew because others were faster.
const mostTries = 5

func (m *maintenance) expire(ctx context.Context) error {
	if m.o.DryRun {
		m.Expired = m.t.Expired(m.h)
		return nil
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

// staged finds the files of staged batches, which no snapshot names yet. A batch that cannot
// be read may name any: nothing is removed.
func (m *maintenance) staged(ctx context.Context) error {
	all, err := m.t.Staged(ctx, m.h, 0)
	if err != nil {
		return err
	}
	for _, s := range all {
		if m.Staged++; m.Since.IsZero() || s.Since.Before(m.Since) {
			m.Since = s.Since
		}
	}
	return each(ctx, filesRead, all, func(ctx context.Context, s *tables.Staged) error {
		paths, err := m.t.StagedFiles(ctx, m.h, *s)
		for _, path := range paths {
			m.nameURI(path)
		}
		return err
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
	err := each(ctx, filesRead, meta.Snapshots, func(ctx context.Context, s *iceberg.Snapshot) error {
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
	all := slices.Collect(maps.Values(manifests))
	err = each(ctx, filesRead, all, func(ctx context.Context, line *iceberg.Manifest) error {
		m.nameURI(line.Path)
		return m.t.Files.Entries(ctx, meta, line, func(e *iceberg.Entry) error {
			m.nameURI(e.File.Path)
			return nil
		})
	})
	if err != nil {
		return err
	}
	roots := m.h.Roots()
	return each(ctx, filesRead, roots, func(ctx context.Context, root *string) error {
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

// The forms of names that sluice gives, below the folder of a table and of its ledger.
// Anything else is left alone: other engines remove what is theirs.
var (
	tableForms = []*regexp.Regexp{
		regexp.MustCompile(`^data/(?:[^/]+=[^/]*/)*\d{8}T\d{6}Z_[0-9a-f]{12}-\d+\.parquet$`),
		deletesForm,
		manifestForm,
		listForm,
		regexp.MustCompile(`^metadata/\d{5,}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.metadata\.json$`),
		versionForm,
	}
	ledgerForms = []*regexp.Regexp{
		regexp.MustCompile(`^root-\d{19}-[0-9a-f]{32}-\d+-[0-9a-f]{8}\.json\.gz$`),
		runForm,
	}
	deletesForm  = regexp.MustCompile(`^data/[0-9a-f]{32}-\d+-[0-9a-f]{8}-\d+\.deletes\.parquet$`)
	manifestForm = regexp.MustCompile(`^metadata/[0-9a-f]{32}-\d+-[0-9a-f]{8}-m\d+\.avro$`)
	listForm     = regexp.MustCompile(`^metadata/snap-\d+-1-[0-9a-f]{32}-\d+-[0-9a-f]{8}\.avro$`)
	runForm      = regexp.MustCompile(`^run-\d{19}-[0-9a-f]{32}-\d+-[0-9a-f]{8}-\d+\.parquet$`)
	// The metadata files of a folder. A reader follows them from an old one to the
	// newest, so the oldest is removed first.
	versionForm = regexp.MustCompile(`^metadata/v(\d+)\.metadata\.json$`)
)

func anyOf(forms []*regexp.Regexp) func(name string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(forms, func(f *regexp.Regexp) bool { return f.MatchString(name) })
	}
}

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
	var versions []version
	var batch []store.Info
	flush := func() error {
		err := each(ctx, filesRead, batch, func(ctx context.Context, i *store.Info) error { return m.remove(ctx, s, *i) })
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
		if v := versionForm.FindStringSubmatch(name); v != nil {
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

// each calls fn for all of a list, some at the same time, until one of them fails.
func each[T any](ctx context.Context, atOnce int, list []T, fn func(context.Context, *T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	room := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range list {
		room <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-room }()
			if err := fn(ctx, &list[i]); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
