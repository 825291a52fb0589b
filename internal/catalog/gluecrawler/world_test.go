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

	"sluice/internal/catalog"
	"sluice/internal/glue"
	"sluice/internal/store"
	"sluice/schema"
)

// world is Glue and a store in memory, in which the real code runs one call at
// a time: every call to either waits for its turn. Files, and so sets of them,
// are bits.
type world struct {
	policy Policy
	work   [workers]job
	runs   bool // the workers are commands: who dies is not started again

	committed, acknowledged uint
	crawled                 uint // files that a crawl has listed which then succeeded

	running bool
	crawl   uint // files the running crawl has listed
	listed  bool
	status  string // of the last crawl

	etag   int    // of the marker; 0: there is none
	marker string // JSON

	failures int           // crawls that may still fail
	faults   map[fault]int // calls that may still fail

	processes []*process
}

// job is what a worker does: it commits files with the columns of its mapping.
type job struct {
	files   []uint
	columns string
}

func (j job) all() uint {
	var files uint
	for _, f := range j.files {
		files |= f
	}
	return files
}

// table is what the worker makes known.
func (j job) table(written bool) []catalog.Table {
	s := schema.Schema{Table: "t", Columns: []schema.Column{{Name: j.columns}}}
	return []catalog.Table{{Schema: s, Written: written}}
}

// alike are the files with the columns of one of these.
func (w *world) alike(files uint) uint {
	var all uint
	for _, a := range w.work {
		for _, b := range w.work {
			if a.columns == b.columns && a.all()&files != 0 {
				all |= b.all()
			}
		}
	}
	return all
}

// open are the files that a crawl must still see: with the policy Always all of
// them, else those of whose columns no crawl has seen a file.
func (w *world) open(files uint) uint {
	if w.policy == Always {
		return files &^ w.crawled
	}
	return files &^ w.alike(w.crawled)
}

// newest is the job of the newest mapping, which schedules and runs have.
func (w *world) newest() job { return w.work[workers-1] }

// process is one invocation of the code. Between two turns it stands before a call.
type process struct {
	world *world
	call  string          // that it stands before
	fault fault           // that the call will have
	holds string          // what it knows beside that: with both, where the code stands
	seen  strings.Builder // what the calls have returned since the marker was last read or written
	gets  int             // of the marker, in one refresh
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
	lostReply fault = "lost reply" // the client repeats the call, which did work
)

// glueError is the code of an error of Glue.
type glueError string

func (e glueError) Error() string     { return string(e) }
func (e glueError) ErrorCode() string { return string(e) }

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

// sees forgets what was seen before: the code goes on with what the marker says.
func (p *process) sees(format string, args ...any) {
	p.seen.Reset()
	p.saw(format, args...)
}

func (p *process) crawler() *Crawler { return New(p, "c", simStore{p: p}, "", p.world.policy) }

// StartCrawler is Glue's.
func (p *process) StartCrawler(context.Context, string) error {
	if err := p.turn("start"); err != nil {
		return err
	}
	w := p.world
	if p.fault == throttled {
		p.saw("throttled")
		return glueError("ThrottlingException")
	}
	was := w.running
	if !was {
		w.running, w.listed, w.crawl = true, false, 0
	}
	if was || p.fault == lostReply {
		p.saw("running")
		return glueError("CrawlerRunningException")
	}
	p.saw("started")
	return nil
}

// GetCrawler is Glue's.
func (p *process) GetCrawler(context.Context, string) (*glue.Crawler, error) {
	if err := p.turn("look"); err != nil {
		return nil, err
	}
	w := p.world
	got := &glue.Crawler{State: "READY"}
	if w.running {
		got.State = "RUNNING"
	}
	if w.status != "" {
		got.LastCrawl = &glue.LastCrawl{Status: w.status}
	}
	p.saw("%s %s", got.State, w.status)
	return got, nil
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
	s.p.gets++
	s.p.sees("get %d %s", min(s.p.gets, 2), w.says()) // the second look knows what is new
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
	o.p.sees("put %s", w.says())
	return store.Info{ETag: strconv.Itoa(w.etag)}, nil
}

// worker does a job file by file: it commits, refreshes, and acknowledges. Dead
// before the last, it is given the events again, and finds files committed.
func (w *world) worker(i int) func(*process) {
	return func(p *process) {
		c := p.crawler()
		for n, file := range w.work[i].files {
			p.gets, p.holds = 0, fmt.Sprint(n, c.known)
			p.sees("nothing")
			if p.turn("commit") != nil {
				return
			}
			w.committed |= file
			result, err := c.Refresh(context.Background(), w.work[i].table(true))
			if p.dead || err != nil && !result.Pending {
				return
			}
			w.acknowledged |= file
		}
	}
}

// schedule looks for files of the newest mapping, and follows up.
func schedule(p *process) {
	if p.turn("list") != nil {
		return
	}
	job := p.world.newest()
	found := job.all()&p.world.committed != 0
	p.holds = fmt.Sprint(found)
	p.crawler().FollowUp(context.Background(), job.table(found))
}

// ended follows up as an event of the crawler asks for.
func ended(p *process) { p.crawler().FollowUp(context.Background(), p.world.newest().table(false)) }

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
		w.running, w.status = false, "SUCCEEDED"
		w.crawled |= w.crawl
	case "fail":
		w.failures--
		w.running, w.status = false, "FAILED"
	case "":
		w.faults[c.fault]--
		p := w.processes[c.process]
		if c.fault != crash {
			p.step(c.fault)
			return
		}
		p.stop()
		p.done = true
		if c.process < workers && !w.runs {
			w.spawn(c.process, w.worker(c.process)) // the event comes again
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
// process has the current one; one that is not will never be again. Workers that
// are alike stand for one another, so their order says nothing.
func (w *world) key() string {
	each := make([]string, len(w.processes))
	for i, p := range w.processes {
		each[i] = "|"
		if i < workers {
			each[i] += w.work[i].columns
			for _, file := range w.work[i].files {
				each[i] += fmt.Sprint(w.committed&file != 0, w.acknowledged&file != 0, w.crawled&file != 0, w.crawl&file != 0)
			}
		}
		if !p.done {
			each[i] += fmt.Sprint(p.call, p.etag == w.etag, p.holds, p.seen.String())
		}
	}
	slices.Sort(each[:workers])
	return fmt.Sprint(each, w.running, w.listed, w.status, w.failures, w.says(), w.faults[crash], w.faults[throttled], w.faults[lostReply])
}
