package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/upkeep"
)

func (a *app) tableVerifyCommand() *cobra.Command {
	var f placeFlags
	var report string
	var mend bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Compare the rows of tables with their ledger",
		Long: `Counts the rows of each source object in each state, as the columns _source_id
and _source_state have them, and compares them with the ledger; and the footer
of each data file with what the table says of it. Only these two columns are
read. Beyond a million counts, temporary files are used.

Rows are missing if the ledger shows them and the table does not have them.
They are resurrected if they are of another state than the ledger shows, or
more than it shows: somebody's compaction has lost deletes. They are unknown
if no object of the ledger has their _source_id, and foreign if they have
none: somebody else wrote them.`,
		Example: `  sluice table verify --lake lake/
  sluice table verify -c sluice.yaml --report json
  sluice table verify -c sluice.yaml --mend`,
		Args: args(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkReport(cmd, report); err != nil {
				return err
			}
			return a.tableVerify(cmd, f, mend, report)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&mend, "mend", false, "first take resurrected and unknown rows out of sight, in a snapshot")
	reportFlag(cmd, &report)
	return withExits(cmd, "0  each table has the rows of its ledger, and no others", "1  a table differs, or it failed", exitWrong)
}

// verifyReport is the report of verify; its JSON names are a contract.
type verifyReport struct {
	Tables []*upkeep.Verified `json:"tables"`
	Mended []*upkeep.Mended   `json:"mended"` // before it, with --mend
}

func (a *app) tableVerify(cmd *cobra.Command, f placeFlags, mend bool, report string) error {
	s, all, err := a.openTables(cmd, f)
	if err != nil {
		return err
	}
	defer s.Close()
	r := verifyReport{Tables: []*upkeep.Verified{}, Mended: []*upkeep.Mended{}}
	differs := false
	for _, t := range all {
		if mend {
			m, err := upkeep.Mend(cmd.Context(), t)
			if err != nil {
				return err
			}
			r.Mended = append(r.Mended, m)
			if report == "text" {
				fmt.Fprintf(a.out, "table %s: %s taken out of sight\n", m.Table, plural(m.Rows, "row"))
			}
			if report == "text" && m.Doubled > 0 {
				fmt.Fprintf(a.out, "%s have doubled rows, and nobody knows which are the right ones: sluice run --reprocess KEY, then verify --mend again\n", plural(m.Doubled, "object"))
			}
		}
		v, err := upkeep.Verify(cmd.Context(), t)
		if err != nil {
			return err
		}
		r.Tables = append(r.Tables, v)
		differs = differs || !v.OK()
		if report == "text" {
			a.printVerified(v)
		}
	}
	if report == "json" {
		if err := printJSON(a.out, r); err != nil {
			return err
		}
	}
	if differs {
		return status(exitFailed)
	}
	return nil
}

func (a *app) printVerified(v *upkeep.Verified) {
	of := fmt.Sprintf("%s, %s, %s", plural(v.Keys, "key"), plural(v.Rows, "row"), plural(v.Files, "data file"))
	if v.OK() {
		fmt.Fprintf(a.out, "%s  table %s has the rows of its ledger: %s\n", a.out.paint(green, "ok"), v.Table, of)
		return
	}
	var faults []string
	for _, c := range []struct {
		n    int64
		what string
	}{{v.Missing, "missing"}, {v.Resurrected, "resurrected"}, {v.Unknown, "unknown"}, {v.Foreign, "foreign"}} {
		if c.n > 0 {
			faults = append(faults, fmt.Sprintf("%s %s", plural(c.n, "row"), c.what))
		}
	}
	if n := int64(len(v.Damaged)); n > 0 {
		faults = append(faults, plural(n, "data file")+" lost or damaged")
	}
	fmt.Fprintf(a.out, "%s  table %s differs from its ledger (%s): %s\n", a.out.paint(red, "failed"), v.Table, of, strings.Join(faults, ", "))
	if len(v.Differences) > 0 {
		rows := make([][]string, len(v.Differences))
		for i, d := range v.Differences {
			rows[i] = []string{d.Key, d.SourceID, grouped(d.Missing), grouped(d.Resurrected), grouped(d.Unknown)}
		}
		printTable(a.out, []string{"object", "_source_id", "missing", "resurrected", "unknown"}, rows)
	}
	if more := v.Differing - int64(len(v.Differences)); more > 0 {
		fmt.Fprintf(a.out, "and %s more\n", plural(more, "object"))
	}
	for _, d := range v.Damaged {
		fmt.Fprintf(a.out, "data file %s: %s\n", visible(d.File), visible(d.Error))
	}
	if v.Missing > 0 {
		fmt.Fprintln(a.out, "missing rows come back with: sluice run --reprocess KEY, for each such object")
	}
	if v.Resurrected > 0 {
		fmt.Fprintln(a.out, "resurrected rows: stop what compacts the table, then: sluice table verify --mend")
	}
}
