package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/internal/awsconfig"
	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
)

// placeFlags say where the buckets or folders are, for all commands that work
// on them.
type placeFlags struct {
	config, lake, mapping string
}

func (f *placeFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.config, "config", "c", "", "configuration `file`, see docs/config.md (default the SLUICE_* variables)")
	cmd.Flags().StringVar(&f.lake, "lake", "", "local `folder` to use instead of the buckets")
	mappingFlag(cmd, &f.mapping)
	complete(cmd, "config", completeExtension("yaml", "yml"))
	complete(cmd, "lake", completeFolder)
}

// load reads the configuration. With --lake alone, the folders have the names that
// they have by default in a bucket.
func (f *placeFlags) load(cmd *cobra.Command, getenv func(string) string) (config.Config, error) {
	if f.lake != "" && f.config == "" {
		c := setup.Lake(f.lake)
		c.Mapping = cmp.Or(f.mapping, getenv("SLUICE_MAPPING"), c.Mapping)
		return c, nil
	}
	c, err := config.Load(f.config, getenv)
	if err != nil {
		return c, usage(cmd, "%w", err)
	}
	c.Mapping = cmp.Or(f.mapping, c.Mapping)
	return c, nil
}

// setup opens what the flags name.
func (a *app) setup(cmd *cobra.Command, f placeFlags) (*setup.Setup, error) {
	c, err := f.load(cmd, a.getenv)
	if err != nil {
		return nil, err
	}
	return setup.New(cmd.Context(), c, f.lake, awsconfig.Load)
}

type runFlags struct {
	placeFlags
	report           string
	workers, threads int
	dryRun           bool
	changed          bool // publish again what was made with another mapping
	reprocess        bool // publish all objects again, or those of the named keys
}

