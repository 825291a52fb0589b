package cli

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every flag that names a file or folder stands here with what is done to it:
// one that is written must not overwrite what is read, whatever the spelling.
func TestFlagsThatNameFiles(t *testing.T) {
	want := map[string]string{
		"convert --output": "written", "convert --quarantine": "written", // convert_overwrite.txtar
		"demo --dir": "empty", // or of an earlier demo, in which nothing is written but through the pipeline

		"convert --mapping": "read", "mapping preview --mapping": "read", "cost --prices": "read",
		"run --config": "read", "run --mapping": "read", "invoke --config": "read", "invoke --mapping": "read",
		"doctor --config": "read", "doctor --mapping": "read",
		"quarantine list --config": "read", "quarantine list --mapping": "read",
		"quarantine show --config": "read", "quarantine show --mapping": "read",
		"quarantine replay --config": "read", "quarantine replay --mapping": "read",

		// A lake is written by the store, under prefixes that lie apart.
		"run --lake": "lake", "invoke --lake": "lake", "doctor --lake": "lake",
		"quarantine list --lake": "lake", "quarantine show --lake": "lake", "quarantine replay --lake": "lake",
	}
	got := map[string]bool{}
	walk((&app{}).rootCommand(), func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if kind, _ := pflag.UnquoteUsage(f); kind == "file" || kind == "folder" {
				got[strings.TrimPrefix(cmd.CommandPath(), "sluice ")+" --"+f.Name] = true
			}
		})
	})
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("flags that name files (-known +there):\n%s", diff)
	}
}

func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		walk(c, visit)
	}
}
