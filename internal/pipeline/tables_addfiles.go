package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/iceberg/datafile"
	"sluice/internal/ledger"
	"sluice/internal/parquetcolumn"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
	"sluice/mapping"
)

// Added is what [Tables.AddFiles] has done.
type Added struct {
	Objects int64 // whose files are in the tables now
	Files   int64
	Rows    int64
	Known   int64 // objects that the tables had before
	// Left counts the objects that were left out, by the reason. A run converts them.
	Left map[string]int64
}

// Why an object is left out.
const (
	leftUnseen  = "nothing was published of it yet"
	leftTables  = "it has no output of each table"
	leftColumns = "its output has other columns than the mapping"
	leftMissing = "its output is missing"
	leftChanged = "its output is not the one that the ledger names"
	leftDamaged = "its ledger entry is damaged"
)

// addAtOnce is the number of objects that one snapshot brings.
const addAtOnce = 5000

// AddFiles takes the files that objects have, one each, into the tables by reference:
// their footers are read, and nothing is written again. The tables then know the objects
// as from does, and a run finds nothing to do. An object that they know already stays as
// it is, so after an error the same call goes on; unless from has replaced the file that
// they show, as it does if it is used again: then its new rows replace those.
//
// Nobody may publish outputs of from meanwhile or later: a file that is replaced is no
// longer the one that the table describes.
//
// The files do not have the columns of the source. They have a partition spec of their
// own, with the identity of these columns, and a reader takes the value of such a
// partition for a column that a file lacks (Spec, Column Projection). Engines that
// compact the files write the columns.
func (t *Tables) AddFiles(ctx context.Context, from *Pipeline, progress func(Added)) (Added, error) {
	a := &adding{t: t, from: from, sum: Added{Left: map[string]int64{}}}
	if _, err := t.Open(ctx); err != nil {
		return a.sum, err
	}
	for i := range t.Tables {
		spec, err := t.sourceSpec(ctx, i)
		if err != nil {
			return a.sum, err
		}
		a.specs = append(a.specs, spec)
	}
	err := from.Ledger.List(ctx, func(l ledger.Listed) error {
		if a.ids = append(a.ids, l.ID); len(a.ids) < addAtOnce {
			return nil
		}
		err := a.add(ctx)
		progress(a.sum)
		return err
	})
	if err == nil {
		err = a.add(ctx)
	}
	return a.sum, err
}

// CanAddFiles returns an error if the tables can take none of the files of from.
func (t *Tables) CanAddFiles(from *Pipeline) error {
	if at, own := from.Sink.String(), t.Sink.String(); at != own {
		return fmt.Errorf("the files are in %s, and the tables in %s, but a table names files of its own bucket: give the tables a sink in the bucket of the files, "+
			"as s3://bucket/folder/; with --lake, a bucket is a folder in it", at, own)
	}
	for i := range t.Mapping.Tables {
		m := &t.Mapping.Tables[i]
		same := slices.ContainsFunc(from.Mapping.Tables, func(f mapping.Table) bool {
			return f.Name == m.Name && columnsOf(from.Mapping.Schema(&f)) == columnsOf(t.Mapping.Schema(m))
		})
		if !same {
			return fmt.Errorf("the mapping of the files has no table %s with the same columns: use one mapping for both, and change that of the tables later", m.Name)
		}
	}
	return nil
}

// adding is one call of [Tables.AddFiles].
type adding struct {
	t     *Tables
	from  *Pipeline
	specs []int32 // of the files, in each table
	sum   Added
	ids   []ledger.ID // to look at
}

// sourceSpec is the spec of files that have no columns of the source, in a table. It is
// added if the table does not have it.
func (t *Tables) sourceSpec(ctx context.Context, i int) (int32, error) {
	var commitErr error
	for range maxAttempts {
		h, err := t.Tables[i].Load(ctx)
		if err != nil {
			return 0, err
		}
		m := h.Metadata()
		source, state := m.CurrentSchema().Field(sourceColumn), m.CurrentSchema().Field(stateColumn)
		identity := iceberg.Transform{Name: "identity"}
		next := 0
		for _, s := range m.Specs {
			if f := s.Fields; len(f) == 2 && f[0].SourceID == source.ID && f[1].SourceID == state.ID && f[0].Transform == identity && f[1].Transform == identity {
				return int32(s.ID), nil
			}
			next = max(next, s.ID+1)
		}
		if commitErr != nil && !errors.Is(commitErr, iceberg.ErrConflict) {
			break
		}
		last := max(m.LastPartition, 999)
		commitErr = t.Tables[i].AddSpec(ctx, h, iceberg.PartitionSpec{ID: next, Fields: []iceberg.PartitionField{
			{SourceID: source.ID, ID: last + 1, Name: sourceColumn, Transform: identity},
			{SourceID: state.ID, ID: last + 2, Name: stateColumn, Transform: identity},
		}})
	}
	return 0, fmt.Errorf("add partition spec to table %s: %w", t.Tables[i].Name, commitErr)
}

// candidate is an object whose files may be taken.
type candidate struct {
	entry ledger.Entry
	files []iceberg.DataFile // of each table; without rows there is none
	left  string             // why it is not taken; empty: it is
	err   error
}

