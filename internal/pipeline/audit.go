package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sort"
	"sync"
	"time"

	"sluice/internal/ledger"
)

// audit is what the listings of ledger and sink and the index of the ledger say:
// about a hundred bytes for each key.
type audit struct {
	p           *Pipeline
	fingerprint [32]byte
	sink        *sinkListing
	entries     []known // that the ledger listed, by ID
	bucket      string

	mu      sync.Mutex
	added   []indexed // of entries that were claimed since
	changed bool      // the index differs from the one that was read
}

// known is what is known of an entry of the ledger.
type known struct {
	indexed           // written by the worker that reads the entry
	id      ledger.ID // searches read it while workers write the rest
	written int64     // when, in nanoseconds since 1970
	isRead  bool      // indexed has what the entry says
	seen    bool      // it was compared with the source
}

// newAudit lists the ledger and the sink, side by side.
func (p *Pipeline) newAudit(ctx context.Context, o *RunOptions) (*audit, error) {
	a := &audit{p: p, fingerprint: p.fingerprint(o), bucket: o.Bucket}
	var index []byte
	err := p.sideBySide(
		func() (err error) { a.sink, err = p.listSink(ctx); return err },
		func() (err error) { index, err = p.Ledger.Index(ctx); return err },
		func() error {
			return p.Ledger.List(ctx, func(l ledger.Listed) error {
				a.entries = append(a.entries, known{indexed: indexed{ID: l.ID.Index(), ETag: digest(l.ETag)}, id: l.ID, written: l.Written.UnixNano()})
				return nil
			})
		},
	)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(a.entries, func(x, y known) int { return bytes.Compare(x.id[:], y.id[:]) })
	a.fill(decodeIndex(a.fingerprint, index))
	return a, nil
}

// fill copies what the index says of entries that have not changed since.
func (a *audit) fill(index []indexed) {
	a.changed = len(index) != len(a.entries)
	for _, r := range index {
		if k := a.byID(r.ID); k != nil && k.ETag == r.ETag {
			k.indexed, k.isRead = r, true
		} else {
			a.changed = true
		}
	}
}

// byID is the entry with this ID, or nil. Like has it reads nothing of an entry
// but the ID: workers write the rest meanwhile.
func (a *audit) byID(id ledger.IndexID) *known {
	i, found := sort.Find(len(a.entries), func(i int) int { return cmp.Compare(id, a.entries[i].id.Index()) })
	if !found {
		return nil
	}
	return &a.entries[i]
}

// has reports whether there is an entry with the ID in the name of an output.
func (a *audit) has(id ledger.ShortID) bool {
	_, found := sort.Find(len(a.entries), func(i int) int { return cmp.Compare(id, a.entries[i].id.Short()) })
	return found
}

// find is the entry of a source key, or nil.
func (a *audit) find(key string) *known { return a.byID(ledger.IDOf(a.bucket, key).Index()) }

// agrees reports whether the sink lists the outputs that the entry names, and no
// others.
func (a *audit) agrees(r indexed) bool { return r.Outputs == a.sink.sum(r.ID.Short()) }

// update records what an entry says after it was read.
func (a *audit) update(k *known, e *ledger.Entry, etag string, isOutside bool) indexed {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changed = true
	k.indexed, k.isRead = a.p.indexedOf(e, etag, isOutside), true
	return k.indexed
}

// account records the entry as Process left it; k is nil if this run claimed it.
func (a *audit) account(k *known, r *Result) indexed {
	if k != nil {
		return a.update(k, &r.entry, r.etag, k.Flags&outside != 0)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changed = true
	added := a.p.indexedOf(&r.entry, r.etag, false)
	a.added = append(a.added, added)
	return added
}

// unnamed counts outputs of keys that the ledger does not know, and keys with
// outputs of several names.
func (a *audit) unnamed(f *Findings) {
	names := map[ledger.ShortID]bool{}
	for _, r := range a.added {
		names[r.ID.Short()] = true
	}
	for rest := a.sink.outputs; len(rest) > 0; {
		all := a.sink.of(rest[0].id)
		rest = rest[len(all):]
		id := all[0].id
		if all[0].at != all[len(all)-1].at {
			f.Doubled++
		}
		if !names[id] && !a.has(id) {
			f.Unaccounted += int64(len(all))
		}
	}
}

// save writes the index, even if the time is up, so that the next run need not
// read the same entries again.
func (a *audit) save(ctx context.Context) error {
	if !a.changed {
		return nil
	}
	all := slices.Clone(a.added)
	for _, k := range a.entries {
		if k.isRead {
			all = append(all, k.indexed)
		}
	}
	slices.SortFunc(all, func(x, y indexed) int { return cmp.Compare(x.ID, y.ID) })
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second+time.Duration(len(all))*10*time.Microsecond)
	defer cancel()
	return a.p.Ledger.PutIndex(ctx, encodeIndex(a.fingerprint, all))
}

// sideBySide runs functions that do not depend on each other.
func (p *Pipeline) sideBySide(do ...func() error) error {
	errs := make([]error, len(do))
	if p.alone {
		for i, f := range do {
			errs[i] = f()
		}
		return errors.Join(errs...)
	}
	var all sync.WaitGroup
	for i, f := range do {
		all.Go(func() { errs[i] = f() })
	}
	all.Wait()
	return errors.Join(errs...)
}
