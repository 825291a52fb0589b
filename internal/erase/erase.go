package erase

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice"
	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/internal/upkeep"
)

// Options say what is erased, and how.
type Options struct {
	Conditions []upkeep.Condition // a row or record goes if it meets one of them
	Request    string             // of whom, for the report: an ID of the user's own
	Raw        string             // what becomes of the objects of the source
	Versions   string             // what becomes of older versions in buckets
	DryRun     bool
	Workers    int
	Now        func() time.Time
	// Progress is told how many objects or files of a step are done, of how many; 0: nobody
	// knows. Several goroutines call it.
	Progress func(step string, done, all int64)
}

// Report is what was done, and where rows and records are yet. It has no value. Its JSON
// names are a contract.
type Report struct {
	Request string    `json:"request"`
	Time    time.Time `json:"time"`
	DryRun  bool      `json:"dry_run"`
	Columns []string  `json:"columns"` // of the conditions
	Values  int       `json:"values"`  // their number

	// Refused says of a dry run why the erasure would not begin; else empty.
	Refused string `json:"refused"`

	Tables     []*upkeep.Erased `json:"tables"`
	Quarantine Quarantine       `json:"quarantine"`
	Raw        Raw              `json:"raw"`

	// Unnamed are files of the sink, of a file for each object, that the ledger does not
	// name and that have such rows; Unread cannot be read. Both are as they were.
	Unnamed []string `json:"files_unnamed"`
	Unread  []string `json:"files_unread"`

	// Uploads are files that were begun and are no objects yet: of workers that died, or
	// are at work. They are not read. Only places with some are named.
	Uploads []Uploads `json:"uploads"`

	Ledger   Ledger     `json:"ledger"`
	Versions []Versions `json:"versions"`

	// Run is the number of objects that failed in the run after the source was written.
	Run int64 `json:"objects_failed"`
	// Proved says that every file that counts was read after it, and none has such rows.
	Proved Proof `json:"proved"`
}

// Proof is what was read after the erasure.
type Proof struct {
	Files   int   `json:"files_read"`
	Matches int64 `json:"matches"`
	Whole   bool  `json:"complete"` // each file could be read
}

// Ledger is where the ledger has a text of a condition: as the key of an object, or in the
// names of members that a mapping does not expect.
type Ledger struct {
	Entries int  `json:"entries_naming"`
	Keys    int  `json:"source_keys_naming"`
	Drift   bool `json:"drift_naming"` // ledger/_drift.json
}

// Uploads are those of a place.
type Uploads struct {
	Place   string `json:"place"`
	Pending int    `json:"pending"`
	Unknown string `json:"unknown"` // why nobody knows; else empty
}

// OK reports whether the erasure was not refused, and left nothing: no file that counts, no
// quarantined record, no older version that was to be removed and, if objects of the source
// were to be written again, none of these.
func (r *Report) OK() bool {
	return r.Refused == "" && r.Proved.Whole && (r.DryRun || r.Proved.Matches == 0) && len(r.Unnamed)+len(r.Unread)+len(r.Quarantine.Unread)+len(r.Raw.Why) == 0 && r.Run == 0 &&
		!slices.ContainsFunc(r.Versions, func(v Versions) bool { return len(v.Left) > 0 })
}

// WrongError says that conditions fit no table.
type WrongError struct{ Err error }

func (e *WrongError) Error() string { return e.Err.Error() }
func (e *WrongError) Unwrap() error { return e.Err }

// refusal says that rows would come after the erasure.
type refusal string

func (r refusal) Error() string { return string(r) }

