package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice"
	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/runs"
	"sluice/internal/store"
)

// object reads an object and converts it. After an error, nothing of it is in the
// batch.
func (b *tableBatch) object(ctx context.Context, o *batchObject) error {
	if ctx.Err() != nil {
		return notStarted(ctx)
	}
	src, err := b.t.Source(o.Bucket)
	if err != nil {
		return err
	}
	from, state, err := b.t.open(ctx, src, o.Key, b.hash)
	if err != nil {
		return err
	}
	defer from.Close()
	if state.Identity == ledger.Absent && o.known.first() == nil {
		// A key that never existed is an error: the event or its decoding is wrong,
		// or the source was deleted before it was read.
		_, err := src.Head(ctx, o.Key)
		return fmt.Errorf("look at source: %w", err)
	}
	if err := b.t.step(Opened); err != nil {
		return err
	}
	if b.t.settled(o.known, state.Identity, b.hash) {
		o.result = b.t.duplicate(o.Bucket, o.Key, o.known)
		return nil
	}
	n := len(b.heads)
	o.settled, o.ranges, o.files = make([]bool, n), make([][]runs.FileRange, n), make([][]iceberg.SpecFile, n)
	for i, e := range o.known {
		o.settled[i] = b.t.settledIn(e, state.Identity, b.hash)
	}
	if state.Identity == ledger.Absent {
		o.deleted(b.t, state)
		return nil
	}
	if o.first = from.modified.Truncate(time.Millisecond); o.first.IsZero() {
		o.first = b.t.Tables[0].Now().UTC().Truncate(time.Millisecond)
	}
	return b.convert(ctx, o, from, &state)
}

// deleted accounts for a key that the source no longer has.
func (o *batchObject) deleted(t *Tables, state ledger.State) {
	state.Outcome = ledger.Absent
	o.keeps = !t.RemoveDeleted
	o.result.Disposition = DidSkip
	if t.RemoveDeleted {
		o.result.Disposition = DidCommit
	}
	o.result.Stats = state.Stats
	o.after = &runs.Entry{Key: runs.Key{Bucket: o.Bucket, Key: o.Key}, State: state}
}

// firstSeen is the time that the IDs of the key's rows have in a table.
func (o *batchObject) firstSeen(table int) time.Time {
	if e := o.known[table]; e != nil {
		return e.FirstSeen
	}
	if e := o.known.first(); e != nil {
		return e.FirstSeen
	}
	return o.first
}

// convert converts an object, stores what explains its quarantined records, and adds
// its rows to the files of the batch.
func (b *tableBatch) convert(ctx context.Context, o *batchObject, from source, state *ledger.State) error {
	bad := b.t.quarantineOf(ctx, o.Bucket, o.Key, state)
	rows, err := b.rowsOf(ctx, o, from.size > sharedObject, state)
	defer func() {
		store.Abort(ctx, bad.w)
		rows.abort(ctx)
	}()
	if err != nil {
		return err
	}
	stats, err := b.converted(ctx, o, from, state, rows, sluice.Options{Quarantine: bad, Table: rows.table})
	reject := new(sluice.RejectError)
	if isReject := errors.As(err, &reject); !isReject {
		reject = nil
	}
	if err != nil && reject == nil {
		return err
	}
	state.Stats = stats
	if err := b.t.explain(ctx, o.Bucket, o.Key, state, reject, bad); err != nil {
		return err
	}
	// A state that is rejected, or whose records are all quarantined, shows nothing
	// new: the rows that are shown stay.
	o.keeps = reject != nil || stats.RecordsQuarantined > 0 && stats.RecordsQuarantined == stats.RecordsRead
	if !o.keeps {
		if err := rows.end(ctx, o); err != nil {
			return err
		}
	}
	o.result.Disposition, o.result.Stats, o.result.Detail = disposition(stats.Outcome), state.Stats, state.Detail
	o.after = &runs.Entry{Key: runs.Key{Bucket: o.Bucket, Key: o.Key}, State: *state}
	return nil
}
