package serve

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"sluice/internal/pipeline"
)

// maxQueue bounds the objects that wait, at some 300 bytes each. What does not find
// room is found again by the next look at everything.
const maxQueue = 50_000

// task is an object to process.
type task struct {
	key   string
	size  int64
	redo  pipeline.Redo
	tries int // that have failed

	at      time.Time // not before
	number  int64     // the order among those that are due
	index   int       // in its heap; -1: it is in work
	renewed *task     // it came again while it was in work
}

func (t *task) isLarge() bool { return t.size > pipeline.SmallObject }

// queue has each key once. Small and large objects wait apart, so that small ones do
// not wait for a large one.
type queue struct {
	waits func(*task) // is told of an object before it can be taken, unless it failed

	mu           sync.Mutex
	tasks        map[string]*task
	small, large tasks
	number       int64
	working      int
	paused       time.Time // until then nothing is taken
	full         bool      // something found no room
	news         chan struct{}
}

func newQueue(waits func(*task)) *queue {
	return &queue{waits: waits, tasks: map[string]*task{}, news: make(chan struct{})}
}

// tasks is a heap: what is due first is first.
type tasks []*task

func (h tasks) Len() int { return len(h) }
func (h tasks) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].number < h[j].number
}
func (h tasks) Swap(i, j int) { h[i], h[j] = h[j], h[i]; h[i].index, h[j].index = i, j }
func (h *tasks) Push(x any)   { t := x.(*task); t.index = len(*h); *h = append(*h, t) }
func (h *tasks) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}

func (q *queue) of(t *task) *tasks {
	if t.isLarge() {
		return &q.large
	}
	return &q.small
}

// add queues an object, once more if it is in work. It reports whether there was room.
func (q *queue) add(t task) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.number++
	t.at, t.number = time.Time{}, q.number
	old := q.tasks[t.key]
	switch {
	case old == nil && len(q.tasks) >= maxQueue:
		q.full = true
		return false
	case old == nil:
	case old.index < 0: // it is in work with what it was before
		if old.renewed != nil && t.redo == "" {
			t.redo = old.renewed.redo
		}
		old.renewed = &t
		return true
	default:
		heap.Remove(q.of(old), old.index)
		if t.redo == "" {
			t.redo = old.redo
		}
	}
	q.push(&t)
	return true
}

// push puts an object into the queue. q.mu is locked.
func (q *queue) push(t *task) {
	if t.tries == 0 {
		q.waits(t)
	}
	q.tasks[t.key] = t
	heap.Push(q.of(t), t)
	q.wake()
}

// wake wakes all that wait for a task. q.mu is locked.
func (q *queue) wake() {
	close(q.news)
	q.news = make(chan struct{})
}

// take waits for an object; false if ctx ends first.
func (q *queue) take(ctx context.Context, large bool) (*task, bool) {
	for {
		q.mu.Lock()
		h := &q.small
		if large {
			h = &q.large
		}
		wait := time.Duration(-1)
		if len(*h) > 0 {
			at := (*h)[0].at
			if q.paused.After(at) {
				at = q.paused
			}
			if wait = time.Until(at); wait <= 0 && ctx.Err() == nil {
				t := heap.Pop(h).(*task)
				q.working++
				q.mu.Unlock()
				return t, true
			}
		}
		news := q.news
		q.mu.Unlock()
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return nil, false
		case <-news:
		case <-due:
		}
	}
}

// more takes other small objects that are due, up to most, for the same work as t.
func (q *queue) more(t *task, most int) (all []*task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for len(all) < most && len(q.small) > 0 && q.small[0].redo == t.redo && !q.small[0].at.After(now) && !q.paused.After(now) {
		all = append(all, heap.Pop(&q.small).(*task))
		q.working++
	}
	return all
}

// done removes an object from the queue, unless it came again.
func (q *queue) done(t *task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.end(t, nil)
}

// again queues an object for another try.
func (q *queue) again(t *task, wait time.Duration, tries int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.number++
	q.end(t, &task{key: t.key, size: t.size, redo: t.redo, tries: tries, at: time.Now().Add(wait), number: q.number})
}

// end ends the work on an object; next comes in its place, but what came meanwhile
// goes before. q.mu is locked.
func (q *queue) end(t, next *task) {
	if q.tasks[t.key] == t {
		q.working--
		delete(q.tasks, t.key)
		if t.renewed != nil {
			next = t.renewed
		}
	}
	// Otherwise t is not from the queue, which may have another of this key.
	if next != nil && q.tasks[next.key] == nil {
		q.push(next)
	}
}

// pause has nothing taken for a while.
func (q *queue) pause(wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if until := time.Now().Add(wait); until.After(q.paused) {
		q.paused = until
	}
}

// isEmpty reports whether nothing is in work or due: what failed waits for its time.
func (q *queue) isEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	due := func(h tasks) bool { return len(h) > 0 && !h[0].at.After(time.Now()) }
	return q.working == 0 && !due(q.small) && !due(q.large)
}

// overflowed reports whether something found no room since the last call.
func (q *queue) overflowed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	full := q.full
	q.full = false
	return full
}
