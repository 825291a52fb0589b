package pipeline

import (
	"context"
	"errors"
	"strings"

	"sluice/internal/event"
	"sluice/internal/ledger"
	"sluice/internal/store"
)

// What a worker does with a key that a run sends to it: it claims or reads the
// ledger entry, and processes the key if the entry does not describe what is listed.

// look processes a key, if its entry does not describe what is listed.
func (r *run) look(ctx context.Context, it item) {
	var first *claim
	var err error
	switch {
	case r.audit == nil:
	case it.entry == nil && !r.o.DryRun:
		first, err = r.claim(ctx, it.info)
	case it.entry != nil:
		var isSettled bool
		if first, isSettled, err = r.read(ctx, &it); isSettled {
			return
		}
	}
	res := Result{Disposition: DidCommit}
	if err == nil && !r.o.DryRun {
		p := r.p
		if it.entry != nil && it.entry.Flags&outside != 0 {
			p = p.withoutSource()
		}
		if res, err = p.process(ctx, r.o.Bucket, it.info.Key, first); res.etag != "" && r.audit != nil {
			r.note(r.audit.account(it.entry, &res), true)
		}
	}
	r.done(it.info, res, err)
}

// read reads the entry of a key, and compares it with what is listed.
func (r *run) read(ctx context.Context, it *item) (c *claim, isSettled bool, err error) {
	e, etag, err := r.p.Ledger.Read(ctx, it.entry.id)
	switch {
	case errors.Is(err, ledger.ErrDamaged) && it.info.Key == "":
		r.count(&r.sum.Damaged, 1)
		return nil, true, nil
	case errors.Is(err, ledger.ErrDamaged), errors.Is(err, store.ErrNotFound):
		return nil, it.info.Key == "", nil // Process creates it
	case err != nil:
		return nil, false, err
	}
	isOutside := e.Bucket != r.o.Bucket || !strings.HasPrefix(e.Key, r.o.Prefix) || r.o.Judge(store.Info{Key: e.Key}).Action != event.Process
	entry := r.audit.update(it.entry, &e, etag, isOutside)
	it.info.Key = e.Key
	r.p.place(&e)
	if isOutside {
		return &claim{entry: e, etag: etag}, e.Bucket != r.o.Bucket || r.isLeft(entry), nil
	}
	differs, extra := r.p.compare(&e, r.audit.sink)
	r.count(&r.sum.Unaccounted, extra)
	if differs && !r.o.SinkMoved {
		r.count(&r.sum.Changed, 1)
	}
	if entry.Flags&isTorn != 0 {
		r.count(&r.sum.Torn, 1)
	}
	return &claim{entry: e, etag: etag}, r.settled(entry, it.info, !differs), nil
}

// claim creates the ledger entry of a listed key that has none. If the key had an
// entry that was deleted, its outputs are in the sink, and the new entry uses their
// names again. It is nil if another worker was faster: Process then reads its entry.
func (r *run) claim(ctx context.Context, info store.Info) (*claim, error) {
	e, err := r.p.adopted(ctx, r.o.Bucket, info.Key, r.audit.sink)
	if err != nil {
		return nil, err
	}
	fresh := e.FirstSeen.IsZero()
	if fresh {
		e.FirstSeen = info.Modified.UTC()
	}
	r.p.place(&e)
	etag, err := r.p.Ledger.Put(ctx, &e, store.IfNoneMatch())
	if store.IsRace(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &claim{entry: e, etag: etag, fresh: fresh}, nil
}

// withoutSource is the pipeline for a key that counts as deleted.
func (p *Pipeline) withoutSource() *Pipeline {
	then := *p
	then.Source = func(bucket string) (store.Store, error) {
		src, err := p.Source(bucket)
		return deleted{src}, err
	}
	return &then
}

// deleted is a source without objects.
type deleted struct{ store.Store }

func (deleted) Open(context.Context, string) (store.Object, error) { return nil, store.ErrNotFound }
