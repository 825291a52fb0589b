// Icebergtables writes Iceberg tables as sluice does, for .ci/iceberg.
//
//	icebergtables FOLDER
//
// It reads one request a line, as JSON, and answers each with a line. What becomes of a
// request is in the methods of writer; what a value looks like is in add.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"sluice"
	"sluice/internal/iceberg"
	"sluice/internal/iceberg/filecatalog"
	"sluice/internal/ledger"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/store/dirstore"
	"sluice/internal/tables"
	"sluice/schema"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "icebergtables:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: icebergtables FOLDER")
	}
	folder, err := filepath.Abs(args[0])
	if err != nil {
		return err
	}
	w := &writer{tables: map[string]*table{}}
	for name, into := range map[string]*store.Store{"lake": &w.lake, "ledger": &w.ledger} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		if *into, err = dirstore.Open(path); err != nil {
			return err
		}
	}
	w.files = iceberg.Files{Store: w.lake, Base: "file://" + filepath.Join(folder, "lake") + "/"}
	w.catalog = &filecatalog.Catalog{Files: w.files, Prefix: "db/"}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		var r request
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber() // a number is its text
		if err := d.Decode(&r); err != nil {
			return err
		}
		a, err := w.answer(context.Background(), &r)
		if err != nil {
			a = &answer{Error: fmt.Sprintf("%s %s: %v", r.Do, r.Table, err)}
		}
		if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
			return err
		}
	}
}

// request is what is to be done with a table.
type request struct {
	Do        string      `json:"do"` // create, commit, append, replace or evolve
	Table     string      `json:"table"`
	Columns   []column    `json:"columns"`   // of create and evolve
	Partition []partition `json:"partition"` // of create
	Keep      int         `json:"keep"`      // of create: snapshots that do not expire
	Codec     string      `json:"codec"`     // of commit and append
	MostHeld  int64       `json:"most_held"` // bytes after which a row group ends
	Sources   []source    `json:"sources"`   // of commit
	Rows      [][]any     `json:"rows"`      // of append
	Masked    [][2]int64  `json:"masked"`    // of append: first row, and how many
	File      string      `json:"file"`      // of replace: its key
	FileRows  int64       `json:"file_rows"`
}

type column struct {
	Name string `json:"name"`
	Type string `json:"type"` // as in a mapping
}

type partition struct {
	Column    string `json:"column"`
	Name      string `json:"name"`
	Transform string `json:"transform"`
}

// source is the state that a source key has now.
type source struct {
	Key      string  `json:"key"`
	Identity string  `json:"identity"`
	Outcome  string  `json:"outcome"` // accept, reject or absent
	Rows     [][]any `json:"rows"`
}

type answer struct {
	Error    string            `json:"error"`
	Metadata string            `json:"metadata"` // URI of the file
	Snapshot int64             `json:"snapshot"`
	Summary  map[string]string `json:"summary"`
	IDs      map[string]string `json:"ids"`    // what _source_id is, by key
	Ledger   int64             `json:"ledger"` // its rows

	Missing     int64 `json:"missing"` // as in [tables.Committed]
	Resurrected int64 `json:"resurrected"`
}

type writer struct {
	lake, ledger store.Store
	files        iceberg.Files
	catalog      *filecatalog.Catalog
	tables       map[string]*table
	commits      int64
}

// table is a table with the columns of the mapping that is in force.
type table struct {
	*tables.Table
	columns []schema.Column
}

func (w *writer) answer(ctx context.Context, r *request) (*answer, error) {
	if r.Do == "create" {
		return w.create(ctx, r)
	}
	t := w.tables[r.Table]
	if t == nil {
		return nil, errors.New("no such table")
	}
	switch r.Do {
	case "commit":
		return w.commit(ctx, t, r)
	case "append":
		return w.append(ctx, t, r)
	case "replace":
		return w.replace(ctx, t, r)
	case "evolve":
		return w.evolve(ctx, t, r)
	}
	return nil, errors.New("unknown request")
}

