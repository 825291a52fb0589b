package gluecrawler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/smithy-go"

	"sluice/internal/catalog"
	"sluice/internal/store"
)

// world is Glue and a store in memory, in which the real code runs one call at
// a time: every call to either waits for its turn. Files, and so sets of them,
// are bits.
type world struct {
	committed, acknowledged uint
	crawled                 uint // files that a crawl has listed which then succeeded

	running bool
	crawl   uint // files the running crawl has listed
	listed  bool
	status  types.LastCrawlStatus

	etag   int    // of the marker; 0: there is none
	marker string // JSON

	failures int           // crawls that may still fail
	faults   map[fault]int // calls that may still fail

	processes []*process
}

// process is one invocation of the code. Between two turns it stands before a call.
type process struct {
	world *world
	call  string          // that it stands before
	fault fault           // that the call will have
	seen  strings.Builder // what the calls have returned: with it, where the code stands
	etag  int             // of the marker, as it was last read or written
	done  bool
	dead  bool
	yield func(call string) bool
	next  func() (call string, ok bool)
	stop  func()
}

type fault string

const (
	noFault   fault = ""
	crash     fault = "crash"
	throttled fault = "throttled"
	lostReply fault = "lost reply" // the SDK repeats the call, which did work
)

var errCrash = errors.New("the process is dead")

// spawn lets process i begin and run up to its first call.
func (w *world) spawn(i int, run func(p *process)) {
	p := &process{world: w}
	p.next, p.stop = iter.Pull(func(yield func(string) bool) {
		p.yield = yield
		run(p)
	})
	w.processes[i] = p
	p.step(noFault)
}

// step lets the process make its call and run up to the next one.
func (p *process) step(f fault) {
	p.fault = f
	call, ok := p.next()
	p.call, p.done = call, !ok
}

// turn waits for the turn of a call.
func (p *process) turn(call string) error {
	p.dead = p.dead || !p.yield(call)
	if p.dead {
		return errCrash
	}
	return nil
}

func (p *process) saw(format string, args ...any) { fmt.Fprintf(&p.seen, format+";", args...) }

func (p *process) crawler() *Crawler { return New(p, "c", simStore{p: p}, "") }

// StartCrawler is Glue's.
func (p *process) StartCrawler(context.Context, *glue.StartCrawlerInput, ...func(*glue.Options)) (*glue.StartCrawlerOutput, error) {
	if err := p.turn("start"); err != nil {
		return nil, err
	}
	w := p.world
	if p.fault == throttled {
		p.saw("throttled")
		return nil, &smithy.GenericAPIError{Code: "ThrottlingException"}
	}
	was := w.running
	if !was {
		w.running, w.listed, w.crawl = true, false, 0
	}
	if was || p.fault == lostReply {
		p.saw("running")
		return nil, &types.CrawlerRunningException{}
	}
	p.saw("started")
	return &glue.StartCrawlerOutput{}, nil
}

// GetCrawler is Glue's.
func (p *process) GetCrawler(context.Context, *glue.GetCrawlerInput, ...func(*glue.Options)) (*glue.GetCrawlerOutput, error) {
	if err := p.turn("look"); err != nil {
		return nil, err
	}
	w := p.world
	got := &types.Crawler{State: types.CrawlerStateReady}
	if w.running {
		got.State = types.CrawlerStateRunning
	}
	if w.status != "" {
		got.LastCrawl = &types.LastCrawlInfo{Status: w.status}
	}
	p.saw("%s %s", got.State, w.status)
	return &glue.GetCrawlerOutput{Crawler: got}, nil
}

// simStore has the one object the code uses.
type simStore struct {
	store.Store // nothing else is called
	p           *process
}

func (s simStore) Open(context.Context, string) (store.Object, error) {
	if err := s.p.turn("get"); err != nil {
		return nil, err
	}
	w := s.p.world
	s.p.etag = w.etag
	s.p.saw("get %s", w.says())
	if w.etag == 0 {
		return nil, store.ErrNotFound
	}
	return simObject{io.NopCloser(strings.NewReader(w.marker)), store.Info{Size: int64(len(w.marker)), ETag: strconv.Itoa(w.etag)}}, nil
}

type simObject struct {
	io.ReadCloser
	info store.Info
}

func (o simObject) Info() store.Info { return o.info }

