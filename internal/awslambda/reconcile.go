package awslambda

import (
	"errors"
	"fmt"

	"sluice/internal/event"
	"sluice/internal/pipeline"
)

// reconcile processes what the ledger lacks, since events can be lost. Work that
// is not done in time is left to the next schedule. Objects that are up to date
// by the listings are verified as long as there is time.
func (in *invocation) reconcile() error {
	committed := in.commitStaged()
	o := in.setup.Run()
	o.Done = func(key string, size int64, r pipeline.Result, err error) {
		if err != nil || r.Disposition != pipeline.DidDuplicate && r.Disposition != pipeline.DidSkip {
			in.logObject(&object{at: event.Object{Bucket: o.Bucket, Key: key, Size: size}, result: r, err: err})
		}
	}
	sum, err := in.setup.Target.Run(in.work, o)
	in.sum.Stats.Add(sum.Stats)
	in.sum.Written = in.sum.Written || sum.Written
	in.sum.Commits.Add(sum.Commits)
	if sum.Commits.Staged > 0 {
		committed = errors.Join(committed, in.commitStaged())
	}
	in.logCommits()
	for did, n := range sum.Objects {
		if did != pipeline.DidDuplicate { // the settled ones; no event came twice
			in.sum.Objects[did] += n
		}
	}
	failed := in.sum.Objects[pipeline.DidFail]
	switch {
	case err != nil && in.work.Err() != nil && sum.Verifying && failed == 0:
		err = nil
	case err != nil && (in.work.Err() != nil || errors.Is(err, pipeline.ErrNoTime)):
		err = fmt.Errorf("reconcile: stopped in time: %w; the next schedule goes on", errTimeLimit)
	case err != nil:
		err = fmt.Errorf("reconcile: %w", in.presentable(err))
	case failed > 0:
		err = fmt.Errorf("reconcile: %d objects failed", failed)
	}
	err = errors.Join(err, committed)
	// The worker that committed the settled objects may have died before it told
	// the catalog. FollowUp does that then; a refresh includes all FollowUp does.
	if sum.Objects[pipeline.DidCommit] > 0 {
		return errors.Join(err, in.refreshTables())
	}
	return errors.Join(err, in.followUp())
}

// commitStaged makes visible what invocations have staged, so that the listing finds it done.
func (in *invocation) commitStaged() error {
	t, ok := in.setup.Target.(*pipeline.Tables)
	if !ok || !t.Staging {
		return nil
	}
	in.committed = true
	sum, err := t.CommitStaged(in.work, in.setup.Config.Workers)
	in.freshness = max(in.freshness, sum.Freshness)
	in.sum.Commits.Add(sum.Commits)
	if sum.Batches > 0 {
		in.log.Info("staged batches committed", "batches", sum.Batches, "objects", sum.Keys, "dropped", sum.Dropped, "looked_at_again", sum.Looked, "damaged", sum.Damaged, "freshness_seconds", sum.Freshness.Seconds())
	}
	_, oldest, waitErr := t.Waiting(in.rest)
	if !oldest.IsZero() {
		in.freshness = max(in.freshness, t.Tables[0].Now().Sub(oldest))
	}
	if err = errors.Join(err, waitErr); err != nil {
		return fmt.Errorf("commit what is staged: %w", in.presentable(err))
	}
	return nil
}
