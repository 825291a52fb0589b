package awslambda

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/store"
)

// The margin between the end of the work and the time limit of the function: a
// tenth of the time, within these bounds. Uploads are aborted, the catalog is
// refreshed and the answer is sent in it; without a margin Lambda would kill the
// function before any of these.
const (
	leastMargin = 2 * time.Second
	mostMargin  = 15 * time.Second
)

// errTimeLimit says why the work was stopped. It may succeed the next time.
var errTimeLimit = errors.New("the time limit of the function is near")

// limit bounds the work, and the steps after it, by the deadline of ctx: half of
// the margin is for removing what the work leaves, a quarter for the catalog.
func limit(ctx context.Context) (work, rest context.Context, stop func()) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, ctx, func() {}
	}
	left := time.Until(deadline)
	margin := min(max(left/10, leastMargin), mostMargin, left/2)
	work, stopWork := context.WithDeadlineCause(ctx, deadline.Add(-margin), errTimeLimit)
	work = store.CleanUpUntil(work, deadline.Add(-margin/2))
	rest, stopRest := context.WithDeadlineCause(ctx, deadline.Add(-margin/4), errTimeLimit)
	return work, rest, func() { stopWork(); stopRest() }
}

// late is the error of an object that was not finished in time. It says how far
// the work came, and what to do if the time is never enough.
func (in *invocation) late(o *object, err error) error {
	if cause := context.Cause(in.work); cause != nil && !errors.Is(cause, errTimeLimit) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	of := ""
	if o.at.Size >= 0 {
		of = fmt.Sprintf(" of %d", o.at.Size)
	}
	return fmt.Errorf("%w: stopped after %.1f s, when %d%s bytes of the object were read; it is tried again from its beginning. "+
		"If the time is never enough, raise the function's timeout or memory (more memory brings more CPU), or process the object with sluice run: %w",
		errTimeLimit, time.Since(in.began).Seconds(), o.result.Stats.BytesRead, of, err)
}
