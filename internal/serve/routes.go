package serve

import "net/http"

// access says what a request may do.
type access int

const (
	reads   access = iota // changes nothing, whatever its method
	changes               // changes the lake: refused if the server is read-only
)

const (
	noBody    = 0
	smallBody = 1 << 20 // JSON
)

// route is a request that is answered.
type route struct {
	pattern string // method and path, as of [http.ServeMux]
	access  access
	body    int64 // the most bytes of a body; below 0: the answer bounds it itself
	answer  func(*Server, http.ResponseWriter, *http.Request) error
}

// routes are all requests under /api. Each needs the cookie, and goes through the
// guard.
func routes() []route {
	return []route{
		{"GET /api/lake", reads, noBody, (*Server).getLake},
		{"GET /api/events", reads, noBody, (*Server).getEvents},
	}
}
