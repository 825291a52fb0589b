package pipeline

import (
	"context"
	"io"
	"slices"

	"sluice/internal/batch"
	"sluice/internal/conversion"
	"sluice/internal/ledger"
	"sluice/internal/parquetfile"
	"sluice/internal/runs"
	"sluice/internal/tablefiles"
	"sluice/internal/tables"
	"sluice/schema"
)

// objectRows are the rows of an object while it is converted, for each table.
type objectRows struct {
	b      *tableBatch
	o      *batchObject
	names  []string
	tables []*tableRows
}

// tableRows takes the rows of an object for a table. It is an [io.Writer] because the
// library asks for one.
type tableRows struct {
	io.Writer
	ctx    context.Context
	out    conversion.Output
	into   *batch.Batch       // of a small object: the joint's, that has its rows,
	begin  batch.Mark         // from here on
	rows   *batch.Batch       // all its rows, if they are kept alone
	file   *tablefiles.Object // of a large one
	own    *tablefiles.Writer // of a large one, if its rows go to several partitions
	bytes  int64              // of row groups in file
	ranges []runs.FileRange   // where rows were put
}

// rowsOf begins the rows of an object. Those of a small one are kept until it is known
// that it is not rejected. A large one has files of its own, which can be thrown away.
func (b *tableBatch) rowsOf(ctx context.Context, o *batchObject, isLarge bool, state *ledger.State) (all *objectRows, err error) {
	all = &objectRows{b: b, o: o}
	key := runs.Key{Bucket: o.Bucket, Key: o.Key}
	for i, h := range b.heads {
		r := &tableRows{ctx: ctx}
		all.names, all.tables = append(all.names, b.t.Mapping.Tables[i].Name), append(all.tables, r)
		r.out.Schema = schema.Schema{Table: all.names[i], Columns: b.columns[i]}
		r.out.Constants = []string{tables.SourceID(key, o.firstSeen(i)), stateID(state)}
		m := h.Metadata()
		switch {
		case o.settled[i]:
			r.out.Take = func(rows *batch.Batch) (*batch.Batch, error) { return rows, nil }
			continue
		case !isLarge:
			r.out.Take = func(rows *batch.Batch) (*batch.Batch, error) {
				if rows == r.into {
					return nil, nil
				}
				return b.reused(i), r.keep(b, i, rows)
			}
			continue
		case len(m.Spec(m.SpecID).Fields) > 0:
			r.own, err = b.files(ctx, i, ownHeld)
			r.out.Take = func(rows *batch.Batch) (*batch.Batch, error) { return rows, r.add(ctx, r.own, rows) }
		default:
			r.file, err = b.shared[i].Object()
			r.out.File = &objectFile{r}
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// table is the writer of a table that the library asks for.
func (r *objectRows) table(name string) (io.Writer, error) {
	return r.tables[slices.Index(r.names, name)], nil
}

// Output implements [conversion.Rows].
func (r *tableRows) Output(schema.Schema) (conversion.Output, error) { return r.out, nil }

// keep keeps the rows of a small object. If a row group does not hold them, the object
// is treated like a large one.
func (r *tableRows) keep(b *tableBatch, table int, rows *batch.Batch) (err error) {
	switch {
	case r.own != nil:
		return r.add(r.ctx, r.own, rows)
	case r.rows == nil && r.into == nil:
		r.rows = rows
		return nil
	}
	first := r.rows
	if r.rows = nil; first == nil {
		first = b.shared[table].Copy(r.into, r.begin.Rows, r.into.Rows)
		first.Finish()
	}
	if r.own, err = b.files(r.ctx, table, ownHeld); err != nil {
		return err
	}
	if err := r.add(r.ctx, r.own, first); err != nil {
		return err
	}
	return r.add(r.ctx, r.own, rows)
}

// add adds rows to files.
func (r *tableRows) add(ctx context.Context, w *tablefiles.Writer, rows *batch.Batch) error {
	ranges, err := w.Append(ctx, rows)
	for _, next := range ranges {
		r.put(next)
	}
	return err
}

// put notes where rows are. Ranges that touch become one.
func (r *tableRows) put(next runs.FileRange) {
	for i := range r.ranges {
		if at := &r.ranges[i]; at.Path == next.Path && at.First+at.Rows == next.First {
			at.Rows += next.Rows
			return
		}
	}
	r.ranges = append(r.ranges, next)
}

// objectFile takes the row groups of a large object.
type objectFile struct{ rows *tableRows }

// Write implements [conversion.RowGroups].
func (f *objectFile) Write(g *parquetfile.RowGroup) error {
	r := f.rows
	at, err := r.file.WriteGroup(r.ctx, g)
	r.put(at)
	r.bytes += int64(g.Bytes())
	return err
}

// Bytes implements [conversion.RowGroups].
func (f *objectFile) Bytes() int64 { return f.rows.bytes }

// Close implements [conversion.RowGroups]. The file ends when it is known that the
// object is not rejected.
func (f *objectFile) Close() error { return nil }

// end makes the rows a part of the batch.
func (r *objectRows) end(ctx context.Context, o *batchObject) error {
	b := r.b
	for i, t := range r.tables {
		var err error
		switch {
		case t.file != nil:
			o.files[i], err = t.file.Close(ctx)
		case t.own != nil:
			o.files[i], err = t.own.Close(ctx)
		}
		if err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, t := range r.tables {
		if t.rows != nil && b.wrong == nil {
			// The time for reading may end meanwhile: the file is that of others too.
			b.wrong = t.add(b.ctx, b.shared[i], t.rows)
			b.reuse(i, t.rows)
		}
		if t.into == nil { // else the joint says where they are
			o.ranges[i] = t.ranges
		}
		for _, f := range o.files[i] {
			b.own += f.Bytes
		}
	}
	b.checkFull()
	return b.wrong
}

// checkFull ends the batch if it has enough bytes, or a file went wrong.
func (b *tableBatch) checkFull() {
	bytes := b.own + b.joined
	for _, w := range b.shared {
		bytes += w.Bytes()
	}
	if b.wrong != nil || bytes >= b.t.Limits.bytes() {
		b.ended.Store(true)
	}
}

// What is kept of batches whose rows are in the files: about as many as wait for one
// another at the files, and none that an object has made large.
const (
	mostSpare  = 8
	spareBytes = 2 << 20
)

// reuse keeps the batch of an object for others.
func (b *tableBatch) reuse(table int, rows *batch.Batch) {
	if rows.Allocated() > spareBytes {
		return
	}
	select {
	case b.spare[table] <- rows:
	default:
	}
}

// reused is a batch that another object has filled before, or nil.
func (b *tableBatch) reused(table int) *batch.Batch {
	select {
	case rows := <-b.spare[table]:
		return rows
	default:
		return nil
	}
}

// abort throws away files that were not ended. What cannot be removed is named by
// nobody.
func (r *objectRows) abort(ctx context.Context) {
	for _, t := range r.tables {
		if t.file != nil {
			_ = t.file.Abort(ctx)
		}
		if t.own != nil {
			_ = t.own.Abort(ctx)
		}
	}
}
