package serve

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"sluice/internal/ledger"
)

const (
	noteTime  = 200 * time.Millisecond // in which changes are collected
	noteShare = 10                     // reading them may take one part in this many of all time
	failTime  = 5 * time.Second        // until the next try
	noteMost  = 5000                   // of changes; if there are more, the whole ledger is compared
)

// notes are the ledger entries that the tables do not show yet as they are now.
type notes struct {
	mu   sync.Mutex
	ids  map[ledger.ID]bool
	all  bool          // it is not known which
	news chan struct{} // there are some
}

func newNotes() *notes { return &notes{ids: map[ledger.ID]bool{}, news: make(chan struct{}, 1)} }

// add says that an entry has changed; without an ID, any may have.
func (n *notes) add(ids ...ledger.ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(ids) == 0 || len(n.ids) > noteMost {
		n.all = true
		clear(n.ids)
	}
	for _, id := range ids {
		n.ids[id] = true
	}
	select {
	case n.news <- struct{}{}:
	default:
	}
}

// note has the tables follow the ledger until ctx ends, and tells the pages.
func (s *Server) note(ctx context.Context) {
	wait := time.Duration(noteTime)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.notes.news:
		}
		if !sleep(ctx, wait) {
			return
		}
		n := s.notes
		n.mu.Lock()
		ids, all := n.ids, n.all
		n.ids, n.all = map[ledger.ID]bool{}, false
		n.mu.Unlock()
		started := time.Now()
		var err error
		if all {
			err = s.lake.Refresh(ctx)
		} else {
			err = s.lake.Note(ctx, slices.Collect(maps.Keys(ids))...)
		}
		if ctx.Err() != nil {
			return
		}
		s.problem("tables", err)
		if err != nil {
			n.add()
			sleep(ctx, failTime)
			continue
		}
		s.feed.table(tablesOf(s.Setup()))
		wait = max(noteTime, noteShare*time.Since(started))
	}
}
