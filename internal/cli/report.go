package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/mapping"
	"sluice/reason"
)

// fileReport is what became of one input. Its JSON names are a contract.
type fileReport struct {
	Input      string `json:"input"`
	Output     string `json:"output"`     // empty if nothing was committed
	Quarantine string `json:"quarantine"` // empty if nothing was quarantined
	sluice.Stats
	mappingUsed
	Error string `json:"error,omitempty"`

	err    error
	tables int // in the output
}

// totals is the report of several inputs.
type totals struct {
	sluice.Stats
	mappingUsed
	Error string       `json:"error,omitempty"`
	Files []fileReport `json:"files"`
}

// mappingUsed says in a report which mapping was used. Its JSON names are a
// contract.
type mappingUsed struct {
	MappingName string `json:"mapping"` // a preset or a file
	MappingHash string `json:"mapping_sha256"`
	mapping     *mapping.Mapping
}

func usedMapping(name string, m *mapping.Mapping) mappingUsed {
	return mappingUsed{name, m.Hash(), m}
}

// String has as many digits of the hash as tell two mappings of a name apart.
func (m mappingUsed) String() string {
	return fmt.Sprintf("%s, sha256 %.12s", visible(m.MappingName), m.MappingHash)
}

// runReport is what one command did.
type runReport struct {
	mapping  mappingUsed
	files    []fileReport
	start    time.Time
	streamed bool // standard output is for the output, or a reader waits for it
}

func reportFlag(cmd *cobra.Command, report *string) {
	cmd.Flags().StringVar(report, "report", "text", "text for people, json for programs")
	completeWords(cmd, "report", "text", "json")
}

func checkReport(cmd *cobra.Command, report string) error {
	if report != "text" && report != "json" {
		return usage(cmd, "unknown report %q; use text or json", report)
	}
	return nil
}

// reportRun prints the report and gives the exit code as an error.
func (a *app) reportRun(run *runReport, f convertFlags) error {
	var w io.Writer = a.out
	if run.streamed {
		w = a.errw
	}
	sum := sumUp(run.files)
	sum.mappingUsed = run.mapping
	for i := range run.files {
		run.files[i].mappingUsed = run.mapping
	}
	var lost error
	if f.report == "json" {
		var v any = &sum
		if len(run.files) == 1 {
			v = &run.files[0]
		}
		lost = printJSON(w, v)
	} else {
		a.printRun(w, run, &sum, f)
	}
	failed := false
	for _, file := range run.files {
		if file.err == nil {
			continue
		}
		failed = true
		// Standard error then holds the JSON report, which says the same.
		if f.report != "json" || !run.streamed || lost != nil {
			a.complain(fmt.Errorf("convert %s: %w", file.Input, file.err))
			if file.Reason == reason.Drift && f.report != "json" {
				printDrift(a.errw, &file.Stats)
			}
		}
	}
	return cmp.Or(lost, finished(failed, &sum.Stats))
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return &reportError{err}
	}
	return nil
}

// sumUp adds the files up. The outcome is the worst of them: a reject, then a
// failure (empty), then quarantine, then accept.
func sumUp(files []fileReport) totals {
	t := totals{Files: files}
	t.Add(sluice.Stats{}) // maps, not null, also of no files
	t.Outcome = sluice.Accept
	worst, bad := 0, 0
	for _, f := range files {
		t.Add(f.Stats)
		if f.err != nil {
			bad++
		}
		if rank := slices.Index([]sluice.Outcome{sluice.Accept, sluice.Quarantine, "", sluice.Reject}, f.Outcome); rank > worst {
			worst, t.Outcome, t.Reason = rank, f.Outcome, f.Reason
		}
	}
	if bad > 0 {
		t.Error = fmt.Sprintf("%d of %s failed or were rejected", bad, plural(int64(len(files)), "input"))
	}
	return t
}

func (a *app) printRun(w io.Writer, run *runReport, sum *totals, f convertFlags) {
	if len(run.files) > 1 {
		var rows [][]string
		for _, r := range run.files {
			rows = append(rows, []string{r.Input, outcomeWord(&r), grouped(r.RecordsRead), grouped(r.RecordsQuarantined), grouped(r.RowsWritten), r.Output})
		}
		printTable(w, []string{"input", "outcome", "records", "quarantined", "rows", "output"}, rows)
	} else if r := &run.files[0]; r.err != nil {
		return // The error says all there is to say.
	} else {
		fmt.Fprintf(w, "%s -> %s\n", visible(r.Input), visible(r.Output))
	}
	printCounts(w, &sum.Stats, run.mapping.mapping)
	printDrift(w, &sum.Stats)
	fmt.Fprintf(w, "  mapping  %s\n", sum.mappingUsed)
	took := time.Since(run.start).Seconds()
	fmt.Fprintf(w, "  time     %.1f s, %s/s\n", took, size(float64(sum.BytesRead)/max(took, 1e-3)))
	printReasons(w, &sum.Stats)
	if sum.RecordsQuarantined > 0 && sum.RecordsQuarantined == sum.RecordsRead {
		fmt.Fprintf(w, "no record fits the mapping %s; sluice mapping preview shows what to change\n", visible(sum.MappingName))
	}
	if i := slices.IndexFunc(run.files, func(r fileReport) bool { return r.Quarantine != "" && !isStream(r.Quarantine) }); i >= 0 {
		printNextStep(w, run.files, &run.files[i], f)
	}
}

func outcomeWord(r *fileReport) string {
	switch {
	case r.Outcome == sluice.Reject:
		return "reject: " + string(r.Reason)
	case r.err != nil:
		return "failed"
	}
	return string(r.Outcome)
}

