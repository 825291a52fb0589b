package tables

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/runs"
	"sluice/internal/store"
)

// How much one commit takes of what is staged: batches, and keys, whose entries it holds.
const (
	mostBatches    = 200
	mostStagedKeys = 50_000
)

// CommittedStaged is what [Table.CommitStaged] has done.
type CommittedStaged struct {
	Committed
	// Done are the batches that it has decided on. They are removed once the keys of Look
	// have been looked at: see [CommittedStaged.Finished].
	Done []Staged
	Keys int // whose staged state is visible now
	// Dropped is the number of staged states that the ledger does not have after this commit:
	// the key was changed meanwhile, or another staged state of it counts.
	Dropped int
	// Look are the keys whose newest state may not be in the table: the ledger has another than
	// was staged, or the source has none of several.
	Look  []runs.Key
	Files int
	// Left are batches that cannot be committed, and why. They stay.
	Left []Uncommitted

	batches []*waiting
}

// Uncommitted is a staged batch that cannot be committed. Of a damaged one the error is
// [ErrDamaged].
type Uncommitted struct {
	Staged
	Err error
}

// Finished are the batches of Done that are to be removed, if these keys of Look could not be
// looked at.
func (c *CommittedStaged) Finished(failed []runs.Key) []Staged {
	left, stay := map[runs.Key]bool{}, map[string]bool{}
	for _, key := range failed {
		left[key] = true
	}
	for _, w := range c.batches {
		for i := range w.changes {
			if left[w.changes[i].Key] {
				stay[w.Key] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(c.Done), func(s Staged) bool { return stay[s.Key] })
}

// Asks is what [Table.CommitStaged] asks of others.
type Asks struct {
	// State is the identity of the state that the source of a key has now.
	State func(context.Context, runs.Key) (identity string, err error)
	// FirstSeen says with which times keys are in the first table of the mapping, so that the
	// IDs of their rows are the same in all tables. A key may be in none. Nil: this table is
	// the first.
	FirstSeen func(context.Context, []runs.Key) (map[runs.Key]time.Time, error)
}

// CommitStaged commits staged batches, as [Table.Staged] lists them, in one snapshot: as many
// as one takes, the first ones, all with the same columns. What a key shows never goes back:
// of each staged state only what holds the fence of its key counts, as in [Table.Commit]. Of
// several staged states that hold the same fence it is the one that the source has now. If it
// has none of them, one becomes visible and the key is looked at again. Without an error, Done
// has been decided on; what is neither there nor in Left is for the next call.
//
// Any number of callers may commit the same batches at the same time. Whoever dies leaves
// them for the next one, also if they are visible already.
func (t *Table) CommitStaged(ctx context.Context, staged []Staged, ask Asks) (CommittedStaged, error) {
	c := &committer{t: t, ask: ask, ours: map[string]struct{}{}}
	if err := c.run(ctx, staged); err != nil {
		return CommittedStaged{Committed: Committed{Tries: c.done.Tries}}, fmt.Errorf("commit what is staged for table %s: %w", t.Name, err)
	}
	c.done.Resurrected = c.done.Head.Resurrected()
	return c.done, nil
}

// committer is one call of CommitStaged.
type committer struct {
	t    *Table
	ask  Asks
	ours map[string]struct{} // IDs of the commits that were tried
	done CommittedStaged
}

func (c *committer) run(ctx context.Context, staged []Staged) error {
	h, err := c.t.Load(ctx)
	if err != nil {
		return err
	}
	if c.done.batches, err = c.read(ctx, h, staged); err != nil {
		return err
	}
	for try := 0; ; try++ {
		b, err := c.decide(ctx, h)
		if err != nil {
			return err
		}
		change, err := b.evolve(h.Metadata())
		if errors.As(err, new(*iceberg.ColumnsError)) || errors.Is(err, ErrOvertaken) {
			// The files do not fit the columns that the table has now: all is converted again.
			c.dropAll()
			b, err = &Batch{}, nil
		}
		if err != nil {
			return err
		}
		if len(b.Changes) == 0 {
			c.end(h)
			return nil
		}
		if err := b.check(); err != nil {
			return err
		}
		c.done.Tries++
		c.ours[b.ID] = struct{}{}
		next, err := c.t.attempt(ctx, h, b, change, &c.done.Missing)
		if err == nil {
			c.done.Files = len(b.Files)
			c.end(next)
			return nil
		}
		if errors.As(err, new(*movedError)) && ctx.Err() == nil {
			c.done.Tries-- // it was not offered
			c.leave(err)
			continue
		}
		if try == mostTries || ctx.Err() != nil {
			return err
		}
		if err := c.t.backOff(ctx, try); err != nil {
			return err
		}
		// Whatever the error says, only the head knows whether the commit landed.
		loaded, loadErr := c.t.Load(ctx)
		if loadErr != nil {
			return fmt.Errorf("%w; then %w", err, loadErr)
		}
		h = loaded
	}
}

// end notes which batches were decided on.
func (c *committer) end(h *Head) {
	c.done.Head = h
	for _, w := range c.done.batches {
		c.done.Done = append(c.done.Done, w.Staged)
	}
}

// leave takes batches out of the commit, since one of them stops all: the later half, for the
// next call, or the last one that is left.
func (c *committer) leave(err error) {
	if n := len(c.done.batches); n > 1 {
		c.done.batches = c.done.batches[:n/2]
		return
	}
	c.done.Left = append(c.done.Left, Uncommitted{c.done.batches[0].Staged, fmt.Errorf("commit staged batch %s: %w", c.done.batches[0].Key, err)})
	c.done.batches = nil
}

// read reads the batches of the commit.
func (c *committer) read(ctx context.Context, h *Head, staged []Staged) (batches []*waiting, err error) {
	keys := 0
	for part := range slices.Chunk(staged, stagedAtOnce) {
		read, errs := make([]*waiting, len(part)), make([]error, len(part))
		sideBySide(len(part), func(i int) { read[i], errs[i] = c.t.readStaged(ctx, h.Metadata(), part[i]) })
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		for i, w := range read {
			switch err := errs[i]; {
			case len(batches) == mostBatches || keys >= mostStagedKeys:
				return batches, nil
			case errors.Is(err, store.ErrNotFound): // another has committed it since it was listed
				c.done.Done = append(c.done.Done, part[i])
			case err != nil:
				c.done.Left = append(c.done.Left, Uncommitted{part[i], fmt.Errorf("read staged batch %s: %w", part[i].Key, err)})
			case len(batches) == 0 || slices.Equal(w.columns, batches[0].columns): // else for the next commit
				batches = append(batches, w)
				keys += len(w.changes)
			}
		}
	}
	return batches, nil
}

// decide says which of the staged states become visible on a head, as one batch.
func (c *committer) decide(ctx context.Context, h *Head) (*Batch, error) {
	c.done.Keys, c.done.Dropped, c.done.Look = 0, 0, nil
	states := map[runs.Key][]*stagedChange{} // in the order of their staging
	for _, w := range c.done.batches {
		for i := range w.changes {
			s := &w.changes[i]
			states[s.Key] = append(states[s.Key], s)
		}
	}
	known, err := h.Look(ctx, slices.Collect(maps.Keys(states)))
	if err != nil {
		return nil, err
	}
	first, err := c.firstSeen(ctx, states, known)
	if err != nil {
		return nil, err
	}
	b := &Batch{ID: NewBatchID()}
	shown := map[*stagedChange]bool{}
	for key, all := range states {
		var before *runs.Entry
		if e, ok := known[key]; ok {
			before = &e
		}
		s, look, err := c.choose(ctx, h.Rebuilt(), before, first[key], all)
		if err != nil {
			return nil, err
		}
		if look {
			c.done.Look = append(c.done.Look, key)
		}
		after := before
		if s != nil {
			shown[s] = true
			after = c.change(b, before, s)
		}
		c.count(before, after, s, all)
	}
	slices.SortFunc(c.done.Look, runs.Key.Compare)
	for _, w := range c.done.batches {
		b.Columns = w.columns
		b.take(w, shown)
	}
	return b, nil
}

// change adds what becomes of a key to a commit, and returns its entry.
func (c *committer) change(b *Batch, before *runs.Entry, s *stagedChange) *runs.Entry {
	after := s.Entry
	if !s.Replaces {
		after.Shown = runs.Shown{}
		if before != nil {
			after.Shown = before.Shown
		}
	}
	b.Changes = append(b.Changes, Change{Before: before, After: after, Replaces: s.Replaces})
	return &after
}

// count counts the staged states of a key, which has the entry after then. One of them was
// committed by an earlier try whose reply was lost, if the entry is of that.
func (c *committer) count(before, after *runs.Entry, chosen *stagedChange, all []*stagedChange) {
	if _, landed := c.ours[fenceOf(before)]; landed || chosen != nil {
		c.done.Keys++
	}
	for _, s := range all {
		if after == nil || !isSame(&s.State, &after.State) {
			c.done.Dropped++
		}
	}
}

// fenceOf is the fence of the entry of a key; empty: it is new.
func fenceOf(e *runs.Entry) string {
	if e == nil {
		return ""
	}
	return e.Fence
}

// isSame reports whether two states of a key are the same, also by their mapping.
func isSame(a, b *ledger.State) bool { return a.Identity == b.Identity && a.Mapping == b.Mapping }

// firstSeen asks for the times that new keys have in the first table.
func (c *committer) firstSeen(ctx context.Context, states map[runs.Key][]*stagedChange, known map[runs.Key]runs.Entry) (map[runs.Key]time.Time, error) {
	if c.ask.FirstSeen == nil {
		return nil, nil
	}
	var fresh []runs.Key
	for key := range states {
		if _, ok := known[key]; !ok {
			fresh = append(fresh, key)
		}
	}
	return c.ask.FirstSeen(ctx, fresh)
}

// choose returns the staged state of a key that becomes visible, or nil, and whether the key
// must be looked at again. before is its entry, of a ledger that was made anew at rebuilt;
// first, if it is not zero, is what a new key has in another table.
func (c *committer) choose(ctx context.Context, rebuilt int64, before *runs.Entry, first time.Time, all []*stagedChange) (chosen *stagedChange, look bool, err error) {
	var hold []*stagedChange
	isOne := true // state, however often it was staged
	for _, s := range all {
		if s.rebuilt != rebuilt || s.Fence != fenceOf(before) {
			// The key was changed since its source was read: by another, or by this very state.
			look = look || before == nil || !isSame(&s.State, &before.State)
			continue
		}
		if before == nil && !first.IsZero() && !s.FirstSeen.Equal(first) {
			// Another state was first in that table. This one does not count whoever decides,
			// since that time never changes.
			look = true
			continue
		}
		hold = append(hold, s)
		isOne = isOne && s.State.Identity == hold[0].State.Identity
	}
	if len(hold) == 0 {
		return nil, look, nil
	}
	if isOne {
		return hold[len(hold)-1], look, nil
	}
	// Nothing says which of them was read last. Any may become visible, since all were read
	// after what is visible now; and one must, or the next committer would find their fences as
	// they were, and add their files again.
	now, err := c.ask.State(ctx, hold[0].Key)
	if ctx.Err() != nil {
		return nil, false, err
	}
	chosen = hold[len(hold)-1]
	for _, s := range hold {
		if err == nil && s.State.Identity == now {
			chosen = s
		}
	}
	return chosen, look || err != nil || chosen.State.Identity != now, nil
}

// take adds the files of a staged batch to a commit, with the rows that do not count taken out
// of sight. A file without other rows is left out: nobody names it.
func (b *Batch) take(w *waiting, shown map[*stagedChange]bool) {
	count := map[string]bool{}
	for i := range w.changes {
		if s := &w.changes[i]; shown[s] && s.Replaces {
			for _, r := range s.Shown.Files {
				count[r.Path] = true
			}
		}
	}
	for i := range w.files {
		if count[w.files[i].Path] {
			b.Files = append(b.Files, w.files[i])
		}
	}
	for i := range w.changes {
		s := &w.changes[i]
		if shown[s] || !s.Replaces {
			continue
		}
		for _, r := range s.Shown.Files {
			if count[r.Path] {
				b.Masks = append(b.Masks, r)
			}
		}
	}
}

// dropAll leaves all batches to a new look at their keys.
func (c *committer) dropAll() {
	c.done.Keys, c.done.Dropped, c.done.Look = 0, 0, nil
	for _, w := range c.done.batches {
		c.done.Dropped += len(w.changes)
		for i := range w.changes {
			c.done.Look = append(c.done.Look, w.changes[i].Key)
		}
	}
	slices.SortFunc(c.done.Look, runs.Key.Compare)
	c.done.Look = slices.Compact(c.done.Look)
}
