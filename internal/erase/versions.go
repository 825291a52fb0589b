package erase

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"sluice/internal/event"
	"sluice/internal/iceberg"
	"sluice/internal/pipeline"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
	"sluice/internal/tables"
	"sluice/internal/upkeep"
)

// Versions says what a bucket keeps of what was replaced or removed in it. Its JSON names
// are a contract.
type Versions struct {
	Place   string        `json:"place"`
	On      bool          `json:"versioning"`
	Days    int32         `json:"noncurrent_days"` // after which a lifecycle rule removes older versions; 0: none does
	Unknown string        `json:"unknown"`         // why nobody knows; else empty
	Removed int64         `json:"versions_removed"`
	Left    []LeftVersion `json:"versions_left"` // that may have rows or records, and could not be read or removed
}

// LeftVersion is an older version that could not be removed.
type LeftVersion struct {
	Key     string `json:"key"`
	Version string `json:"version_id"`
	Error   string `json:"error"`
}

// What becomes of older versions.
const (
	VersionsKeep   = "keep"
	VersionsRemove = "remove"
)

// place is a part of a bucket.
type place struct {
	name   string
	bucket *s3store.Store
	prefix string
	// has reports whether an older version has rows or records of a person; st reads it.
	// gone says that its object was deleted.
	has func(ctx context.Context, st store.Store, v store.Info, gone bool) (bool, error)
}

// versions asks the buckets how long they keep what is replaced or removed, and removes
// older versions with rows or records of a person, if that is wanted.
func (e *eraser) versions(ctx context.Context) error {
	p, c := e.s.Pipeline, e.s.Config
	src, err := p.Source(c.Source.Bucket)
	if err != nil {
		return err
	}
	sink, kept := e.fileHas, e.nothingHas
	if t, ok := e.s.Target.(*pipeline.Tables); ok {
		if sink, kept, err = e.tablesHave(ctx, t); err != nil {
			return err
		}
	}
	for _, at := range []struct {
		store store.Store
		place
	}{
		{src, place{name: "source", prefix: c.Source.Prefix, has: e.objectHas}}, {p.Sink, place{name: "sink", prefix: c.Sink.Prefix, has: sink}},
		{p.Quarantine, place{name: "quarantine", prefix: c.Quarantine.Prefix, has: e.recordsHave}}, {e.s.Ledger, place{name: "ledger", prefix: c.Ledger.Prefix, has: kept}},
	} {
		var ok bool
		if at.bucket, ok = at.store.(*s3store.Store); !ok {
			continue // a folder has no versions
		}
		v := Versions{Place: at.name, Left: []LeftVersion{}}
		if v.On, err = at.bucket.Versioning(ctx); err != nil {
			v.Unknown = err.Error()
		} else if rules, err := at.bucket.Lifecycle(ctx); err != nil {
			v.Unknown = err.Error()
		} else {
			v.Days = s3store.NoncurrentDays(rules, at.prefix)
		}
		if e.o.Versions == VersionsRemove {
			e.begin("versions of the "+at.name, 0)
			if err := e.removeVersions(ctx, &at.place, &v); err != nil {
				return fmt.Errorf("%s: %w", at.name, err)
			}
		}
		e.report.Versions = append(e.report.Versions, v)
	}
	return nil
}

// pinned is a store in which one object is as it was in a version.
type pinned struct {
	store.Store
	version string
}

func (p pinned) Open(ctx context.Context, key string) (store.Object, error) {
	return p.OpenVersion(ctx, key, p.version)
}

// objectVersions are the versions of an object that are looked at.
type objectVersions struct {
	key     string
	gone    bool     // it was deleted
	marks   []string // of its deletions
	left    int      // versions that stay
	pending int      // that are being looked at, and the listing, as long as it is at the object
}

