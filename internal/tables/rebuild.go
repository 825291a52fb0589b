package tables

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/runs"
)

// Rebuild is a ledger that is made anew, of the rows of a table. What it says of a key is
// which rows there are of it, and not of which state: see [runs.Unknown]. So the next run
// looks at each object again.
type Rebuild struct {
	ID   string // random: 32 hex digits; the fence of all entries
	runs []runs.Info
	rows int64
}

// IsLost reports whether an error of [Table.Load] or of a ledger says that the ledger must
// be made anew.
func IsLost(err error) bool {
	return errors.Is(err, runs.ErrDamaged) || errors.Is(err, ErrRolledBack) || errors.Is(err, ErrNoLedger)
}

// LoadLost loads the head, and reads all of its ledger. lost says why it is not whole; the
// head has no ledger then.
func (t *Table) LoadLost(ctx context.Context) (h *Head, lost, err error) {
	own := *t
	own.LedgerCache, t = nil, &own // the files are read
	table, err := t.Catalog.Load(ctx, t.Name)
	if err != nil {
		return nil, nil, err
	}
	h, err = t.head(ctx, table)
	if err == nil {
		err = h.files.Check(ctx, h.root)
	}
	if !IsLost(err) {
		return h, nil, err
	}
	if errors.Is(err, ErrNoLedger) && table.Metadata.CurrentSchema().Field(SourceColumn) == nil {
		return nil, nil, err // it was never ours
	}
	lost = err
	h, err = t.bare(table)
	return h, lost, err
}

// FormerKeys calls fn with the keys of all runs that were written for a table and that can
// be read: a key may come several times.
func (h *Head) FormerKeys(ctx context.Context, fn func(runs.Key)) error {
	return h.files.FormerKeys(ctx, fn)
}

// AddRun writes a run of entries that fill adds in the order of their keys. Each key is in
// one of the runs. Of what they show, the rows are asked for.
func (t *Table) AddRun(ctx context.Context, h *Head, r *Rebuild, fill func(add func(*runs.Entry) error) error) error {
	sequence := h.Metadata().LastSequence + 1
	rows := int64(0)
	run, err := h.files.WriteRun(ctx, sequence, tryName(r.ID, sequence), t.CreatedBy, func(add func(*runs.Entry) error) error {
		return fill(func(e *runs.Entry) error {
			e.Fence, e.State, e.Shown.Identity = r.ID, ledger.State{Identity: runs.Unknown}, runs.Unknown
			rows += e.Shown.Rows
			return add(e)
		})
	})
	if err == nil {
		r.runs, r.rows = append(r.runs, run...), r.rows+rows
	}
	return err
}

// Rebuild makes a ledger that of a table, in a snapshot without rows on a head. If others
// committed meanwhile it is [ErrMoved]: it is made anew. After another error it may have
// landed, or may land later.
func (t *Table) Rebuild(ctx context.Context, h *Head, r *Rebuild) (*Head, error) {
	for try := 0; ; try++ {
		next, err := t.rebuildOn(ctx, h, r)
		if err == nil {
			return next, nil
		}
		if try == mostTries || ctx.Err() != nil {
			return nil, fmt.Errorf("make ledger of table %s anew: %w", t.Name, err)
		}
		if err := t.backOff(ctx, try); err != nil {
			return nil, err
		}
		// Whatever the error says, only the head knows whether it landed.
		table, loadErr := t.Catalog.Load(ctx, t.Name)
		if loadErr != nil {
			return nil, fmt.Errorf("make ledger of table %s anew: %w; then %w", t.Name, err, loadErr)
		}
		loaded, loadErr := t.bare(table)
		switch {
		case loadErr != nil:
			return nil, loadErr
		case loaded.has(r.ID):
			return t.head(ctx, table)
		case table.Metadata.Current != h.Metadata().Current:
			return nil, fmt.Errorf("make ledger of table %s anew: %w", t.Name, ErrMoved)
		}
		h = loaded
	}
}

// rebuildOn builds the snapshot of a ledger on a head, and commits it once.
func (t *Table) rebuildOn(ctx context.Context, h *Head, r *Rebuild) (*Head, error) {
	m := h.Metadata()
	sequence := m.LastSequence + 1
	try := tryName(r.ID, sequence)
	root, name, err := h.files.Anew(ctx, r.runs, r.rows, m.UUID, sequence, try)
	if err != nil {
		return nil, err
	}
	return t.offer(ctx, h, m, offer{batch: r.ID, try: try, rows: iceberg.Rows{Replace: true}, root: root, name: name})
}
