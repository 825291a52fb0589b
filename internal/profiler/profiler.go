// Package profiler reads the records of inputs, every byte of them, and counts
// what stands at each path.
//
// A goroutine for each input that is being read finds out where its records end,
// and whether they are sound. It hands batches of sound records to the walkers,
// which count. Each walker counts for itself; in the end their counts are merged.
package profiler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"sluice/internal/jsonscan"
	"sluice/internal/profile"
	"sluice/internal/rejection"
	"sluice/mapping"
)

// Input is something to be read.
type Input struct {
	Name string // each input has one of its own
	Once bool   // it can be opened only once
	Open func(context.Context) (io.ReadCloser, error)
}

// Options of a profile.
type Options struct {
	Threads    int            // walkers; at most as many inputs are read at once
	Records    []mapping.Path // where the records are, tried in order as those of a mapping; nil: it is found out for each input
	Limits     mapping.Limits // of records and of decompression
	MaxRecords int64          // of each input, after which to stop; 0: all
	// Rejected is called for each input that is rejected, such as a broken one, in the
	// order of their names. What was read of it before counts. If it is nil, such an
	// input is an error.
	Rejected func(input string, err error)
	Progress func(stored int64) // called with the number of stored bytes read of all inputs, by one goroutine at a time
}

// Run reads the inputs. The profile is the same for any order of them and any
// number of threads. An error names the input.
func Run(ctx context.Context, inputs []Input, opts Options) (*profile.Profile, error) {
	inputs = slices.SortedFunc(slices.Values(inputs), func(a, b Input) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(inputs); i++ {
		if inputs[i].Name == inputs[i-1].Name {
			return nil, fmt.Errorf("profile %s: it is given twice", inputs[i].Name)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	denied := map[string]string{}
	for {
		r := &run{opts: &opts, ctx: ctx, cancel: cancel, inputs: inputs, denied: denied, stored: make([]int64, len(inputs))}
		p, again, err := r.run(max(opts.Threads, 1))
		if err != nil || !again {
			return p, err
		}
	}
}

// run is one call of Run.
type run struct {
	opts   *Options
	ctx    context.Context
	cancel context.CancelCauseFunc
	inputs []Input
	denied map[string]string // places that a document has shown not to be those of the records, and why

	full chan *batch // sound records, to be counted
	free chan *batch

	pool *pool // the walkers

	mu     sync.Mutex
	next   int // input to be read next
	stored []int64
	total  int64
}

// run reads all inputs. again says that a document has shown a place to be wrong:
// it is denied now, and all must be read again.
func (r *run) run(threads int) (p *profile.Profile, again bool, err error) {
	readers := min(threads, len(r.inputs))
	batches := 2*threads + readers
	r.full, r.free = make(chan *batch, batches), make(chan *batch, batches)
	for range batches {
		r.free <- new(batch)
	}
	results := make([]result, len(r.inputs))
	r.pool = newPool(r.opts.Limits.Depth)
	var reading, walking sync.WaitGroup
	for range threads {
		walking.Go(func() {
			if err := r.walk(); err != nil {
				r.cancel(err)
			}
		})
	}
	for range readers {
		reading.Go(func() {
			for {
				i, ok := r.take()
				if !ok {
					return
				}
				results[i], results[i].err = r.read(i)
				if err := results[i].err; err != nil && !r.passes(err) {
					r.cancel(err)
					return
				}
			}
		})
	}
	reading.Wait()
	close(r.full)
	walking.Wait()
	if err := context.Cause(r.ctx); err != nil {
		return nil, false, err
	}
	if again, err = r.deny(results); again || err != nil {
		return nil, again, err
	}
	if p, err = r.summary(results); err != nil {
		return nil, false, err
	}
	part := profile.New()
	part.Sources, part.Root = p.Sources, r.pool.shared.root.export(false)
	p.Merge(part)
	if m := p.Root.Members[jsonscan.Entry]; m != nil {
		return nil, false, fmt.Errorf("profile %s: at byte %d there is %s", r.inputs[m.First().Source].Name, m.First().Offset,
			"an entry of a quarantine file; profile the objects that its records came from")
	}
	return p, false, nil
}

// passes reports whether an error is that of an input alone.
func (r *run) passes(err error) bool {
	return r.opts.Rejected != nil && errors.As(err, new(*rejection.Error))
}

// summary is what the readers know without the walkers.
func (r *run) summary(results []result) (*profile.Profile, error) {
	p := profile.New()
	for i, res := range results {
		p.Sources = append(p.Sources, r.inputs[i].Name)
		p.Records += res.records
		p.Broken += res.broken
		p.BrokenFirst = p.BrokenFirst || res.brokenFirst
		p.Bytes += res.bytes
		if res.err != nil {
			r.opts.Rejected(r.inputs[i].Name, res.err)
		}
	}
	return p, r.unite(p, results)
}

// take is the next input to be read.
func (r *run) take() (i int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	return r.next - 1, r.next <= len(r.inputs) && r.ctx.Err() == nil
}

// progress reports how many stored bytes of an input were read so far.
func (r *run) progress(input int, stored int64) {
	if r.opts.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total += stored - r.stored[input]
	r.stored[input] = stored
	r.opts.Progress(r.total)
}
