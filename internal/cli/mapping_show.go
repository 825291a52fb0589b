package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"sluice/mapping"
)

func (a *app) mappingShowCommand() *cobra.Command {
	return withExits(&cobra.Command{
		Use:     "show NAME",
		Short:   "Print a preset, to use as it is or to begin a mapping from",
		Example: `  sluice mapping show orders > orders.yaml`,
		Args:    args(1, 1, "no preset: name "+strings.Join(mapping.Presets(), ", ")),

		ValidArgsFunction: func(_ *cobra.Command, given []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(given) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return begin(mapping.Presets(), word), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, names []string) error {
			text, err := mapping.PresetSource(names[0])
			if err != nil {
				return usage(cmd, "%w", err)
			}
			_, err = a.out.Write(text)
			return err
		},
	}, "0  it is printed", exitBad, "2  wrong usage, or no preset of this name")
}
