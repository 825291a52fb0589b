package catalogtest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// Fault is what happens to one request that changes the catalog.
type Fault int

// The faults. After each of them the caller has an error.
const (
	None        Fault = iota
	LostRequest       // it never arrives
	LostReply         // it arrives, and the connection breaks
	Late              // the connection breaks, and it arrives with [Faults.Release]
	ErrorBefore       // the server refuses it for now
	ErrorAfter        // it arrives, and the server reports an error of its own
)

var faultNames = map[Fault]string{
	LostRequest: "lost request", LostReply: "lost reply", Late: "late", ErrorBefore: "error before", ErrorAfter: "error after",
}

// Lands says whether the change arrives before the caller has its error.
func (f Fault) Lands() bool { return f == LostReply || f == ErrorAfter }

// Faults stands between a catalog and where it keeps its tables.
type Faults interface {
	// Next says what happens to the next request that changes something.
	Next(Fault)
	// Release lets a late request arrive.
	Release(t *testing.T)
	// Seen is the number of requests that would change something since Next.
	Seen() int
}

// Proxy is a server that passes requests on to another one, and has faults.
type Proxy struct {
	URL     string
	changes func(*http.Request) bool
	pass    *httputil.ReverseProxy

	mu   sync.Mutex
	next Fault
	seen int
	late *http.Request
}

// NewProxy starts a proxy of a server. changes says which requests would change
// something; they may not read the body.
func NewProxy(t *testing.T, server string, changes func(*http.Request) bool) *Proxy {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{changes: changes, pass: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}}}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.URL = s.URL
	return p
}

// Next implements [Faults].
func (p *Proxy) Next(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next, p.seen = f, 0
}

// Seen implements [Faults].
func (p *Proxy) Seen() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// Release implements [Faults].
func (p *Proxy) Release(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	late := p.late
	p.late = nil
	p.mu.Unlock()
	if late == nil {
		t.Fatal("no request is late")
	}
	answer := httptest.NewRecorder()
	p.pass.ServeHTTP(answer, late)
	t.Logf("the answer to the late request has the status %d", answer.Code)
}

// take is the fault of a request.
func (p *Proxy) take(r *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.changes(r) {
		return None
	}
	p.seen++
	f := p.next
	p.next = None
	return f
}

// ServeHTTP is the proxy.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := p.take(r)
	if fault == None {
		p.pass.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	late := r.Clone(context.WithoutCancel(r.Context()))
	late.Body = io.NopCloser(bytes.NewReader(body))
	if fault.Lands() {
		p.pass.ServeHTTP(httptest.NewRecorder(), late)
	}
	switch fault {
	case ErrorBefore:
		http.Error(w, "busy", http.StatusServiceUnavailable)
	case ErrorAfter:
		http.Error(w, "broken", http.StatusInternalServerError)
	case Late:
		p.mu.Lock()
		p.late = late
		p.mu.Unlock()
		fallthrough
	default:
		panic(http.ErrAbortHandler) // breaks the connection
	}
}
