package pipeline

import (
	"context"
	"errors"
	"iter"

	"sluice/internal/runs"
	"sluice/internal/tables"
)

// scan goes through the ledgers of several tables side by side, key by key.
type scan struct {
	at    []*runs.Entry // the next entry of each table; nil: there is none
	pull  []func() (*runs.Entry, error, bool)
	stops []func()
	begun bool
}

// newScan begins a scan by [tables.Head.Scan] or ScanBrief. A head may be nil: there is
// no such table.
func newScan(ctx context.Context, heads []*tables.Head, by func(*tables.Head, context.Context, func(*runs.Entry) error) error) *scan {
	s := &scan{at: make([]*runs.Entry, len(heads))}
	for _, h := range heads {
		next, stop := iter.Pull2(func(yield func(*runs.Entry, error) bool) {
			if h == nil {
				return
			}
			enough := errors.New("enough")
			err := by(h, ctx, func(e *runs.Entry) error {
				if !yield(e, nil) {
					return enough
				}
				return nil
			})
			if err != nil && !errors.Is(err, enough) {
				yield(nil, err)
			}
		})
		s.pull, s.stops = append(s.pull, next), append(s.stops, stop)
	}
	return s
}

func (s *scan) stop() {
	for _, stop := range s.stops {
		stop()
	}
}

// peek is the next key; false after the last.
func (s *scan) peek() (least runs.Key, ok bool, err error) {
	if !s.begun {
		s.begun = true
		for i := range s.at {
			if err := s.advance(i); err != nil {
				return runs.Key{}, false, err
			}
		}
	}
	for _, e := range s.at {
		if e != nil && (!ok || e.Key.Compare(least) < 0) {
			least, ok = e.Key, true
		}
	}
	return least, ok, nil
}

// next is the next key, with what the tables know of it; nil after the last.
func (s *scan) next() (runs.Key, entries, error) {
	key, ok, err := s.peek()
	if err != nil || !ok {
		return runs.Key{}, nil, err
	}
	k := make(entries, len(s.at))
	for i, e := range s.at {
		if e == nil || e.Key != key {
			continue
		}
		k[i] = e
		if err := s.advance(i); err != nil {
			return runs.Key{}, nil, err
		}
	}
	return key, k, nil
}

func (s *scan) advance(i int) error {
	e, err, ok := s.pull[i]()
	if !ok {
		e = nil
	}
	s.at[i] = e
	return err
}
