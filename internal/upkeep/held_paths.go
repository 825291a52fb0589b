package upkeep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// heldByPaths finds where the paths of files that hold rows are yet, of a table whose
// folders are named by values of a column of the conditions: in delete files, which it
// adds to holds, and in runs of the ledger. by is the IDs of the snapshots with such runs.
func (e *erasure) heldByPaths(ctx context.Context, h *tables.Head, holds map[string]bool, manifests map[string]*named) (by map[int64]bool, err error) {
	fields := e.dividing(h)
	folders := map[string]bool{} // of those files, that have a value in their names
	parts := func(path string, fn func(folder string) bool) bool {
		for _, folder := range strings.Split(path, "/") {
			if name, _, is := strings.Cut(folder, "="); is && fields[name] && fn(folder) {
				return true
			}
		}
		return false
	}
	for key := range holds {
		parts(key, func(folder string) bool { folders[folder] = true; return false })
	}
	is := func(key string) bool {
		_, known := holds[key]
		return known || parts(key, func(folder string) bool { return folders[folder] })
	}
	var deletes []string
	for _, n := range manifests {
		if n.deletes {
			deletes = append(append(deletes, n.files...), n.gone...)
		}
	}
	var mu sync.Mutex
	err = tables.Each(ctx, filesAtOnce, deletes, func(ctx context.Context, key *string) error {
		files, err := e.live.Masks(ctx, *key)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case errors.Is(err, store.ErrNotFound):
			holds[*key] = false
		case err != nil:
			return fmt.Errorf("read delete file %s: %w", *key, err)
		case slices.ContainsFunc(files, is):
			holds[*key] = true
			e.Held.Deletes = append(e.Held.Deletes, *key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	e.Held.Runs, by, err = h.OlderRuns(ctx, func(path string) bool {
		key, err := e.t.Files.Key(path)
		return err == nil && is(key)
	})
	return by, err
}

// dividing are the names of the partition fields that have values of columns of the
// conditions.
func (e *erasure) dividing(h *tables.Head) map[string]bool {
	fields := map[string]bool{}
	for _, spec := range h.Metadata().Specs {
		for _, f := range spec.Fields {
			for _, i := range e.match.Columns {
				if e.columns[i].ID == f.SourceID && f.Transform.Name != "bucket" && f.Transform.Name != "void" {
					fields[f.Name] = true
				}
			}
		}
	}
	return fields
}

// divides reports whether a column of a condition divides the table, or has divided it.
func (e *erasure) divides(h *tables.Head) bool { return len(e.dividing(h)) > 0 }

// old counts what no snapshot names of the files that may have bounds or paths.
func (e *erasure) old(ctx context.Context, h *tables.Head, manifests map[string]*named, divided bool) error {
	if e.Held.Unlisted {
		return nil
	}
	names := map[string]bool{}
	for _, n := range manifests {
		names[n.key] = true
		for _, key := range n.files {
			names[key] = true
		}
	}
	if divided {
		m := h.Metadata()
		for i := range m.Snapshots {
			if key, err := e.t.Files.Key(m.Snapshots[i].List); err == nil {
				names[key] = true
			}
		}
		for _, root := range h.Roots() {
			files, err := h.RunsOf(ctx, root)
			if err != nil && !errors.Is(err, runs.ErrDamaged) {
				return err
			}
			for _, file := range files {
				names[h.LedgerFolder()+file] = true
			}
		}
	}
	count := func(s store.Store, folder, below string, forms ...*tables.Form) error {
		err := s.List(ctx, folder+below, func(i store.Info) error {
			for _, form := range forms {
				if !names[i.Key] && form.Find(i.Key[len(folder):]) != nil {
					e.Held.Old++
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("list metadata: %w", err)
		}
		return nil
	}
	if !divided {
		return count(e.t.Files.Store, e.t.Folder, "metadata/", tables.ManifestForm)
	}
	if err := count(e.t.Files.Store, e.t.Folder, "", tables.DeletesForm, tables.ManifestForm, tables.ListForm); err != nil {
		return err
	}
	return count(e.t.Ledger, h.LedgerFolder(), "", tables.RunForm)
}