// removeVersions removes the older versions at a place that have rows or records of a
// person. What is current stays, whatever it has. Of an object that was deleted, and of
// which nothing is left, the marks go that say so: its key may have a value. Killed at any
// point, the same call does the rest.
func (e *eraser) removeVersions(ctx context.Context, at *place, report *Versions) error {
	var mu sync.Mutex // of the report and of all objects
	remove := func(ctx context.Context, key, version string) error {
		if e.o.DryRun {
			return nil
		}
		return at.bucket.DeleteVersion(ctx, key, version)
	}
	leave := func(key, version string, err error) {
		report.Left = append(report.Left, LeftVersion{key, version, err.Error()})
	}
	// done is called under mu, for each thing that was pending.
	done := func(ctx context.Context, o *objectVersions) {
		if o.pending--; o.pending > 0 || o.left > 0 || !o.gone {
			return
		}
		for _, mark := range o.marks {
			if err := remove(ctx, o.key, mark); err != nil {
				leave(o.key, mark, err)
			}
		}
	}
	w := newWorkers(ctx, e.workers)
	o := &objectVersions{pending: 1}
	listed := func() {
		mu.Lock()
		defer mu.Unlock()
		done(ctx, o)
	}
	err := at.bucket.Versions(ctx, at.prefix, func(v s3store.Version) error {
		if v.Key != o.key {
			listed()
			o = &objectVersions{key: v.Key, gone: v.Current && v.Deleted, pending: 1}
		}
		mu.Lock()
		switch {
		case v.Deleted:
			o.marks = append(o.marks, v.VersionID)
		case v.Current:
			o.left++
		default:
			o.pending++
		}
		mu.Unlock()
		if v.Deleted || v.Current {
			return nil
		}
		o := o
		return w.start(func(ctx context.Context) error {
			has, err := at.has(ctx, pinned{at.bucket, v.VersionID}, v.Info, o.gone)
			if has && err == nil {
				err = remove(ctx, v.Key, v.VersionID)
			}
			e.progress(1)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, store.ErrNotFound): // others, or a rule, have removed it
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil:
				o.left++
				leave(v.Key, v.VersionID, err)
			case has:
				report.Removed++
			default:
				o.left++
			}
			done(ctx, o)
			return nil
		})
	})
	err = errors.Join(w.wait(), err)
	if err == nil {
		listed()
	}
	slices.SortFunc(report.Left, func(a, b LeftVersion) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Version, b.Version))
	})
	return err
}

// objectHas is has of the source.
func (e *eraser) objectHas(ctx context.Context, st store.Store, v store.Info, _ bool) (bool, error) {
	if e.s.Listed(v).Action != event.Process {
		return false, nil
	}
	r, err := e.find.find(ctx, v.Key, func() (io.ReadCloser, error) { return st.Open(ctx, v.Key) })
	if err != nil {
		return false, err
	}
	return len(r.cut)+len(r.mixed) > 0 || r.hasText, nil
}

// recordsHave is has of the quarantine.
func (e *eraser) recordsHave(ctx context.Context, st store.Store, v store.Info, _ bool) (bool, error) {
	if !strings.HasSuffix(v.Key, quarantineEnd) {
		return false, nil
	}
	in, err := st.Open(ctx, v.Key)
	if err != nil {
		return false, err
	}
	defer in.Close()
	n, err := e.sift(in, io.Discard)
	return n > 0, err
}

// fileHas is has of files of rows.
func (e *eraser) fileHas(ctx context.Context, st store.Store, v store.Info, _ bool) (bool, error) {
	if !strings.HasSuffix(v.Key, ".parquet") || v.Size == 0 {
		return false, nil
	}
	r, err := upkeep.ReaderAt(ctx, st, v)
	if err != nil {
		return false, err
	}
	file, err := upkeep.OpenFile(r, v.Size, nil, e.o.Conditions)
	if err != nil {
		return false, err
	}
	rows, err := file.Matches(ctx)
	return rows > 0, err
}

// nothingHas is has where nothing is looked for.
func (e *eraser) nothingHas(context.Context, store.Store, store.Info, bool) (bool, error) {
	return false, nil
}

// tablesHave are has of the sink and of the ledger of tables. Beside their data files, what
// was deleted of metadata and ledger may have bounds and paths, and nobody needs it. Nor do
// deleted data files of a table with none of the columns: nobody knows whose rows they have.
func (e *eraser) tablesHave(ctx context.Context, t *pipeline.Tables) (sink, kept func(context.Context, store.Store, store.Info, bool) (bool, error), err error) {
	searched := map[string]bool{}
	for _, table := range e.report.Tables {
		searched[table.Table] = len(table.Columns) > 0
	}
	folders := []string{t.SplitFolder()}
	for _, table := range t.Tables {
		h, err := table.Load(ctx)
		if errors.Is(err, iceberg.ErrNoTable) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		folders = append(folders, h.LedgerFolder())
	}
	sink = func(ctx context.Context, st store.Store, v store.Info, gone bool) (bool, error) {
		for _, table := range t.Tables {
			if name, in := strings.CutPrefix(v.Key, table.Folder); in && (tables.HasPaths(name) || e.o.Raw == RawRewrite && !searched[table.Name]) {
				return gone, nil
			}
		}
		return e.fileHas(ctx, st, v, gone)
	}
	kept = func(_ context.Context, _ store.Store, v store.Info, gone bool) (bool, error) {
		return gone && slices.ContainsFunc(folders, func(folder string) bool { return strings.HasPrefix(v.Key, folder) }), nil
	}
	return sink, kept, nil
}
