package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/event"
	"sluice/internal/iceberg"
	"sluice/internal/ledger"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// tablesRun is one call of [Tables.Run].
type tablesRun struct {
	t     *Tables
	o     RunOptions
	sum   *Summary
	todo  []Object
	scan  *scan
	heads []*tables.Head // loaded before the listing, or after a commit of ours; nil: they are loaded
	hash  string         // of the mapping
}

// Run implements [Target]. The listing of the source and the ledgers of the tables are
// in the same order: they are gone through side by side, and hold a page of each.
func (t *Tables) Run(ctx context.Context, o RunOptions) (Summary, error) {
	r := &tablesRun{t: t, o: o, sum: NewSummary(), hash: t.Mapping.Hash()}
	if len(o.Keys) > 0 {
		for _, key := range slices.Compact(slices.Sorted(slices.Values(o.Keys))) {
			r.todo = append(r.todo, Object{o.Bucket, key, 0})
		}
		return *r.sum, cmp.Or(r.process(ctx), ctx.Err())
	}
	var err error
	if o.DryRun {
		r.heads, err = t.heads(ctx, t.loaded(ctx))
	} else {
		r.heads, r.sum.Divided, err = t.openDivided(ctx)
	}
	if err != nil && !(o.DryRun && errors.Is(err, iceberg.ErrNoTable)) {
		return *r.sum, err
	}
	by := (*tables.Head).ScanBrief
	if o.Held != nil { // the names of files in the quarantine are not in a brief scan
		by = (*tables.Head).Scan
	}
	r.scan = newScan(ctx, r.heads, by)
	defer r.scan.stop()
	if err = r.source(ctx); err == nil {
		err = r.absent(ctx, nil)
	}
	if err == nil {
		err = r.process(ctx)
	}
	return *r.sum, cmp.Or(err, ctx.Err())
}

// source looks at each object of the source, and before it at the keys between it and
// the one before, which only the tables know.
func (r *tablesRun) source(ctx context.Context) error {
	src, err := r.t.Source(r.o.Bucket)
	if err != nil {
		return err
	}
	err = src.List(ctx, r.o.Prefix, func(info store.Info) error {
		key := runs.Key{Bucket: r.o.Bucket, Key: info.Key}
		if err := r.absent(ctx, &key); err != nil {
			return err
		}
		var k entries
		switch next, ok, err := r.scan.peek(); {
		case err != nil:
			return err
		case ok && next == key:
			if _, k, err = r.scan.next(); err != nil {
				return err
			}
		}
		switch judged := r.o.Judge(info); {
		case judged.Action == event.Process:
			return r.listed(ctx, info, k)
		case judged.Action == event.Skip:
			r.done(info.Key, info.Size, Result{Disposition: DidSkip}, nil)
		default:
			r.done(info.Key, info.Size, Result{}, fmt.Errorf("object %q is left out: %s: %s", info.Key, judged.Reason, judged.Detail))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list source: %w", err)
	}
	return nil
}

// known counts a key whose quarantined records or report are not in the quarantine.
func (r *tablesRun) known(k entries) {
	first := k.first()
	if first == nil || r.o.Held == nil {
		return
	}
	if sum := heldOf(&first.State); sum != 0 && !r.o.Held.sums[sum] {
		r.sum.Unheld++
	}
}

// listed looks at an object of the source.
func (r *tablesRun) listed(ctx context.Context, info store.Info, k entries) error {
	r.known(k)
	if r.o.Listed != nil {
		r.o.Listed(info.Size)
	}
	r.sum.Source++
	if !r.describes(k, info.State()) {
		r.sum.Behind++
		if r.sum.Oldest.IsZero() || info.Modified.Before(r.sum.Oldest) {
			r.sum.Oldest = info.Modified
		}
		return r.send(ctx, Object{r.o.Bucket, info.Key, info.Size})
	}
	for _, e := range k {
		if e.Shown.Identity != "" && e.Shown.Mapping != r.hash {
			r.sum.OtherMapping++
			break
		}
	}
	r.done(info.Key, info.Size, Result{Disposition: DidDuplicate, Written: true}, nil)
	return nil
}

// describes reports whether all tables have the state that a listing shows.
func (r *tablesRun) describes(k entries, listed string) bool {
	if k.first() == nil {
		return false
	}
	for _, e := range k {
		if e == nil || e.State.Listed != listed || !r.t.settledIn(e, e.State.Identity, r.hash) {
			return false
		}
	}
	return true
}

// absent looks at the keys that only the tables know, up to one that is listed; nil:
// up to the end.
func (r *tablesRun) absent(ctx context.Context, until *runs.Key) error {
	for {
		key, ok, err := r.scan.peek()
		if err != nil || !ok || until != nil && key.Compare(*until) >= 0 {
			return err
		}
		_, k, err := r.scan.next()
		if err != nil {
			return err
		}
		if err := r.gone(ctx, key, k); err != nil {
			return err
		}
	}
}

// gone looks at a key that is not listed.
func (r *tablesRun) gone(ctx context.Context, key runs.Key, k entries) error {
	r.known(k)
	shown := int64(0)
	for _, e := range k {
		if e != nil {
			shown += e.Shown.Rows
		}
	}
	isOutside := key.Bucket != r.o.Bucket || !strings.HasPrefix(key.Key, r.o.Prefix) || r.o.Judge(store.Info{Key: key.Key}).Action != event.Process
	switch {
	case isOutside && shown > 0:
		r.sum.Outside++
	case isOutside:
	case !k.absent() || r.t.Redo != RedoNothing && !r.describes(k, ledger.Absent):
		return r.send(ctx, Object{key.Bucket, key.Key, 0})
	case shown > 0 && r.t.RemoveDeleted:
		r.sum.Kept++
		fallthrough
	default:
		r.done(key.Key, 0, Result{Disposition: DidDuplicate, Written: true}, nil)
	}
	return nil
}

// send notes an object to process, and processes what there is once it is enough.
func (r *tablesRun) send(ctx context.Context, o Object) error {
	if r.todo = append(r.todo, o); len(r.todo) < r.t.Limits.objects() {
		return nil
	}
	return r.process(ctx)
}

// process processes what was sent.
func (r *tablesRun) process(ctx context.Context) error {
	objects := r.todo
	r.todo = r.todo[:0]
	if r.o.DryRun {
		for _, o := range objects {
			r.done(o.Key, o.Size, Result{Disposition: DidCommit}, nil)
		}
		return nil
	}
	commits, heads := r.t.processAll(ctx, r.heads, objects, r.o.Workers, func(i int, res Result, err error) { r.done(objects[i].Key, objects[i].Size, res, err) })
	r.heads = heads
	r.sum.Commits.Add(commits)
	if len(objects) > 0 && !hasTime(ctx) {
		return cmp.Or(context.Cause(ctx), ErrNoTime)
	}
	return ctx.Err()
}

// done counts an object.
func (r *tablesRun) done(key string, size int64, res Result, err error) {
	r.sum.Add(res, err)
	if r.o.Done != nil {
		r.o.Done(key, size, res, err)
	}
}
