package pipeline

import (
	"context"
	"fmt"

	"sluice"
	"sluice/internal/batch"
	"sluice/internal/ledger"
	"sluice/internal/parquetfile"
	"sluice/internal/runs"
)

// joint is the rows of small objects that were converted one after another. They stand
// in the same batches, so a value that several objects have is looked up, stored and
// encoded once. One conversion at a time has a joint, and it goes with a memory.
type joint struct {
	batches  []*batch.Batch         // of each table
	ends     [][]int                // of each table: where the rows of each object end
	objects  []*batchObject         // whose rows these are
	returned bool                   // a batch has values that no row has
	held     int64                  // memory of the batches
	encoders []*parquetfile.Encoder // of each table; nil: not needed yet
}

// A joint is written when it has this much, if there are few of them.
const (
	jointBytes  = 13 << 20
	jointRows   = 1 << 19 // half of what a row group may have: the next object fits
	jointValues = 4 * jointRows
)

// converted converts an object. If it is small, its rows go into a joint.
func (b *tableBatch) converted(ctx context.Context, o *batchObject, from source, state *ledger.State, rows *objectRows, options sluice.Options) (stats sluice.Stats, err error) {
	if !from.small || b.t.Computing == nil {
		stats, err = b.t.Pipeline.convert(ctx, o.Key, state, from, options)
		if stepErr := b.t.step(Converted); stepErr != nil {
			return stats, stepErr
		}
		return stats, err
	}
	select {
	case options.Memory = <-b.t.Computing:
		defer func() { b.t.Computing <- options.Memory }()
	case <-ctx.Done():
		return stats, context.Cause(ctx)
	}
	j := b.jointOf(options.Memory)
	rows.join(j)
	settled := false
	defer func() {
		if !settled { // a panic: nothing is known of the batches
			rows.rescue(j)
		}
	}()
	stats, err = b.t.Pipeline.convert(ctx, o.Key, state, from, options)
	if stepErr := b.t.step(Converted); stepErr != nil {
		err = stepErr
	}
	settled = true
	if err != nil || stats.RecordsQuarantined > 0 || rows.large() {
		// Whether they become visible is decided later, or they do not.
		rows.takeBack(j, err == nil)
		return stats, err
	}
	j.objects = append(j.objects, o)
	for i, rows := range j.batches {
		j.ends[i] = append(j.ends[i], rows.Rows)
	}
	return stats, b.grown(j)
}

// jointOf is the joint that goes with a memory.
func (b *tableBatch) jointOf(m *sluice.Memory) *joint {
	b.mu.Lock()
	defer b.mu.Unlock()
	j := b.joints[m]
	if j == nil {
		n := len(b.heads)
		j = &joint{batches: make([]*batch.Batch, n), ends: make([][]int, n), encoders: make([]*parquetfile.Encoder, n)}
		for i := range j.batches {
			j.batches[i] = b.shared[i].Batch()
		}
		b.joints[m] = j
	}
	return j
}

// join makes the conversion add the rows of a small object to a joint.
func (r *objectRows) join(j *joint) {
	for i, t := range r.tables {
		if t.out.Take == nil || r.o.settled[i] {
			continue
		}
		t.into, t.begin = j.batches[i], j.batches[i].Mark()
		t.out.Into = t.into
	}
}

// large reports whether the object turned out to be a large one.
func (r *objectRows) large() bool {
	for _, t := range r.tables {
		if t.own != nil {
			return true
		}
	}
	return false
}

// takeBack takes the rows of the object out of the joint: to keep them, or to forget
// them.
func (r *objectRows) takeBack(j *joint, keep bool) {
	for i, t := range r.tables {
		if t.into == nil {
			continue
		}
		if keep && t.own == nil && t.into.Rows > t.begin.Rows {
			t.rows = r.b.shared[i].Copy(t.into, t.begin.Rows, t.into.Rows)
			t.rows.Finish()
		}
		t.leave(j)
	}
}

