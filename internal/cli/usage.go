package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is the number of columns that help may take.
const helpWidth = 80

// printUsage is the help of a command after its description. Cobra's own
// templates would link text/template, and with it every exported method of
// every package: twice the size of the command.
func printUsage(cmd *cobra.Command) error {
	var b strings.Builder
	part := func(title, text string) {
		if text = strings.TrimRight(text, "\n"); text != "" {
			fmt.Fprintf(&b, "\n%s:\n%s\n", title, text)
		}
	}
	var lines []string
	if cmd.Runnable() {
		lines = append(lines, "  "+cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		lines = append(lines, "  "+cmd.CommandPath()+" [command]")
	}
	fmt.Fprintf(&b, "Usage:\n%s\n", strings.Join(lines, "\n"))
	part("Examples", cmd.Example)
	var commands strings.Builder
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			fmt.Fprintf(&commands, "  %-*s %s\n", c.NamePadding(), c.Name(), c.Short)
		}
	}
	part("Available Commands", commands.String())
	part("Flags", cmd.LocalFlags().FlagUsagesWrapped(helpWidth))
	part("Global Flags", cmd.InheritedFlags().FlagUsagesWrapped(helpWidth))
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nUse \"%s [command] --help\" for more information about a command.\n", cmd.CommandPath())
	}
	part("Exit codes", cmd.Annotations[exitsShown])
	_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
	return err
}