func printCounts(w io.Writer, s *sluice.Stats, m *mapping.Mapping) {
	fmt.Fprintf(w, "  records  %s read, %s committed, %s quarantined, %s skipped\n",
		grouped(s.RecordsRead), grouped(s.RecordsCommitted), grouped(s.RecordsQuarantined), grouped(s.RecordsSkipped))
	fmt.Fprintf(w, "  rows     %s", grouped(s.RowsWritten))
	if s.RowsFiltered > 0 {
		fmt.Fprintf(w, "; %s left out by where", grouped(s.RowsFiltered))
	}
	fmt.Fprintln(w)
	fmt.Fprintf(w, "  bytes    %s read, %s written\n", size(float64(s.BytesRead)), size(float64(s.BytesWritten)))
	empty := withoutValue(s, m)
	for _, column := range slices.Sorted(maps.Keys(s.Sums)) {
		if empty[column] {
			continue
		}
		fmt.Fprintf(w, "  sum      %s of %s", s.Sums[column], column)
		if once, ok := s.RecordSums[column]; ok {
			fmt.Fprintf(w, "; %s, each record once", once)
		}
		fmt.Fprintln(w)
	}
}

// withoutValue are the columns, as table.column, that are NULL in every row: their
// sum is no amount of zero.
func withoutValue(s *sluice.Stats, m *mapping.Mapping) map[string]bool {
	paths, columns := map[string]bool{}, map[string]bool{}
	for _, p := range s.Drift {
		paths[p.Path] = paths[p.Path] || p.Kind == sluice.DriftMissing && p.Reason == "" && p.Count == s.RecordsCommitted
	}
	for i := range m.Tables {
		t := &m.Tables[i]
		for j := range t.Columns {
			if c := &t.Columns[j]; c.Empty || len(c.Values()) > 0 && paths[c.Path.String()] {
				columns[t.Name+"."+c.Name] = true
			}
		}
	}
	return columns
}

// printDrift names a few paths at which the input differs from what the mapping
// expects. A column without a value says little about a few records.
func printDrift(w io.Writer, s *sluice.Stats) {
	for _, k := range []struct{ kind, what string }{
		{sluice.DriftUnknown, "that the mapping does not name"}, {sluice.DriftMistyped, "with values that do not fit"}, {sluice.DriftMissing, "without a value"},
	} {
		var names []string
		for _, p := range s.Drift {
			if p.Kind == k.kind && !slices.Contains(names, visible(p.Path)) {
				names = append(names, visible(p.Path))
			}
		}
		if len(names) == 0 || k.kind == sluice.DriftMissing && s.RecordsRead <= fewRecords {
			continue
		}
		text := plural(int64(len(names)), "path") + " " + k.what + ": " + strings.Join(names[:min(len(names), someNames)], ", ")
		if len(names) > someNames {
			text += ", …"
		}
		fmt.Fprintf(w, "  %-8s %s\n", k.kind, text)
	}
}

const (
	fewRecords = 10
	someNames  = 5
)

// printReasons says how many records are quarantined, and how many values are
// NULL as they do not fit, by reason.
func printReasons(w io.Writer, s *sluice.Stats) {
	printCodes(w, "records", s.Reasons)
	printValueErrors(w, s)
}

func printValueErrors(w io.Writer, s *sluice.Stats) {
	printCodes(w, "values that are NULL, see _errors", s.ValueErrors)
}

func printCodes(w io.Writer, what string, counts map[sluice.Reason]int64) {
	if len(counts) == 0 {
		return
	}
	var rows [][]string
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		rows = append(rows, []string{string(code), grouped(counts[code])})
	}
	printTable(w, []string{"reason", what}, rows)
}

// countsOf is 20 missing_field, 1 no_rows: the most frequent first.
func countsOf(counts map[sluice.Reason]int64) string {
	codes := slices.SortedFunc(maps.Keys(counts), func(a, b sluice.Reason) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	each := make([]string, len(codes))
	for i, code := range codes {
		each[i] = grouped(counts[code]) + " " + string(code)
	}
	return strings.Join(each, ", ")
}

// printNextStep says where quarantined records are and how they come back,
// with a command for the first of the files that holds some.
func printNextStep(w io.Writer, files []fileReport, first *fileReport, f convertFlags) {
	fmt.Fprintln(w, "quarantined records, with reason, path, offset and their bytes as they were:")
	for _, r := range files {
		if r.Quarantine != "" {
			fmt.Fprintf(w, "  %s\n", visible(r.Quarantine))
		}
	}
	command := []string{"sluice", "convert", fileArgument(first.Quarantine), "-o", fileArgument(fixedName(first))}
	if f.mapping != "" {
		command = append(command, "-m", fileArgument(f.mapping))
	}
	fmt.Fprintf(w, "once the mapping, or \"raw\" in the file, is fixed (see docs/reasons.md):\n  %s\n", strings.Join(command, " "))
}

// fixedName proposes a name for the rows of a file's quarantined records: a file
// beside the output, or a folder if the output is a folder of several tables.
func fixedName(r *fileReport) string {
	switch {
	case r.tables > 1:
		return filepath.Clean(filepath.Join(r.Output, "fixed")) + "/"
	case isStream(r.Output):
		return strings.TrimSuffix(r.Quarantine, quarantineEnd) + ".fixed.parquet"
	}
	return strings.TrimSuffix(r.Output, ".parquet") + ".fixed.parquet"
}

// argument is an input as an argument in a POSIX shell.
func argument(name string) string {
	if name == "-" {
		return name
	}
	return fileArgument(name)
}

// fileArgument is the name of a file as an argument in a POSIX shell: quoted, and
// never taken for a flag.
func fileArgument(name string) string {
	if strings.HasPrefix(name, "-") {
		name = "./" + name
	}
	return shellQuote(name)
}