// leave drops the rows of the object from the joint.
func (r *tableRows) leave(j *joint) {
	if r.begin.Rows == 0 {
		r.into.Reset()
	} else {
		r.into.Return(r.begin)
		j.returned = true
	}
	r.into = nil
}

// rescue leaves the joint what it had before the object, in new batches.
func (r *objectRows) rescue(j *joint) {
	for i, t := range r.tables {
		if t.into != nil {
			j.batches[i] = r.b.shared[i].Copy(t.into, 0, t.begin.Rows)
			t.into = nil
		}
	}
}

// grown counts what a joint has, and writes it if that is enough.
func (b *tableBatch) grown(j *joint) error {
	held, full := int64(0), false
	for _, rows := range j.batches {
		held += rows.Held()
		full = full || rows.Rows >= jointRows || rows.ListValues >= jointValues
	}
	b.mu.Lock()
	b.joined += held - j.held
	j.held = held
	b.checkFull()
	b.mu.Unlock()
	if !full && held < min(jointBytes, sharedHeld/int64(cap(b.t.Computing))) {
		return nil
	}
	return b.write(j)
}

// write writes the rows of a joint as row groups, and empties it. An error is one of the
// whole batch: it is not known what became of the rows.
func (b *tableBatch) write(j *joint) error {
	err := Contain(func() error {
		for i := range j.batches {
			if err := b.writeTable(j, i); err != nil {
				return err
			}
		}
		return nil
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil && b.wrong == nil {
		b.wrong = err
		b.ended.Store(true)
	}
	b.joined -= j.held
	j.objects, j.held, j.returned = j.objects[:0], 0, false
	return b.wrong
}

// writeTable writes the rows that a joint has for a table.
func (b *tableBatch) writeTable(j *joint, table int) error {
	rows, ends := j.batches[table], j.ends[table]
	j.ends[table] = ends[:0]
	defer rows.Reset()
	if rows.Rows == 0 {
		return nil
	}
	rows.Finish()
	all, err := b.ranges(j, table, rows, ends)
	if err != nil {
		return err
	}
	for k, ranges := range all {
		if len(ranges) > 0 {
			j.objects[k].ranges[table] = ranges
		}
	}
	return nil
}

// ranges puts finished rows into files. If the table has partitions, or all rows of the
// batch fit into a few row groups, they go where those of other objects go; else they
// are a row group.
func (b *tableBatch) ranges(j *joint, table int, rows *batch.Batch, ends []int) ([][]runs.FileRange, error) {
	m := b.heads[table].Metadata()
	if len(m.Spec(m.SpecID).Fields) > 0 || b.groups[table] == nil && b.ending {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.shared[table].AppendAll(b.ctx, rows, ends)
	}
	if j.returned {
		rows = b.shared[table].Copy(rows, 0, rows.Rows)
		rows.Finish()
	}
	if j.encoders[table] == nil {
		var err error
		if j.encoders[table], err = parquetfile.NewEncoder(b.codec()); err != nil {
			return nil, err
		}
	}
	g, err := j.encoders[table].Encode(b.ctx, rows)
	if err != nil {
		return nil, fmt.Errorf("encode row group of table %s: %w", b.t.Mapping.Tables[table].Name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.groups[table] == nil {
		if b.groups[table], err = b.shared[table].Object(); err != nil {
			return nil, err
		}
	}
	at, err := b.groups[table].WriteGroup(b.ctx, g)
	if err != nil {
		return nil, err
	}
	b.own += int64(g.Bytes())
	all, begin := make([][]runs.FileRange, len(ends)), 0
	for k, end := range ends {
		if end > begin {
			all[k] = []runs.FileRange{{Path: at.Path, First: at.First + int64(begin), Rows: int64(end - begin)}}
		}
		begin = end
	}
	return all, nil
}

// endJoints writes what is left in joints, after all objects are converted.
func (b *tableBatch) endJoints() error {
	b.ending = true
	for _, j := range b.joints {
		if err := b.write(j); err != nil {
			return err
		}
	}
	return nil
}
