package upkeep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// Held is where rows are yet that were erased from a table. Its JSON names are a contract.
type Held struct {
	Snapshots []HeldSnapshot `json:"snapshots"`
	Files     []string       `json:"data_files"` // of these snapshots
	Metadata  []string       `json:"manifests"`  // with bounds of these files
	// Of a table that a column of a condition divides, or has divided, a value is also in
	// the bounds of partitions and in paths. Lists are of these manifests; Deletes and Runs
	// (of the ledger) name such files.
	Lists   []string `json:"manifest_lists"`
	Deletes []string `json:"delete_files"`
	Runs    []string `json:"ledger_runs"`
	// Unnamed are data files that no snapshot names: a worker died before its commit, or
	// the snapshot has expired. Unlisted says that the folder cannot be listed, so
	// nobody knows whether there are some.
	Unnamed  []string `json:"data_files_unnamed"`
	Unlisted bool     `json:"unlisted"`
	// Others are those of all these that [Maintain] does not remove, as another engine
	// wrote them: it removes its own.
	Others []string `json:"files_of_others"`
	// Former are those that are files of a former sink, which the table took in: no command
	// removes them.
	Former []string `json:"files_of_former_sink"`
	// Old is the number of files of metadata and ledger that no snapshot names: they may
	// be as Metadata, Lists, Deletes and Runs are. They are not read.
	Old int `json:"metadata_unnamed"`
}

func noneHeld() Held {
	return Held{
		Snapshots: []HeldSnapshot{}, Files: []string{}, Metadata: []string{}, Lists: []string{}, Deletes: []string{}, Runs: []string{},
		Unnamed: []string{}, Others: []string{}, Former: []string{},
	}
}

// HeldSnapshot is a snapshot that names files with such rows.
type HeldSnapshot struct {
	ID   int64     `json:"id"`
	Time time.Time `json:"time"`
	// It leaves the metadata with the first commit after Until, if More further snapshots
	// have come by then, at least.
	Until time.Time `json:"until"`
	More  int       `json:"more_snapshots"`
	Ref   string    `json:"ref"` // a branch or tag that keeps it, whatever its age
}

// Any reports whether there is something.
func (h *Held) Any() bool { return len(h.Snapshots)+len(h.Unnamed) > 0 || h.Unlisted }

// named is what a manifest names: files by their keys.
type named struct {
	key         string
	deletes     bool // its files are delete files
	files, gone []string
}

// held finds where rows are yet, beside the files of the head: in those of older
// snapshots, in the bounds that manifests have of them, and in files that nobody names.
func (e *erasure) held(ctx context.Context, h *tables.Head, current []tables.LiveFile, dirty []dirtyFile) error {
	e.Held = noneHeld()
	if len(e.match.Columns) == 0 {
		return e.heldUnsearched(h)
	}
	m := h.Metadata()
	inHead := make(map[string]bool, len(current))
	for i := range current {
		inHead[current[i].Key] = true
	}
	others := map[string]tables.LiveFile{}
	manifests := map[string]*named{} // by path
	of := make([][]*named, len(m.Snapshots))
	divided := e.divides(h)
	for i := range m.Snapshots {
		lines, err := e.t.Files.Manifests(ctx, &m.Snapshots[i])
		if err != nil {
			return err
		}
		for j := range lines {
			if lines[j].Content != iceberg.DataManifest && !divided {
				continue
			}
			n := manifests[lines[j].Path]
			if n == nil {
				if n, err = e.named(ctx, m, &lines[j], inHead, others); err != nil {
					return err
				}
				manifests[lines[j].Path] = n
			}
			of[i] = append(of[i], n)
		}
	}
	unnamed, err := e.unnamed(ctx, h, inHead, others)
	if err != nil {
		return err
	}
	holds, err := e.holding(ctx, others)
	if err != nil {
		return err
	}
	for i := range dirty { // of a dry run
		holds[dirty[i].file.Key] = true
	}
	for key := range holds {
		switch {
		case unnamed[key]:
			e.Held.Unnamed = append(e.Held.Unnamed, key)
		case !inHead[key] && holds[key]:
			e.Held.Files = append(e.Held.Files, key)
		}
	}
	var byRuns map[int64]bool
	if divided {
		if byRuns, err = e.heldByPaths(ctx, h, holds, manifests); err != nil {
			return err
		}
	}
	isHolder := func(n *named) bool {
		is := func(key string) bool { _, has := holds[key]; return has }
		return slices.ContainsFunc(n.files, is) || slices.ContainsFunc(n.gone, is)
	}
	for _, n := range manifests {
		if isHolder(n) {
			e.Held.Metadata = append(e.Held.Metadata, n.key)
		}
	}
	for i := range m.Snapshots {
		byFiles := slices.ContainsFunc(of[i], isHolder)
		if byFiles || byRuns[m.Snapshots[i].ID] {
			e.Held.Snapshots = append(e.Held.Snapshots, e.snapshot(m, &m.Snapshots[i]))
		}
		if byFiles && divided {
			key, err := e.t.Files.Key(m.Snapshots[i].List)
			if err != nil {
				return err
			}
			e.Held.Lists = append(e.Held.Lists, key)
		}
	}
	for _, key := range slices.Concat(e.Held.Files, e.Held.Unnamed, e.Held.Metadata, e.Held.Lists, e.Held.Deletes) {
		name, inside := strings.CutPrefix(key, e.t.Folder)
		switch {
		case !inside && tables.IsOutput(key):
			e.Held.Former = append(e.Held.Former, key)
		case !inside || !tables.IsOfTable(name):
			e.Held.Others = append(e.Held.Others, key)
		}
	}
	for _, names := range [][]string{e.Held.Files, e.Held.Metadata, e.Held.Lists, e.Held.Deletes, e.Held.Runs, e.Held.Unnamed, e.Held.Others, e.Held.Former} {
		slices.Sort(names)
	}
	return e.old(ctx, h, manifests, divided)
}