// toCome returns a refusal if rows are converted, and not visible yet.
func toCome(ctx context.Context, t *pipeline.Tables) error {
	n, _, err := t.Waiting(ctx)
	switch {
	case err != nil:
		return err
	case n > 0:
		return refusal("batches are staged, and their rows would become visible afterwards: sluice table commit first")
	}
	return t.Tables[0].Ledger.List(ctx, t.SplitFolder(), func(store.Info) error {
		return refusal(fmt.Sprintf("an object is being split, or that was given up, and the rows of its parts would become visible afterwards: sluice split it to the end, or delete %s in the ledger", t.SplitFolder()))
	})
}

type eraser struct {
	s       *setup.Setup
	o       Options
	workers int
	find    *finder
	report  *Report
	before  map[string]int64 // rows of each table that met a condition

	mu        sync.Mutex
	step      string
	done, all int64 // of the step
}

// mostTries is how often something is done again because others were faster.
const mostTries = 10

// Run erases. After an error the same call goes on; the report is then of what was done.
func Run(ctx context.Context, s *setup.Setup, o Options) (*Report, error) {
	e := &eraser{s: s, o: o, workers: max(o.Workers, 1), report: &Report{
		Request: o.Request, Time: o.Now().UTC(), DryRun: o.DryRun, Values: len(o.Conditions), Columns: []string{}, Tables: []*upkeep.Erased{},
		Quarantine: Quarantine{Unread: []string{}}, Raw: Raw{Policy: o.Raw, Keep: []string{}, Why: []LeftOut{}}, Unnamed: []string{}, Unread: []string{}, Uploads: []Uploads{}, Versions: []Versions{},
	}}
	if err := e.check(); err != nil {
		return e.report, &WrongError{err}
	}
	if t, ok := s.Target.(*pipeline.Tables); ok {
		err := toCome(ctx, t)
		if refused := new(refusal); o.DryRun && errors.As(err, refused) {
			e.report.Refused = refused.Error()
		} else if err != nil {
			return e.report, fmt.Errorf("erase: %w", err)
		}
	}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"source", e.raw}, {"run", e.run}, {"tables", e.tables}, {"quarantine", e.quarantine}, {"ledger", e.ledger}, {"uploads", e.uploads}, {"versions", e.versions},
	} {
		e.begin(step.name, 0)
		if err := step.do(ctx); err != nil {
			return e.report, fmt.Errorf("erase: %w", err)
		}
	}
	e.prove()
	return e.report, nil
}

// begin begins a step with so many objects or files; 0: nobody knows.
func (e *eraser) begin(step string, all int64) {
	e.mu.Lock()
	e.step, e.done, e.all = step, 0, all
	e.mu.Unlock()
	e.progress(0)
}

// progress tells that n more are done.
func (e *eraser) progress(n int64) {
	if e.o.Progress == nil {
		return
	}
	e.mu.Lock()
	e.done += n
	step, done, all := e.step, e.done, e.all
	e.mu.Unlock()
	e.o.Progress(step, done, all)
}

// check compares the conditions with the columns of the mapping.
func (e *eraser) check() (err error) {
	if e.find, err = newFinder(e.s.Pipeline.Mapping, e.o.Conditions); err != nil {
		return err
	}
	for _, c := range e.o.Conditions {
		if c.Value == "" {
			return fmt.Errorf("column %s: the value is empty", c.Column)
		}
		known := false
		for i := range e.find.mapping.Tables {
			for _, column := range e.s.Pipeline.Mapping.Tables[i].Columns {
				known = known || column.Name == c.Column
			}
		}
		if !known {
			return fmt.Errorf("no table of mapping %s has a column %q", e.s.Pipeline.MappingName, c.Column)
		}
		if !slices.Contains(e.report.Columns, c.Column) {
			e.report.Columns = append(e.report.Columns, c.Column)
		}
	}
	return nil
}

