package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/internal/upkeep"
)

func (a *app) tableRebuildCommand() *cobra.Command {
	var f placeFlags
	var report string
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Make the ledger of tables anew, if it is lost or damaged",
		Long: `Makes the ledger of a table anew if a file of it is lost or damaged, or if
somebody rolled the table back beyond what its ledger says: of the column
_source_id, and of the names of the objects in the source and in what is left
of the former ledger. A ledger that is whole stays as it is.

Readers see the same rows. The ledger then does not know of which version of an
object they are: the next run converts all objects again and replaces their
rows, each once. Rows of objects that nobody knows any more stay; table verify
counts them, and table verify --mend takes them out of sight.`,
		Example: `  sluice table rebuild --lake lake/
  sluice table rebuild -c sluice.yaml && sluice run -c sluice.yaml`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkReport(cmd, report); err != nil {
				return err
			}
			return a.tableRebuild(cmd, f, report)
		},
	}
	f.add(cmd)
	reportFlag(cmd, &report)
	return withExits(cmd, "0  each table has a ledger", exitBad+"; the tables are as they were", exitWrong)
}

// rebuildReport is the report of rebuild; its JSON names are a contract.
type rebuildReport struct {
	Tables []*upkeep.Rebuilt `json:"tables"`
}

func (a *app) tableRebuild(cmd *cobra.Command, f placeFlags, report string) error {
	s, all, err := a.openTables(cmd, f)
	if err != nil {
		return err
	}
	defer s.Close()
	r := rebuildReport{Tables: []*upkeep.Rebuilt{}}
	for _, t := range all {
		b, err := upkeep.Rebuild(cmd.Context(), t, sourceKeys(s))
		if err != nil {
			return err
		}
		r.Tables = append(r.Tables, b)
		if report == "text" {
			a.printRebuilt(b)
		}
	}
	if report == "json" {
		return printJSON(a.out, r)
	}
	return nil
}

func (a *app) printRebuilt(b *upkeep.Rebuilt) {
	if b.Lost == "" {
		fmt.Fprintf(a.out, "table %s: the ledger is whole, and stays as it is\n", b.Table)
		return
	}
	fmt.Fprintf(a.out, "table %s: the ledger was made anew, of %s of %s; sluice run converts all objects again\n", b.Table, plural(b.Rows, "row"), plural(b.Keys, "object"))
	if b.Former > 0 {
		fmt.Fprintf(a.out, "the source does not have %s of them any more\n", grouped(b.Former))
	}
	if b.Unknown > 0 {
		fmt.Fprintf(a.out, "%s of %s that nobody knows stay: sluice table verify --mend takes them out of sight\n", plural(b.Unknown, "row"), plural(b.UnknownIDs, "object"))
	}
	if b.Foreign > 0 {
		fmt.Fprintf(a.out, "%s without a _source_id stay: somebody else wrote them\n", plural(b.Foreign, "row"))
	}
}

// sourceKeys are the keys that a run of the configuration lists.
func sourceKeys(s *setup.Setup) upkeep.SourceKeys {
	return func(ctx context.Context, fn func(bucket, key string) error) error {
		o := s.Run()
		src, err := s.Pipeline.Source(o.Bucket)
		if err != nil {
			return err
		}
		return src.List(ctx, o.Prefix, func(i store.Info) error { return fn(o.Bucket, i.Key) })
	}
}