// columnsOf are the columns of a request, and that of the source.
func columnsOf(r *request) (columns []schema.Column, err error) {
	for _, c := range append(r.Columns, column{tables.SourceColumn, "string"}) {
		t, err := schema.ParseType(c.Type)
		if err != nil {
			return nil, err
		}
		columns = append(columns, schema.Column{Name: c.Name, Type: t})
	}
	return columns, nil
}

func (w *writer) create(ctx context.Context, r *request) (*answer, error) {
	columns, err := columnsOf(r)
	if err != nil {
		return nil, err
	}
	var fields []iceberg.PartitionField
	for i, p := range r.Partition {
		at := slices.IndexFunc(columns, func(c schema.Column) bool { return c.Name == p.Column })
		if at < 0 {
			return nil, fmt.Errorf("no column %s", p.Column)
		}
		fields = append(fields, iceberg.PartitionField{SourceID: at + 1, ID: 1000 + i, Name: p.Name, Transform: iceberg.ParseTransform(p.Transform)})
	}
	m, err := iceberg.New(w.catalog.Location(r.Table), columns, fields, nil, time.Now())
	if err != nil {
		return nil, err
	}
	created, err := w.catalog.Create(ctx, r.Table, m)
	if err != nil {
		return nil, err
	}
	w.tables[r.Table] = &table{&tables.Table{
		Catalog: w.catalog, Name: r.Table, Files: w.files, Folder: "db/" + r.Table + "/", Ledger: w.ledger, LedgerPrefix: r.Table + "/",
		CreatedBy: "sluice version 1 (build test)", Now: time.Now, Retention: iceberg.Retention{Snapshots: r.Keep},
		Pause: func(context.Context, time.Duration) error { return nil },
	}, columns}
	return &answer{Metadata: created.File}, nil
}

// commit brings source keys up to date, as a worker does.
func (w *writer) commit(ctx context.Context, t *table, r *request) (*answer, error) {
	head, err := t.Load(ctx)
	if err != nil {
		return nil, err
	}
	keys := make([]runs.Key, len(r.Sources))
	for i, s := range r.Sources {
		keys[i] = runs.Key{Key: s.Key}
	}
	entries, err := head.Look(ctx, keys)
	if err != nil {
		return nil, err
	}
	m := head.Metadata()
	b := &tables.Batch{ID: tables.NewBatchID()}
	files, err := w.begin(ctx, t, m, b.ID, r)
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for i, s := range r.Sources {
		c := tables.Change{After: runs.Entry{Key: keys[i], FirstSeen: time.UnixMilli(1700000000000 + w.commits*1000 + int64(i)).UTC()}}
		if before, known := entries[keys[i]]; known {
			c.Before, c.After.FirstSeen, c.After.Shown = &before, before.FirstSeen, before.Shown
		}
		c.After.State = ledger.State{Identity: s.Identity, Stats: sluice.Stats{Outcome: sluice.Outcome(s.Outcome)}}
		ids[s.Key] = tables.SourceID(keys[i], c.After.FirstSeen)
		switch s.Outcome {
		case "absent":
			c.After.State.Identity, c.After.State.Outcome = ledger.Absent, sluice.Accept
			c.After.Shown, c.Replaces = runs.Shown{Identity: ledger.Absent}, true
		case "accept":
			c.After.Shown, c.Replaces = runs.Shown{Identity: s.Identity, Rows: int64(len(s.Rows))}, true
			rows, err := batchOf(t, m, s.Rows, ids[s.Key])
			if err != nil {
				return nil, err
			}
			if c.After.Shown.Files, err = files.Append(ctx, rows); err != nil {
				return nil, err
			}
		}
		b.Changes = append(b.Changes, c)
	}
	if b.Files, err = files.Close(ctx); err != nil {
		return nil, err
	}
	c, err := t.Commit(ctx, head, b)
	if err != nil {
		return nil, err
	}
	w.commits++
	a, err := w.state(ctx, t)
	if err == nil {
		a.IDs, a.Ledger, a.Missing, a.Resurrected = ids, c.Head.Rows(), c.Missing, c.Resurrected
	}
	return a, err
}

