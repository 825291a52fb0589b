package cost

import "math"

// What internal/store/s3store reads and writes with a request, in bytes.
const (
	rangeSize = 4 << 20
	partSize  = 8 << 20
)

// requests are calls of S3, by price: POST and LIST cost as much as PUT, HEAD as much
// as GET.
type requests struct{ put, get float64 }

func (r requests) times(n float64) requests { return requests{r.put * n, r.get * n} }

func (r requests) plus(o requests) requests { return requests{r.put + o.put, r.get + o.get} }

// objectRequests are the calls for a new source object, in the order of the protocol
// of internal/pipeline: look for the ledger entry, look at the source, write the
// claim, look for the output, read the source in parts, write the output, write the
// ledger entry. requests_test.go counts them in a run over a real S3 server.
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

// repeatedRequests are those of an event that comes again: a look at the entry, the
// output and the source.
var repeatedRequests = requests{get: 3}

// roundTrips are the calls of an object that wait for one another. The parts of a
// large object are requested ahead: they cost bandwidth, but no waiting.
func roundTrips(written float64) float64 {
	if written <= partSize {
		return 7
	}
	return 9
}

// reconcileRequests are those of a scheduled run over settled objects. It lists
// source, sink and ledger, 1,000 keys a call, and reads the index of the ledger. If
// entries are newer than the index, it lists the source once more, reads these
// entries, and writes the index.
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
