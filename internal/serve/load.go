package serve

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"sluice/internal/lake"
	"sluice/internal/ledger"
	"sluice/internal/store"
)

const (
	readAtOnce = 8   // ledger entries
	readChunk  = 512 // entries of one look at the order

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

// readLedger reads the entries that have changed, the newest of them if there are
// too many.
func (s *Server) readLedger(ctx context.Context) error {
	at, mark := s.Setup(), s.objects.mark()
	var listed []ledger.Listed
	there := map[ledger.ID]bool{}
	err := at.Pipeline.Ledger.List(ctx, func(l ledger.Listed) error {
		listed = append(listed, l)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(listed, func(a, b ledger.Listed) int { return a.Written.Compare(b.Written) })
	older := max(len(listed)-s.objects.most, 0)
	for _, l := range listed[older:] {
		there[l.ID] = true
	}
	changed := slices.DeleteFunc(listed[older:], func(l ledger.Listed) bool { return l.ETag == s.objects.etag(l.ID) })
	for chunk := range slices.Chunk(changed, readChunk) {
		entries := make([]ledger.Entry, len(chunk))
		etags := make([]string, len(chunk))
		err := lake.Each(ctx, readAtOnce, len(chunk), func(ctx context.Context, i int) (err error) {
			entries[i], etags[i], err = at.Pipeline.Ledger.Read(ctx, chunk[i].ID)
			if errors.Is(err, store.ErrNotFound) || errors.Is(err, ledger.ErrDamaged) || errors.Is(err, ledger.ErrNewer) {
				return nil // gone meanwhile; or the tables say that it cannot be read
			}
			return err
		})
		if err != nil {
			return err
		}
		for i := range entries {
			if entries[i].Version != 0 {
				s.objects.account(&entries[i], etags[i], chunk[i].Written, nil)
			}
		}
	}
	if len(changed) > 0 {
		s.notes.add()
	}
	s.objects.prune(there, int64(older), mark)
	return nil
}
