package cost

import "math"

// What internal/store/s3store reads and writes with a request, in bytes.
const (
	rangeSize = 4 << 20
	partSize  = 8 << 20
)

// requests are calls of S3 as it prices them: POST and LIST cost what PUT does,
// HEAD what GET does.
type requests struct{ put, get float64 }

func (r requests) times(n float64) requests { return requests{r.put * n, r.get * n} }

func (r requests) plus(o requests) requests { return requests{r.put + o.put, r.get + o.get} }

// objectRequests are the calls that committing a new source object takes, in
// the order of internal/pipeline's protocol: the ledger entry, which is not
// there yet, the source, the claim, the output, which is not there yet, the
// source in parts, the output, and the ledger entry. requests_test.go counts
// them in a run over a real S3 server.
func objectRequests(read, written float64) requests {
	return requests{
		get: 3 + sourceReads(read), // entry, HEAD source, HEAD output
		put: 2 + outputWrites(written),
	}
}

// sourceReads are the GETs of a source object, the first without a range.
func sourceReads(bytes float64) float64 { return max(1, math.Ceil(bytes/rangeSize)) }

// outputWrites are one PUT, or the calls of a multipart upload.
func outputWrites(bytes float64) float64 {
	if bytes <= partSize {
		return 1
	}
	return 2 + math.Ceil(bytes/partSize) // create, parts, complete
}

// repeatedRequests are those of an event that came before: entry, output and
// source are looked at.
var repeatedRequests = requests{get: 3}

// roundTrips are the calls of an object that wait for one another. The parts
// of a large one are asked for ahead, and cost bandwidth, not waiting.
func roundTrips(written float64) float64 {
	if written <= partSize {
		return 7
	}
	return 9
}

// reconcileRequests are those of a scheduled run over settled objects: source,
// sink and ledger are listed, 1,000 keys a call, and the index of the ledger is
// read. If entries were written since it was, the source is listed once more,
// these entries are read, and the index is written.
func reconcileRequests(known, fresh float64) requests {
	pages := math.Ceil(known / listPage)
	if fresh == 0 {
		return requests{put: 3 * pages, get: 1}
	}
	return requests{put: 4*pages + 1, get: fresh + 1}
}

// Requests for the crawler's marker, counted by requests_test.go.
var (
	crawlRequests    = requests{get: 1, put: 2} // read, dirty, started
	followUpRequests = requests{get: 1, put: 1} // read, clean
	idleRequests     = requests{get: 1}         // of a follow-up with nothing to do
)
