// Package arrivals finds out which keys of a folder came, changed or went, and
// whether they are whole: a file that is still being written is not named before it
// has come to rest.
//
// The folder is listed again and again; the notifications of the system only make
// that faster. So nothing depends on them: not on a network file system, which has
// none for what other machines write, nor if there are too many folders or too many
// changes at once.
package arrivals

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"sluice/internal/store"
)

// Options say what is looked at.
type Options struct {
	Source store.Store // a folder
	Prefix string      // of the keys
	Folder string      // the folder of the disk that Source is; empty: no notifications

	// Arrived is called with keys that are whole, or that are gone. It is called by
	// the goroutine of Run, and must not wait for much.
	Arrived func(keys []string)

	// Warn is told once of each thing that makes the work slower.
	Warn func(error)

	Settle time.Duration // how long a file must not have changed; default 500 ms
	Poll   time.Duration // between two listings, at least; default 2 s
}

const (
	// calm is the age after which the first look at a file is enough. It is more
	// than Settle, since the clock of a file server may differ a little.
	calm = 3 * time.Second

	// maxSeen bounds the files that are remembered, at some 150 bytes each. Beyond
	// it, only notifications and the runs over all of the source find changes.
	maxSeen = 300_000

	// share is how much of the time may be spent on listings: one part in this many.
	share = 50
)

// Arrivals looks at a folder.
type Arrivals struct {
	o    Options
	seed maphash.Seed

	mu      sync.Mutex
	seen    map[string]seen     // as it was named last, or found at the start
	pending map[string]*waiting // files that may be in the middle of their writing
	full    bool                // there are more than maxSeen files
	failed  string              // what was wrong with the last listing
}

// stamp is a state of a file; 0 if there is none.
type stamp uint64

type seen struct {
	stamp stamp
	round uint32 // of the listing that had it last
}

type waiting struct {
	stamp   stamp
	since   time.Time // when it was first in this state, or last written
	written bool      // since the last look: stamp is not known
}

// New looks at nothing before Run.
func New(o Options) *Arrivals {
	if o.Settle == 0 {
		o.Settle = 500 * time.Millisecond
	}
	if o.Poll == 0 {
		o.Poll = 2 * time.Second
	}
	return &Arrivals{o: o, seed: maphash.MakeSeed(), seen: map[string]seen{}, pending: map[string]*waiting{}}
}

// Run looks until ctx ends. What the first listing has counts as known; ready is
// called after it. Files of it that may still be written are named later.
func (a *Arrivals) Run(ctx context.Context, ready func()) {
	w := a.watch()
	defer w.close()
	settle := time.NewTicker(a.o.Settle / 5)
	defer settle.Stop()
	listing := time.NewTimer(0)
	defer listing.Stop()
	round := uint32(0)
	for {
		select {
		case <-ctx.Done():
			return
		case event, ok := <-w.events():
			if ok {
				a.happened(ctx, w, event)
			}
		case err, ok := <-w.errors():
			if ok && err != nil {
				listing.Reset(0) // most likely some notifications were lost
			}
		case <-settle.C:
			a.settle(ctx)
		case <-listing.C:
			started := time.Now()
			round++
			a.list(ctx, w, round)
			if round == 1 && ready != nil {
				ready()
			}
			listing.Reset(max(a.o.Poll, share*time.Since(started)))
		}
	}
}

func (a *Arrivals) stamp(info store.Info) stamp {
	return stamp(max(maphash.String(a.seed, info.ETag), 1))
}

// Whole reports whether a file, in the state that info describes, has come to rest.
// If not, it is named once it has.
func (a *Arrivals) Whole(info store.Info) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.stamp(info)
	if a.seen[info.Key].stamp == now {
		return true
	}
	if _, ok := a.pending[info.Key]; !ok && a.isCalm(info) {
		return true
	}
	a.await(info.Key, now)
	return false
}

// Known says that a file is whole, in the state that info describes: who knows it has
// put it there, and names it himself.
func (a *Arrivals) Known(info store.Info) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.pending, info.Key)
	a.note(info.Key, a.stamp(info))
}

