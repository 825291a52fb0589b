package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/pipeline"
)

func (a *app) tableCommitCommand() *cobra.Command {
	var f placeFlags
	var report string
	var watch bool
	cmd := &cobra.Command{
		Use:   "commit",
		Short: "Make visible what is staged",
		Long: `With table: {commit: staged}, sluice run, sluice invoke and the function convert
objects and leave the commits to this command: up to 200 of their batches become
visible in one snapshot. It ends when nothing is staged; with --watch it waits
for more, until it is interrupted, and after an error it tries again.

If the ledger entry of an object was changed between its staging and the commit,
the object is looked at again. A batch that is damaged is set aside and named,
and the others become visible: sluice run converts its objects again. Any number
of these commands may run at the same time; one is enough.`,
		Example: `  sluice table commit -c sluice.yaml
  sluice table commit -c sluice.yaml --watch
  sluice table commit --lake lake/ --report json`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkReport(cmd, report); err != nil {
				return err
			}
			return a.tableCommit(cmd, f, watch, report)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&watch, "watch", false, "wait for more, until it is interrupted")
	reportFlag(cmd, &report)
	return withExits(cmd, "0  nothing is staged any more", exitBad+"; what was committed is kept, and what was not is still staged", exitWrong)
}

// committedReport is the report of commit; its JSON names are a contract.
type committedReport struct {
	Batches   int64   `json:"batches"`
	Keys      int64   `json:"objects_committed"`
	Snapshots int64   `json:"snapshots"`
	Conflicts int64   `json:"commit_conflicts"`
	Dropped   int64   `json:"states_dropped"` // staged states whose objects were changed meanwhile
	Looked    int64   `json:"objects_looked_at_again"`
	Failed    int64   `json:"objects_failed"`
	Damaged   int64   `json:"batches_damaged"`   // that were set aside
	Freshness float64 `json:"freshness_seconds"` // the longest time from staging to the commit
}

func (r *committedReport) add(l *pipeline.Landed) {
	r.Batches += l.Batches
	r.Keys += l.Keys
	r.Snapshots += l.Commits.Snapshots
	r.Conflicts += l.Commits.Conflicts
	r.Dropped += l.Dropped
	r.Looked += l.Looked
	r.Failed += l.Failed
	r.Damaged += l.Damaged
	r.Freshness = max(r.Freshness, l.Freshness.Seconds())
}

// betweenCommits is how long --watch waits when nothing is staged, and longestPause at most if
// it fails again and again.
const (
	betweenCommits = time.Second
	longestPause   = time.Minute
)

func (a *app) tableCommit(cmd *cobra.Command, f placeFlags, watch bool, report string) error {
	ctx := cmd.Context()
	s, _, err := a.openTables(cmd, f)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Own(ctx); err != nil {
		return err
	}
	t := s.Target.(*pipeline.Tables)
	var sum committedReport
	pause := betweenCommits
	for {
		l, passErr := t.CommitStaged(ctx, s.Config.Workers)
		sum.add(&l)
		if report == "text" && l.Batches > 0 {
			fmt.Fprintf(a.out, "committed  %s in %s; the oldest had waited %.1f s\n", plural(l.Keys, "object"), plural(l.Commits.Snapshots, "snapshot"), l.Freshness.Seconds())
		}
		if report == "text" && l.Dropped > 0 {
			fmt.Fprintf(a.out, "dropped    %s: their objects were changed meanwhile; %s looked at again\n", plural(l.Dropped, "staged state"), plural(l.Looked, "object"))
		}
		if err = passErr; !watch && (err != nil || l.Batches == 0) {
			break
		}
		if ctx.Err() != nil {
			err = nil // that is how --watch ends
			break
		}
		if err == nil {
			pause = betweenCommits
		} else {
			pause = min(2*pause, longestPause)
			fmt.Fprintf(a.errw, "sluice: %s; trying again in %s\n", errorText(err), pause)
		}
		if (err != nil || l.Batches == 0) && !pauseFor(ctx, pause) {
			break
		}
	}
	if report == "json" {
		if jsonErr := printJSON(a.out, sum); err == nil {
			err = jsonErr
		}
	} else if sum.Batches == 0 && err == nil {
		fmt.Fprintln(a.out, "nothing is staged")
	}
	return err
}

// pauseFor waits; false: ctx has ended.
func pauseFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
