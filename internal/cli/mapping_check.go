package cli

import (
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"sluice/internal/documents"
	"sluice/internal/setup"
	"sluice/mapping"
)

func (a *app) mappingCheckCommand() *cobra.Command {
	return withExits(&cobra.Command{
		Use:   "check FILE...",
		Short: "Check mapping files",
		Long: `Reads each mapping file and prints its tables, or all errors in it, each as
FILE:LINE: what is wrong, how to fix it. A warning names something that is
allowed but may cause trouble.`,
		Example: "  sluice mapping check orders.yaml",
		Args:    args(1, math.MaxInt, "no mapping: name its file"),

		ValidArgsFunction: completeExtension("yaml", "yml"),

		RunE: func(_ *cobra.Command, files []string) error { return a.mappingCheck(files) },
	}, "0  all are right", exitBad, "2  wrong usage, or a file is wrong")
}

func (a *app) mappingCheck(files []string) error {
	wrong := false
	for _, name := range files {
		m, err := setup.LoadMapping(name)
		if err != nil {
			wrong = true
			fmt.Fprintln(a.errw, a.errw.wrap(0, 4, errorText(err)))
			continue
		}
		fmt.Fprintf(a.out, "%s: ok\n", visible(name))
		printTables(a.out, m)
		for _, caution := range append(m.Cautions(), m.WidthCautions()...) {
			fmt.Fprintf(a.out, "  warning: %s\n", caution)
		}
	}
	if wrong {
		return status(exitUsage)
	}
	return nil
}

// printTables says what the tables of a mapping are.
func printTables(w io.Writer, m *mapping.Mapping) {
	for i := range m.Tables {
		t := &m.Tables[i]
		fmt.Fprintf(w, "  table %s: %s, a row per %s\n", t.Name, plural(int64(len(m.Schema(t).Columns)), "column"), visible(documents.RowPer(t)))
	}
}
