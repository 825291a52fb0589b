package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"sluice/internal/ledger"
	"sluice/internal/setup"
	"sluice/internal/store"
)

// replayed says how many objects are processed again.
type replayed struct {
	Objects int `json:"objects"`
}

// replayQuarantine has objects processed again that have records in quarantine or
// were rejected, all of them or those that are named. What happens is told by
// events.
func (s *Server) replayQuarantine(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		IDs []string `json:"ids"`
	}
	if err := readJSON(r, &q); err != nil {
		return err
	}
	at := s.Setup()
	var keys []string
	if q.IDs == nil {
		var err error
		if keys, err = keysOf(r.Context(), at, isHeld); err != nil {
			return err
		}
	}
	for _, id := range q.IDs {
		e, err := entryOf(r.Context(), at, id)
		if err != nil {
			return err
		}
		if !isHeld(&e) {
			return fail(http.StatusConflict, "replay %q: nothing of it is in quarantine", e.Key)
		}
		keys = append(keys, e.Key)
	}
	return s.processAgain(w, at, keys)
}

// reprocessMapping has all objects processed again that were made with another mapping.
func (s *Server) reprocessMapping(w http.ResponseWriter, r *http.Request) error {
	keys, err := s.madeWithOther(r.Context())
	if err != nil {
		return err
	}
	return s.processAgain(w, s.Setup(), keys)
}

func (s *Server) processAgain(w http.ResponseWriter, at *setup.Setup, keys []string) error {
	keys = slices.DeleteFunc(keys, func(key string) bool { // the configuration may have changed
		return !at.IsSource(key)
	})
	s.again(keys)
	return answerJSON(w, http.StatusAccepted, replayed{len(keys)})
}

// isHeld reports whether records of an object are in quarantine, or it was rejected.
func isHeld(e *ledger.Entry) bool { return e.State != nil && e.State.Report != "" }

// madeWithOther are the keys of the objects that were made with another mapping than
// the one at work.
func (s *Server) madeWithOther(ctx context.Context) ([]string, error) {
	at := s.Setup()
	hash := at.Pipeline.Mapping.Hash()
	return keysOf(ctx, at, func(e *ledger.Entry) bool {
		return e.State != nil && e.State.Outcome != ledger.Absent && e.State.Mapping != hash
	})
}

// keysOf are the keys of those entries of the ledger that are wanted. Entries that
// cannot be read are left out: the objects show that.
func keysOf(ctx context.Context, at *setup.Setup, wanted func(*ledger.Entry) bool) (keys []string, err error) {
	err = at.Pipeline.Ledger.List(ctx, func(l ledger.Listed) error {
		e, _, err := at.Pipeline.Ledger.Read(ctx, l.ID)
		switch {
		case errors.Is(err, store.ErrNotFound), errors.Is(err, ledger.ErrDamaged), errors.Is(err, ledger.ErrNewer):
		case err != nil:
			return err
		case wanted(&e):
			keys = append(keys, e.Key)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	slices.Sort(keys)
	return keys, nil
}
