package tables

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sluice/internal/iceberg"
	"sluice/internal/runs"
)

// Rewrite is a change of a table after which each key shows the rows that its entry says:
// their files are others, or rows that no key shows go, or some of a key's are erased. It
// has Drop or Mask, not both.
type Rewrite struct {
	ID string // random: 32 hex digits

	// The rows of Drop that count are those of Add. Live has read Drop.
	Live *Live
	Drop []LiveFile
	Add  []iceberg.SpecFile

	// Mask are rows of live files that no key shows, and that go out of sight. Live has
	// read the files; Entries are those that say so.
	Mask    []Masked
	Entries []runs.Entry

	// Gone is the number of rows of Drop that count and are not in Add: they are erased.
	// Changed are the Entries, in their order, with the rows that are left. Fold makes one
	// run of the ledger of all, so that none has an entry as it was before.
	Gone    int64
	Changed []runs.Entry
	Fold    bool

	Forget bool // as in [iceberg.Rows]

	// Merged are the files of a run of the ledger made of those of Runs.
	Runs, Merged []runs.Info

	MergeAt int // small manifests of a kind that become one; 0: none
}

// Masked is rows of a live file.
type Masked struct {
	File LiveFile
	Rows []Rows // in order, without overlaps, none of them masked before
}

// ErrMoved says that others changed what a rewrite was made of: it is made anew.
var ErrMoved = errors.New("another commit changed what was rewritten")

// Rewrite makes a rewrite visible in one snapshot, on a head. If others were faster, it
// is offered again on theirs, unless they changed what it is made of, which is
// [ErrMoved]. After an error it may have landed, or may land later.
func (t *Table) Rewrite(ctx context.Context, h *Head, r *Rewrite) (*Head, error) {
	next, err := t.rewrite(ctx, h, r)
	if err != nil {
		return nil, fmt.Errorf("rewrite %s of table %s: %w", r.ID, t.Name, err)
	}
	return next, nil
}

func (t *Table) rewrite(ctx context.Context, h *Head, r *Rewrite) (*Head, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	rebuilt := h.Rebuilt()
	for try := 0; ; try++ {
		next, err := t.rewriteOn(ctx, h, r)
		if err == nil {
			return next, nil
		}
		if try == mostTries || ctx.Err() != nil || errors.Is(err, ErrMoved) {
			return nil, err
		}
		if err := t.backOff(ctx, try); err != nil {
			return nil, err
		}
		// Whatever the error says, only the head knows whether the rewrite landed.
		loaded, loadErr := t.Load(ctx)
		if loadErr != nil {
			return nil, fmt.Errorf("%w; then %w", err, loadErr)
		}
		if loaded.has(r.ID) {
			return loaded, nil
		}
		if loaded.Rebuilt() != rebuilt {
			return nil, ErrMoved
		}
		if err := r.holds(ctx, loaded); err != nil {
			return nil, err
		}
		h = loaded
	}
}

// check refuses a rewrite that would change the number of rows.
func (r *Rewrite) check() error {
	rows := int64(0)
	for i := range r.Drop {
		rows += r.Drop[i].Live()
	}
	for i := range r.Add {
		rows -= r.Add[i].Rows
	}
	if rows != r.Gone {
		return fmt.Errorf("it has %d rows fewer than before, and not %d", rows, r.Gone)
	}
	if len(r.Changed) > 0 && len(r.Changed) != len(r.Entries) {
		return fmt.Errorf("it changes %d of %d entries", len(r.Changed), len(r.Entries))
	}
	return nil
}

// has reports whether a batch or a rewrite is in a head.
func (h *Head) has(id string) bool {
	m := h.Metadata()
	for s := m.Head(); s != nil; s = m.Snapshot(*s.Parent) {
		if s.Summary[BatchName] == id {
			return true
		}
		if s.Parent == nil {
			break
		}
	}
	return false
}

// holds returns ErrMoved if the files that it is made of are not live in a head, or have
// other rows that count, or if one of the entries has changed.
func (r *Rewrite) holds(ctx context.Context, h *Head) error {
	if len(r.Drop)+len(r.Mask) == 0 {
		return nil
	}
	live, err := r.Live.Files(ctx, h)
	if err != nil {
		return err
	}
	at := make(map[string]*LiveFile, len(live))
	for i := range live {
		at[live[i].Key] = &live[i]
	}
	isAsBefore := func(f *LiveFile) bool {
		now := at[f.Key]
		return now != nil && slices.Equal(now.Masked, f.Masked)
	}
	for i := range r.Drop {
		if !isAsBefore(&r.Drop[i]) {
			return ErrMoved
		}
	}
	for i := range r.Mask {
		if !isAsBefore(&r.Mask[i].File) {
			return ErrMoved
		}
	}
	keys := make([]runs.Key, len(r.Entries))
	for i := range r.Entries {
		keys[i] = r.Entries[i].Key
	}
	now, err := h.Look(ctx, keys)
	for i := range r.Entries {
		if err == nil && now[keys[i]].Fence != r.Entries[i].Fence {
			return ErrMoved
		}
	}
	return err
}

// masks are what goes out of sight, by path.
func (r *Rewrite) masks(ctx context.Context, h *Head) (map[string]*mask, error) {
	if len(r.Mask) == 0 {
		return nil, nil
	}
	wanted := make(map[string]*Masked, len(r.Mask))
	for i := range r.Mask {
		wanted[r.Mask[i].File.Path] = &r.Mask[i]
	}
	lines, err := h.place.Manifests(ctx, h.Metadata().Head())
	if err != nil {
		return nil, err
	}
	files, err := h.filesSince(ctx, lines, iceberg.DataManifest, 0)
	if err != nil {
		return nil, err
	}
	l := located{masks: map[string]*mask{}}
	for i := range files {
		if m := wanted[files[i].Path]; m != nil {
			for _, rows := range m.Rows {
				l.add(&files[i], rows.From, rows.To-rows.From)
			}
		}
	}
	if len(l.masks) < len(wanted) {
		return nil, ErrMoved
	}
	return l.masks, nil
}

