package pipeline

import (
	"context"
	"errors"
	"fmt"
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
	// Freshness is the longest time that a batch waited until it was visible.
	Freshness time.Duration
}

// CommitStaged makes visible what is staged when it is called, and looks again at keys that
// were changed meanwhile. A batch goes when that is done; after an error the same call may be
// made again, also beside another.
func (t *Tables) CommitStaged(ctx context.Context, workers int) (sum Landed, err error) {
	direct := *t
	direct.Staging = false
	for i := range t.Tables {
		err = errors.Join(err, direct.commitStaged(ctx, i, workers, &sum))
	}
	return sum, err
}

// commitStaged commits what is staged for a table, from the oldest batch on.
func (t *Tables) commitStaged(ctx context.Context, table, workers int, sum *Landed) error {
	at := t.Tables[table]
	h, err := at.Load(ctx)
	if errors.Is(err, iceberg.ErrNoTable) {
		return nil
	}
	if err != nil {
		return err
	}
	left, err := at.Staged(ctx, h, 0)
	if err != nil {
		return err
	}
	var failed error
	for len(left) > 0 {
		if !hasTime(ctx) {
			return ErrNoTime
		}
		done, err := at.CommitStaged(ctx, left, t.identity)
		if err != nil {
			return errors.Join(failed, err)
		}
		failed = errors.Join(append(done.Unread, failed)...)
		sum.add(at, &done)
		decided := map[string]bool{}
		for _, s := range done.Done {
			decided[s.Key] = true
		}
		var next []tables.Staged
		for _, s := range left {
			if !decided[s.Key] {
				next = append(next, s)
			}
		}
		if err := t.lookAgain(ctx, done.Look, workers, sum); err != nil {
			failed = errors.Join(failed, err)
		} else if err := at.Unstage(ctx, done.Done); err != nil {
			return errors.Join(failed, err)
		} else {
			sum.Batches += int64(len(done.Done))
		}
		if len(done.Done) == 0 {
			break // none of those that are left can be read
		}
		left = next
	}
	return failed
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
		for _, s := range staged {
			if batches++; oldest.IsZero() || s.Since.Before(oldest) {
				oldest = s.Since
			}
		}
	}
	return batches, oldest, nil
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
// this one too. A key that no table has, and that the source no longer has either, is done.
func (t *Tables) lookAgain(ctx context.Context, keys []runs.Key, workers int, sum *Landed) error {
	if len(keys) == 0 {
		return nil
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
	var first error
	failed := 0
	sum.Commits.Add(direct.ProcessAll(ctx, objects, workers, func(i int, _ Result, err error) {
		sum.Looked++
		if err == nil || errors.Is(err, store.ErrNotFound) {
			return
		}
		failed++
		if first == nil {
			first = fmt.Errorf("look again at %q: %w", objects[i].Key, err)
		}
	}))
	sum.Failed += int64(failed)
	return first
}
