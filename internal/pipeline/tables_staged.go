package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// Landed is what [Tables.CommitStaged] has done.
type Landed struct {
	Commits Commits
	Batches int64 // that were committed and removed; once for each table
	Keys    int64 // whose staged state is visible now
	Dropped int64 // staged states that are not: their keys have another by now
	Looked  int64 // keys that were looked at again
	Failed  int64 // of them those that failed; their batches stay
	// Damaged is the number of batches that were set aside. Their objects are converted again
	// by the next run.
	Damaged int64
	// Freshness is the longest time that a batch waited until it was visible.
	Freshness time.Duration
}

// CommitStaged makes visible what is staged when it is called, and looks again at keys that
// were changed meanwhile. A batch goes when that is done; after an error the same call may be
// made again, also beside another. A batch that cannot be committed is named in the error, and
// the others are committed.
func (t *Tables) CommitStaged(ctx context.Context, workers int) (sum Landed, err error) {
	direct := *t
	direct.Staging = false
	// Batches are staged for the first table first, and committed so: a key that is new has its
	// entry there before it gets one in the others, and the IDs of its rows from that.
	heads, staged := make([]*tables.Head, len(t.Tables)), make([][]tables.Staged, len(t.Tables))
	for i := len(t.Tables) - 1; i >= 0; i-- {
		h, listErr := t.Tables[i].Load(ctx)
		if errors.Is(listErr, iceberg.ErrNoTable) {
			continue
		}
		if listErr == nil {
			heads[i] = h
			staged[i], listErr = t.Tables[i].Staged(ctx, h, 0)
		}
		err = errors.Join(err, listErr)
	}
	for i := range t.Tables {
		err = errors.Join(err, direct.commitStaged(ctx, i, heads[i], staged[i], workers, &sum))
	}
	return sum, err
}

// commitStaged commits what is staged for a table, from the oldest batch on.
func (t *Tables) commitStaged(ctx context.Context, table int, h *tables.Head, left []tables.Staged, workers int, sum *Landed) error {
	at := t.Tables[table]
	ask := tables.Asks{State: t.identity}
	if table > 0 {
		ask.FirstSeen = t.firstSeen
	}
	var failed error
	for len(left) > 0 {
		if !hasTime(ctx) {
			return errors.Join(failed, ErrNoTime)
		}
		done, err := at.CommitStaged(ctx, left, ask)
		if err != nil {
			return errors.Join(failed, err)
		}
		sum.add(at, &done)
		gone := map[string]bool{}
		for _, s := range done.Done {
			gone[s.Key] = true
		}
		for _, l := range done.Left {
			gone[l.Key] = true
			failed = errors.Join(failed, t.leave(ctx, at, h, l, sum))
		}
		stuck, err := t.lookAgain(ctx, done.Look, workers, sum)
		finished := done.Finished(stuck)
		if failed = errors.Join(failed, err, at.Unstage(ctx, finished)); ctx.Err() != nil {
			return failed
		}
		sum.Batches += int64(len(finished))
		if len(gone) == 0 {
			return errors.Join(failed, fmt.Errorf("commit what is staged for table %s: no batch was decided on", at.Name))
		}
		left = slices.DeleteFunc(left, func(s tables.Staged) bool { return gone[s.Key] })
	}
	return failed
}

// leave is the error of a batch that is not committed. One that is damaged is set aside.
func (t *Tables) leave(ctx context.Context, at *tables.Table, h *tables.Head, l tables.Uncommitted, sum *Landed) error {
	if !errors.Is(l.Err, tables.ErrDamaged) {
		return l.Err
	}
	key, err := at.SetAside(ctx, h, l.Staged)
	if err != nil {
		return errors.Join(l.Err, err)
	}
	sum.Damaged++
	return fmt.Errorf("%w; it is now %s, and the next sluice run converts its objects again", l.Err, key)
}

// firstSeen says with which times the first table has keys.
func (t *Tables) firstSeen(ctx context.Context, keys []runs.Key) (map[runs.Key]time.Time, error) {
	h, err := t.Tables[0].Load(ctx)
	if errors.Is(err, iceberg.ErrNoTable) || len(keys) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found, err := h.Look(ctx, keys)
	first := make(map[runs.Key]time.Time, len(found))
	for key, e := range found {
		first[key] = e.FirstSeen
	}
	return first, err
}

func (l *Landed) add(at *tables.Table, done *tables.CommittedStaged) {
	l.Keys += int64(done.Keys)
	l.Dropped += int64(done.Dropped)
	c := Commits{Conflicts: int64(done.Tries), Missing: done.Missing, Resurrected: done.Resurrected, Files: int64(done.Files)}
	if done.Keys > 0 {
		c.Snapshots, c.Objects = 1, int64(done.Keys)
		c.Conflicts = max(0, c.Conflicts-1)
		for _, s := range done.Done {
			l.Freshness = max(l.Freshness, at.Now().Sub(s.Since))
		}
	}
	l.Commits.Add(c)
}

// Waiting is the number of batches that are staged, of all tables, and when the oldest was.
func (t *Tables) Waiting(ctx context.Context) (batches int, oldest time.Time, err error) {
	var all []tables.Staged
	for _, at := range t.Tables {
		h, err := at.Load(ctx)
		if errors.Is(err, iceberg.ErrNoTable) {
			continue
		}
		if err != nil {
			return 0, oldest, err
		}
		staged, err := at.Staged(ctx, h, 0)
		if err != nil {
			return 0, oldest, err
		}
		all = append(all, staged...)
	}
	return len(all), tables.Oldest(all), nil
}

// identity asks a source for its state.
func (t *Tables) identity(ctx context.Context, k runs.Key) (string, error) {
	src, err := t.Source(k.Bucket)
	if err != nil {
		return "", err
	}
	info, err := src.Head(ctx, k.Key)
	if errors.Is(err, store.ErrNotFound) {
		return ledger.Absent, nil
	}
	return info.Identity(), err
}

// lookAgain processes keys, and commits them directly: what is made with another mapping than
// this one too. A key that no table has, and that the source no longer has either, is done. It
// returns the keys that failed, and the first error.
func (t *Tables) lookAgain(ctx context.Context, keys []runs.Key, workers int, sum *Landed) (failed []runs.Key, first error) {
	if len(keys) == 0 {
		return nil, nil
	}
	objects := make([]Object, len(keys))
	for i, k := range keys {
		objects[i] = Object{k.Bucket, k.Key, -1}
	}
	direct := *t
	pipe := *t.Pipeline
	direct.Pipeline = &pipe
	if pipe.Redo == RedoNothing {
		pipe.Redo = RedoChanged
	}
	sum.Commits.Add(direct.ProcessAll(ctx, objects, workers, func(i int, _ Result, err error) {
		sum.Looked++
		if err == nil || errors.Is(err, store.ErrNotFound) {
			return
		}
		failed = append(failed, keys[i])
		if first == nil {
			first = fmt.Errorf("look again at %q: %w", objects[i].Key, err)
		}
	}))
	sum.Failed += int64(len(failed))
	return failed, first
}