// isCalm reports whether a file was last changed so long ago that it needs no second
// look. A time in the future says nothing.
func (a *Arrivals) isCalm(info store.Info) bool {
	return time.Since(info.Modified) > max(calm, a.o.Settle)
}

// await has a file named once it was in one state for a while. a.mu is locked.
func (a *Arrivals) await(key string, now stamp) {
	if w := a.pending[key]; w == nil {
		a.pending[key] = &waiting{stamp: now, since: time.Now()}
	} else if w.stamp != now {
		*w = waiting{stamp: now, since: time.Now()}
	}
}

// settle names the files that have come to rest.
func (a *Arrivals) settle(ctx context.Context) {
	var due []string
	a.mu.Lock()
	for key, w := range a.pending {
		if w.written || time.Since(w.since) >= a.o.Settle {
			due = append(due, key)
		}
	}
	a.mu.Unlock()
	var named []string
	for _, key := range due {
		info, err := a.o.Source.Head(ctx, key)
		if ctx.Err() != nil {
			return
		}
		if a.hasSettled(key, info, err) {
			named = append(named, key)
		}
	}
	a.name(named)
}

// hasSettled compares a file with how it was before. What cannot be looked at, such
// as a folder, is not named; the runs over all of the source tell why.
func (a *Arrivals) hasSettled(key string, info store.Info, err error) bool {
	now := stamp(0)
	if err == nil {
		now = a.stamp(info)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.pending[key]
	if w == nil {
		return false
	}
	if w.written || w.stamp != now {
		*w = waiting{stamp: now, since: time.Now()}
		return false
	}
	delete(a.pending, key)
	return a.note(key, now)
}

// note remembers the state of a file that is named; false if it was named before. A
// file that nobody knew and that is gone is not named. a.mu is locked.
func (a *Arrivals) note(key string, now stamp) bool {
	was, known := a.seen[key]
	if was.stamp == now && (known || now == 0) {
		return false
	}
	switch {
	case now == 0:
		delete(a.seen, key)
	case known || len(a.seen) < maxSeen:
		a.seen[key] = seen{now, was.round}
	}
	return true
}

func (a *Arrivals) name(keys []string) {
	if len(keys) > 0 {
		a.o.Arrived(keys)
	}
}

// list compares all files with what is known of them.
func (a *Arrivals) list(ctx context.Context, w *watcher, round uint32) {
	a.mu.Lock()
	full := a.full
	a.mu.Unlock()
	if full {
		return
	}
	var named []string
	err := a.o.Source.List(ctx, a.o.Prefix, func(info store.Info) error {
		if info.Err == nil && a.compare(info, round) {
			named = append(named, info.Key)
		}
		w.addFoldersOf(info.Key)
		return nil
	})
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		if text := err.Error(); text != a.failed {
			a.failed = text
			a.o.Warn(err)
		}
		return // what was not listed is not gone
	}
	a.failed = ""
	a.mu.Lock()
	for key, was := range a.seen {
		if was.round != round && !a.full {
			a.await(key, 0)
		}
	}
	a.mu.Unlock()
	a.name(named)
}

// compare looks at a listed file, and reports whether it is named.
func (a *Arrivals) compare(info store.Info, round uint32) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.stamp(info)
	was, known := a.seen[info.Key]
	if known {
		a.seen[info.Key] = seen{was.stamp, round}
	}
	_, waits := a.pending[info.Key]
	switch {
	case known && was.stamp == now && !waits:
		return false
	case waits || !a.isCalm(info):
		a.await(info.Key, now)
		return false
	case round == 1: // it was here before the start, so the first run finds it
		if a.full = len(a.seen) >= maxSeen; !a.full {
			a.seen[info.Key] = seen{now, round}
		}
		return false
	}
	if !known && len(a.seen) >= maxSeen {
		a.full = true
		return true
	}
	a.seen[info.Key] = seen{now, round}
	return true
}
