package pipeline

import (
	"sluice/internal/ledger"
	"sluice/internal/store"
)

// What listings and index say about a key without a look at it: for most keys of a
// run that is enough.

// sendUnsettled sends what the listings and the index do not show to be settled.
func (r *run) sendUnsettled(it item) error {
	if e := it.entry; e != nil {
		e.seen = true
		switch {
		case !e.isRead:
		case e.Flags&outside == 0:
			if r.settled(e.indexed, it.info, r.audit.agrees(e.indexed)) {
				return nil
			}
		case it.info.Key == "" && r.isLeft(e.indexed):
			return nil
		}
	}
	return r.send(it)
}

// settled reports whether an entry describes the source as it is listed, and counts
// the object if so. agrees says that the sink has the outputs that the entry names.
func (r *run) settled(entry indexed, info store.Info, agrees bool) bool {
	listed := ledger.Absent
	if info.ETag != "" {
		listed = info.State()
	}
	f := entry.Flags
	switch {
	case f&(claimed|isTorn) != 0, entry.Listed != digest(listed), r.p.Redo == RedoAll,
		r.p.Redo == RedoChanged && f.outdated(r.p),
		!agrees && !(r.o.SinkMoved && r.p.Redo == RedoNothing):
		return false
	}
	r.note(entry, agrees)
	r.done(info, Result{Disposition: DidDuplicate, Written: f&current != 0}, nil)
	return true
}

// isLeft reports whether an object is left alone because the source no longer names
// it, and counts it if its rows are still there. RedoChanged treats it as deleted.
func (r *run) isLeft(entry indexed) bool {
	if entry.Flags&rowsStand == 0 {
		return true
	}
	if r.p.Redo == RedoChanged && r.p.RemoveDeleted {
		return false
	}
	r.count(&r.sum.Outside, 1)
	return true
}

// note counts what differs in an entry and is not changed.
func (r *run) note(entry indexed, agrees bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range []struct {
		when  bool
		count *int64
	}{
		{entry.Flags&otherMapping != 0, &r.sum.OtherMapping},
		{entry.Flags&elsewhere != 0 || !agrees && (entry.Flags&absent == 0 || entry.Flags&kept != 0), &r.sum.Elsewhere},
		{entry.Flags&dropped != 0, &r.sum.Dropped},
		{entry.Flags&kept != 0 && r.p.RemoveDeleted, &r.sum.Kept},
	} {
		if c.when {
			*c.count++
		}
	}
}
