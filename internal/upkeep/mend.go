package upkeep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"sluice/internal/runs"
	"sluice/internal/tables"
)

// Mended is what Mend did. Its JSON names are a contract.
type Mended struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows_masked"`
	// Doubled are keys of which there are more rows of the state that is shown than are
	// shown, and nobody knows which: their rows were moved. They stay.
	Doubled int64 `json:"keys_doubled"`
}

// mendedSources bounds the sources whose rows one snapshot masks: they are in memory, with
// their entries.
const mendedSources = 100_000

// Mend takes rows out of sight that the ledger does not show: of another state than is
// shown, of a source that no key has, and doubled ones. Those without a source stay: they
// were never ours. Each snapshot is made of one head, and made anew if others changed the
// keys or the files meanwhile.
func Mend(ctx context.Context, t *tables.Table) (*Mended, error) {
	m := &Mended{Table: t.Name}
	for tries := 0; ; {
		rows, doubled, err := mend(ctx, t)
		switch {
		case errors.Is(err, tables.ErrMoved) && tries < mostTries:
			tries++
			continue
		case err != nil:
			return m, fmt.Errorf("mend table %s: %w", t.Name, err)
		}
		m.Rows += rows
		if m.Doubled = doubled; rows == 0 {
			return m, nil
		}
	}
}

// wrong is a source that has rows that are not shown.
type wrong struct {
	entry   *runs.Entry // nil: no key has it
	state   uint64      // that is shown
	doubled bool        // there are too many rows of it

	own    int64           // rows that are where the entry says
	others []tables.Masked // rows of the state that are elsewhere, a range each
}

// mend masks rows of up to mendedSources sources, in one snapshot.
func mend(ctx context.Context, t *tables.Table) (rows, doubled int64, err error) {
	all := map[source]*wrong{}
	_, h, err := verify(ctx, t, heldFacts, func(d Difference) {
		if d.Resurrected+d.Unknown > 0 && len(all) < mendedSources {
			all[d.source] = &wrong{doubled: d.surplus > 0}
		}
	})
	if err != nil || len(all) == 0 {
		return 0, 0, err
	}
	r := &tables.Rewrite{ID: tables.NewBatchID(), Live: tables.NewLive(t.Files)}
	err = h.Scan(ctx, func(e *runs.Entry) error {
		if w := all[sourceOf(e)]; w != nil {
			copied := *e
			w.entry, w.state = &copied, factOf(e).state
			r.Entries = append(r.Entries, copied)
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	files, err := r.Live.Files(ctx, h)
	if err != nil {
		return 0, 0, err
	}
	var mu sync.Mutex
	masks := map[string]*tables.Masked{} // by key
	mask := func(f *tables.LiveFile, part tables.Rows) {
		if masks[f.Key] == nil {
			masks[f.Key] = &tables.Masked{File: *f}
		}
		masks[f.Key].Rows = append(masks[f.Key].Rows, part)
		rows += part.To - part.From
	}
	err = tables.Each(ctx, filesAtOnce, files, func(ctx context.Context, f *tables.LiveFile) error {
		_, err := rowsOf(ctx, t, h, f, func(part rowRange) error {
			mu.Lock()
			defer mu.Unlock()
			w := all[part.source]
			switch {
			case w == nil || !part.ours:
			case w.entry == nil || part.state != w.state && w.state != anyState:
				mask(f, part.Rows)
			case w.doubled:
				w.divide(f, part.Rows)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read data file %s: %w", f.Key, err)
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	for _, w := range all {
		switch {
		case w.entry == nil || !w.doubled:
		case w.own != w.entry.Shown.Rows:
			doubled++ // nobody knows which of them are the right ones
		default:
			for i := range w.others {
				mask(&w.others[i].File, w.others[i].Rows[0])
			}
		}
	}
	if len(masks) == 0 {
		return 0, doubled, nil
	}
	for _, m := range masks {
		slices.SortFunc(m.Rows, func(a, b tables.Rows) int { return cmp.Compare(a.From, b.From) })
		r.Mask = append(r.Mask, *m)
	}
	_, err = t.Rewrite(ctx, h, r)
	return rows, doubled, err
}

// divide divides rows into those that are where the entry says, and others.
func (w *wrong) divide(f *tables.LiveFile, rows tables.Rows) {
	for rows.From < rows.To {
		// Up to the next border of a range of the entry.
		end, own := rows.To, false
		for _, r := range w.entry.Shown.Files {
			switch {
			case r.Path != f.Path || r.First+r.Rows <= rows.From:
			case r.First <= rows.From:
				end, own = min(end, r.First+r.Rows), true
			default:
				end = min(end, r.First)
			}
		}
		if own {
			w.own += end - rows.From
		} else {
			w.others = append(w.others, tables.Masked{File: *f, Rows: []tables.Rows{{From: rows.From, To: end}}})
		}
		rows.From = end
	}
}
