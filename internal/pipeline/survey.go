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
	Doubled int       // source keys with more than one output of a table
}

// Survey compares the listings. Memory is a few dozen bytes for each key.
func (p *Pipeline) Survey(ctx context.Context, o RunOptions) (Survey, error) {
	var s Survey
	src, err := p.Source(o.Bucket)
	if err != nil {
		return s, err
	}
	entries, err := p.entryTimes(ctx)
	if err != nil {
		return s, err
	}
	known := make(map[uint64]struct{}, len(entries))
	for id := range entries {
		known[id>>16] = struct{}{} // as named has it
	}
	err = src.List(ctx, o.Prefix, func(info store.Info) error {
		if !o.Allowed(info.Key) {
			return nil
		}
		s.Objects++
		if !entries.behind(short(ledger.ID(o.Bucket, info.Key)), info) {
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
	err = p.outputs(ctx, func(id uint64, times []time.Time) {
		if _, ok := known[id]; !ok {
			s.Lost += len(times)
		}
		if len(times) > 1 {
			s.Doubled++
		}
	})
	return s, err
}

// entryTimes says when each ledger entry was written, by the first eight bytes
// of its ID, which are enough to tell keys apart.
type entryTimes map[uint64]int64

func (p *Pipeline) entryTimes(ctx context.Context) (entryTimes, error) {
	times := entryTimes{}
	err := p.Ledger.List(ctx, func(id string, at time.Time, _ func() (ledger.Entry, error)) error {
		times[short(id)] = at.UnixNano()
		return nil
	})
	return times, err
}

// behind reports whether a listed object is newer than its entry, or has none.
func (t entryTimes) behind(id uint64, info store.Info) bool {
	at, ok := t[id]
	return !ok || at < info.Modified.UnixNano()
}

// outputs lists the sink and tells of each source key that has outputs the
// times in their names, the earliest first. The key is known by the first 12
// digits of its ID, which the names have.
func (p *Pipeline) outputs(ctx context.Context, tell func(id uint64, times []time.Time)) error {
	type output struct {
		id uint64
		at int64 // in milliseconds
	}
	folders := map[string]bool{}
	for i := range p.Mapping.Tables {
		folders[p.folder(p.Mapping.Tables[i].Name)] = true
	}
	var all []output
	err := p.Sink.List(ctx, p.SinkPrefix, func(info store.Info) error {
		slash := strings.LastIndexByte(info.Key, '/') + 1
		if id, at, ok := ledger.ParseOutputName(info.Key[slash:]); ok && folders[info.Key[:slash]] {
			all = append(all, output{named(id), at.UnixMilli()})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list sink: %w", err)
	}
	slices.SortFunc(all, func(a, b output) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.at, b.at))
	})
	all = slices.Compact(all) // the tables of a mapping have one name
	var times []time.Time
	for i, o := range all {
		times = append(times, time.UnixMilli(o.at).UTC())
		if i+1 == len(all) || all[i+1].id != o.id {
			tell(o.id, times)
			times = nil
		}
	}
	return nil
}

// standing chooses the output that a ledger entry which is lost or damaged
// must have named: of those of the key the one that was written last, and
// rather one with rows. It is the zero time if none is this key's.
func (p *Pipeline) standing(ctx context.Context, bucket, key string, times []time.Time) (time.Time, error) {
	var best time.Time
	var last store.Info
	for _, at := range times {
		for i := range p.Mapping.Tables {
			info, err := p.Sink.Head(ctx, p.folder(p.Mapping.Tables[i].Name)+ledger.OutputName(bucket, key, at))
			switch {
			case errors.Is(err, store.ErrNotFound):
				continue
			case err != nil:
				return best, fmt.Errorf("look at output: %w", err)
			case info.Meta[metaSource] != ledger.ID(bucket, key):
				continue // its name begins like ours
			}
			rows, had := info.Meta[metaIdentity] != ledger.Absent, last.Meta[metaIdentity] != ledger.Absent
			if best.IsZero() || rows && !had || rows == had && !info.Modified.Before(last.Modified) {
				best, last = at, info
			}
		}
	}
	return best, nil
}
