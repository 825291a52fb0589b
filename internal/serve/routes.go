package serve

import "net/http"

// access says what a request may do.
type access int

const (
	reads   access = iota // changes nothing, whatever its method
	changes               // changes the lake: refused if the server is read-only
)

const (
	ownLimit  = -1 // the answer bounds the body itself
	noBody    = 0
	smallBody = 1 << 20 // JSON
	// mappingBody is a mapping of at most 1 MiB as a JSON string.
	mappingBody = 8 << 20
)

// route is a request that is answered.
type route struct {
	pattern string // method and path, as of [http.ServeMux]
	access  access
	body    int64 // the most bytes of a body
	answer  func(*Server, http.ResponseWriter, *http.Request) error
}

// routes are all requests under /api. Each needs the cookie, and goes through the
// guard.
func routes() []route {
	return []route{
		{"GET /api/lake", reads, noBody, (*Server).getLake},
		{"GET /api/objects", reads, noBody, (*Server).getObjects},
		{"GET /api/objects/{id}", reads, noBody, (*Server).getObject},
		{"POST /api/objects", changes, ownLimit, (*Server).postObject},
		{"POST /api/samples", changes, noBody, (*Server).postSamples},
		{"GET /api/events", reads, noBody, (*Server).getEvents},
		{"GET /api/tables", reads, noBody, (*Server).getTables},
		{"GET /api/tables/{t}/rows", reads, noBody, (*Server).getRows},
		{"GET /api/tables/{t}/columns", reads, noBody, (*Server).getColumns},
		{"GET /api/tables/{t}/chart", reads, noBody, (*Server).getChart},
		{"GET /api/tables/{t}/download", reads, noBody, (*Server).getDownload},
		{"GET /api/money", reads, noBody, (*Server).getMoney},
		{"GET /api/quarantine", reads, noBody, (*Server).getQuarantine},
		{"GET /api/quarantine/{id}", reads, noBody, (*Server).getQuarantined},
		{"GET /api/mapping", reads, noBody, (*Server).getMapping},
		{"PUT /api/mapping", changes, mappingBody, (*Server).putMapping},
		{"POST /api/mapping/check", reads, mappingBody, (*Server).checkMapping},
		{"GET /api/mapping/schema", reads, noBody, (*Server).getMappingSchema},
		{"POST /api/mapping/infer", reads, ownLimit, (*Server).inferMapping},
		{"POST /api/mapping/diff", reads, mappingBody, (*Server).diffMapping},
		{"POST /api/mapping/reprocess", changes, noBody, (*Server).reprocessMapping},
		{"POST /api/quarantine/{id}/preview", reads, mappingBody, (*Server).previewQuarantine},
		{"POST /api/quarantine/replay", changes, smallBody, (*Server).replayQuarantine},
		{"POST /api/sql", reads, smallBody, (*Server).runSQL},
		{"GET /api/sql/download", reads, noBody, (*Server).downloadSQL},
	}
}
