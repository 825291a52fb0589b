package serve

import "net/http"

// getMoney compares sums with what is known of the published files. With again=1 the
// folders are listed anew, so that it sees what somebody else did to the files.
func (s *Server) getMoney(w http.ResponseWriter, r *http.Request) error {
	if r.FormValue("again") != "" {
		if err := s.lake.Refresh(r.Context()); err != nil {
			return failed(err)
		}
	}
	m, err := s.lake.Money(r.Context())
	if err != nil {
		return failed(err)
	}
	return answerJSON(w, http.StatusOK, m)
}
