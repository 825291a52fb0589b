package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/internal/advice"
	"sluice/internal/documents"
	"sluice/mapping"
)

func (a *app) mappingPreviewCommand() *cobra.Command {
	var f previewFlags
	cmd := &cobra.Command{
		Use:   "preview [-m MAPPING] IN",
		Short: "Show the first rows a mapping makes of an input",
		Long: `Converts the first records of IN, a file or - for standard input, and prints
the first rows of each table. Of the records that would be quarantined it prints
all that does not fit, not only the first of each, and what to change in the
mapping. Long cells are cut, and columns for which a terminal has no room are
left out; --vertical shows all. Control characters are shown as escapes. Nothing
is written.`,
		Example: `  sluice mapping preview -m orders.yaml orders.json -n 5
  sluice mapping preview -m orders.yaml orders.json --vertical | less`,
		Args: args(1, 1, "no input: name a file, or - for standard input"),
		RunE: func(cmd *cobra.Command, inputs []string) error {
			if f.rows < 1 {
				return usage(cmd, "-n %d: at least one row is needed", f.rows)
			}
			if err := checkReport(cmd, f.report); err != nil {
				return err
			}
			m, err := a.loadMapping(cmd, f.mapping)
			if err != nil {
				return err
			}
			return a.preview(cmd.Context(), m, inputs[0], f)
		},
	}
	mappingFlag(cmd, &f.mapping)
	sourceKeyFlag(cmd, &f.sourceKey)
	cmd.Flags().Int64VarP(&f.rows, "rows", "n", 20, "rows of each table to show, of the first `N` records")
	cmd.Flags().BoolVar(&f.vertical, "vertical", false, "print each value on a line of its own")
	reportFlag(cmd, &f.report)
	return withExits(cmd, "0  the preview is shown, even if records would be quarantined", "1  it failed, or the input would be rejected", exitWrong)
}

type previewFlags struct {
	mapping, sourceKey, report string
	rows                       int64
	vertical                   bool
}

// previewReport is what a preview found. Its JSON names are a contract.
type previewReport struct {
	Input string `json:"input"`
	sluice.Stats
	mappingUsed
	Faults []advice.Fault `json:"faults"`
	More   int64          `json:"more_faults"` // values that do not fit, but are of none of the faults
}

func (a *app) preview(ctx context.Context, m *mapping.Mapping, input string, f previewFlags) error {
	src, err := a.open(ctx, input)
	if err != nil {
		return err
	}
	defer src.close()
	if a.isUnnamed(f.mapping) {
		if err := refuseDefault(ctx, src, input); err != nil {
			return fmt.Errorf("preview %s: %w", input, err)
		}
	}

	p, err := documents.MakePreview(ctx, m, src, documents.PreviewOptions{Source: cmp.Or(f.sourceKey, src.name), Size: src.size, Records: f.rows, Rows: int(f.rows)})
	if err != nil {
		return fmt.Errorf("preview %s: %w", input, err)
	}
	found := p.Faults
	if f.report == "json" {
		faults := append([]advice.Fault{}, found.Faults...) // an empty list, not null
		return printJSON(a.out, previewReport{input, p.Stats, usedMapping(a.mappingName(f.mapping), m), faults, found.More})
	}
	for i := range p.Tables {
		names, rows := shown(&p.Tables[i])
		fmt.Fprintf(a.out, "%s: %s of the first %s\n", p.Tables[i].Name, plural(int64(len(rows)), "row"), plural(p.Stats.RecordsRead, "record"))
		if f.vertical {
			printRecords(a.out, names, rows)
		} else if hidden := printValues(a.out, names, rows, widthOf(a.out)); hidden > 0 {
			fmt.Fprintf(a.out, "%d of %s are not shown; --vertical shows all\n", hidden, plural(int64(len(names)), "column"))
		}
	}
	printValueErrors(a.out, &p.Stats)
	a.printFaults(m, found)
	return nil
}

// shown are the names of the columns and the rows of a table, with NULL for NULL.
func shown(t *documents.Table) (names []string, rows [][]string) {
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	for _, row := range t.Rows {
		row = slices.Clone(row)
		for i := range row {
			if row[i] == documents.Null {
				row[i] = null
			}
		}
		rows = append(rows, row)
	}
	return names, rows
}

// printFaults prints what does not fit in quarantined records: what and where it is,
// not what they hold.
func (a *app) printFaults(m *mapping.Mapping, found advice.Found) {
	if found.Records == 0 {
		return
	}
	fmt.Fprintf(a.out, "%s quarantined; what does not fit:\n", plural(found.Records, "record"))
	for _, x := range found.Faults {
		what := "at " + x.Path
		if x.Column != "" {
			column := x.Column
			if len(m.Tables) > 1 {
				column = x.Table + "." + column
			}
			what += ", column " + column
		}
		if x.Found != "" {
			what += ", found " + x.Found
		}
		a.out.sentence(string(x.Reason), yellow, visible(what))
		fmt.Fprintf(a.out, "  %s\n", a.out.wrap(2, 4, howOften(&x)))
		fmt.Fprintf(a.out, "  %s\n", a.out.wrap(2, 4, "hint: "+visible(x.Advice)))
	}
	if found.More > 0 {
		fmt.Fprintf(a.out, "and %s of other kinds\n", plural(found.More, "value"))
	}
}

// howOften says how often a fault was found, and where first.
func howOften(x *advice.Fault) string {
	switch {
	case x.Record < 0:
		return plural(x.Records, "record")
	case x.Values == 1:
		return fmt.Sprintf("record %d, byte %d", x.Record, x.Offset)
	case x.Values == x.Records:
		return fmt.Sprintf("%s, the first is record %d, byte %d", plural(x.Records, "record"), x.Record, x.Offset)
	}
	return fmt.Sprintf("%s in %s, the first in record %d, byte %d", plural(x.Values, "value"), plural(x.Records, "record"), x.Record, x.Offset)
}
