package cli

import (
	"github.com/spf13/cobra"

	"sluice/mapping"
)

func (a *app) mappingSchemaCommand() *cobra.Command {
	return withExits(&cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of mapping files, for editors",
		Example: `  sluice mapping schema > mapping.schema.json
  # first line of a mapping, for editors with the YAML language server:
  # yaml-language-server: $schema=mapping.schema.json`,
		Args: args(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(mapping.JSONSchema)
			return err
		},
	}, "0  it is printed", exitBad, exitFlag)
}