func (s simStore) Create(context.Context, string, store.CreateOptions) (store.Writer, error) {
	return &simWriter{p: s.p}, nil
}

type simWriter struct {
	p *process
	bytes.Buffer
}

func (o *simWriter) Abort(context.Context) error { return nil }

func (o *simWriter) Commit(_ context.Context, condition store.Precondition) (store.Info, error) {
	if err := o.p.turn("put"); err != nil {
		return store.Info{}, err
	}
	w := o.p.world
	if !condition.Holds(strconv.Itoa(w.etag), w.etag != 0) {
		o.p.saw("412")
		return store.Info{}, store.ErrPrecondition
	}
	w.etag++
	w.marker = o.String()
	o.p.etag = w.etag
	o.p.saw("put")
	return store.Info{ETag: strconv.Itoa(w.etag)}, nil
}

// worker commits a file, refreshes, and acknowledges. Dead before the last, it
// is given the event again, and finds the file committed.
func worker(file uint) func(*process) {
	return func(p *process) {
		if p.turn("commit") != nil {
			return
		}
		p.world.committed |= file
		p.saw("committed")
		result, err := p.crawler().Refresh(context.Background(), []catalog.Table{{}})
		if p.dead || err != nil && !result.Pending {
			return
		}
		p.world.acknowledged |= file
	}
}

// schedule is one call of FollowUp, by the clock or an event.
func schedule(p *process) {
	p.crawler().FollowUp(context.Background(), nil)
}

// choice is one thing that can happen next: the turn of a process, or of the crawler.
type choice struct {
	process int // or none
	fault   fault
	crawler string
}

func (c choice) String() string {
	if c.crawler != "" {
		return "crawler: " + c.crawler
	}
	return strings.TrimSpace(fmt.Sprintf("%d: %s", c.process, c.fault))
}

func (w *world) choices() []choice {
	var all []choice
	add := func(can bool, c choice) {
		if can {
			all = append(all, c)
		}
	}
	for i, p := range w.processes {
		if p.done {
			continue
		}
		all = append(all, choice{process: i})
		add(w.faults[crash] > 0, choice{process: i, fault: crash})
		add(w.faults[throttled] > 0 && p.call == "start", choice{process: i, fault: throttled})
		add(w.faults[lostReply] > 0 && p.call == "start" && !w.running, choice{process: i, fault: lostReply})
	}
	add(w.running && !w.listed, choice{crawler: "list"})
	add(w.running && w.listed, choice{crawler: "succeed"})
	add(w.running && w.failures > 0, choice{crawler: "fail"})
	return all
}

func (w *world) do(c choice) {
	switch c.crawler {
	case "list":
		w.listed, w.crawl = true, w.committed
	case "succeed":
		w.running, w.status = false, types.LastCrawlStatusSucceeded
		w.crawled |= w.crawl
	case "fail":
		w.failures--
		w.running, w.status = false, types.LastCrawlStatusFailed
	case "":
		w.faults[c.fault]--
		p := w.processes[c.process]
		if c.fault != crash {
			p.step(c.fault)
			return
		}
		p.stop()
		p.done = true
		if c.process < workers {
			w.spawn(c.process, worker(1<<c.process)) // the event comes again
		}
	}
}

// says is what the marker says, but for its random part; nothing if there is none.
func (w *world) says() string {
	_, after, _ := strings.Cut(w.marker, `"state":`)
	says, _, _ := strings.Cut(after, `,"write":`)
	return says
}

func (w *world) clean() bool { return w.etag == 0 || strings.HasPrefix(w.says(), `"clean"`) }

// key is all that decides what can happen from here. Of ETags that is whether a
// process has the current one; one that is not will never be again. The workers
// are alike, so their order says nothing.
func (w *world) key() string {
	each := make([]string, len(w.processes))
	for i, p := range w.processes {
		file := uint(1) << i
		each[i] = fmt.Sprint("|", w.committed&file != 0, w.acknowledged&file != 0, w.crawled&file != 0, w.crawl&file != 0)
		if !p.done {
			each[i] += fmt.Sprint(p.call, p.etag == w.etag, p.seen.String())
		}
	}
	slices.Sort(each[:workers])
	return fmt.Sprint(each, w.running, w.listed, w.status, w.failures, w.says(), w.faults[crash], w.faults[throttled], w.faults[lostReply])
}
