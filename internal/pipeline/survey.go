package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/ledger"
	"sluice/internal/store"
)

// Survey is what the listings of source, ledger and sink tell, without reading
// an object.
type Survey struct {
	Objects int64     // of the source
	Behind  int64     // of them newer than their ledger entry, or without one
	Oldest  time.Time // when the first of those behind was written
	Lost    int       // outputs whose ledger entry is missing
	Doubled int       // source keys with rows in more than one output of a table
}

// Survey compares the listings. Memory is a few dozen bytes for each key.
func (p *Pipeline) Survey(ctx context.Context, o RunOptions) (Survey, error) {
	var s Survey
	src, err := p.Source(o.Bucket)
	if err != nil {
		return s, err
	}
	written := map[uint64]int64{}
	err = p.Ledger.List(ctx, func(id string, at time.Time, _ func() (ledger.Entry, error)) error {
		written[short(id)] = at.UnixNano()
		return nil
	})
	if err != nil {
		return s, err
	}
	err = src.List(ctx, o.Prefix, func(info store.Info) error {
		if !o.Allowed(info.Key) {
			return nil
		}
		s.Objects++
		at, ok := written[short(ledger.ID(o.Bucket, info.Key))]
		if ok && at >= info.Modified.UnixNano() {
			return nil
		}
		s.Behind++
		if s.Oldest.IsZero() || info.Modified.Before(s.Oldest) {
			s.Oldest = info.Modified
		}
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("list source: %w", err)
	}
	found, err := p.find(ctx)
	s.Lost, s.Doubled = len(found.lost), len(found.doubled)
	return s, err
}

// found are outputs whose names tell what the ledger does not, by the first 12
// digits of the ID, which the names have.
type found struct {
	lost    map[uint64]time.Time   // keys without a ledger entry: the time in the name of their output
	doubled map[uint64][]time.Time // keys with rows in several outputs of a table
}

// made is what the name of an output says.
type made struct {
	id uint64
	at int64 // first seen, in milliseconds
}

// find lists ledger and sink. A ledger entry that somebody deleted takes the
// names of its outputs along; the outputs themselves still have them.
func (p *Pipeline) find(ctx context.Context) (found, error) {
	f := found{lost: map[uint64]time.Time{}, doubled: map[uint64][]time.Time{}}
	var known []uint64
	err := p.Ledger.List(ctx, func(id string, _ time.Time, _ func() (ledger.Entry, error)) error {
		known = append(known, named(id))
		return nil
	})
	if err != nil {
		return f, err
	}
	slices.Sort(known)
	var all []made
	err = p.Sink.List(ctx, p.SinkPrefix, func(info store.Info) error {
		if id, at, ok := ledger.ParseOutputName(info.Key[strings.LastIndexByte(info.Key, '/')+1:]); ok {
			all = append(all, made{named(id), at.UnixMilli()})
		}
		return nil
	})
	if err != nil {
		return f, fmt.Errorf("list sink: %w", err)
	}
	slices.SortFunc(all, func(a, b made) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.at, b.at))
	})
	all = slices.Compact(all) // the tables of a mapping have one name
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].id == all[0].id {
			n++
		}
		if err := p.judge(ctx, &f, known, all[:n]); err != nil {
			return f, err
		}
		all = all[n:]
	}
	return f, nil
}

func (p *Pipeline) judge(ctx context.Context, f *found, known []uint64, outputs []made) error {
	id := outputs[0].id
	if _, ok := slices.BinarySearch(known, id); !ok {
		f.lost[id] = time.UnixMilli(outputs[0].at)
	}
	if len(outputs) == 1 {
		return nil
	}
	var times []time.Time
	for _, o := range outputs {
		info, err := p.Sink.Head(ctx, p.folder(p.Mapping.Tables[0].Name)+ledger.OutputNameOf(fmt.Sprintf("%012x", id), time.UnixMilli(o.at)))
		if errors.Is(err, store.ErrNotFound) || err == nil && info.Meta[metaIdentity] == ledger.Absent {
			continue // it has no rows
		}
		if err != nil {
			return fmt.Errorf("look at output: %w", err)
		}
		times = append(times, time.UnixMilli(o.at))
	}
	if len(times) > 1 {
		f.doubled[id] = times
	}
	return nil
}

// supersede takes the rows out of those outputs of a key that its ledger entry
// does not name: each is replaced by one without rows, if it is still the one
// that was looked at. They come from an entry that was deleted, while the source
// was overwritten before the next event: that event found no entry and gave the
// output another name.
func (p *Pipeline) supersede(ctx context.Context, bucket, key string, times []time.Time) (int64, error) {
	entry, _, err := p.Ledger.Get(ctx, bucket, key)
	if err != nil {
		return 0, err
	}
	if slices.ContainsFunc(entry.Outputs, func(o ledger.Output) bool { return o.ETag == "" }) {
		return 0, nil // the older output is all there is
	}
	var n int64
	for _, at := range times {
		old := ledger.Entry{Bucket: bucket, Key: key, FirstSeen: at}
		p.addTables(&old)
		if old.Outputs[0].Key == entry.Output(old.Outputs[0].Table).Key {
			continue
		}
		if err := p.empty(ctx, old); err != nil {
			return n, fmt.Errorf("take the rows out of %q: %w", old.Outputs[0].Key, err)
		}
		n++
	}
	return n, nil
}

// empty publishes outputs without rows over those of an entry.
func (p *Pipeline) empty(ctx context.Context, e ledger.Entry) error {
	w := &work{p: p, entry: e, state: p.state()}
	var err error
	if w.fences, err = p.fence(ctx, e); err != nil {
		return err
	}
	outs, err := w.create(ctx)
	if err != nil {
		return err
	}
	defer outs.abort(ctx)
	if _, err := w.convert(ctx, nothing{}, outs); err != nil {
		return err
	}
	return w.commit(ctx, outs)
}
