package upkeep

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// Verified is how a table and its ledger compare, at one head. Its JSON names are a
// contract.
type Verified struct {
	Table string `json:"table"`
	Keys  int64  `json:"keys"` // of the ledger
	Rows  int64  `json:"rows"` // that the ledger says are shown
	Files int64  `json:"files"`
	// Counted are the rows of the table that count.
	Counted int64 `json:"rows_counted"`
	// Missing are rows that should be there.
	Missing int64 `json:"rows_missing"`
	// Resurrected are rows of known keys that should not be there: of another state
	// than is shown, or more than are shown.
	Resurrected int64 `json:"rows_resurrected"`
	// Unknown are rows with an ID that no key of the ledger has.
	Unknown    int64 `json:"rows_unknown"`
	UnknownIDs int64 `json:"ids_unknown"`
	// Foreign are rows without an ID of ours: somebody else wrote them.
	Foreign int64 `json:"rows_foreign"`

	Differences []Difference `json:"differences"` // of the first keys
	Differing   int64        `json:"keys_differing"`
	Damaged     []FileFault  `json:"files_damaged"`
}

// Difference is what is wrong with the rows of a key.
type Difference struct {
	SourceID    string `json:"source_id"`
	Bucket      string `json:"bucket"`
	Key         string `json:"key"` // empty: the ledger has none with the ID
	Missing     int64  `json:"rows_missing"`
	Resurrected int64  `json:"rows_resurrected"`
	Unknown     int64  `json:"rows_unknown"`

	source  source
	surplus int64 // rows of the state that is shown, beyond those that are
}

// FileFault is what is wrong with a data file.
type FileFault struct {
	File  string `json:"file"`
	Error string `json:"error"`
}

// OK reports whether the table has the rows of its ledger and no others.
func (v *Verified) OK() bool {
	return v.Missing == 0 && v.Resurrected == 0 && v.Unknown == 0 && v.Foreign == 0 && len(v.Damaged) == 0
}

// mostListed bounds the differences that are named.
const mostListed = 100

// Verify compares the rows of a table with its ledger: for each source, how many rows
// there are of each state. The footer of each data file is compared with its manifest.
// It holds heldFacts in memory, and what [tables.Live] knows of files; the rest is in
// temporary files, 40 bytes for each key, and for each range of its rows.
func Verify(ctx context.Context, t *tables.Table) (*Verified, error) {
	v, _, err := verify(ctx, t, heldFacts, nil)
	if err != nil {
		return nil, fmt.Errorf("verify table %s: %w", t.Name, err)
	}
	return v, nil
}

// verify is Verify with at most so many facts in memory; each difference is given to
// differs, if that is not nil.
func verify(ctx context.Context, t *tables.Table, most int, differs func(Difference)) (v *Verified, h *tables.Head, err error) {
	if h, err = t.Load(ctx); err != nil {
		return nil, nil, err
	}
	all := &facts{most: most}
	defer func() { err = errors.Join(err, all.close()) }()
	v = &Verified{Table: t.Name, Differences: []Difference{}, Damaged: []FileFault{}}
	err = h.Scan(ctx, func(e *runs.Entry) error {
		v.Keys++
		v.Rows += e.Shown.Rows
		return all.add(factOf(e))
	})
	if err != nil {
		return nil, nil, err
	}
	if err := v.count(ctx, t, h, all); err != nil {
		return nil, nil, err
	}
	c := comparison{v: v, onDifferent: func(d Difference) {
		if len(v.Differences) < mostListed {
			v.Differences = append(v.Differences, d)
		}
		if differs != nil {
			differs(d)
		}
	}}
	if err := all.each(c.take); err != nil {
		return nil, nil, err
	}
	c.end()
	return v, h, v.name(ctx, h)
}

// anyState is that of an entry whose rows may be of any: see [runs.Unknown]. It comes after
// all others.
const anyState = math.MaxUint64