// add takes the objects that were noted.
func (a *adding) add(ctx context.Context) error {
	found := make([]candidate, len(a.ids))
	each(slices.All(make([]Object, len(a.ids))), NewFlight(1), func(i int) func() {
		found[i].err = Contain(func() error { return a.look(ctx, a.ids[i], &found[i]) })
		return func() {}
	})
	a.ids = a.ids[:0]
	var taken []*candidate
	for i := range found {
		switch c := &found[i]; {
		case c.err != nil:
			return c.err
		case c.left != "":
			a.sum.Left[c.left]++
		default:
			taken = append(taken, c)
		}
	}
	for attempt := 1; ; attempt++ {
		err := a.commit(ctx, taken)
		if !errors.Is(err, tables.ErrOvertaken) || attempt == maxAttempts {
			return err
		}
		if err := a.t.wait(ctx, time.Duration(attempt)*10*time.Millisecond); err != nil {
			return err
		}
	}
}

// look reads what is known of an object, and the footers of its files.
func (a *adding) look(ctx context.Context, id ledger.ID, c *candidate) (err error) {
	c.entry, _, err = a.from.Ledger.Read(ctx, id)
	switch {
	case errors.Is(err, ledger.ErrDamaged):
		c.left = leftDamaged
		return nil
	case errors.Is(err, store.ErrNotFound):
		c.left = leftUnseen // removed since it was listed
		return nil
	case err != nil:
		return err
	case c.entry.State == nil:
		c.left = leftUnseen
		return nil
	}
	for i := range a.t.Tables {
		f, left, err := a.file(ctx, &c.entry, i)
		if err != nil || left != "" {
			c.left = left
			return err
		}
		c.files = append(c.files, f)
	}
	return nil
}

// file describes the file that an object has in a table; it has no path if there are
// no rows.
func (a *adding) file(ctx context.Context, e *ledger.Entry, table int) (f iceberg.DataFile, left string, err error) {
	m := &a.t.Mapping.Tables[table]
	out := e.Output(m.Name)
	switch {
	case out == nil || (out.ETag == "") != (out.Identity == ""):
		return f, leftTables, nil
	case !out.HasRows():
		return f, "", nil
	case out.Columns != columnsOf(a.t.Mapping.Schema(m)):
		return f, leftColumns, nil
	}
	info, err := a.from.Sink.Head(ctx, out.Key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return f, leftMissing, nil
	case err != nil:
		return f, "", err
	case info.ETag != out.ETag:
		return f, leftChanged, nil
	}
	read := func(ctx context.Context, p []byte, offset int64) error {
		return a.from.Sink.ReadAt(ctx, info, p, offset)
	}
	parquet, err := parquetcolumn.Open(ctx, read, info.Size)
	if err != nil {
		return f, "", fmt.Errorf("read %s: %w", out.Key, err)
	}
	if parquet.Rows() == 0 {
		return f, "", nil
	}
	return iceberg.DataFile{
		Path: a.t.Tables[table].Files.URI(out.Key), Format: "PARQUET", Rows: parquet.Rows(), Bytes: info.Size,
		Partition: map[string]any{
			sourceColumn: tables.SourceID(runs.Key{Bucket: e.Bucket, Key: e.Key}, seenFirst(e)),
			stateColumn:  stateID(&ledger.State{Identity: out.Identity, Mapping: out.Mapping}),
		},
	}, "", nil
}

// seenFirst is the time in the IDs of an object's rows.
func seenFirst(e *ledger.Entry) time.Time { return e.FirstSeen.UTC().Truncate(time.Millisecond) }

// commit makes the objects known in each table that does not know them.
func (a *adding) commit(ctx context.Context, objects []*candidate) error {
	heads, err := a.t.Open(ctx)
	if err != nil {
		return err
	}
	keys := make([]runs.Key, len(objects))
	for i, c := range objects {
		keys[i] = runs.Key{Bucket: c.entry.Bucket, Key: c.entry.Key}
	}
	known, err := look(ctx, heads, keys)
	if err != nil {
		return err
	}
	isNew := map[int]bool{} // in a table at least
	for table := range heads {
		s, err := a.t.schema(heads[table], table)
		if err != nil {
			return err
		}
		b := tables.Batch{ID: tables.NewBatchID(), Columns: datafile.Columns(a.t.columnsOf(&a.t.Mapping.Tables[table]), s)}
		rows := int64(0)
		for i, c := range objects {
			e := runs.Entry{Key: keys[i], FirstSeen: seenFirst(&c.entry), State: *c.entry.State}
			out := c.entry.Output(a.t.Mapping.Tables[table].Name)
			e.Shown = runs.Shown{Identity: out.Identity, Mapping: out.Mapping}
			before := known[i][table]
			if before != nil && !isReplaced(&before.Shown, a.t.Tables[table].Files.URI(out.Key), &e.Shown, c.files[table].Rows) {
				continue
			}
			isNew[i] = true
			if f := c.files[table]; f.Path != "" {
				e.Shown.Rows, e.Shown.Files = f.Rows, []runs.FileRange{{Path: f.Path, Rows: f.Rows}}
				b.Files = append(b.Files, iceberg.SpecFile{SpecID: a.specs[table], DataFile: f})
				rows += f.Rows
			}
			b.Changes = append(b.Changes, tables.Change{Before: before, After: e, Replaces: true})
		}
		if _, err := a.t.Tables[table].Commit(ctx, heads[table], &b); err != nil {
			return err
		}
		a.sum.Files += int64(len(b.Files))
		a.sum.Rows += rows
	}
	a.sum.Objects += int64(len(isNew))
	a.sum.Known += int64(len(objects) - len(isNew))
	return nil
}

// isReplaced reports whether a table shows a file of from that is another one now: from went
// on after its files were taken, and has written it again under its name.
func isReplaced(shown *runs.Shown, path string, now *runs.Shown, rows int64) bool {
	return slices.ContainsFunc(shown.Files, func(f runs.FileRange) bool { return f.Path == path }) &&
		(shown.Identity != now.Identity || shown.Mapping != now.Mapping || shown.Rows != rows)
}
