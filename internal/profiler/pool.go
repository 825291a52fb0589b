package profiler

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// pool is the walkers of a run. Each counts in a trie of its own, without a
// lock. A trie that grows wide is merged into the shared one; as long as that is
// wide, all count there, one after another. So what the documents of many paths
// take is there once, not once for each thread.
type pool struct {
	depth int
	wide  atomic.Bool // the shared trie has more than maxNodes, or nothing yet

	mu     sync.Mutex
	shared *walker
}

// maxNodes is how many nodes a trie has before it is wide.
const maxNodes = 1 << 14

func newPool(depth int) *pool {
	p := &pool{depth: depth, shared: newWalker(depth)}
	p.wide.Store(true) // until the first batch has shown what the documents are
	return p
}

// walk counts batches until there are no more.
func (r *run) walk() (err error) {
	var b *batch
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("profile %s: internal error: %v", r.inputs[b.input].Name, p)
		}
	}()
	p := r.pool
	own := newWalker(p.depth)
	for b = range r.full {
		if p.wide.Load() {
			p.share(func(shared *walker) { shared.batch(b) })
		} else if own.batch(b); own.nodes > maxNodes {
			p.share(func(shared *walker) { shared.merge(own) })
		}
		b.reset()
		r.free <- b
	}
	p.share(func(shared *walker) { shared.merge(own) })
	return nil
}

// share works on the shared trie.
func (p *pool) share(work func(*walker)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	work(p.shared)
	p.wide.Store(p.shared.nodes > maxNodes)
}

// batch counts a batch.
func (w *walker) batch(b *batch) {
	for _, rec := range b.records {
		w.record(b.text, rec.at, b.input, rec.offset-int64(rec.at), b.inside)
	}
}

// merge takes what o has counted, and leaves it with nothing.
func (w *walker) merge(o *walker) {
	switch {
	case o.root.records == 0:
	case w.root.records == 0:
		w.root, w.nodes, w.records = o.root, o.nodes, o.records
	default:
		all := w.root.export(false)
		all.Merge(o.root.export(false))
		w.root = imported(all)
		w.nodes = w.root.size()
	}
	o.root, o.nodes = &node{last: -1}, 0
}