// append adds rows of no source, some of them taken out of sight in the same snapshot.
func (w *writer) append(ctx context.Context, t *table, r *request) (*answer, error) {
	base, err := w.catalog.Load(ctx, r.Table)
	if err != nil {
		return nil, err
	}
	name := tables.NewBatchID()
	files, err := w.begin(ctx, t, base.Metadata, name, r)
	if err != nil {
		return nil, err
	}
	rows, err := batchOf(t, base.Metadata, r.Rows, nil)
	if err != nil {
		return nil, err
	}
	if _, err := files.Append(ctx, rows); err != nil {
		return nil, err
	}
	add, err := files.Close(ctx)
	if err != nil {
		return nil, err
	}
	if len(add) != 1 {
		return nil, fmt.Errorf("the rows are in %d files", len(add))
	}
	if len(r.Masked) > 0 {
		d, err := w.masks(ctx, t.Folder+"data/"+name+".deletes.parquet", &add[0], r.Masked)
		if err != nil {
			return nil, err
		}
		add = append(add, d)
	}
	return w.snapshot(ctx, t, base, iceberg.Rows{Add: add}, name)
}

// replace puts a file in place of all data files, as compaction does. Its rows are
// those that the table shows.
func (w *writer) replace(ctx context.Context, t *table, r *request) (*answer, error) {
	base, err := w.catalog.Load(ctx, r.Table)
	if err != nil {
		return nil, err
	}
	drop := map[string]struct{}{}
	lines, err := w.files.Manifests(ctx, base.Metadata.Head())
	if err != nil {
		return nil, err
	}
	for i := range lines {
		if err := w.files.Entries(ctx, base.Metadata, &lines[i], func(e *iceberg.Entry) error {
			if e.File.Content == iceberg.Data {
				drop[e.File.Path] = struct{}{}
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	at, err := w.lake.Head(ctx, r.File)
	if err != nil {
		return nil, err
	}
	f := iceberg.DataFile{Path: w.files.URI(r.File), Format: "PARQUET", Rows: r.FileRows, Bytes: at.Size, Partition: map[string]any{}}
	return w.snapshot(ctx, t, base, iceberg.Rows{Add: []iceberg.SpecFile{{DataFile: f}}, Drop: drop}, tables.NewBatchID())
}

func (w *writer) snapshot(ctx context.Context, t *table, base *iceberg.Table, rows iceberg.Rows, name string) (*answer, error) {
	s, err := w.files.Snapshot(ctx, base.Metadata, rows, t.Folder+"metadata/", name, time.Now())
	if err != nil {
		return nil, err
	}
	if _, err := w.catalog.Commit(ctx, base, iceberg.Change{Snapshot: s}); err != nil {
		return nil, err
	}
	return w.state(ctx, t)
}

// evolve has the table take the columns of another mapping, which are those of the rows
// from now on.
func (w *writer) evolve(ctx context.Context, t *table, r *request) (*answer, error) {
	base, err := w.catalog.Load(ctx, r.Table)
	if err != nil {
		return nil, err
	}
	columns, err := columnsOf(r)
	if err != nil {
		return nil, err
	}
	next, last, err := base.Metadata.Evolve(columns)
	if err != nil {
		return nil, err
	}
	if next != base.Metadata.CurrentSchema() {
		if _, err := w.catalog.Commit(ctx, base, iceberg.Change{Schema: next, LastColumn: last}); err != nil {
			return nil, err
		}
	}
	t.columns = columns
	return w.state(ctx, t)
}

// state is what the table is now.
func (w *writer) state(ctx context.Context, t *table) (*answer, error) {
	loaded, err := w.catalog.Load(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	a := &answer{Metadata: loaded.File}
	if head := loaded.Metadata.Head(); head != nil {
		a.Snapshot, a.Summary = head.ID, head.Summary
	}
	return a, nil
}

// number is a number of a request.
func number(v any) (int64, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, fmt.Errorf("a number is a %T", v)
	}
	return strconv.ParseInt(string(n), 10, 64)
}
