package cli

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/internal/pipeline"
	"sluice/internal/upkeep"
)

func (a *app) tableCompactCommand() *cobra.Command {
	var f placeFlags
	var report string
	cmd := &cobra.Command{
		Use:   "compact",
		Short: "Put small data files together",
		Long: `Writes the small data files of each partition again as few files of up to 256
MiB, and those of whose rows a tenth or more no longer count. Delete files that
no data file needs any more go. Readers see the same rows in each snapshot;
objects that change later are found in the new files.

It may run beside everything else. On AWS the Glue optimizer, S3 Tables or
Athena's OPTIMIZE do the same; do not use two of them for a table.`,
		Example: `  sluice table compact --lake lake/
  sluice table compact -c sluice.yaml --report json`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkReport(cmd, report); err != nil {
				return err
			}
			return a.tableCompact(cmd, f, report)
		},
	}
	f.add(cmd)
	reportFlag(cmd, &report)
	return withExits(cmd, "0  it is done", exitBad+"; what was committed is kept", exitWrong)
}

// compactReport is the report of compact; its JSON names are a contract.
type compactReport struct {
	Tables []*upkeep.Compacted `json:"tables"`
}

func (a *app) tableCompact(cmd *cobra.Command, f placeFlags, report string) error {
	s, all, err := a.openTables(cmd, f)
	if err != nil {
		return err
	}
	defer s.Close()
	o := upkeep.CompactOptions{Codec: string(cmp.Or(s.Pipeline.Codec, sluice.Zstd)), PartBytes: s.Target.(*pipeline.Tables).PartBytes}
	r := compactReport{Tables: []*upkeep.Compacted{}}
	for _, t := range all {
		c, err := upkeep.Compact(cmd.Context(), t, o)
		if err != nil {
			return stopped(err, "what was committed is kept, and the next compact does the rest")
		}
		r.Tables = append(r.Tables, c)
		if report == "text" {
			fmt.Fprintf(a.out, "table %s: %s became %s, with %s, in %s", c.Table, plural(int64(c.Before), "data file"), plural(int64(c.After), "data file"), plural(c.Rows, "row"),
				plural(int64(c.Snapshots), "snapshot"))
			if c.Unread > 0 {
				fmt.Fprintf(a.out, "; %s of others stay as they are", plural(int64(c.Unread), "data file"))
			}
			fmt.Fprintln(a.out)
		}
	}
	if report == "json" {
		return printJSON(a.out, r)
	}
	return nil
}