// heldUnsearched is of a table that has none of the columns: what it showed before its
// newest snapshot may have rows of the person.
func (e *erasure) heldUnsearched(h *tables.Head) error {
	m := h.Metadata()
	if !e.o.Replaced {
		return nil
	}
	for i := range m.Snapshots {
		if m.Snapshots[i].ID != m.Current {
			e.Held.Snapshots = append(e.Held.Snapshots, e.snapshot(m, &m.Snapshots[i]))
		}
	}
	return nil
}

// snapshot says until when a snapshot stays.
func (e *erasure) snapshot(m *iceberg.Metadata, s *iceberg.Snapshot) HeldSnapshot {
	at := time.UnixMilli(s.Time).UTC()
	held := HeldSnapshot{ID: s.ID, Time: at, Until: at.Add(e.t.Retention.Age)}
	n := 0
	for line := m.Head(); line != nil && line.ID != s.ID; n++ {
		if line.Parent == nil {
			break
		}
		line = m.Snapshot(*line.Parent)
	}
	held.More = max(0, e.t.Retention.Snapshots-n)
	for name, ref := range m.Refs {
		if ref.ID == s.ID && name != iceberg.Main {
			held.Ref = name
		}
	}
	return held
}

// named reads what a manifest names. Files that the head does not name are added to
// others.
func (e *erasure) named(ctx context.Context, m *iceberg.Metadata, line *iceberg.Manifest, inHead map[string]bool, others map[string]tables.LiveFile) (*named, error) {
	n := &named{deletes: line.Content == iceberg.DeleteManifest}
	var err error
	if n.key, err = e.t.Files.Key(line.Path); err != nil {
		return nil, err
	}
	add := func(f tables.LiveFile) {
		if _, known := others[f.Key]; !n.deletes && !inHead[f.Key] && (!known || f.Rows != anyRows) {
			others[f.Key] = f
		}
	}
	err = e.t.Files.Entries(ctx, m, line, func(entry *iceberg.Entry) error {
		key, err := e.t.Files.Key(entry.File.Path)
		if err == nil {
			n.files = append(n.files, key)
			add(tables.LiveFile{Key: key, Path: entry.File.Path, Rows: entry.File.Rows, Bytes: entry.File.Bytes})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return n, e.t.Files.Gone(ctx, line, func(path string) {
		if key, err := e.t.Files.Key(path); err == nil {
			n.gone = append(n.gone, key)
			add(tables.LiveFile{Key: key, Path: path, Rows: anyRows})
		}
	})
}

// unnamed lists data files that no snapshot names, and adds them to others.
func (e *erasure) unnamed(ctx context.Context, h *tables.Head, inHead map[string]bool, others map[string]tables.LiveFile) (map[string]bool, error) {
	unnamed := map[string]bool{}
	if h.Folder() != e.t.Folder || h.Files() != e.t.Files {
		e.Held.Unlisted = true // the catalog has put it elsewhere, where nothing is listed
		return unnamed, nil
	}
	err := e.t.Files.Store.List(ctx, e.t.Folder+"data/", func(i store.Info) error {
		_, known := others[i.Key]
		if i.Err == nil && !inHead[i.Key] && !known && strings.HasSuffix(i.Key, ".parquet") && !strings.HasSuffix(i.Key, ".deletes.parquet") {
			unnamed[i.Key] = true
			others[i.Key] = tables.LiveFile{Key: i.Key, Path: e.t.Files.URI(i.Key), Rows: anyRows, Bytes: i.Size}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list data files: %w", err)
	}
	return unnamed, nil
}

// holding reads files, and returns those with rows that meet a condition. Of one that is
// not there any more, or cannot be read, nobody knows: it is in the result as false.
func (e *erasure) holding(ctx context.Context, files map[string]tables.LiveFile) (map[string]bool, error) {
	var all []tables.LiveFile
	for _, f := range files {
		all = append(all, f)
	}
	e.scans(len(all))
	holds := map[string]bool{}
	var mu sync.Mutex
	err := tables.Each(ctx, filesAtOnce, all, func(ctx context.Context, f *tables.LiveFile) error {
		one, err := e.matches(ctx, f)
		e.read()
		mu.Lock()
		defer mu.Unlock()
		switch {
		case errors.Is(err, store.ErrNotFound):
			holds[f.Key] = false
		case errors.Is(err, errUnread):
			holds[f.Key] = true
		case err != nil:
			return fmt.Errorf("read data file %s: %w", f.Key, err)
		case one.rows+one.replaced > 0:
			holds[f.Key] = true
		}
		return nil
	})
	return holds, err
}
