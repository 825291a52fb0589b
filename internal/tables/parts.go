package tables

import (
	"context"
	"errors"
	"slices"

	"sluice/internal/iceberg"
	"sluice/internal/runs"
)

// What a head is made of, for those who look after the table.

// MetadataFile is the URI of the metadata.
func (h *Head) MetadataFile() string { return h.table.File }

// LedgerFolder is the key of the folder of the ledger, with a slash at its end.
func (h *Head) LedgerFolder() string { return h.files.Folder }

// Roots are the names of the roots that the snapshots of the metadata name, and that
// belongs to the head.
func (h *Head) Roots() (names []string) {
	known := map[string]bool{"": true}
	add := func(name string) {
		if !known[name] {
			known[name] = true
			names = append(names, name)
		}
	}
	m := h.Metadata()
	add(m.Properties[rootName])
	for i := range m.Snapshots {
		add(m.Snapshots[i].Summary[rootName])
	}
	return names
}

// RunsOf are the names of the runs that a root names.
func (h *Head) RunsOf(ctx context.Context, root string) (names []string, err error) {
	r, err := h.files.Read(ctx, root)
	if err != nil {
		return nil, err
	}
	for i := range r.Runs {
		names = append(names, r.Runs[i].Name)
	}
	return names, nil
}

// OlderRuns are the keys of files of runs that the root of the head does not name, and
// that have rows in a file whose path is one of those that are asked for; by is the IDs of
// the snapshots whose roots name one of them.
func (h *Head) OlderRuns(ctx context.Context, is func(path string) bool) (keys []string, by map[int64]bool, err error) {
	known := map[string]bool{} // runs, and whether they have such rows
	for i := range h.root.Runs {
		known[h.root.Runs[i].Name] = false
	}
	roots := map[string]bool{}
	for _, name := range h.Roots() {
		r, err := h.files.Read(ctx, name)
		if errors.Is(err, runs.ErrDamaged) {
			continue // of an older snapshot: it names nothing
		}
		if err != nil {
			return nil, nil, err
		}
		for _, info := range r.Runs {
			has, read := known[info.Name]
			if !read {
				if has, err = h.runHas(ctx, info, is); err != nil {
					return nil, nil, err
				}
				if known[info.Name] = has; has {
					keys = append(keys, h.files.Folder+info.Name)
				}
			}
			roots[name] = roots[name] || has
		}
	}
	by = map[int64]bool{}
	for _, s := range h.Metadata().Snapshots {
		by[s.ID] = roots[s.Summary[rootName]]
	}
	return keys, by, nil
}

// runHas reports whether a file of a run has rows in a file whose path is asked for.
func (h *Head) runHas(ctx context.Context, info runs.Info, is func(path string) bool) (bool, error) {
	found := errors.New("it has")
	info.Part = 0 // it is read alone
	err := h.files.Scan(ctx, &runs.Root{Runs: []runs.Info{info}}, func(e *runs.Entry) error {
		if slices.ContainsFunc(e.Shown.Files, func(f runs.FileRange) bool { return is(f.Path) }) {
			return found
		}
		return nil
	})
	if errors.Is(err, found) || errors.Is(err, runs.ErrDamaged) { // of a damaged one nobody knows
		return true, nil
	}
	return false, err
}

// RunsDue is the number of runs of the ledger that MergeRuns merges. left are the names of
// the files of the others.
func (h *Head) RunsDue() (due int, left []string) {
	files, due := h.root.MergeDue()
	for i := range h.root.Runs {
		name := h.root.Runs[i].Name
		if !slices.ContainsFunc(files, func(f runs.Info) bool { return f.Name == name }) {
			left = append(left, name)
		}
	}
	return due, left
}

// MergeRuns writes a run in the place of those that are due, for a [Rewrite].
func (t *Table) MergeRuns(ctx context.Context, h *Head, r *Rewrite) (err error) {
	due, _ := h.root.MergeDue()
	if len(due) == 0 {
		return nil
	}
	sequence := h.Metadata().LastSequence + 1
	r.Runs = due
	r.Merged, err = h.files.Merge(ctx, r.Runs, sequence, tryName(r.ID, sequence), t.CreatedBy)
	return err
}

// ManifestsDue are the manifests of the head that a [Rewrite] with this MergeAt merges, and
// those that it names as they are.
func (t *Table) ManifestsDue(ctx context.Context, h *Head, mergeAt int) (due, left []iceberg.Manifest, err error) {
	lines, err := h.place.Manifests(ctx, h.Metadata().Head())
	due, left = iceberg.MergeDue(lines, mergeAt, mergeBytes)
	return due, left, err
}

// Expired is the number of snapshots that leave the metadata with the next commit.
func (t *Table) Expired(h *Head) int { return len(h.Metadata().Expired(t.retention(), t.Now())) }

// Foresee is the head that a [Rewrite] which merges manifests or runs, if there is one, and
// then [Table.Expire] would leave, without the snapshot of the rewrite; and how many
// snapshots would expire. Nothing is written.
func (t *Table) Foresee(h *Head, manifests, ledger bool) (next *Head, expired int, err error) {
	m := h.Metadata()
	var changes []iceberg.Change
	if manifests || ledger {
		root, err := rootOf(m)
		if err != nil {
			return nil, 0, err
		}
		if ledger {
			root = "" // a new one
		}
		s := &iceberg.Snapshot{Sequence: m.LastSequence + 1, Time: max(t.Now().UnixMilli(), m.Updated.UnixMilli())}
		if head := m.Head(); head != nil {
			s.Parent = &head.ID
		}
		changes = append(changes, iceberg.Change{Snapshot: s, Properties: map[string]string{rootName: root}})
	}
	for _, c := range append(changes, iceberg.Change{}) {
		c.Expire = m.Expired(t.retention(), t.Now())
		if c.Snapshot == nil && len(c.Expire) == 0 {
			break
		}
		if m, err = c.Apply(m, h.table.File); err != nil {
			return nil, 0, err
		}
		expired += len(c.Expire)
	}
	own := *m
	own.Snapshots = slices.DeleteFunc(slices.Clone(m.Snapshots), func(s iceberg.Snapshot) bool { return s.ID == 0 })
	table := *h.table
	table.Metadata = &own
	return h.next(&table, h.root), expired, nil
}
