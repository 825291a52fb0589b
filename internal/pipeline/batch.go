package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sluice"
	"sluice/internal/batch"
	"sluice/internal/iceberg"
	"sluice/internal/iceberg/datafile"
	"sluice/internal/runs"
	"sluice/internal/tablefiles"
	"sluice/internal/tables"
	"sluice/schema"
)

// ProcessAll implements [Target]: in batches, each of which is one snapshot.
func (t *Tables) ProcessAll(ctx context.Context, objects []Object, workers int, done func(i int, r Result, err error)) Commits {
	commits, _ := t.processAll(ctx, nil, objects, workers, done)
	return commits
}

// processAll is ProcessAll with heads that were loaded before, and returns those after
// it; nil: they are loaded. An old head only costs another try of the commit.
func (t *Tables) processAll(ctx context.Context, heads []*tables.Head, objects []Object, workers int, done func(i int, r Result, err error)) (commits Commits, _ []*tables.Head) {
	objects, done = t.handOver(ctx, objects, done)
	for first := 0; first < len(objects); {
		if !hasTime(ctx) {
			for i := range objects[first:] {
				done(first+i, Result{}, fmt.Errorf("it was not started: %w", cmp.Or(context.Cause(ctx), ErrNoTime)))
			}
			return commits, heads
		}
		n := min(len(objects)-first, t.Limits.objects())
		var taken int
		taken, heads = t.processBatch(ctx, heads, objects[first:first+n], workers, &commits, func(i int, r Result, err error) { done(first+i, r, err) })
		first += taken
	}
	return commits, heads
}

// processBatch processes objects, in their order, until a limit is reached; at least
// one. It returns their number, and the heads after it; nil after an error.
func (t *Tables) processBatch(ctx context.Context, heads []*tables.Head, objects []Object, workers int, commits *Commits, done func(i int, r Result, err error)) (int, []*tables.Head) {
	began := time.Now()
	for attempt := 1; ; attempt++ {
		var b *tableBatch
		err := Contain(func() (err error) {
			b, err = t.attempt(ctx, heads, objects, workers)
			return err
		})
		if b != nil {
			commits.Add(b.commits)
		}
		if errors.Is(err, tables.ErrOvertaken) && attempt < maxAttempts {
			if err = t.wait(ctx, time.Duration(attempt)*10*time.Millisecond); err == nil {
				heads = nil // what others did is in new ones
				continue
			}
		}
		if b == nil { // not begun
			for i := range objects {
				done(i, Result{Attempts: attempt}, err)
			}
			return len(objects), nil
		}
		for i := range b.objects[:b.taken] {
			o := &b.objects[i]
			o.result.Attempts, o.result.Took = attempt, time.Since(began)
			if o.err == nil && o.converted() {
				o.err = err
			}
			if o.err == nil {
				o.err = t.note(ctx, &o.result)
			}
			done(i, o.result, o.err)
		}
		if err != nil {
			return b.taken, nil
		}
		return b.taken, b.heads
	}
}

// attempt is the protocol for a batch: the heads are loaded before any source is read,
// and a commit asserts them.
func (t *Tables) attempt(ctx context.Context, heads []*tables.Head, objects []Object, workers int) (*tableBatch, error) {
	if err := t.step(Started); err != nil {
		return nil, err
	}
	began := time.Now()
	if heads == nil {
		var err error
		if heads, err = t.Open(ctx); err != nil {
			return nil, err
		}
	}
	if err := t.step(Fenced); err != nil {
		return nil, err
	}
	b, err := t.begin(ctx, heads, objects)
	if err != nil {
		return nil, err
	}
	defer b.abort(ctx)
	reading, stop := b.reading(ctx, time.Since(began))
	b.read(reading, workers)
	stop()
	if err := t.step(Quarantined); err != nil {
		return b, err
	}
	return b, b.commit(ctx)
}

// tableBatch is what becomes visible together.
type tableBatch struct {
	t       *Tables
	ctx     context.Context // of the files that objects share: reading may end before it
	id      string
	heads   []*tables.Head
	objects []batchObject
	taken   int       // of the objects, from the first on
	until   time.Time // no object is begun after it
	commits Commits
	hash    string            // of the mapping
	schemas []*iceberg.Schema // of each table, once the batch is committed
	columns [][]schema.Column // of the rows for each table, with the IDs of its schema

	mu     sync.Mutex           // for what follows; encoding goes on under it
	shared []*tablefiles.Writer // of each table
	joints map[*sluice.Memory]*joint
	joined int64                // memory of the joints
	groups []*tablefiles.Object // of each table: files of the joints' row groups; nil: none
	own    int64                // bytes of these, and of the files that objects have alone
	wrong  error                // of a shared file: nothing of the batch can be committed
	ending bool                 // all objects are converted

	// No conversion, and no next object, waits for the encoding of others:
	ended atomic.Bool         // a file went wrong, or there are enough bytes
	spare []chan *batch.Batch // of each table: their rows are in the shared files, and others may fill them
}

