package cli

import (
	"maps"
	"os"
	"path/filepath"
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
		"mapping infer --output": "written", "mapping infer --profile": "written", // mapping_infer.txtar
		"query --output":        "written", // query_test.go
		"mapping diff --output": "written", // mapping_diff.txtar
		"demo --dir":            "empty",   // or of an earlier demo, in which nothing is written but through the pipeline

		"convert --mapping": "read", "mapping preview --mapping": "read", "cost --prices": "read",
		"run --config": "read", "run --mapping": "read", "invoke --config": "read", "invoke --mapping": "read",
		"serve --config": "read", "serve --mapping": "read", "serve --token": "read", "serve --tls-cert": "read", "serve --tls-key": "read",
		"query --config": "read", "query --mapping": "read", "doctor --config": "read", "doctor --mapping": "read",
		"quarantine list --config": "read", "quarantine list --mapping": "read",
		"quarantine show --config": "read", "quarantine show --mapping": "read",
		"quarantine replay --config": "read", "quarantine replay --mapping": "read",

		"split --config": "read", "split --mapping": "read",
		"table verify --config": "read", "table verify --mapping": "read", "table compact --config": "read", "table compact --mapping": "read",
		"table commit --config": "read", "table commit --mapping": "read", "table commit --lake": "lake",
		"table maintain --config": "read", "table maintain --mapping": "read", "table rebuild --config": "read", "table rebuild --mapping": "read",
		"table add-files --config": "read", "table add-files --mapping": "read", "table add-files --from": "read",
		"erase --config": "read", "erase --mapping": "read", "erase --where-file": "read",

		// A lake is written by the store, under prefixes that lie apart.
		"run --lake": "lake", "split --lake": "lake", "serve --lake": "lake", "invoke --lake": "lake", "doctor --lake": "lake", "query --lake": "lake",
		"quarantine list --lake": "lake", "quarantine show --lake": "lake", "quarantine replay --lake": "lake",
		"table verify --lake": "lake", "table maintain --lake": "lake", "table compact --lake": "lake", "table rebuild --lake": "lake", "table add-files --lake": "lake", "erase --lake": "lake",
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

// Too few or too many arguments are told in words of this command.
func TestNumberOfArguments(t *testing.T) {
	walk((&app{}).rootCommand(), func(cmd *cobra.Command) {
		if cmd.Args == nil {
			return // any number, which the command looks at itself
		}
		for _, given := range [][]string{nil, {"a", "b", "c"}} {
			if err := cmd.Args(cmd, given); err != nil && (strings.Contains(err.Error(), "arg(s)") || strings.Contains(err.Error(), "unknown command")) {
				t.Errorf("%s %v: %v", cmd.CommandPath(), given, err)
			}
		}
	})
}

// Help fits a terminal of 80 columns, and its paragraphs fill the lines.
func TestHelpIsFilled(t *testing.T) {
	walk((&app{}).rootCommand(), func(cmd *cobra.Command) {
		for line := range strings.SplitSeq(cmd.UsageString()+cmd.Long, "\n") {
			if len(line) > 80 {
				t.Errorf("%s: %d columns: %s", cmd.CommandPath(), len(line), line)
			}
		}
		for paragraph := range strings.SplitSeq(cmd.Long, "\n\n") {
			lines := strings.Split(paragraph, "\n")
			for i, line := range lines {
				if i+1 == len(lines) {
					break
				}
				if next, _, _ := strings.Cut(lines[i+1], " "); len(line)+1+len(next) < 78 {
					t.Errorf("%s: room for %q behind: %s", cmd.CommandPath(), next, line)
				}
			}
		}
	})
}

// Every command says in its help which exit codes it can give; 3 only those
// that commit, mapping infer, which leaves broken inputs out, and mapping diff, for
// which it means something else.
func TestExitCodesInHelp(t *testing.T) {
	commit := []string{"sluice", "sluice convert", "sluice run", "sluice split", "sluice invoke", "sluice quarantine replay", "sluice mapping diff", "sluice mapping infer"}
	walk((&app{}).rootCommand(), func(cmd *cobra.Command) {
		codes := cmd.Annotations[exitsShown]
		if cmd.HasSubCommands() && cmd.HasParent() {
			return // it holds others
		}
		for _, code := range []string{"  0  ", "\n  1  ", "\n  2  "} {
			if !strings.Contains(codes, code) {
				t.Errorf("%s: no%q in %q", cmd.CommandPath(), code, codes)
			}
		}
		if slices.Contains(commit, cmd.CommandPath()) != strings.Contains(codes, "\n  3  ") {
			t.Errorf("%s: exit code 3 in %q", cmd.CommandPath(), codes)
		}
	})
}

// The shell is offered the words of every flag that has only a few, and files
// of the right kind.
func TestCompletion(t *testing.T) {
	for _, c := range []struct {
		line, want string
	}{
		{"convert --codec", "zstd snappy none :4"}, {"convert --report", "text json :4"},
		{"convert -m s", "shopify square stripe :0"}, {"mapping preview --mapping mag", "magento magento_search :0"},
		{"mapping show woo", "woocommerce :4"}, {"mapping show orders", "orders :4"},
		{"cost --per", "day month :4"}, {"cost --trigger", "queue direct eventbridge :4"},
		{"cost --catalog", "crawler glue none :4"}, {"cost --crawl", "changed always :4"},
		{"cost --prices", "yaml yml :8"}, {"run -c", "yaml yml :8"}, {"run --lake", ":16"}, {"demo --dir", ":16"},
	} {
		words := strings.Fields(c.line)
		if strings.HasPrefix(words[len(words)-1], "-") {
			words = append(words, "")
		}
		code, out, _ := run(t, t.Context(), nil, append([]string{"__complete"}, words...)...)
		if got := strings.Join(strings.Fields(out), " "); code != exitOK || got != c.want {
			t.Errorf("%s: exit code %d, offered %q, want %q", c.line, code, got, c.want)
		}
	}
}

// Where it is cheap, the keys in quarantine are offered.
func TestCompletionOfKeys(t *testing.T) {
	lake := t.TempDir()
	raw := filepath.Join(lake, "raw_orders_data")
	if err := os.Mkdir(raw, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, raw, "bad.json", `[{"order_id":1}]`)
	write(t, raw, "cut.json", "[")
	write(t, raw, "good.json", "["+order("", `"price":1`)+"]")
	run(t, t.Context(), nil, "run", "--lake", lake)
	for line, want := range map[string]string{
		"show ":                            "raw_orders_data/bad.json raw_orders_data/cut.json :4",
		"show raw_orders_data/c":           "raw_orders_data/cut.json :4",
		"replay raw_orders_data/bad.json ": "raw_orders_data/cut.json :4",
	} {
		verb, words, _ := strings.Cut(line, " ")
		args := append([]string{"__complete", "quarantine", verb, "--lake", lake}, strings.Split(words, " ")...)
		_, out, _ := run(t, t.Context(), nil, args...)
		if got := strings.Join(strings.Fields(out), " "); got != want {
			t.Errorf("%s: offered %q, want %q", line, got, want)
		}
	}
}
