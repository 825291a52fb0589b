package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice"
	"sluice/internal/conversion"
	"sluice/internal/rejection"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// Finish commits the object, once its parts join. A part that nobody has done, or that does
// not begin where the one before it ends, is read here.
func (s *Split) Finish(ctx context.Context) (r Result, commits Commits, err error) {
	began := time.Now()
	for attempt := 1; ; attempt++ {
		r, err = s.finish(ctx, &commits)
		if !errors.Is(err, tables.ErrOvertaken) || attempt == maxAttempts {
			break
		}
		// Another process has finished it, or the next look shows that the plan is stale.
		if err = s.t.wait(ctx, time.Duration(attempt)*10*time.Millisecond); err != nil {
			return r, commits, err
		}
	}
	r.Took = time.Since(began)
	if err != nil {
		return r, commits, fmt.Errorf("split %q: %w", s.plan.Key, err)
	}
	if err := s.t.note(ctx, &r); err != nil {
		return r, commits, err
	}
	s.t.cleanSplits(ctx, s.plan.Bucket, s.plan.Key)
	return r, commits, nil
}

func (s *Split) finish(ctx context.Context, commits *Commits) (Result, error) {
	w, err := s.begin(ctx)
	if err != nil {
		return Result{}, err
	}
	if w == nil {
		return s.finished(ctx)
	}
	defer w.b.abort(ctx)
	o := w.o
	state := s.state()
	bad := s.t.quarantineOf(ctx, s.plan.Bucket, s.plan.Key, &state)
	defer func() { store.Abort(ctx, bad.w) }()
	whole := conversion.NewWhole(s.t.Mapping, s.plan.First, s.options(bad))
	rejected, err := s.join(ctx, w, whole)
	if err != nil {
		return Result{}, err
	}
	var none error // not a typed nil
	if rejected != nil {
		none = rejected
	}
	result, err := whole.Result(none)
	if errors.As(err, &rejected) {
		err = nil
	}
	if err != nil {
		return Result{}, err
	}
	var reject *sluice.RejectError
	state.Stats = statsOf(&result)
	switch {
	case rejected != nil:
		reject = &sluice.RejectError{Reason: rejected.Code, Offset: rejected.Offset, Detail: rejected.Detail}
		state.Outcome, state.Reason = sluice.Reject, reject.Reason
	case state.RecordsQuarantined > 0:
		state.Outcome = sluice.Quarantine
	default:
		state.Outcome = sluice.Accept
	}
	if err := s.t.step(Converted); err != nil {
		return Result{}, err
	}
	if err := s.t.explain(ctx, s.plan.Bucket, s.plan.Key, &state, reject, bad); err != nil {
		return Result{}, err
	}
	if err := s.t.step(Quarantined); err != nil {
		return Result{}, err
	}
	if o.keeps = reject != nil || state.RecordsQuarantined > 0 && state.RecordsQuarantined == state.RecordsRead; o.keeps {
		clear(o.files)
		clear(o.ranges)
	}
	o.result.Disposition, o.result.Stats, o.result.Detail = disposition(state.Outcome), state.Stats, state.Detail
	o.after = &runs.Entry{Key: runs.Key{Bucket: s.plan.Bucket, Key: s.plan.Key}, State: state}
	w.b.taken = 1
	err = w.b.commit(ctx)
	commits.Add(w.b.commits)
	return o.result, err
}

// finished is the result of an object whose state all tables have.
func (s *Split) finished(ctx context.Context) (Result, error) {
	heads, err := s.t.Open(ctx)
	if err != nil {
		return Result{}, err
	}
	known, err := look(ctx, heads, []runs.Key{{Bucket: s.plan.Bucket, Key: s.plan.Key}})
	if err != nil {
		return Result{}, err
	}
	if !s.t.settled(known[0], s.plan.Identity, s.plan.Mapping) {
		return Result{}, ErrStale
	}
	return s.t.duplicate(s.plan.Bucket, s.plan.Key, known[0]), nil
}

