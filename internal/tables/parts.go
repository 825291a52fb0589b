package tables

import (
	"context"

	"sluice/internal/iceberg"
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

// RunsDue is the number of runs of the ledger that MergeRuns merges.
func (h *Head) RunsDue() int {
	_, runs := h.root.MergeDue()
	return runs
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

// ManifestsDue is the number of manifests of the head that a [Rewrite] with this MergeAt
// merges.
func (t *Table) ManifestsDue(ctx context.Context, h *Head, mergeAt int) (int, error) {
	lines, err := h.place.Manifests(ctx, h.Metadata().Head())
	return iceberg.MergeDue(lines, mergeAt, mergeBytes), err
}

// Expired is the number of snapshots that leave the metadata with the next commit.
func (t *Table) Expired(h *Head) int { return len(h.Metadata().Expired(t.retention(), t.Now())) }
