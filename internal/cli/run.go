package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
)

type runFlags struct {
	placeFlags
	report           string
	workers, threads int
	dryRun           bool
	changed          bool // publish again what was made with another mapping
	reprocess        bool // publish all objects again, or those of the named keys
	acceptDrift      bool // publish those of the named keys, also if the mapping holds them
}

// redo says which objects the flags want published again.
func (f *runFlags) redo() pipeline.Redo {
	switch {
	case f.reprocess, f.acceptDrift:
		return pipeline.RedoAll
	case f.changed:
		return pipeline.RedoChanged
	}
	return pipeline.RedoNothing
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [--reprocess [KEY...] | --accept-drift KEY...]",
		Short: "Process what the ledger lacks: first load, backfill and repair",
		Long: `Lists the source, the sink and the ledger, compares them, and processes what
differs: new, overwritten and deleted objects, those whose event was lost, those
that a dead worker left, and those whose outputs were deleted or damaged. What
is up to date is not touched, so the command can be stopped and run again at any
time, also beside the Lambda function. Uploads of dead workers are removed: in a
folder if nobody holds them and they are an hour old, in a bucket if they got no
part for a day.

--lake DIR works in a folder: raw_orders_data/ is read, orders_data_parquet/ is
written, ledger/, quarantine/ and catalog/ are beside them.

A changed configuration alone changes no output. The report says how many
objects were made with another mapping, are where an older configuration put
them, or were deleted while on_delete was not yet remove. --changed-mapping
applies these changes to the objects that they concern. --reprocess publishes
every object again, or those whose KEY is given, whatever the ledger says. Both
remove rows in outputs that the configuration no longer names.

An object that on_drift: hold in the mapping has rejected is taken by
--changed-mapping, once the mapping names its paths; or as it is by
--accept-drift KEY.`,
		Example: `  sluice run --lake lake/
  sluice run -c sluice.yaml --workers 8 --report json
  sluice run -c sluice.yaml --dry-run
  sluice run -c sluice.yaml --changed-mapping
  sluice run -c sluice.yaml --reprocess raw_orders_data/2024-01-10.json`,
		RunE: func(cmd *cobra.Command, keys []string) error {
			switch {
			case len(keys) > 0 && !f.reprocess && !f.acceptDrift:
				return usage(cmd, "KEY needs --reprocess or --accept-drift; without these run looks at all of the source")
			case len(keys) == 0 && f.acceptDrift:
				return usage(cmd, "--accept-drift needs the KEY of each object that is taken as it is")
			}
			return a.run(cmd, f, keys)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&f.workers, "workers", 0, "objects processed at once (default from the configuration)")
	cmd.Flags().IntVar(&f.threads, "threads", 0, "row groups of one object worked on at once (default from the configuration)")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "only count what would be processed")
	cmd.Flags().BoolVar(&f.changed, "changed-mapping", false, "publish again what was made with another mapping, or is in another place")
	cmd.Flags().BoolVar(&f.reprocess, "reprocess", false, "publish again every object, or those whose KEY is given")
	cmd.Flags().BoolVar(&f.acceptDrift, "accept-drift", false, "publish the objects whose KEY is given, though on_drift: hold in the mapping rejects them")
	cmd.MarkFlagsMutuallyExclusive("changed-mapping", "reprocess", "accept-drift")
	reportFlag(cmd, &f.report)
	return withExits(cmd, "0  everything is accounted for", exitSome+", rows stand elsewhere than\n     configured, or the ledger cannot tell whose they are", exitWrong, exitHeld)
}

func (a *app) run(cmd *cobra.Command, f runFlags, keys []string) error {
	if err := checkReport(cmd, f.report); err != nil {
		return err
	}
	if f.workers < 0 || f.threads < 0 {
		return usage(cmd, "--workers and --threads must be above 0")
	}
	ctx := cmd.Context()
	s, err := a.setup(cmd, f.placeFlags)
	if err != nil {
		return err
	}
	defer s.Close()
	s.Pipeline.Redo, s.Pipeline.AcceptDrift = f.redo(), f.acceptDrift
	s.Pipeline.Threads = cmp.Or(f.threads, s.Config.Threads)

	if len(keys) == 0 {
		if err := a.refuseDefaultOf(cmd, s); err != nil {
			return err
		}
	}
	own := s.Own
	if f.dryRun {
		own = func(ctx context.Context) error { _, err := s.CheckOwner(ctx); return err }
	}
	if err := own(ctx); err != nil {
		return err
	}
	started := time.Now()
	swept := 0
	if !f.dryRun && len(keys) == 0 {
		if swept, err = s.Sweep(ctx); err != nil {
			a.complain(fmt.Errorf("remove uploads of dead workers: %w; the next run tries again", err))
		}
	}
	failures := &failures{a: a, s: s}
	meter := &objectMeter{meter: newMeter(a.errw)}
	stop := func() {}
	if len(keys) == 0 {
		stop = meter.count(ctx, s)
	}
	o := s.Run()
	o.Workers, o.DryRun, o.Keys = cmp.Or(f.workers, o.Workers), f.dryRun, keys
	o.Done = func(key string, size int64, r pipeline.Result, err error) {
		failures.note(key, r, err)
		failures.untold(r.Untold)
		meter.finish(size, r.Stats.RowsWritten, r.Stats.BytesRead, err != nil || r.Disposition == pipeline.DidReject)
	}
	sum, err := s.Target.Run(ctx, o)
	sum.Swept = swept
	stop()
	meter.end()
	if all := err == nil && s.OldSink != "" && f.redo() != pipeline.RedoNothing && len(keys) == 0 && !f.dryRun; all && sum.Objects[pipeline.DidFail] == 0 {
		err = s.Moved(ctx)
	}
	if err != nil {
		return stopped(err, "what was committed is kept, and the next run does the rest")
	}
	if len(keys) == 0 && sum.Source == 0 && f.report != "json" {
		fmt.Fprintf(a.out, "no object to process in %s\n", visible(s.Config.Source.String()))
	}
	return a.finishObjects(ctx, s, &sum, f, time.Since(started))
}

// finishObjects refreshes the catalog for what was committed, prints the report and
// returns the exit code as an error.
func (a *app) finishObjects(ctx context.Context, s *setup.Setup, sum *pipeline.Summary, f runFlags, took time.Duration) error {
	if !f.dryRun {
		// Without a commit there is only the work that an earlier run failed to
		// do, or died before.
		refresh := s.Catalog.FollowUp
		if sum.Objects[pipeline.DidCommit] > 0 {
			refresh = s.Catalog.Refresh
		}
		if _, err := refresh(ctx, s.TablesFound(sum.Written)); err != nil {
			if refused := new(catalog.RefusedError); !errors.As(err, &refused) {
				err = fmt.Errorf("%w; the next run tries again", err)
			}
			a.complain(fmt.Errorf("refresh catalog: %w", err))
		}
	}
	if err := a.reportObjects(s, sum, f, took); err != nil {
		return err
	}
	if s.OldSink != "" && f.report != "json" {
		fmt.Fprintf(a.out, "the sink was %s (seen from the ledger); the files there are kept, and are no longer looked at\n", s.OldSink)
	}
	return finished(countObjects(sum.Objects).bad() || !sum.Complete(), &sum.Stats)
}
