package serve

import "net/http"

func (s *Server) getMoney(w http.ResponseWriter, r *http.Request) error {
	m, err := s.lake.Money(r.Context())
	if err != nil {
		return failed(err)
	}
	return answerJSON(w, http.StatusOK, m)
}