// factOf is what an entry says of its rows.
func factOf(e *runs.Entry) fact {
	if e.Shown.Identity == runs.Unknown {
		return fact{source: sourceOf(e), state: anyState, kind: shown, rows: e.Shown.Rows}
	}
	state, _ := parseDigits([]byte(tables.StateID(e.Shown.Identity, e.Shown.Mapping)))
	return fact{source: sourceOf(e), state: state, kind: shown, rows: e.Shown.Rows}
}

// filesAtOnce is how many data files are read at the same time.
const filesAtOnce = 4

// count reads whose rows the data files have.
func (v *Verified) count(ctx context.Context, t *tables.Table, h *tables.Head, all *facts) error {
	files, err := tables.NewLive(t.Files).Files(ctx, h)
	if err != nil {
		return err
	}
	v.Files = int64(len(files))
	var mu sync.Mutex
	err = tables.Each(ctx, filesAtOnce, files, func(ctx context.Context, f *tables.LiveFile) error {
		var lost error // of a temporary file
		n, err := rowsOf(ctx, t, h, f, func(r rowRange) error {
			mu.Lock()
			defer mu.Unlock()
			rows := r.To - r.From
			v.Counted += rows
			if !r.ours {
				v.Foreign += rows
				return nil
			}
			lost = all.add(fact{r.source, r.state, found, rows})
			return lost
		})
		if err == nil && n != f.Rows {
			err = fmt.Errorf("it has %d rows, and its manifest says %d", n, f.Rows)
		}
		switch {
		case err == nil:
			return nil
		case lost != nil:
			return lost
		case ctx.Err() != nil || errors.As(err, new(*store.Error)) && !errors.Is(err, store.ErrNotFound):
			return err // it says nothing of the file
		}
		mu.Lock()
		defer mu.Unlock()
		v.Damaged = append(v.Damaged, FileFault{f.Key, err.Error()})
		return nil
	})
	slices.SortFunc(v.Damaged, func(a, b FileFault) int { return strings.Compare(a.File, b.File) })
	return err
}

// comparison goes through facts in their order, and counts what differs.
type comparison struct {
	v     *Verified
	at    source
	begun bool

	// Of the source that is at:
	known       bool  // an entry has it
	shown       int64 // rows that there should be
	right       int64 // rows of the state that is shown
	rows        int64 // of any state
	last        fact  // that was found
	onDifferent func(Difference)
}

func (c *comparison) take(f *fact) error {
	if !c.begun || f.source != c.at {
		c.end()
		*c = comparison{v: c.v, at: f.source, begun: true, onDifferent: c.onDifferent}
	}
	switch f.kind {
	case found:
		c.rows += f.rows
		c.last = *f
	case shown: // what was found of the state came just before
		c.known, c.shown = true, f.rows
		switch f.state {
		case anyState:
			c.right = c.rows
		case c.last.state:
			c.right = c.last.rows
		}
	}
	return nil
}

// end counts what differs of the source that is at.
func (c *comparison) end() {
	if !c.begun {
		return
	}
	d := Difference{source: c.at, SourceID: c.at.String()}
	if c.known {
		d.surplus = max(0, c.right-c.shown)
		d.Missing, d.Resurrected = max(0, c.shown-c.right), c.rows-c.right+d.surplus
	} else {
		d.Unknown = c.rows
		c.v.UnknownIDs++
	}
	if d.Missing == 0 && d.Resurrected == 0 && d.Unknown == 0 {
		return
	}
	c.v.Differing++
	c.v.Missing += d.Missing
	c.v.Resurrected += d.Resurrected
	c.v.Unknown += d.Unknown
	c.onDifferent(d)
}

// name finds the keys of the differences that are listed.
func (v *Verified) name(ctx context.Context, h *tables.Head) error {
	if len(v.Differences) == 0 {
		return nil
	}
	at := make(map[source]*Difference, len(v.Differences))
	for i := range v.Differences {
		at[v.Differences[i].source] = &v.Differences[i]
	}
	return h.Scan(ctx, func(e *runs.Entry) error {
		if d := at[sourceOf(e)]; d != nil {
			d.Bucket, d.Key = e.Bucket, e.Key.Key
		}
		return nil
	})
}
