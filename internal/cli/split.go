package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/internal/pipeline"
	"sluice/internal/store"
)

type splitFlags struct {
	placeFlags
	report, partSize string
	workers          int
}

func (a *app) splitCommand() *cobra.Command {
	var f splitFlags
	cmd := &cobra.Command{
		Use:   "split KEY",
		Short: "Process one huge NDJSON object in parts, on several machines",
		Long: `Converts the object KEY of the source in parts of its bytes, and commits it as
one. Start the same command on several machines: they share the parts, and any
of them may be stopped or killed. Whoever is started next goes on with what is
missing; the first plan says how large the parts are.

The rows, sums and quarantined records are those of one process: a part that
did not begin where the one before it ends is read again. The object must be
NDJSON that is not compressed, the mapping without provenance, and its tables
Iceberg tables. All other objects are for sluice run, and so are events.`,
		Example: `  sluice split raw_orders_data/huge.ndjson -c sluice.yaml
  sluice split raw_orders_data/huge.ndjson -c sluice.yaml --part-size 1GiB
  sluice split raw_orders_data/huge.ndjson --lake lake/`,
		Args: args(1, 1, "name the KEY of an object of the source"),
		RunE: func(cmd *cobra.Command, keys []string) error { return a.split(cmd, f, keys[0]) },
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.partSize, "part-size", "256MiB", "`size` of a part, such as 64MiB or 1GiB; there are at most 10,000 parts")
	cmd.Flags().IntVar(&f.workers, "workers", 0, "parts converted at once (default from the configuration)")
	reportFlag(cmd, &f.report)
	return withExits(cmd, "0  the object is accounted for, by this process or another", exitBad+", or the object was rejected", exitWrong, exitHeld)
}

func (a *app) split(cmd *cobra.Command, f splitFlags, key string) error {
	if err := checkReport(cmd, f.report); err != nil {
		return err
	}
	part, err := parseSize(f.partSize)
	if err != nil {
		return usage(cmd, "--part-size: %w", err)
	}
	if f.workers < 0 {
		return usage(cmd, "--workers must be above 0")
	}
	ctx := cmd.Context()
	s, _, err := a.openTables(cmd, f.placeFlags)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Own(ctx); err != nil {
		return err
	}
	started := time.Now()
	m := newMeter(a.errw)
	o := s.Run()
	r, commits, err := s.Target.(*pipeline.Tables).Split(ctx, o.Bucket, key, max(int64(part), 1), cmp.Or(f.workers, o.Workers), func(done, all int64) {
		m.show(func(took time.Duration) (int64, int64, string) {
			return done, all, fmt.Sprintf("%s of %s", size(float64(done)), size(float64(all)))
		})
	})
	m.end()
	if no := new(pipeline.NotSplitError); errors.As(err, &no) {
		return usage(cmd, "%w", err)
	}
	if errors.Is(err, context.Canceled) {
		return stopped(err, "the parts that are done are kept, and the next sluice split does the rest")
	}
	if errors.Is(err, store.ErrNotFound) && !strings.HasPrefix(key, o.Prefix) {
		err = fmt.Errorf("%w; a key begins with the prefix of the source, %s", err, visible(o.Prefix))
	}
	if r.Parts > 0 && f.report != "json" {
		fmt.Fprintf(a.out, "  parts    %s converted by this process\n", grouped(int64(r.Parts)))
	}
	sum := pipeline.NewSummary()
	sum.Add(r, err)
	sum.Commits = commits
	failures := &failures{a: a, s: s}
	failures.note(key, r, err)
	failures.untold(r.Untold)
	if err := a.finishObjects(ctx, s, sum, runFlags{report: f.report}, time.Since(started)); err != nil || r.Disposition != pipeline.DidDuplicate {
		return err
	}
	// Another process has committed the object, whose outcome is that of all of them.
	state := r.Entry().State
	return finished(state.Outcome == sluice.Reject, &state.Stats)
}
