package cli

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"sluice/mapping"
)

func (a *app) mappingCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "mapping",
		Short: "Check, preview and show mapping files",
		Long: `A mapping says which JSON path feeds which typed column of which table. It is a
YAML file; docs/mapping.md describes it.`,
		Example: `  sluice mapping show orders > orders.yaml
  sluice mapping check orders.yaml
  sluice mapping preview -m orders.yaml orders.json`,
	})
	cmd.AddCommand(a.mappingCheckCommand(), a.mappingPreviewCommand(), a.mappingShowCommand(), a.mappingSchemaCommand())
	return cmd
}

func mappingFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVarP(name, "mapping", "m", "",
		fmt.Sprintf("mapping `file`, or the name of a preset (sluice mapping show) (default $SLUICE_MAPPING or %s)", mapping.DefaultPreset))
}

// loadMapping reads a preset or a mapping file. The name of a preset stands
// for the preset; a file of that name is written ./orders.
func (a *app) loadMapping(name string) (*mapping.Mapping, error) {
	if name == "" {
		name = cmp.Or(a.getenv("SLUICE_MAPPING"), mapping.DefaultPreset)
	}
	load := mapping.Load
	if slices.Contains(mapping.Presets(), name) {
		load = mapping.Preset
	}
	m, err := load(name)
	if err != nil {
		return nil, &usageError{err: err}
	}
	return m, nil
}