// batchObject is an object of a batch.
type batchObject struct {
	Object
	known  entries
	first  time.Time // of the source version that is seen now
	result Result
	err    error

	after *runs.Entry // of all tables alike; nil if nothing is committed of the object
	keeps bool        // the rows that are shown stay

	// Of each table:
	settled []bool // it has the state already
	ranges  [][]runs.FileRange
	files   [][]iceberg.SpecFile // of this object alone
}

// converted reports whether the commit of the batch decides on the object.
func (o *batchObject) converted() bool { return o.after != nil }

func (t *Tables) begin(ctx context.Context, heads []*tables.Head, objects []Object) (*tableBatch, error) {
	keys := make([]runs.Key, len(objects))
	for i, o := range objects {
		keys[i] = runs.Key{Bucket: o.Bucket, Key: o.Key}
	}
	all, err := look(ctx, heads, keys)
	if err != nil {
		return nil, err
	}
	b := &tableBatch{
		t: t, ctx: ctx, id: tables.NewBatchID(), heads: heads, objects: make([]batchObject, len(objects)), hash: t.Mapping.Hash(),
		joints: map[*sluice.Memory]*joint{}, groups: make([]*tablefiles.Object, len(heads)),
	}
	for i, o := range objects {
		b.objects[i] = batchObject{Object: o, known: all[i]}
	}
	for i, h := range heads {
		s, err := t.schema(h, i)
		if err != nil {
			return nil, err
		}
		b.schemas, b.columns = append(b.schemas, s), append(b.columns, datafile.Columns(t.columnsOf(&t.Mapping.Tables[i]), s))
		w, err := b.files(ctx, i, sharedHeld/int64(len(heads)))
		if err != nil {
			return nil, err
		}
		b.shared, b.spare = append(b.shared, w), append(b.spare, make(chan *batch.Batch, mostSpare))
	}
	return b, nil
}

// How many bytes of rows are in memory: of the objects that share files, in all tables,
// and of a large one in a partitioned table. The store keeps twice as much of files that
// are begun.
const (
	sharedHeld = 64 << 20
	ownHeld    = 16 << 20
)

// files are data files of a table, which nothing names yet.
func (b *tableBatch) files(ctx context.Context, table int, held int64) (*tablefiles.Writer, error) {
	h := b.heads[table]
	m := h.Metadata()
	return tablefiles.New(ctx, tablefiles.Options{
		Files: h.Files(), Folder: h.Folder() + "data/", Batch: tables.NewBatchID(), Time: b.t.Tables[table].Now().UTC(),
		Columns: b.columns[table], Levels: b.t.levels(table), Depth: b.t.Mapping.Tables[table].Levels(),
		Spec: m.Spec(m.SpecID), Schema: b.schemas[table], MostHeld: held, PartBytes: b.t.PartBytes, MostKept: 2 * held, Codec: b.codec(), CreatedBy: b.t.Tables[table].CreatedBy,
		KeyValues: map[string]string{"sluice.table": b.t.Mapping.Tables[table].Name, "sluice.version": sluice.Version()},
	})
}

func (b *tableBatch) codec() string { return string(cmp.Or(b.t.Codec, sluice.Zstd)) }

// read reads and converts objects, until a limit is reached.
func (b *tableBatch) read(ctx context.Context, workers int) {
	objects := func(yield func(int, Object) bool) {
		for b.taken < len(b.objects) && (b.taken == 0 || !b.full()) {
			b.taken++
			if !yield(b.taken-1, b.objects[b.taken-1].Object) {
				return
			}
		}
	}
	each(objects, NewFlight(workers), func(i int) func() {
		o := &b.objects[i]
		o.err = Contain(func() error { return b.object(ctx, o) })
		if cause := context.Cause(ctx); o.err != nil && cause != nil && !errors.Is(o.err, cause) {
			o.err = fmt.Errorf("%w: %w", cause, o.err)
		}
		return func() {}
	})
}

// full reports whether the batch ends before the next object.
func (b *tableBatch) full() bool { return b.ended.Load() || time.Now().After(b.until) }