// rewriteOn builds the snapshot of a rewrite on a head, and commits it once.
func (t *Table) rewriteOn(ctx context.Context, h *Head, r *Rewrite) (*Head, error) {
	m := h.Metadata()
	sequence := m.LastSequence + 1
	try := tryName(r.ID, sequence)
	name, err := rootOf(m)
	if err != nil {
		return nil, err
	}
	root := h.root
	switch {
	case len(r.Changed) > 0 || r.Fold:
		if root, name, err = t.change(ctx, h, r, sequence, try); err != nil {
			return nil, err
		}
	case len(r.Runs) > 0:
		var ok bool
		if root, name, ok, err = h.files.Splice(ctx, h.root, r.Runs, r.Merged, m.UUID, sequence, try); err != nil {
			return nil, err
		}
		if !ok {
			return nil, ErrMoved
		}
	}
	rows := iceberg.Rows{
		Add: r.Add, MergeAt: r.MergeAt, MergeBytes: mergeBytes, Replace: len(r.Mask) == 0 && r.Gone == 0, Forget: r.Forget,
	}
	if rows.Drop, rows.DropDeletes, err = r.gone(ctx, h); err != nil {
		return nil, err
	}
	masks, err := r.masks(ctx, h)
	if err != nil {
		return nil, err
	}
	if len(masks) > 0 {
		files, whole, err := t.take(ctx, h, masks, try)
		if err != nil {
			return nil, err
		}
		rows.Add, rows.Drop = append(slices.Clip(rows.Add), files...), whole
	}
	return t.offer(ctx, h, m, offer{batch: r.ID, try: try, rows: rows, root: root, name: name})
}

// change writes the root of a rewrite that changes entries.
func (t *Table) change(ctx context.Context, h *Head, r *Rewrite, sequence int64, try string) (root *runs.Root, name string, err error) {
	changed := slices.Clone(r.Changed)
	rows := int64(0)
	for i := range changed {
		changed[i].Fence = r.ID
		rows += changed[i].Shown.Rows - r.Entries[i].Shown.Rows
	}
	table := h.Metadata().UUID
	root, name, err = h.files.Add(ctx, h.root, changed, rows, table, sequence, try, t.CreatedBy)
	if err != nil || !r.Fold || runsIn(root) < 2 {
		return root, name, err
	}
	try = tryName(r.ID, sequence)
	merged, err := h.files.Merge(ctx, root.Runs, sequence, try, t.CreatedBy)
	if err != nil {
		return nil, "", err
	}
	root, name, _, err = h.files.Splice(ctx, root, root.Runs, merged, table, sequence, try)
	return root, name, err
}

// gone are the files that go: data files, and delete files whose data files are all gone
// then.
func (r *Rewrite) gone(ctx context.Context, h *Head) (drop, deletes map[string]struct{}, err error) {
	if len(r.Drop) == 0 {
		return nil, nil, nil
	}
	left, err := r.Live.read(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	drop, deletes = map[string]struct{}{}, map[string]struct{}{}
	kept := make(map[string]struct{}, len(left))
	for i := range left {
		kept[left[i].Key] = struct{}{}
	}
	for i := range r.Drop {
		drop[r.Drop[i].Path] = struct{}{}
		delete(kept, r.Drop[i].Key)
	}
	for path, masks := range r.Live.deletes {
		names := false
		for key := range masks {
			_, is := kept[key]
			names = names || is
		}
		if !names {
			deletes[path] = struct{}{}
		}
	}
	return drop, deletes, nil
}

// Runs is the number of runs of the ledger: a key may have older entries in all but the
// newest that has it.
func (h *Head) Runs() int { return runsIn(h.root) }

func runsIn(r *runs.Root) (n int) {
	for i := range r.Runs {
		if r.Runs[i].Part == 0 {
			n++
		}
	}
	return n
}

// Forgettable reports whether manifests of the head name files that are gone: a [Rewrite]
// with Forget writes them without.
func (t *Table) Forgettable(ctx context.Context, h *Head) (bool, error) {
	lines, err := h.place.Manifests(ctx, h.Metadata().Head())
	return slices.ContainsFunc(lines, func(l iceberg.Manifest) bool { return l.DeletedFiles > 0 }), err
}

// Expire takes snapshots beyond the retention out of the metadata, and returns the head
// and their number. Commits do so too: it is for a table that has none.
func (t *Table) Expire(ctx context.Context, h *Head) (*Head, int, error) {
	for try := 0; ; try++ {
		gone := h.Metadata().Expired(t.retention(), t.Now())
		if len(gone) == 0 {
			return h, 0, nil
		}
		next, err := t.Catalog.Commit(ctx, h.table, iceberg.Change{Expire: gone})
		if err == nil {
			return h.next(next, h.root), len(gone), nil
		}
		if try == mostTries || ctx.Err() != nil {
			return nil, 0, fmt.Errorf("expire snapshots of table %s: %w", t.Name, err)
		}
		if err := t.backOff(ctx, try); err != nil {
			return nil, 0, err
		}
		if h, err = t.Load(ctx); err != nil {
			return nil, 0, err
		}
	}
}
