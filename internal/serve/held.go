package serve

import (
	"net/http"

	"sluice/internal/lake"
	"sluice/internal/ledger"
)

func (s *Server) getQuarantine(w http.ResponseWriter, r *http.Request) error {
	h, err := s.lake.Held(r.Context())
	if err != nil {
		return failed(err)
	}
	return answerJSON(w, http.StatusOK, h)
}

func (s *Server) getQuarantined(w http.ResponseWriter, r *http.Request) error {
	id, ok := ledger.ParseID(r.PathValue("id"))
	if !ok {
		return fail(http.StatusBadRequest, "read quarantine: the ID is not 64 hex digits")
	}
	limit, err := parameter(r, "limit", 50)
	if err != nil {
		return err
	}
	h, err := s.lake.HeldObject(r.Context(), id, r.FormValue("after"), int(min(limit, lake.MaxRecords)))
	if err != nil {
		return failed(err)
	}
	return answerJSON(w, http.StatusOK, h)
}
