package cli

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"sluice/internal/awsconfig"
	"sluice/internal/config"
	"sluice/internal/setup"
	"sluice/mapping"
)

func (a *app) mappingCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "mapping",
		Short: "Make, compare, check, preview and show mapping files",
		Long: `A mapping says which JSON path feeds which typed column of which table. It is a
YAML file; docs/mapping.md describes it.`,
		Example: `  sluice mapping infer orders.json -o orders.yaml
  sluice mapping diff orders.yaml today.json
  sluice mapping check orders.yaml
  sluice mapping preview -m orders.yaml orders.json`,
	})
	cmd.AddCommand(a.mappingInferCommand(), a.mappingDiffCommand(), a.mappingCheckCommand(), a.mappingPreviewCommand(), a.mappingShowCommand(), a.mappingSchemaCommand())
	return cmd
}

func mappingFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVarP(name, "mapping", "m", "",
		fmt.Sprintf("mapping `file`, or the name of a preset (sluice mapping show) (default $SLUICE_MAPPING, or %s where it fits)", mapping.DefaultPreset))
	complete(cmd, "mapping", completePresets)
}

// sourceKeyFlag is for commands that read files, whose paths need not be the keys
// that a mapping describes.
func sourceKeyFlag(cmd *cobra.Command, key *string) {
	cmd.Flags().StringVar(key, "source-key", "", "the `key` of the input, for _source_key and key in the mapping (default its path)")
}

// loadMapping reads the mapping that a flag names, or the default.
func (a *app) loadMapping(cmd *cobra.Command, name string) (*mapping.Mapping, error) {
	key, err := config.LoadHashKey(a.getenv)
	if err != nil {
		return nil, usage(cmd, "%w", err)
	}
	return setup.LoadKeyedMapping(cmd.Context(), a.mappingName(name), key, 0, awsconfig.Load)
}

func (a *app) mappingName(name string) string {
	return cmp.Or(name, a.getenv("SLUICE_MAPPING"), mapping.DefaultPreset)
}

// mappingFile is the file of that mapping; empty for a preset.
func (a *app) mappingFile(name string) string {
	if name = a.mappingName(name); slices.Contains(mapping.Presets(), name) {
		return ""
	}
	return name
}
