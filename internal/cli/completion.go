package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/mapping"
)

// A shell asks for what may follow (sluice completion --help). An answer that
// comes late only disturbs.
const completionTime = 2 * time.Second

// completeWords offers the words of a flag that has only a few.
func completeWords(cmd *cobra.Command, flag string, words ...string) {
	complete(cmd, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// complete is for flags that the command has. Any other name is a mistake in
// this program.
func complete(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}

// completePresets offers the presets, and files beside them.
func completePresets(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	return begin(mapping.Presets(), word), cobra.ShellCompDirectiveDefault
}

// completeExtension offers files with one of the endings.
func completeExtension(endings ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(endings, cobra.ShellCompDirectiveFilterFileExt)
}

func completeFolder(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// completeHeld offers the source keys that are in quarantine or rejected.
func (a *app) completeHeld(f *placeFlags) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, word string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		cmd.SetContext(ctx)
		s, err := a.setup(cmd, *f)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		defer s.Close()
		entries, _, err := a.held(ctx, s)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var keys []string
		for _, e := range entries {
			if !slices.Contains(given, e.Key) {
				keys = append(keys, e.Key)
			}
		}
		return begin(keys, word), cobra.ShellCompDirectiveNoFileComp
	}
}

func begin(words []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return !strings.HasPrefix(w, word) })
}
