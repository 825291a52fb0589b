package serve

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/ledger"
)

const (
	feedTime    = 100 * time.Millisecond // between two looks at what has changed
	feedObjects = 20                     // objects that are told in that time at most
)

// feed tells the pages what has changed, but not more than they can show: of many
// changes of an object the last, of many objects only some.
type feed struct {
	s *Server

	mu      sync.Mutex
	changed []ledger.ID
	is      map[ledger.ID]bool // changed
	tables  map[string]bool
	all     bool // the counts, or what keeps the lake from working, may have changed
	reading map[*progress]bool
}

// progress is an object that is being read.
type progress struct {
	ID   hexID `json:"id"`
	Size int64 `json:"size"`

	read atomic.Int64
	told int64 // only for the feed
}

func newFeed(s *Server) *feed {
	return &feed{s: s, is: map[ledger.ID]bool{}, tables: map[string]bool{}, reading: map[*progress]bool{}}
}

func (f *feed) object(id ledger.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = true
	if !f.is[id] {
		f.is[id] = true
		f.changed = append(f.changed, id)
	}
}

// lake has the counts told.
func (f *feed) lake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = true
}

func (f *feed) table(names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range names {
		f.tables[n] = true
	}
}

// begin has the progress of an object told until end.
func (f *feed) begin(id ledger.ID, size int64) (p *progress, end func()) {
	p = &progress{ID: hexID(id), Size: size}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reading[p] = true
	return p, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.reading, p)
	}
}

// lakeEvent is the event "lake".
type lakeEvent struct {
	counts
	Empty   bool   `json:"empty"`
	Problem string `json:"problem"`
	LeftOut int    `json:"left_out"` // events of objects
}

// run tells until ctx ends.
func (f *feed) run(ctx context.Context) {
	ticks := time.NewTicker(feedTime)
	defer ticks.Stop()
	leftOut := 0
	var told lakeEvent
	for round := 0; ; round++ {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		f.mu.Lock()
		changed, tables, all := f.changed, f.tables, f.all
		if len(changed) > 0 {
			f.changed, f.is = nil, map[ledger.ID]bool{}
		}
		slow := round%10 == 0
		if slow && len(tables) > 0 {
			f.tables = map[string]bool{}
		}
		if round%5 == 0 {
			f.all = false
		}
		f.mu.Unlock()

		if n := len(changed) - feedObjects; n > 0 {
			leftOut += n
			changed = changed[n:] // the newest
		}
		for _, id := range changed {
			if o, _, ok := f.s.objects.get(id); ok {
				f.s.hub.send("object", o)
			}
		}
		f.progress()
		if slow && len(tables) > 0 {
			names := []string{}
			for n := range tables {
				names = append(names, n)
			}
			slices.Sort(names)
			f.s.hub.send("tables", struct {
				Names []string `json:"names"`
			}{names})
		}
		if now := f.s.lakeEvent(); round%5 == 0 && (all || leftOut > 0) && (now != told || leftOut > 0) {
			told = now
			now.LeftOut, leftOut = leftOut, 0
			f.s.hub.send("lake", now)
		}
	}
}

// progress tells of one object: that which has read most since it was told.
func (f *feed) progress() {
	f.mu.Lock()
	var most *progress
	for p := range f.reading {
		if n := p.read.Load() - p.told; n > 0 && (most == nil || n > most.read.Load()-most.told) {
			most = p
		}
	}
	f.mu.Unlock()
	if most == nil {
		return
	}
	most.told = most.read.Load()
	f.s.hub.send("progress", struct {
		*progress
		Read int64 `json:"read"`
	}{most, most.told})
}