// commit makes the batch visible, in each table.
func (b *tableBatch) commit(ctx context.Context) error {
	if err := b.endJoints(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wrong != nil {
		return b.wrong
	}
	changes := 0
	for i := range b.objects[:b.taken] {
		if b.objects[i].converted() {
			changes++
		}
	}
	if changes == 0 {
		return nil
	}
	commits := make([]tables.Batch, len(b.heads))
	for i, w := range b.shared {
		files, err := w.Close(ctx)
		if err != nil {
			return fmt.Errorf("write files of table %s: %w", b.t.Mapping.Tables[i].Name, err)
		}
		if g := b.groups[i]; g != nil {
			more, err := g.Close(ctx)
			if err != nil {
				return fmt.Errorf("write files of table %s: %w", b.t.Mapping.Tables[i].Name, err)
			}
			files = append(files, more...)
		}
		commits[i] = tables.Batch{ID: b.id, Files: files, Columns: b.columns[i]}
	}
	sizes := map[string]*iceberg.DataFile{} // by path
	for i := range commits {
		for j := range commits[i].Files {
			f := &commits[i].Files[j].DataFile
			sizes[f.Path] = f
		}
	}
	for i := range b.objects[:b.taken] {
		if o := &b.objects[i]; o.converted() {
			for j := range commits {
				commits[j].Files = append(commits[j].Files, o.files[j]...)
			}
			o.after.State.BytesWritten = o.bytes(sizes)
			o.result.Stats.BytesWritten = o.after.State.BytesWritten
			b.change(o, commits)
		}
	}
	for i := range commits {
		if len(commits[i].Changes) == 0 {
			continue
		}
		if b.t.Staging {
			if err := b.stage(ctx, i, &commits[i]); err != nil {
				return err
			}
			continue
		}
		done, err := b.t.Tables[i].Commit(ctx, b.heads[i], &commits[i])
		b.commits.Conflicts += int64(done.Tries)
		if err != nil {
			return err
		}
		b.heads[i] = done.Head
		b.commits.Add(Commits{
			Snapshots: 1, Objects: int64(len(commits[i].Changes)), Files: int64(len(commits[i].Files)),
			Conflicts: -1, Missing: done.Missing, Resurrected: done.Resurrected,
		})
		if err := b.t.step(Committed); err != nil {
			return err
		}
	}
	return nil
}

// stage leaves the batch of a table to a committer.
func (b *tableBatch) stage(ctx context.Context, table int, batch *tables.Batch) error {
	if err := b.t.Tables[table].Stage(ctx, b.heads[table], batch); err != nil {
		return err
	}
	b.commits.Add(Commits{Staged: int64(len(batch.Changes)), Files: int64(len(batch.Files))})
	return b.t.step(Committed)
}

// change adds what becomes of an object to the commit of each table.
func (b *tableBatch) change(o *batchObject, commits []tables.Batch) {
	shown := make(entries, len(commits))
	for i := range commits {
		before := o.known[i]
		if o.settled[i] {
			shown[i] = before
			continue
		}
		e := *o.after
		e.FirstSeen = o.firstSeen(i)
		if before != nil {
			e.Shown = before.Shown
		}
		if !o.keeps {
			e.Shown = runs.Shown{Identity: e.State.Identity, Mapping: e.State.Mapping, Files: o.ranges[i]}
			for _, r := range o.ranges[i] {
				e.Shown.Rows += r.Rows
			}
		}
		commits[i].Changes = append(commits[i].Changes, tables.Change{Before: before, After: e, Replaces: !o.keeps})
		shown[i] = &e
	}
	entry := b.t.entry(o.Bucket, o.Key, shown)
	o.result.entry, o.result.Outputs, o.result.Report, o.result.Written = entry, entry.Outputs, entry.State.Report, true
}

// bytes is the share of an object in the bytes of data files, and those that are its own.
func (o *batchObject) bytes(shared map[string]*iceberg.DataFile) (bytes int64) {
	for i := range o.ranges {
		for _, r := range o.ranges[i] {
			if f := shared[r.Path]; f != nil && f.Rows > 0 {
				bytes += f.Bytes * r.Rows / f.Rows
			}
		}
		for _, f := range o.files[i] {
			bytes += f.Bytes
		}
	}
	return bytes
}

// abort throws away files that were not ended. What cannot be removed is named by
// nobody.
func (b *tableBatch) abort(ctx context.Context) {
	for i, w := range b.shared {
		_ = w.Abort(ctx)
		if g := b.groups[i]; g != nil {
			_ = g.Abort(ctx)
		}
	}
}
