package serve

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"sluice/internal/ledger"
	"sluice/internal/setup"
)

// replayed says how many objects are processed again.
type replayed struct {
	Objects int `json:"objects"`
	Left    int `json:"left"` // for which there is no room in the queue: ask again when it is empty
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
		if keys, err = s.keysOf(r.Context(), isHeld); err != nil {
			return err
		}
	}
	for _, id := range q.IDs {
		e, err := s.entryOf(r.Context(), id)
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
	taken := s.again(keys)
	return answerJSON(w, http.StatusAccepted, replayed{taken, len(keys) - taken})
}

// isHeld reports whether records of an object are in quarantine, or it was rejected.
func isHeld(e *ledger.Entry) bool { return e.State != nil && e.State.Report != "" }

// madeWithOther are the keys of the objects that were made with another mapping than
// the one at work.
func (s *Server) madeWithOther(ctx context.Context) ([]string, error) {
	hash := s.Setup().Pipeline.Mapping.Hash()
	return s.keysOf(ctx, func(e *ledger.Entry) bool {
		return e.State != nil && e.State.Outcome != ledger.Absent && e.State.Mapping != hash
	})
}

// keysOf are the keys of those entries of the ledger that are wanted. Entries that
// cannot be read are left out: the objects show that.
func (s *Server) keysOf(ctx context.Context, wanted func(*ledger.Entry) bool) (keys []string, err error) {
	if err := s.lake.Refresh(ctx); err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	state, err := s.lake.State(ctx)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	for _, e := range state.Entries {
		if e.Err == nil && wanted(&e.Entry) {
			keys = append(keys, e.Key)
		}
	}
	return keys, nil
}
