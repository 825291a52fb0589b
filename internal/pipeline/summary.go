package pipeline

import (
	"slices"
	"time"

	"sluice"
)

// What a run, or an event, reports of all its objects together.

// Summary counts what Run did, and what it found but does not change.
type Summary struct {
	Objects map[Disposition]int64 // and Failed
	Stats   sluice.Stats          // of what was processed now
	Commits Commits
	Divided map[string]string // by what new files of tables are divided from now on, by table
	Findings

	NewPaths int64 // that differ from what the mapping expects, and were not known
	Drifted  int64 // objects with unknown paths or values that do not fit
	Untold   int64 // objects whose new paths could not be announced

	Written   bool // of one object at least; see Result
	Verifying bool // all that the listings show to be behind was sent to be processed
}

// NewSummary returns a summary with all counts at zero.
func NewSummary() *Summary {
	s := &Summary{Objects: map[Disposition]int64{}}
	s.Stats.Add(sluice.Stats{}) // maps, not nil
	return s
}

// Add counts an object. A failed object leaves nothing, so none of its bytes and
// records count as read or written.
func (s *Summary) Add(r Result, err error) {
	if err != nil {
		s.Objects[DidFail]++
		return
	}
	s.Objects[r.Disposition]++
	s.Stats.Add(r.Stats)
	s.Written = s.Written || r.Written
	s.NewPaths += int64(r.NewPaths)
	if r.Untold != nil {
		s.Untold++
	}
	if slices.ContainsFunc(r.Stats.Drift, func(p sluice.DriftPath) bool { return p.Kind != sluice.DriftMissing }) {
		s.Drifted++
	}
}

// Commits counts the snapshots by which rows became visible in tables; a pipeline that
// writes a file for each object makes none.
type Commits struct {
	Snapshots int64
	Objects   int64 // whose state they brought; once for each table
	Files     int64 // of data, that they brought, or that are staged
	Staged    int64 // objects whose state is staged: a committer makes it visible
	Conflicts int64 // snapshots that were offered again, and batches that were begun again
	Missing   int64 // rows that were to go out of sight, and that somebody else had deleted
	// Resurrected is the most that a snapshot had of rows that the ledger does not know:
	// rows that had been taken out of sight are back, or somebody else wrote some.
	Resurrected int64
}

// Add adds the counts of other commits.
func (c *Commits) Add(o Commits) {
	c.Snapshots += o.Snapshots
	c.Objects += o.Objects
	c.Files += o.Files
	c.Staged += o.Staged
	c.Conflicts += o.Conflicts
	c.Missing += o.Missing
	c.Resurrected = max(c.Resurrected, o.Resurrected)
}

// DidFail counts the objects whose processing failed.
const DidFail Disposition = "failed"

// Findings are what listings and ledger show besides what is processed. Only the
// first three make the tables incomplete.
type Findings struct {
	Elsewhere   int64 // objects whose rows are only where an earlier configuration put them
	Unaccounted int64 // outputs that no ledger entry names
	Damaged     int64 // ledger entries that cannot be read, of objects that are gone

	OtherMapping int64 // settled objects that were made with another mapping
	Dropped      int64 // objects with rows in outputs that the configuration does not name
	Kept         int64 // deleted objects whose rows are still there, though they should be removed
	Outside      int64 // objects that the source no longer names, whose rows are still there

	Source  int64     // objects of the source
	Behind  int64     // of them newer than their ledger entry, or without one
	Oldest  time.Time // when the first of those was written
	Changed int64     // objects whose outputs are not those that the ledger names
	Torn    int64     // objects whose tables show different states
	Doubled int64     // objects with outputs of several names
	Unheld  int64     // objects whose quarantined records or report are not in the quarantine
	Foreign int64     // objects in the sink that are not outputs
	Swept   int       // uploads of dead workers that were removed before
}

// Complete reports whether the tables, by what was found, miss nothing and have
// nothing too much.
func (f *Findings) Complete() bool { return f.Elsewhere == 0 && f.Unaccounted == 0 && f.Damaged == 0 }
