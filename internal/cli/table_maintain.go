package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/maintain"
	"sluice/internal/pipeline"
)

// leastAge of what is removed: what is younger may be named by a commit that is under way.
const leastAge = 24 * time.Hour

func (a *app) tableMaintainCommand() *cobra.Command {
	var f placeFlags
	var report string
	var o maintain.Options
	cmd := &cobra.Command{
		Use:   "maintain",
		Short: "Expire snapshots, merge metadata, remove what nobody names",
		Long: `Expires snapshots beyond the retention (the newest 100, and those of a day),
merges small manifests, and merges runs of the ledger that are too large for a
commit. Then it removes files below the folders of the table and of its ledger
that no snapshot names any more, or that none ever did, as a worker died before
its commit. It removes only what has a name that sluice gives, and is older than
--older-than by the clock of the store. Files of other engines stay.

With --expire-older, all snapshots but the newest expire that are older, however
few there are: nobody can read the table as it was then. sluice erase says when
that is needed.

It may run beside everything else. Nothing depends on it: run it once a day or a
week, so that space is given back.`,
		Example: `  sluice table maintain --lake lake/
  sluice table maintain -c sluice.yaml --dry-run
  sluice table maintain -c sluice.yaml --older-than 720h --report json`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkReport(cmd, report); err != nil {
				return err
			}
			if o.OlderThan < leastAge {
				return usage(cmd, "--older-than must be at least 24h: what is younger may be named by a commit that is under way")
			}
			if o.ExpireOlder < 0 || o.ExpireOlder == 0 && cmd.Flags().Changed("expire-older") {
				return usage(cmd, "--expire-older must be above 0")
			}
			return a.tableMaintain(cmd, f, o, report)
		},
	}
	f.add(cmd)
	cmd.Flags().DurationVar(&o.OlderThan, "older-than", maintain.UsualAge, "age of the files that are removed, at least 24h")
	cmd.Flags().DurationVar(&o.ExpireOlder, "expire-older", 0, "age from which all snapshots but the newest expire (default the retention)")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "only say what would be done, and name the files")
	reportFlag(cmd, &report)
	return withExits(cmd, "0  it is done", exitBad+"; what was done is kept", exitWrong)
}

// maintainReport is the report of maintain; its JSON names are a contract.
type maintainReport struct {
	DryRun bool              `json:"dry_run"`
	Splits sweptSplits       `json:"splits"`
	Tables []maintainedTable `json:"tables"`
}

// sweptSplits is what splits had left that were given up.
type sweptSplits struct {
	maintain.Swept
	Objects []string `json:"objects"` // with --dry-run: what would be removed
}

type maintainedTable struct {
	*maintain.Done
	Objects []string `json:"objects"` // with --dry-run: what would be removed
}

func (a *app) tableMaintain(cmd *cobra.Command, f placeFlags, o maintain.Options, report string) error {
	s, all, err := a.openTables(cmd, f)
	if err != nil {
		return err
	}
	defer s.Close()
	r := maintainReport{DryRun: o.DryRun, Tables: []maintainedTable{}}
	objects := []string{}
	would := ""
	if o.DryRun {
		would = "would be "
		o.Removes = func(key string, bytes int64) {
			if report == "json" {
				objects = append(objects, key)
				return
			}
			fmt.Fprintf(a.out, "would remove %s (%s)\n", visible(key), size(float64(bytes)))
		}
	}
	t := s.Target.(*pipeline.Tables)
	held, err := maintain.SplitQuarantine(cmd.Context(), t, o)
	if err == nil {
		r.Splits.Swept, o.Keeps, err = maintain.Splits(cmd.Context(), t, o)
	}
	if err != nil {
		return stopped(err, "what was removed had no use, and the next maintain does the rest")
	}
	r.Splits.Removed += held.Removed
	r.Splits.Bytes += held.Bytes
	r.Splits.Objects = objects
	if r.Splits.Removed > 0 && report == "text" {
		fmt.Fprintf(a.out, "splits that were given up: %s %sremoved (%s)\n", plural(r.Splits.Removed, "file"), would, size(float64(r.Splits.Bytes)))
	}
	var failed error
	for _, t := range all {
		objects = []string{}
		m, err := maintain.Table(cmd.Context(), t, o)
		if err != nil && cmd.Context().Err() != nil {
			return stopped(err, "what was removed had no names, and the next maintain does the rest")
		}
		if failed = errors.Join(failed, err); err != nil {
			continue
		}
		r.Tables = append(r.Tables, maintainedTable{m, objects})
		if report == "text" {
			fmt.Fprintf(a.out, "table %s: %s %sexpired, %s and %s %smerged, %s %sremoved (%s)\n", m.Table, plural(int64(m.Expired), "snapshot"), would,
				plural(int64(m.Manifests), "manifest"), plural(int64(m.Runs), "ledger run"), would, plural(m.Removed, "file"), would, size(float64(m.Bytes)))
			if m.Staged > 0 {
				fmt.Fprintf(a.errw, "warning: table %s: batches that are staged, and wait for a commit: %s; the oldest since %s\n", m.Table, grouped(int64(m.Staged)), m.Since.UTC().Format(time.RFC3339))
			}
			if m.Damaged > 0 {
				fmt.Fprintf(a.errw, "warning: table %s: staged batches that are damaged: %s; sluice table commit sets them aside\n", m.Table, grouped(int64(m.Damaged)))
			}
		}
	}
	if report == "json" {
		failed = errors.Join(failed, printJSON(a.out, r))
	}
	return failed
}
