package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/store"
)

// work is an attempt after the ledger, the outputs and the source were read.
type work struct {
	p      *Pipeline
	src    store.Store
	entry  *ledger.Entry
	etag   string           // of the entry
	fences map[string]fence // of outputs, by their keys
	known  []ledger.Output  // the outputs as the ledger named them before
	state  ledger.State     // of the source
}

func newWork(p *Pipeline, src store.Store, c *claim, fences map[string]fence, state ledger.State) *work {
	for _, out := range c.entry.Outputs {
		// The ledger knows more than the metadata: whether the output was found
		// damaged.
		if f := fences[out.Key]; f.etag != "" && f.etag == out.ETag {
			if f.damaged = out.Identity == ""; !f.damaged {
				f.identity = out.Identity
			}
			fences[out.Key] = f
		}
	}
	return &work{p: p, src: src, entry: &c.entry, etag: c.etag, fences: fences, known: slices.Clone(c.entry.Outputs), state: state}
}

// wanted are the outputs of the tables of the mapping.
func (w *work) wanted() []ledger.Output { return w.entry.Outputs[:len(w.p.Mapping.Tables)] }

// settled reports whether the ledger describes both the current source and the
// current outputs, and all outputs show that state: then there is nothing to do.
//
// A deletion is never settled. All deletions of a key have the same identity, so
// the ledger may describe an earlier deletion while a worker holds a state from
// between the two. Only a new publication and a new account keep that worker out.
func (w *work) settled() bool {
	s := w.entry.State
	if s == nil || s.Identity != w.state.Identity || s.Identity == ledger.Absent || w.p.Redo == RedoAll || w.p.Redo == RedoChanged && flagsOf(w.p, w.entry).outdated(w.p) {
		return false
	}
	for _, out := range w.wanted() {
		if out.ETag != w.fences[out.Key].etag {
			return false
		}
	}
	return !torn(w.wanted(), w.state.Mapping)
}

// adopt makes the entry describe the outputs that are there. An output may stay if
// its worker died after publishing it and before writing the ledger.
func (w *work) adopt() {
	for i := range w.entry.Outputs {
		out := &w.entry.Outputs[i]
		if f, ok := w.fences[out.Key]; ok && out.ETag != f.etag {
			out.ETag, out.Identity, out.Mapping, out.Columns, out.SHA256 = f.etag, f.identity, f.mapping, f.columns, ""
		}
	}
}

// carried reports whether an output was published from this state, with this
// mapping and software, after the output that the ledger names: then only the
// ledger is behind. Any other output is replaced, such as a copy that somebody put
// back, or one that an earlier deletion may have published.
func (w *work) carried(i int) bool {
	known := w.known[i]
	f := w.fences[known.Key]
	return w.p.Redo != RedoAll && f.etag != "" && !f.damaged && w.state.Identity != ledger.Absent &&
		f.identity == w.state.Identity && f.mapping == w.state.Mapping && f.software == w.state.Software &&
		(f.replaces == known.ETag || f.etag == known.ETag)
}

// replaces is the ETag of what a publication replaces: of the present output, else
// of the last one that the ledger knows. It is written into the file and so chains
// the publications of a key. No two of them have the same bytes, and no ETag comes
// back, even where ETags are computed from the content: an old fence is never valid
// again.
func (w *work) replaces(i int) string {
	if f := w.fences[w.known[i].Key]; f.etag != "" {
		return f.etag
	}
	return w.known[i].ETag
}

// publish converts the source and makes the result visible: quarantine and
// report first, then each table, then the account.
func (w *work) publish(ctx context.Context, from source) (Result, error) {
	outs := &attemptFiles{}
	defer outs.abort(ctx)
	err := w.create(ctx, outs, func(i int) role {
		if w.carried(i) {
			return finds
		}
		return publishes
	})
	if err != nil {
		return Result{}, err
	}

	stats, err := w.convert(ctx, from, outs)
	var reject *sluice.RejectError
	if err != nil && !errors.As(err, &reject) {
		return Result{Stats: stats}, err
	}
	w.state.Stats = stats
	if err := w.p.step(Converted); err != nil {
		return Result{}, err
	}
	if err := w.p.explain(ctx, w.entry.Bucket, w.entry.Key, &w.state, reject, outs.quarantine); err != nil {
		return Result{}, err
	}
	if err := w.p.step(Quarantined); err != nil {
		return Result{}, err
	}
	// A state that is rejected, or whose records are all quarantined, publishes
	// nothing: the older output stays. A state without records is published, as
	// that keeps the fence.
	if reject != nil {
		return w.keep(ctx, DidReject)
	}
	if all := stats.RecordsQuarantined; all > 0 && all == stats.RecordsRead {
		return w.keep(ctx, DidCommit)
	}
	if err := w.commit(ctx, outs); err != nil {
		return Result{}, err
	}
	w.state.BytesWritten = outs.bytes()
	if err := w.retire(ctx); err != nil {
		return Result{}, err
	}
	return w.account(ctx, DidCommit)
}

