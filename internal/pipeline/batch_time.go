package pipeline

import (
	"context"
	"errors"
	"time"
)

// ErrNoTime says that the commit of a batch needs the time that is left. The object is
// looked at when its event comes again.
var ErrNoTime = errors.New("the time that is left is for the commit of the batch")

// The time for a commit, if the context of a batch has a deadline: a fifth of what there
// is, within these bounds, or loads times what loading heads and entries took, which was
// measured just before. Counted by internal/cost: of a batch's requests that wait for one
// another some four load, nine commit, and eight more each eighth time, when runs of the
// ledger are merged. Each sixty-fourth commit also reads 64 manifests.
const (
	leastCommit = 2 * time.Second
	mostCommit  = 30 * time.Second
	loads       = 8
)

// commitTime is how long before the end of ctx the reading of objects ends; loading is
// how long it took to load heads and entries.
func commitTime(left, loading time.Duration) time.Duration {
	return min(max(min(left/5, mostCommit), leastCommit, loads*loading), left/2)
}

// hasTime reports whether another batch may begin.
func hasTime(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > 2*leastCommit
}

// reading is the context for the objects of a batch: it ends early enough for the
// commit. No object is begun in the last part of it. An object that is not read by then
// fails alone.
func (b *tableBatch) reading(ctx context.Context, loading time.Duration) (context.Context, context.CancelFunc) {
	b.until = time.Now().Add(b.t.Limits.time())
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	commit := commitTime(time.Until(deadline), loading)
	end := deadline.Add(-commit)
	if until := end.Add(-commit / 2); until.Before(b.until) {
		b.until = until
	}
	return context.WithDeadlineCause(ctx, end, ErrNoTime)
}
