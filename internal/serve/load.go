package serve

import (
	"cmp"
	"context"
	"slices"
	"time"

	"sluice/internal/lake"
	"sluice/internal/ledger"
)

const (
	// The ledger is listed again after this time, and not more often than takes one
	// part in pollShare of all time.
	pollTime  = 10 * time.Second // in a folder
	pollCloud = 30 * time.Second // in a bucket
	pollShare = 100
)

// follow reads the ledger, and again and again what others have changed in it.
func (s *Server) follow(ctx context.Context) {
	wait := cmp.Or(s.o.Poll, pollTime)
	if s.o.Poll == 0 && s.Setup().SourceFolder() == "" {
		wait = pollCloud
	}
	for {
		started := time.Now()
		err := s.readLedger(ctx)
		if ctx.Err() != nil {
			return
		}
		s.problem("ledger", err)
		s.objects.loaded()
		s.feed.lake()
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(wait, pollShare*time.Since(started))):
		}
	}
}

// readLedger lists the ledger. If entries have changed, the lake reads them, and the
// newest of them are shown as objects.
func (s *Server) readLedger(ctx context.Context) error {
	mark := s.objects.mark()
	listed, err := s.lake.Listed(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(listed, func(a, b ledger.Listed) int { return a.Written.Compare(b.Written) })
	older := max(len(listed)-s.objects.most, 0)
	there := map[ledger.ID]bool{}
	for _, l := range listed[older:] {
		there[l.ID] = true
	}
	changed := slices.DeleteFunc(listed[older:], func(l ledger.Listed) bool { return l.ETag == s.objects.etag(l.ID) })
	if len(changed) > 0 {
		if err := s.lake.Refresh(ctx); err != nil {
			return err
		}
		state, err := s.lake.State(ctx)
		if err != nil {
			return err
		}
		entries := make(map[ledger.ID]*lake.Entry, len(state.Entries))
		for _, e := range state.Entries {
			entries[e.ID] = e
		}
		for _, l := range changed {
			// Gone meanwhile; or the tables say that it cannot be read.
			if e := entries[l.ID]; e != nil && e.Err == nil {
				s.objects.account(&e.Entry, e.ETag, l.Written, nil)
			}
		}
		s.feed.table(tablesOf(s.Setup()))
	}
	s.objects.prune(there, int64(older), mark)
	return nil
}
