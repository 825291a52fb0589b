package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"sluice/internal/config"
	"sluice/internal/pipeline"
	"sluice/internal/store"
)

func (a *app) tableAddFilesCommand() *cobra.Command {
	var f placeFlags
	var from, report string
	cmd := &cobra.Command{
		Use:   "add-files --from CONFIG",
		Short: "Take the files that objects have, one each, into tables",
		Long: `Makes the Parquet files of another configuration, which has a file for each
object, a part of the tables of this one. The files stay where they are, and
nothing is converted again: each file is named by the table, and the ledger of
the objects becomes that of the tables. Both configurations have the same
source and mapping, and their sinks are in the same bucket, beside one another.

Stop what writes with the other configuration first: its queue, schedule and
function, for 15 minutes if it is a function. From then on it is refused. An
object whose file is not the one that its ledger names is left out; the next run
converts it. After an error the same command goes on. Files that were written
again with the other configuration since are taken anew.`,
		Example: `  sluice table add-files -c tables.yaml --from sluice.yaml
  sluice table add-files -c tables.yaml --from sluice.yaml --lake lake/`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkReport(cmd, report); err != nil {
				return err
			}
			return a.tableAddFiles(cmd, f, from, report)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&from, "from", "", "configuration `file` of the files")
	complete(cmd, "from", completeExtension("yaml", "yml"))
	reportFlag(cmd, &report)
	return withExits(cmd, "0  the files are in the tables, but for objects that were left out", "1  it failed; the same command goes on", exitWrong)
}

// addFilesReport is the report of add-files; its JSON names are a contract.
type addFilesReport struct {
	Objects int64            `json:"objects"` // whose files are in the tables now
	Files   int64            `json:"files"`
	Rows    int64            `json:"rows"`
	Known   int64            `json:"objects_known"` // that the tables had before
	Left    map[string]int64 `json:"objects_left"`  // by the reason
}

func (a *app) tableAddFiles(cmd *cobra.Command, f placeFlags, from, report string) error {
	ctx := cmd.Context()
	if from == "" {
		return usage(cmd, "--from is missing: name the configuration whose files are to be taken")
	}
	s, _, err := a.openTables(cmd, f)
	if err != nil {
		return err
	}
	defer s.Close()
	files := placeFlags{config: from, lake: f.lake, mapping: f.mapping}
	old, err := a.setup(cmd, files)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	defer old.Close()
	switch {
	case old.Config.Table.Format != "":
		return usage(cmd, "%s has tables: --from names a configuration with a file for each object", from)
	case slices.ContainsFunc([]config.Location{old.Config.Source, old.Config.Sink, s.Config.Source, s.Config.Sink}, func(l config.Location) bool { return l.Bucket == "" }):
		return usage(cmd, "files can be taken only if source and sinks are buckets, or with --lake folders in their place; here one is a folder of the disk: convert its objects into tables with sluice run, with a sink and a ledger of their own")
	case old.Config.Source != s.Config.Source:
		return usage(cmd, "the source of %s is %s, and that of the tables %s: the ledger knows its objects by the source, so both name it in the same way", from, old.Config.Source, s.Config.Source)
	}
	t := s.Target.(*pipeline.Tables)
	if err := t.CanAddFiles(old.Pipeline); err != nil {
		return usage(cmd, "%w", err)
	}
	if err := s.Own(ctx); err != nil {
		return err
	}
	if _, err := t.Open(ctx); err != nil {
		return err
	}
	switch err := old.GiveTo(ctx, s); {
	case errors.Is(err, store.ErrNotFound):
		return usage(cmd, "nothing was processed yet with %s, so there are no files: is its ledger %s the right one?", from, old.Config.Ledger)
	case err != nil:
		return fmt.Errorf("%s: %w", from, err)
	}
	sum, err := t.AddFiles(ctx, old.Pipeline, func(so pipeline.Added) {
		if report == "text" {
			fmt.Fprintf(a.errw, "%s added so far\n", plural(so.Objects, "object"))
		}
	})
	if report == "json" {
		if jsonErr := printJSON(a.out, addFilesReport(sum)); err == nil {
			err = jsonErr
		}
		return err
	}
	fmt.Fprintf(a.out, "added  %s with %s in %s\n", plural(sum.Objects, "object"), plural(sum.Rows, "row"), plural(sum.Files, "file"))
	if sum.Known > 0 {
		fmt.Fprintf(a.out, "known  %s before\n", plural(sum.Known, "object"))
	}
	for _, why := range slices.Sorted(maps.Keys(sum.Left)) {
		fmt.Fprintf(a.out, "left   %s: %s; sluice run converts what is left\n", plural(sum.Left[why], "object"), why)
	}
	return err
}
