package awslambda

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/iceberg"
	"sluice/internal/maintain"
	"sluice/internal/pipeline"
)

// maintain gives back what tables need no more, as the command table maintain does. What
// was done in time stays done, and the next schedule goes on. An invocation that did
// nothing in its time fails: the next one would do nothing either.
func (in *invocation) maintain() error {
	t, ok := in.setup.Target.(*pipeline.Tables)
	if !ok {
		return errors.New("maintain: there are no tables: each object has a file of its own")
	}
	o := maintain.Options{OlderThan: maintain.UsualAge}
	swept, keeps, err := maintain.Splits(in.work, t, o)
	if err != nil {
		return in.unmaintained(swept.Removed > 0, err)
	}
	o.Keeps = keeps
	did := swept.Removed > 0
	var failed []error
	for _, table := range t.Tables {
		done, err := maintain.Table(in.work, table, o)
		if errors.Is(err, iceberg.ErrNoTable) {
			continue // no object has come yet
		}
		did = did || done.Expired+done.Manifests+done.Runs > 0 || done.Removed > 0
		in.log.Info("table maintained", "table", done.Table, "snapshots_expired", done.Expired, "manifests_merged", done.Manifests,
			"ledger_runs_merged", done.Runs, "objects_removed", done.Removed, "bytes_removed", done.Bytes, "batches_staged", done.Staged, "complete", err == nil)
		if err != nil { // the next table may be well
			failed = append(failed, in.unmaintained(did, err))
		}
		if in.work.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}

// unmaintained is the error of an invocation that did not come to its end, or nil if it is
// enough to go on the next time.
func (in *invocation) unmaintained(did bool, err error) error {
	if !errors.Is(context.Cause(in.work), errTimeLimit) {
		return fmt.Errorf("maintain: %w", in.presentable(err))
	}
	if did {
		in.log.Warn("maintenance stopped in time, the next schedule goes on")
		return nil
	}
	return fmt.Errorf("maintain: nothing was done in time: run sluice table maintain, or raise the function's timeout: %w", errTimeLimit)
}
