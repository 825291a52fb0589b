package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/store"
)

// work is an attempt that has something to do.
type work struct {
	p      *Pipeline
	entry  ledger.Entry
	etag   string // of the entry
	fences map[string]fence
	state  ledger.State

	committed bool // the outputs of the state
}

// settled reports whether the ledger describes both the current source and the
// current outputs: then there is nothing to do.
func (w *work) settled() bool {
	s := w.entry.State
	if s == nil || s.Identity != w.state.Identity || w.p.Reprocess && s.Mapping != w.state.Mapping {
		return false
	}
	for table, f := range w.fences {
		if w.entry.Output(table).ETag != f.etag {
			return false
		}
	}
	return true
}

// adopt makes the entry describe the outputs that stand there: one that was
// published by a worker who died before his account may stay.
func (w *work) adopt() {
	for table, f := range w.fences {
		if out := w.entry.Output(table); out.ETag != f.etag {
			out.ETag, out.Identity, out.SHA256 = f.etag, f.identity, ""
		}
	}
}

// carried reports whether the outputs were made from the current source by
// this mapping and software already, so that only the ledger is behind.
func (w *work) carried() bool {
	for _, f := range w.fences {
		if f.identity != w.state.Identity || f.mapping != w.state.Mapping || f.software != w.state.Software {
			return false
		}
	}
	return true
}

// written reports whether all outputs were made with this mapping before.
func (w *work) written() bool {
	for _, f := range w.fences {
		if f.etag == "" || f.mapping != w.state.Mapping {
			return false
		}
	}
	return true
}

// publish converts the source and makes the result visible: quarantine and
// report first, then each table, then the account.
func (w *work) publish(ctx context.Context, object io.ReadCloser) (Result, error) {
	outs, err := w.create(ctx)
	if err != nil {
		return Result{}, err
	}
	defer outs.abort(ctx)

	stats, err := w.convert(ctx, object, outs)
	var reject *sluice.RejectError
	if err != nil && !errors.As(err, &reject) {
		return Result{Stats: stats}, err
	}
	w.state.Stats = stats
	if err := w.p.step(Converted); err != nil {
		return Result{}, err
	}
	if err := w.explain(ctx, reject, outs); err != nil {
		return Result{}, err
	}
	if err := w.p.step(Quarantined); err != nil {
		return Result{}, err
	}
	// A state that is rejected, or of which every record is quarantined,
	// publishes nothing: the older output stays. One without records is
	// published: it keeps the fence.
	if reject != nil {
		return w.account(ctx, DidReject)
	}
	if all := stats.RecordsQuarantined; all == 0 || all < stats.RecordsRead {
		if err := w.commit(ctx, outs); err != nil {
			return Result{}, err
		}
		w.committed = true
	}
	return w.account(ctx, DidCommit)
}

// convert runs the engine over the source into the outputs.
func (w *work) convert(ctx context.Context, object io.ReadCloser, outs *outputs) (sluice.Stats, error) {
	opts := &sluice.Options{
		Codec: w.p.Codec, Threads: w.p.Threads, Source: w.entry.Key,
		Quarantine: outs.quarantine, Table: outs.table,
	}
	var src io.Reader
	if w.state.Identity != ledger.Absent {
		src = object
		if s, ok := object.(sized); ok {
			opts.Size = s.size
		}
	}
	stats, err := sluice.Convert(ctx, nil, src, w.p.Mapping, opts)
	if err != nil {
		return stats, fmt.Errorf("convert %q: %w", w.entry.Key, err)
	}
	if w.state.Identity == ledger.Absent {
		stats.Outcome = ledger.Absent
	}
	return stats, outs.check()
}

// commit publishes the outputs, each against its fence.
func (w *work) commit(ctx context.Context, outs *outputs) error {
	for _, t := range w.p.Mapping.Tables {
		out, f, o := w.entry.Output(t.Name), w.fences[t.Name], outs.tables[t.Name]
		sum := o.sum()
		switch {
		case o.w == nil: // carried: it stands there
			out.ETag, out.Identity, out.SHA256 = f.etag, f.identity, sum
			continue
		case f.etag != "" && f.etag == out.ETag && sum == out.SHA256:
			continue // the same bytes are not written again
		}
		p := store.IfNoneMatch()
		if f.etag != "" {
			p = store.IfMatch(f.etag)
		}
		info, err := o.w.Commit(ctx, p)
		if err != nil {
			return fmt.Errorf("commit output: %w", err)
		}
		out.ETag, out.Identity, out.SHA256 = info.ETag, w.state.Identity, sum
		if err := w.p.step(Committed); err != nil {
			return err
		}
	}
	return nil
}

// account writes what came of the state into the ledger.
func (w *work) account(ctx context.Context, did Disposition) (Result, error) {
	w.entry.State = &w.state
	if _, err := w.p.Ledger.Put(ctx, w.entry, store.IfMatch(w.etag)); err != nil {
		return Result{}, err
	}
	if err := w.p.step(Accounted); err != nil {
		return Result{}, err
	}
	return Result{Disposition: did, Stats: w.state.Stats, Outputs: w.entry.Outputs, Report: w.state.Report, Written: w.committed || w.written()}, nil
}