// redo says which objects the flags want published again.
func (f *runFlags) redo() pipeline.Redo {
	switch {
	case f.reprocess:
		return pipeline.RedoAll
	case f.changed:
		return pipeline.RedoChanged
	}
	return pipeline.RedoNothing
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [--reprocess [KEY...]]",
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
remove rows in outputs that the configuration no longer names.`,
		Example: `  sluice run --lake lake/
  sluice run -c sluice.yaml --workers 8 --report json
  sluice run -c sluice.yaml --dry-run
  sluice run -c sluice.yaml --changed-mapping
  sluice run -c sluice.yaml --reprocess raw_orders_data/2024-01-10.json`,
		RunE: func(cmd *cobra.Command, keys []string) error {
			if len(keys) > 0 && !f.reprocess {
				return usage(cmd, "KEY needs --reprocess; without it run looks at all of the source")
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
	cmd.MarkFlagsMutuallyExclusive("changed-mapping", "reprocess")
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
	s.Pipeline.Redo = f.redo()
	s.Pipeline.Threads = cmp.Or(f.threads, s.Config.Threads)

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
		meter.finish(size, r.Stats.RowsWritten, r.Stats.BytesRead, err != nil || r.Disposition == pipeline.DidReject)
	}
	sum, err := s.Pipeline.Run(ctx, o)
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

// finishObjects tells the catalog what was committed, prints the report and
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
	if err := a.reportObjects(sum, f, took); err != nil {
		return err
	}
	if s.OldSink != "" && f.report != "json" {
		fmt.Fprintf(a.out, "the sink was %s (seen from the ledger); the files there are kept, and are no longer looked at\n", s.OldSink)
	}
	return finished(countObjects(sum.Objects).bad() || !sum.Complete(), &sum.Stats)
}

// maxFailures is the number of objects whose failure is reported one by one.
const maxFailures = 20

// rejectedError is the error of an object that was rejected, now or before.
type rejectedError struct {
	error
	reason sluice.Reason
}

// failures prints objects that failed or were rejected, while others go on.
type failures struct {
	a  *app
	s  *setup.Setup
	mu sync.Mutex
	n  int
}

func (f *failures) note(key string, r pipeline.Result, err error) {
	if err == nil && r.Disposition != pipeline.DidReject || errors.Is(err, context.Canceled) {
		return // the run says that it was interrupted
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n++; f.n > maxFailures {
		return
	}
	if err == nil {
		told := fmt.Errorf("object %q rejected: %s%s; see %s", key, r.Stats.Reason, reasonsOf(&r.Stats), f.s.Config.Quarantine.Name(r.Report))
		err = &rejectedError{told, r.Stats.Reason}
	}
	f.a.complain(err)
	if f.n == maxFailures {
		fmt.Fprintln(f.a.errw, "sluice: more objects failed or were rejected; the report counts them")
	}
}

// objectCounts are the objects of a run or an event. Their names are a contract.
type objectCounts struct {
	Committed int64 `json:"committed"`
	Duplicate int64 `json:"duplicate"`
	Rejected  int64 `json:"rejected"`
	Failed    int64 `json:"failed"`
	Skipped   int64 `json:"skipped"`
}

func countObjects(n map[pipeline.Disposition]int64) objectCounts {
	return objectCounts{n[pipeline.DidCommit], n[pipeline.DidDuplicate], n[pipeline.DidReject], n[pipeline.DidFail], n[pipeline.DidSkip]}
}

// bad reports whether an object is not accounted for, or its rows are missing.
func (n objectCounts) bad() bool { return n.Failed > 0 || n.Rejected > 0 }

// outcome is the worst of what was processed.
func outcome(n objectCounts, s sluice.Stats) sluice.Outcome {
	switch {
	case n.Rejected > 0:
		return sluice.Reject
	case s.RecordsQuarantined > 0:
		return sluice.Quarantine
	}
	return sluice.Accept
}

func (a *app) reportObjects(sum *pipeline.Summary, f runFlags, took time.Duration) error {
	n := countObjects(sum.Objects)
	sum.Stats.Outcome = outcome(n, sum.Stats)
	if f.report == "json" {
		return printJSON(a.out, struct {
			sluice.Stats
			Objects objectCounts `json:"objects"`
			findings
			DryRun bool `json:"dry_run"`
		}{sum.Stats, n, findingsOf(&sum.Findings), f.dryRun})
	}
	if f.dryRun {
		fmt.Fprintln(a.out, "dry run, nothing was changed; a run would do this:")
	}
	a.printObjects(n, sum.Stats, took)
	a.printFindings(&sum.Findings)
	return nil
}

// findings are what a run saw but did not change. Their names are a contract.
type findings struct {
	OtherMapping int64 `json:"other_mapping"`
	Elsewhere    int64 `json:"elsewhere"`
	Dropped      int64 `json:"dropped"`
	Kept         int64 `json:"kept"`
	Outside      int64 `json:"outside"`
	Unaccounted  int64 `json:"unaccounted"`
	Damaged      int64 `json:"damaged_entries"`
	Swept        int   `json:"uploads_removed"`
}

func findingsOf(f *pipeline.Findings) findings {
	return findings{f.OtherMapping, f.Elsewhere, f.Dropped, f.Kept, f.Outside, f.Unaccounted, f.Damaged, f.Swept}
}

func (a *app) printFindings(f *pipeline.Findings) {
	for _, c := range []struct {
		n          int64
		noun, text string
	}{
		{f.OtherMapping, "object", "made with another mapping; --changed-mapping publishes them again"},
		{f.Elsewhere, "object", "with rows only where an earlier configuration put them; --changed-mapping publishes them where they belong"},
		{f.Dropped, "object", "with rows in outputs that the configuration no longer names; --changed-mapping removes these rows"},
		{f.Kept, "deleted object", "whose rows are still there, though on_delete is remove; --changed-mapping removes them"},
		{f.Outside, "object", "that source and suffixes no longer name, whose rows are still there; with on_delete remove, --changed-mapping removes them"},
		{f.Unaccounted, "output", "that no ledger entry names; see docs/ledger.md#care"},
		{f.Damaged, "ledger file", "that cannot be read, of an object that is gone; see docs/ledger.md#care"},
		{int64(f.Swept), "upload", "of dead workers removed"},
	} {
		if c.n > 0 {
			fmt.Fprintln(a.out, a.out.wrap(0, 2, plural(c.n, c.noun)+" "+c.text))
		}
	}
}

// printObjects prints the outcomes of objects and their records.
func (a *app) printObjects(n objectCounts, s sluice.Stats, took time.Duration) {
	fmt.Fprintf(a.out, "  objects  %s committed, %s duplicate, %s rejected, %s failed, %s skipped\n",
		grouped(n.Committed), grouped(n.Duplicate), grouped(n.Rejected), grouped(n.Failed), grouped(n.Skipped))
	printCounts(a.out, &s)
	printReasons(a.out, &s)
	fmt.Fprintf(a.out, "  time     %.1f s\n", took.Seconds())
}