// run brings what is visible up to the objects as they are now.
func (e *eraser) run(ctx context.Context) error {
	if e.o.Raw != RawRewrite || e.o.DryRun {
		return nil
	}
	if err := e.count(ctx); err != nil {
		return err
	}
	o := e.s.Run()
	o.Workers = e.workers
	e.begin("run", int64(e.report.Raw.Read))
	o.Done = func(_ string, _ int64, _ pipeline.Result, err error) {
		if err != nil {
			e.mu.Lock()
			e.report.Run++
			e.mu.Unlock()
		}
		e.progress(1)
	}
	target := e.s.Target
	if t, ok := target.(*pipeline.Tables); ok { // what is staged is not visible yet
		direct := *t
		direct.Staging, target = false, &direct
	}
	if _, err := target.Run(ctx, o); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}

// count counts the rows that meet a condition in each table, before those of records that
// were cut out of the source go with a run.
func (e *eraser) count(ctx context.Context) error {
	dry := &eraser{s: e.s, o: e.o, workers: e.workers, find: e.find, report: &Report{}, step: e.step}
	dry.o.DryRun = true
	if err := dry.tables(ctx); err != nil {
		return err
	}
	e.before = map[string]int64{}
	for _, t := range dry.report.Tables {
		e.before[t.Table] = t.Rows
	}
	return nil
}

func (e *eraser) codec() string { return string(cmp.Or(e.s.Pipeline.Codec, sluice.Zstd)) }

// tables takes the rows out of the tables.
func (e *eraser) tables(ctx context.Context) error {
	t, ok := e.s.Target.(*pipeline.Tables)
	if !ok {
		return e.files(ctx)
	}
	for _, table := range t.Tables {
		done, err := upkeep.Erase(ctx, table, upkeep.EraseOptions{
			Conditions: e.o.Conditions, DryRun: e.o.DryRun, Replaced: e.o.Raw == RawRewrite, Codec: e.codec(), PartBytes: t.PartBytes,
			Scans: func(files int) { e.begin("table "+table.Name, int64(files)) }, Read: func() { e.progress(1) },
		})
		e.report.Tables = append(e.report.Tables, done)
		if err != nil && !errors.Is(err, iceberg.ErrNoTable) {
			return err
		}
	}
	return nil
}

// ledger looks for texts of conditions in what is known of the objects.
func (e *eraser) ledger(ctx context.Context) error {
	err := e.s.Target.Entries(ctx, func(_ string, entry *ledger.Entry, err error) error {
		if err != nil {
			return err
		}
		e.progress(1)
		if e.find.keyContains(entry.Key) {
			e.report.Ledger.Keys++
		}
		text, err := json.Marshal(entry)
		if err == nil && e.find.contains(text) {
			e.report.Ledger.Entries++
		}
		return err
	})
	if err != nil {
		return err
	}
	text, _, err := store.Get(ctx, e.s.Ledger, e.s.Config.Ledger.Prefix+"_drift.json", 64<<20)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	e.report.Ledger.Drift = err == nil && e.find.contains(text)
	return err
}

// uploads counts what dead workers left. What is old enough is removed before; what is not
// removed, for whatever reason, is counted.
func (e *eraser) uploads(ctx context.Context) error {
	if !e.o.DryRun {
		_, _ = e.s.Sweep(ctx)
	}
	return e.s.Uploads(ctx, func(place string, all []store.Upload, err error) {
		u := Uploads{Place: place, Pending: len(all)}
		if err != nil {
			u.Unknown = err.Error()
		}
		if u.Pending > 0 || u.Unknown != "" {
			e.report.Uploads = append(e.report.Uploads, u)
		}
	})
}

// prove adds up what was read at the end.
func (e *eraser) prove() {
	p := &e.report.Proved
	p.Whole = true
	for _, t := range e.report.Tables {
		t.Rows = max(t.Rows, e.before[t.Table])
		p.Files += t.Files
		p.Matches += t.Matches
		p.Whole = p.Whole && len(t.Unread) == 0
	}
	p.Whole = p.Whole && len(e.report.Unread) == 0
	slices.Sort(e.report.Unnamed)
	slices.Sort(e.report.Unread)
}
