package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"sluice"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
)

// What is printed of the objects that a run or an event processes.

// maxFailures is the number of objects whose failure is reported one by one.
const maxFailures = 20

// rejectedError is the error of an object that was rejected, now or before.
type rejectedError struct {
	error
	reason sluice.Reason
}

// rejected says why an object was rejected; a ledger entry of an older sluice has
// no detail.
func rejected(code sluice.Reason, detail string) string {
	if detail == "" {
		return string(code)
	}
	return string(code) + ": " + detail
}

// failures prints objects that failed or were rejected, while others go on.
type failures struct {
	a  *app
	s  *setup.Setup
	mu sync.Mutex
	n  int

	isUntold bool
}

// untold prints once that new paths could not be announced.
func (f *failures) untold(err error) {
	if err == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.isUntold {
		f.a.complain(fmt.Errorf("%w; a later object with drift tries again", err))
	}
	f.isUntold = true
}

func (f *failures) note(key string, r pipeline.Result, err error) {
	if err == nil && r.Disposition != pipeline.DidReject || errors.Is(err, context.Canceled) {
		return // the run says that it was interrupted
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n++; f.n > maxFailures {
		return
	}
	if err == nil {
		told := fmt.Errorf("object %q rejected: %s; see %s", key, rejected(r.Stats.Reason, r.Detail), f.s.Config.Quarantine.Name(r.Report))
		err = &rejectedError{told, r.Stats.Reason}
	}
	f.a.complain(err)
	if f.n == maxFailures {
		fmt.Fprintln(f.a.errw, "sluice: more objects failed or were rejected; the report counts them")
	}
}

// objectCounts are the objects of a run or an event. Their names are a contract.
type objectCounts struct {
	Committed int64 `json:"committed"`
	Duplicate int64 `json:"duplicate"`
	Rejected  int64 `json:"rejected"`
	Failed    int64 `json:"failed"`
	Skipped   int64 `json:"skipped"`
}

func countObjects(n map[pipeline.Disposition]int64) objectCounts {
	return objectCounts{n[pipeline.DidCommit], n[pipeline.DidDuplicate], n[pipeline.DidReject], n[pipeline.DidFail], n[pipeline.DidSkip]}
}

// bad reports whether an object is not accounted for, or its rows are missing.
func (n objectCounts) bad() bool { return n.Failed > 0 || n.Rejected > 0 }

// outcome is the worst of what was processed.
func outcome(n objectCounts, s sluice.Stats) sluice.Outcome {
	switch {
	case n.Rejected > 0:
		return sluice.Reject
	case s.RecordsQuarantined > 0:
		return sluice.Quarantine
	}
	return sluice.Accept
}

func usedBy(s *setup.Setup) mappingUsed {
	return usedMapping(s.Pipeline.MappingName, s.Pipeline.Mapping)
}

func (a *app) reportObjects(s *setup.Setup, sum *pipeline.Summary, f runFlags, took time.Duration) error {
	used, n := usedBy(s), countObjects(sum.Objects)
	sum.Stats.Outcome = outcome(n, sum.Stats)
	if f.report == "json" {
		return printJSON(a.out, struct {
			sluice.Stats
			mappingUsed
			Objects objectCounts  `json:"objects"`
			Tables  *tableCommits `json:"tables,omitempty"` // of tables that objects share
			findings
			DryRun bool `json:"dry_run"`
		}{sum.Stats, used, n, commitsOf(s, sum.Commits, sum.Divided), findingsOf(&sum.Findings), f.dryRun})
	}
	if f.dryRun {
		fmt.Fprintln(a.out, "dry run, nothing was changed; a run would do this:")
	}
	a.printObjects(n, sum.Stats, used, took)
	a.printNews(sum)
	for _, table := range slices.Sorted(maps.Keys(sum.Divided)) {
		fmt.Fprintf(a.out, "  divided  table %s: new files are divided by %s\n", table, sum.Divided[table])
	}
	a.printCommits(sum.Commits)
	a.printFindings(&sum.Findings)
	return nil
}

// printNews says how many paths that differ from what the mapping expects are new.
func (a *app) printNews(sum *pipeline.Summary) {
	if sum.NewPaths > 0 {
		fmt.Fprintf(a.out, "  new      %s that no object had before; sluice doctor lists them\n", plural(sum.NewPaths, "path"))
	}
}

// tableCommits are the snapshots that were made. Their names are a contract.
type tableCommits struct {
	Snapshots   int64 `json:"snapshots"`
	Files       int64 `json:"data_files"`
	Conflicts   int64 `json:"commit_conflicts"`
	Missing     int64 `json:"rows_missing"`
	Resurrected int64 `json:"rows_resurrected"`
	Staged      int64 `json:"objects_staged,omitempty"` // with table.commit: staged
	// Divided says by what new files are divided from now on, by table.
	Divided map[string]string `json:"divided,omitempty"`
}

// commitsOf is nil if each object has a file of its own.
func commitsOf(s *setup.Setup, c pipeline.Commits, divided map[string]string) *tableCommits {
	if s.Config.Table.Format == "" {
		return nil
	}
	return &tableCommits{c.Snapshots, c.Files, c.Conflicts, c.Missing, c.Resurrected, c.Staged, divided}
}

func (a *app) printCommits(c pipeline.Commits) {
	if c.Snapshots > 0 {
		fmt.Fprintf(a.out, "  tables   %s of %s\n", plural(c.Snapshots, "snapshot"), plural(c.Files, "data file"))
	}
	if c.Staged > 0 {
		fmt.Fprintf(a.out, "  staged   %s in %s; sluice table commit makes them visible\n", plural(c.Staged, "object"), plural(c.Files, "data file"))
	}
	for _, row := range []struct {
		n    int64
		text string
	}{
		{c.Missing, "that were to be replaced were not there: somebody else deleted them"},
		{c.Resurrected, "that the ledger does not know are in a table; see docs/tables.md#operation"},
	} {
		if row.n > 0 {
			fmt.Fprintln(a.out, a.out.wrap(0, 2, plural(row.n, "row")+" "+row.text))
		}
	}
}

// findings are what a run saw but did not change. Their names are a contract.
type findings struct {
	OtherMapping int64 `json:"other_mapping"`
	Elsewhere    int64 `json:"elsewhere"`
	Dropped      int64 `json:"dropped"`
	Kept         int64 `json:"kept"`
	Outside      int64 `json:"outside"`
	Unaccounted  int64 `json:"unaccounted"`
	Damaged      int64 `json:"damaged_entries"`
	Swept        int   `json:"uploads_removed"`
}

func findingsOf(f *pipeline.Findings) findings {
	return findings{f.OtherMapping, f.Elsewhere, f.Dropped, f.Kept, f.Outside, f.Unaccounted, f.Damaged, f.Swept}
}

func (a *app) printFindings(f *pipeline.Findings) {
	for _, c := range []struct {
		n          int64
		noun, text string
	}{
		{f.OtherMapping, "object", "made with another mapping; --changed-mapping publishes them again"},
		{f.Elsewhere, "object", "with rows only where an earlier configuration put them; --changed-mapping publishes them where they belong"},
		{f.Dropped, "object", "with rows in outputs that the configuration no longer names; --changed-mapping removes these rows"},
		{f.Kept, "deleted object", "whose rows are still there, though on_delete is remove; --changed-mapping removes them"},
		{f.Outside, "object", "that source and suffixes no longer name, whose rows are still there; with on_delete remove, --changed-mapping removes them"},
		{f.Unaccounted, "output", "that no ledger entry names; see docs/ledger.md#care"},
		{f.Damaged, "ledger file", "that cannot be read, of an object that is gone; see docs/ledger.md#care"},
		{int64(f.Swept), "upload", "of dead workers removed"},
	} {
		if c.n > 0 {
			fmt.Fprintln(a.out, a.out.wrap(0, 2, plural(c.n, c.noun)+" "+c.text))
		}
	}
}

// printObjects prints the outcomes of objects and their records.
func (a *app) printObjects(n objectCounts, s sluice.Stats, used mappingUsed, took time.Duration) {
	fmt.Fprintf(a.out, "  objects  %s committed, %s duplicate, %s rejected, %s failed, %s skipped\n",
		grouped(n.Committed), grouped(n.Duplicate), grouped(n.Rejected), grouped(n.Failed), grouped(n.Skipped))
	printCounts(a.out, &s, used.mapping)
	printDrift(a.out, &s)
	fmt.Fprintf(a.out, "  mapping  %s\n", used)
	printReasons(a.out, &s)
	fmt.Fprintf(a.out, "  time     %.1f s\n", took.Seconds())
}
