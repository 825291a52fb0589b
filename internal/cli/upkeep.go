package cli

import (
	"github.com/spf13/cobra"

	"sluice/internal/pipeline"
	"sluice/internal/setup"
	"sluice/internal/tables"
)

func (a *app) tableCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "table",
		Short: "Look after Iceberg tables: compare, tidy",
		Long: `Works on the tables of a lake or a configuration with table: {format: iceberg}.
No result depends on these commands: they find and remove what others, or the
end of a process, have left. docs/tables.md explains them.`,
		Example: `  sluice table verify --lake lake/
  sluice table maintain --lake lake/
  sluice table compact --lake lake/`,
	})
	cmd.AddCommand(a.tableVerifyCommand(), a.tableCommitCommand(), a.tableMaintainCommand(), a.tableCompactCommand(), a.tableRebuildCommand(), a.tableAddFilesCommand())
	return cmd
}

// openTables opens what the flags name, and the tables of its mapping.
func (a *app) openTables(cmd *cobra.Command, f placeFlags) (*setup.Setup, []*tables.Table, error) {
	if f.lake != "" && f.config == "" {
		f.config = ownConfig(f.lake)
	}
	s, err := a.setup(cmd, f)
	if err != nil {
		return nil, nil, err
	}
	t, ok := s.Target.(*pipeline.Tables)
	if !ok {
		s.Close()
		return nil, nil, usage(cmd, "there is no table: each object has a file of its own, as the configuration says; docs/tables.md says what tables are")
	}
	if _, err := s.CheckOwner(cmd.Context()); err != nil {
		s.Close()
		return nil, nil, err
	}
	return s, t.Tables, nil
}