// join adds up the parts, and takes over their files. A reject ends it.
func (s *Split) join(ctx context.Context, w *splitWork, whole *conversion.Whole) (*rejection.Error, error) {
	n := len(w.b.heads)
	for i := range s.Parts() {
		r := s.rangeOf(i)
		p, err := s.part(ctx, i, r, whole)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue // the part before it has read all of it
		}
		reject, err := s.add(ctx, p, whole)
		if err != nil || reject != nil {
			return reject, err
		}
		if len(p.Files) != n || len(p.Ranges) != n {
			return nil, fmt.Errorf("part %d is of other tables", i)
		}
		for j, h := range w.b.heads {
			files, err := h.Metadata().DecodeFiles(p.Files[j])
			if err != nil {
				return nil, fmt.Errorf("part %d: %w", i, err)
			}
			w.o.files[j], w.o.ranges[j] = append(w.o.files[j], files...), append(w.o.ranges[j], p.Ranges[j]...)
		}
	}
	return nil, nil
}

// part is a part that joins those before it; nil if it has no record.
func (s *Split) part(ctx context.Context, part int, r conversion.Range, whole *conversion.Whole) (*splitPart, error) {
	p, err := readJSON[splitPart](ctx, s.t.ledgerStore(), s.parts()+partName(part))
	switch {
	case err == nil && whole.Joins(&p.Piece, r.Until):
		return p, nil
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return nil, fmt.Errorf("read part %d: %w", part, err)
	case whole.Next() >= r.Until:
		return nil, nil
	}
	r.From, r.Known = whole.Next(), true
	name := partFrom(part, r.From)
	if p, err = readJSON[splitPart](ctx, s.t.ledgerStore(), s.parts()+name); errors.Is(err, store.ErrNotFound) {
		if err = s.convert(ctx, name, r, nil); err == nil {
			p, err = readJSON[splitPart](ctx, s.t.ledgerStore(), s.parts()+name)
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		err = tables.ErrOvertaken // others have finished, and removed it
	}
	if err != nil {
		return nil, fmt.Errorf("read part %d again: %w", part, err)
	}
	if !whole.Joins(&p.Piece, r.Until) {
		return nil, fmt.Errorf("part %d was read from byte %d, and begins at %d", part, r.From, p.Begin)
	}
	return p, nil
}

// add adds a part to the sums, and its quarantined records to those of the object.
func (s *Split) add(ctx context.Context, p *splitPart, whole *conversion.Whole) (*rejection.Error, error) {
	var held io.Reader = strings.NewReader("")
	if p.Quarantine != "" {
		object, err := s.t.Quarantine.Open(ctx, p.Quarantine)
		if errors.Is(err, store.ErrNotFound) {
			err = tables.ErrOvertaken // others have finished, and removed it
		}
		if err != nil {
			return nil, fmt.Errorf("read quarantined records of a part: %w", err)
		}
		defer object.Close()
		held = object
	}
	err := whole.Add(&p.Piece, held)
	reject := new(rejection.Error)
	if errors.As(err, &reject) {
		return reject, nil
	}
	return nil, err
}

// statsOf are the counts of a conversion, without a verdict.
func statsOf(r *conversion.Result) (s sluice.Stats) {
	var paths []sluice.DriftPath
	for _, p := range r.Drifted {
		paths = append(paths, sluice.DriftPath{Kind: string(p.Kind), Path: p.Path, Reason: p.Reason, Count: p.Count, Offset: p.Offset})
	}
	s.Add(sluice.Stats{
		RecordsRead: r.RecordsRead, RecordsCommitted: r.RecordsCommitted, RecordsQuarantined: r.RecordsQuarantined,
		RecordsSkipped: r.RecordsSkipped, RowsWritten: r.RowsWritten, BytesRead: r.BytesRead,
		ElementsSkipped: r.ElementsSkipped, RowsFiltered: r.RowsFiltered, UnknownFields: r.UnknownFields, ValueErrors: r.ValueErrors, Reasons: r.Reasons,
		Sums: r.Sums, RecordSums: r.RecordSums, Drift: paths, DriftRest: r.DriftRest,
	})
	return s
}
