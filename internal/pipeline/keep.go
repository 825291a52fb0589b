package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/store"
)

// TornError says that the outputs of a key do not all show the same source state,
// or lack rows they had, and that the state they should show can no longer be read.
// A new version of the object fixes that.
type TornError struct {
	Key    string
	Tables []string // that lack the state
	Why    error
}

func (e *TornError) Error() string {
	return fmt.Sprintf("object %q: %s not what the ledger promises (damaged, deleted, or a worker died between two tables), "+
		"and cannot be made again: %v; upload the object again, or remove it with on_delete: remove",
		e.Key, tablesText(e.Tables), e.Why)
}

func tablesText(names []string) string {
	if len(names) == 1 {
		return "the output of table " + names[0] + " is"
	}
	return "the outputs of tables " + strings.Join(names, ", ") + " are"
}

func (e *TornError) Unwrap() error { return e.Why }

var (
	errNoVersion = errors.New("the newest state has no rows to publish, and the bucket keeps no version of the one before it")
	errUnknown   = errors.New("the newest state has no rows to publish, and nothing says which state was published before")
	errUnfit     = errors.New("the newest state has no rows to publish, and the one before it does not fit the mapping")
)

// keep accounts for a state that publishes nothing: the older outputs stay. It
// makes sure that they all show the same state: they do not if a worker died
// between two tables, or if somebody deleted or damaged one.
func (w *work) keep(ctx context.Context, did Disposition) (Result, error) {
	if err := w.verify(ctx); err != nil {
		return Result{}, err
	}
	why := w.restore(ctx)
	var missing *TornError
	if why != nil && !errors.As(why, &missing) {
		return Result{}, why
	}
	if missing == nil {
		if err := w.retire(ctx); err != nil {
			return Result{}, err
		}
	}
	if missing != nil {
		w.remember()
	}
	r, err := w.account(ctx, did)
	if err != nil || missing == nil {
		return r, err
	}
	return r, missing
}

// remember records in the ledger which state a lost output should show, so that
// it counts as missing again, also under another mapping.
func (w *work) remember() {
	shown, _ := w.shown()
	for _, i := range w.behind(shown) {
		if out := &w.entry.Outputs[i]; out.ETag == "" {
			out.Identity = shown
		}
	}
}

// verify reads the outputs whose present state the ledger does not know: the
// worker that published them has died, so nothing else would notice damage.
func (w *work) verify(ctx context.Context) error {
	for i, known := range w.known[:len(w.wanted())] {
		f := w.fences[known.Key]
		if f.etag == "" || f.etag == known.ETag {
			continue
		}
		o, err := w.standing(ctx, known.Key)
		if err != nil {
			return err
		}
		out := &w.entry.Outputs[i]
		if o == nil {
			f.damaged, out.Identity = true, ""
			w.fences[known.Key] = f
			continue
		}
		out.SHA256 = o.sum()
	}
	return nil
}

// shown is the state that the outputs must show. Tables are published in their
// order, so it is the state of the first table that has one, even if that output
// is damaged. Otherwise it is what the ledger remembers of outputs that are gone,
// or what is where an earlier configuration put it. Outputs in an earlier sink do
// not count as missing here, but Redo makes them here too if it can.
func (w *work) shown() (identity string, elsewhere bool) {
	for i := range w.wanted() {
		if f := w.fences[w.known[i].Key]; f.etag != "" && f.identity != "" {
			return f.identity, false
		}
	}
	for _, out := range w.known {
		if out.Identity != "" && w.p.inSink(out) {
			return out.Identity, false
		}
	}
	for _, out := range w.known {
		if out.Identity != "" && out.HasRows() && w.p.Redo != RedoNothing {
			return out.Identity, true
		}
	}
	return "", false
}

// behind are the tables whose outputs should show the state but do not.
func (w *work) behind(shown string) (tables []int) {
	ours := slices.ContainsFunc(w.wanted(), func(o ledger.Output) bool { return o.ETag != "" && o.Mapping == w.state.Mapping })
	for i := range w.wanted() {
		f := w.fences[w.known[i].Key]
		// A table that is new in the mapping has nothing to show before Redo.
		never := f.etag == "" && w.known[i].Identity == ""
		isNew := never && !ours && w.p.Redo == RedoNothing
		isDamaged := f.etag != "" && (f.damaged || f.identity == "")
		if shown != "" && f.identity != shown && !isNew || isDamaged {
			tables = append(tables, i)
		}
	}
	return tables
}

// restore makes the outputs that are behind, from the version of the source that
// the others show.
func (w *work) restore(ctx context.Context) error {
	shown, elsewhere := w.shown()
	todo := w.behind(shown)
	if len(todo) == 0 {
		return nil
	}
	missing := func(why error) error {
		if elsewhere {
			return nil
		}
		e := &TornError{Key: w.entry.Key, Why: why}
		for _, i := range todo {
			e.Tables = append(e.Tables, w.known[i].Table)
		}
		return e
	}
	if shown == "" {
		return missing(errUnknown)
	}
	from := source{ReadCloser: nothing{}}
	if shown != ledger.Absent {
		version, ok := strings.CutPrefix(shown, "version:")
		if !ok {
			return missing(errNoVersion)
		}
		object, err := w.src.OpenVersion(ctx, w.entry.Key, version)
		if errors.Is(err, store.ErrNotFound) {
			return missing(errNoVersion)
		}
		if err != nil {
			return fmt.Errorf("open the version that was published: %w", err)
		}
		if from, err = pinned(object); err != nil {
			return err
		}
	}
	defer from.Close()

	older := *w // the same outputs, from another state
	older.state = w.p.newState(shown, w.p.Mapping.Hash())
	outs := &attemptFiles{}
	defer outs.abort(ctx)
	err := older.create(ctx, outs, func(i int) role {
		if slices.Contains(todo, i) {
			return publishes
		}
		return leaves
	})
	if err != nil {
		return err
	}
	outs.quarantine.discard = true // its records are in the quarantine already
	_, err = older.convert(ctx, from, outs)
	var reject *sluice.RejectError
	if errors.As(err, &reject) {
		return missing(errUnfit)
	}
	if err != nil {
		return err
	}
	return older.commit(ctx, outs)
}