// convert converts a source state into the outputs.
func (w *work) convert(ctx context.Context, from source, outs *attemptFiles) (sluice.Stats, error) {
	stats, err := w.p.convert(ctx, w.entry.Key, &w.state, from, sluice.Options{Quarantine: outs.quarantine, Table: outs.table, Metadata: w.metadata})
	if err != nil {
		return stats, err
	}
	return stats, outs.check()
}

// convert converts a source state; o says where to.
func (p *Pipeline) convert(ctx context.Context, key string, s *ledger.State, from source, o sluice.Options) (sluice.Stats, error) {
	threads := p.Threads
	if from.small {
		threads = 1 // the buffers for reading ahead would be ten times its size
	}
	if from.small && p.Computing != nil && o.Memory == nil {
		select {
		case o.Memory = <-p.Computing:
			defer func() { p.Computing <- o.Memory }()
		case <-ctx.Done():
			return sluice.Stats{}, context.Cause(ctx)
		}
	}
	o.Codec, o.Threads, o.Source, o.Size, o.AcceptDrift = p.Codec, threads, key, from.size, p.AcceptDrift
	var src io.Reader
	if s.Identity != ledger.Absent {
		src = from.reader()
	}
	stats, err := sluice.Convert(ctx, nil, src, p.Mapping, &o)
	if err != nil {
		return stats, fmt.Errorf("convert %q: %w", key, err)
	}
	if s.Identity == ledger.Absent {
		stats.Outcome = ledger.Absent
	}
	return stats, nil
}

// metadata is what a table's file says about its publication.
func (w *work) metadata(table string) map[string]string {
	i := slices.IndexFunc(w.known, func(o ledger.Output) bool { return o.Table == table })
	return w.footer(i, w.state.Identity)
}

func (w *work) footer(i int, identity string) map[string]string {
	return map[string]string{"sluice.identity": identity, "sluice.replaces": w.replaces(i)}
}

// commit publishes the outputs, each against its fence.
func (w *work) commit(ctx context.Context, outs *attemptFiles) error {
	for i, o := range outs.tables {
		if o.w == nil && !o.stands {
			continue
		}
		out := &w.entry.Outputs[i]
		if o.w != nil {
			etag, err := w.put(ctx, o.w, out.Key)
			if err != nil {
				return err
			}
			out.ETag = etag
		} else {
			out.ETag = w.fences[out.Key].etag
		}
		out.Identity, out.Mapping, out.Columns, out.SHA256 = w.state.Identity, w.state.Mapping, w.p.columns(i), o.sum()
		if o.w == nil {
			continue
		}
		if err := w.p.step(Committed); err != nil {
			return err
		}
	}
	return nil
}

// put makes an output visible if its fence is still valid.
func (w *work) put(ctx context.Context, writer store.Writer, key string) (etag string, err error) {
	p := store.IfNoneMatch()
	if f := w.fences[key]; f.etag != "" {
		p = store.IfMatch(f.etag)
	}
	info, err := writer.Commit(ctx, p)
	if err != nil {
		return "", fmt.Errorf("commit output: %w", err)
	}
	if info.ETag == "" {
		return "", fmt.Errorf("commit output: the store gives no ETag for %q", key)
	}
	return info.ETag, nil
}

// account writes the outcome of the state to the ledger.
func (w *work) account(ctx context.Context, did Disposition) (Result, error) {
	w.entry.State = &w.state
	etag, err := w.p.Ledger.Put(ctx, w.entry, store.IfMatch(w.etag))
	if err != nil {
		return Result{}, err
	}
	if err := w.p.step(Accounted); err != nil {
		return Result{}, err
	}
	return Result{
		Disposition: did, Stats: w.state.Stats, Detail: w.state.Detail, Outputs: w.wanted(), Report: w.state.Report,
		Written: w.p.written(w.wanted()), entry: *w.entry, etag: etag,
	}, nil
}
