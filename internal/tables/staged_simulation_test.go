package tables_test

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/runs"
	"sluice/internal/tables"
)

// stage reads keys and stages what it reads, as a worker does that does not commit.
func (s *simulation) stage(ctx context.Context, keys []runs.Key) error {
	table, setBacks := s.ownTable(), s.catalog.setBacks
	head, b, err := s.prepared(ctx, table, keys)
	if err != nil || b == nil {
		return err
	}
	if err := table.Stage(ctx, head, b); err != nil {
		return err
	}
	s.counts["staged"]++
	fmt.Fprintf(&s.trace, "%v has staged\n", ctx.Value(workerKey{}))
	for i := range b.Changes {
		s.staged = append(s.staged, acked{b.Changes[i].After.Key, placeOf(&b.Changes[i]), setBacks})
	}
	return nil
}

// commitStaged commits what is staged, as a committer does, until nothing is.
func (s *simulation) commitStaged(ctx context.Context) error {
	for {
		if some, err := s.commitOnce(ctx); err != nil || !some {
			return err
		}
	}
}

// commitOnce commits what is staged when it is listed; false: nothing is.
func (s *simulation) commitOnce(ctx context.Context) (some bool, err error) {
	table := s.ownTable()
	if err := s.store.gate(ctx, "begin"); err != nil {
		return false, err
	}
	head, err := table.Load(ctx)
	if err != nil {
		return false, err
	}
	staged, err := table.Staged(ctx, head, 0)
	if err != nil || len(staged) == 0 {
		return false, err
	}
	done, err := table.CommitStaged(ctx, staged, tables.Asks{State: s.identity})
	if err != nil {
		return false, err
	}
	s.counts["commits of what was staged"]++
	s.counts["dropped"] += done.Dropped
	s.counts["looked at again"] += len(done.Look)
	fmt.Fprintf(&s.trace, "%v has committed %d of %d staged batches: %d keys, %d dropped, %v to look at\n", ctx.Value(workerKey{}), len(done.Done), len(staged), done.Keys, done.Dropped, done.Look)
	if s.lost(done.Committed); len(done.Left) > 0 {
		s.broken = errors.Join(s.broken, done.Left[0].Err)
	}
	if s.onDecided != nil {
		s.onDecided(ctx, done.Look)
	}
	if len(done.Look) > 0 {
		if err := s.work(ctx, done.Look); err != nil {
			return false, err
		}
	}
	for i := range done.Done {
		if err := s.store.gate(ctx, "unstage"); err != nil {
			return false, err
		}
		if err := table.Unstage(ctx, done.Done[i:i+1]); err != nil {
			return false, err
		}
	}
	return true, nil
}

// identity asks a source for its state.
func (s *simulation) identity(ctx context.Context, k runs.Key) (string, error) {
	if s.onAsk != nil {
		s.onAsk(ctx, k)
	}
	if err := s.store.gate(ctx, "ask source"); err != nil {
		return "", err
	}
	s.counts["asked"]++
	return s.now(k).identity(), nil
}

// seen returns an error if the table does not know a state that was acknowledged, nor a newer
// one, though nothing is staged any more.
func (s *simulation) seen(a acked) error {
	if s.catalog.setBacks != a.setBacks {
		return nil // its commit may have been undone
	}
	head, err := s.table.Load(context.Background())
	if err != nil {
		return err
	}
	found, err := head.Look(context.Background(), []runs.Key{a.key})
	if err != nil {
		return err
	}
	e, known := found[a.key]
	if !known && s.now(a.key).number == 0 {
		return nil // the source had none of several staged states, and nothing was shown yet
	}
	return s.isNewer(a, e)
}
