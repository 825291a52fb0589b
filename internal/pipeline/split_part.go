package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"

	"sluice"
	"sluice/internal/conversion"
	"sluice/internal/iceberg"
	"sluice/internal/runs"
	"sluice/internal/store"
	"sluice/internal/tables"
)

// splitQuarantine is in the names of what parts quarantine, until the split is finished.
const splitQuarantine = ".split-"

// splitPart is what is stored of a part. It appears when its files are complete, and is
// never changed.
type splitPart struct {
	conversion.Piece
	Version    int                 `json:"version"`
	Attempt    string              `json:"attempt"`    // random: whose it is
	Files      [][]iceberg.Unnamed `json:"files"`      // of each table
	Ranges     [][]runs.FileRange  `json:"ranges"`     // of each table: its rows
	Quarantine string              `json:"quarantine"` // key of its quarantined records, or empty
}

// parts is where the parts of the plan are. Those of another plan are of other ranges, and
// their data files may be gone.
func (s *Split) parts() string { return s.folder + s.plan.ID[:12] + "/" }

const partPrefix = "part-"

// partName names a part whose first record is looked for.
func partName(part int) string { return fmt.Sprintf(partPrefix+"%05d.json", part) }

// partFrom names a part that is known to begin at an offset.
func partFrom(part int, begin int64) string {
	return fmt.Sprintf(partPrefix+"%05d-%d.json", part, begin)
}

// Missing lists the parts that nobody has done yet.
func (s *Split) Missing(ctx context.Context) (missing []int, err error) {
	there := map[string]bool{}
	err = s.t.ledgerStore().List(ctx, s.parts(), func(i store.Info) error {
		there[i.Key[len(s.parts()):]] = true
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the parts of a split: %w", err)
	}
	for i := range s.Parts() {
		if !there[partName(i)] {
			missing = append(missing, i)
		}
	}
	return missing, nil
}

// Part converts a part, unless it is done; ErrStale if the plan has no such part, since it
// is another one than that which named the part. progress, if not nil, is told of bytes that
// were read since it was called last.
func (s *Split) Part(ctx context.Context, part int, progress func(bytes int64)) error {
	_, err := s.doPart(ctx, part, progress)
	return err
}

// doPart is Part, and reports whether this call has converted the part.
func (s *Split) doPart(ctx context.Context, part int, progress func(bytes int64)) (converted bool, err error) {
	if part < 0 || part >= s.Parts() {
		return false, fmt.Errorf("split %q: part %d: %w", s.plan.Key, part, ErrStale)
	}
	name := partName(part)
	_, err = s.t.ledgerStore().Head(ctx, s.parts()+name)
	if errors.Is(err, store.ErrNotFound) {
		if err = s.convert(ctx, name, s.rangeOf(part), progress); errors.Is(err, tables.ErrOvertaken) {
			return false, nil
		}
		converted = err == nil
	}
	if err != nil {
		return false, fmt.Errorf("split %q: part %d: %w", s.plan.Key, part, err)
	}
	return converted, nil
}

// convert converts a range, and stores what it gave under a name. The error is
// tables.ErrOvertaken if the split is finished.
func (s *Split) convert(ctx context.Context, name string, r conversion.Range, progress func(int64)) error {
	w, err := s.begin(ctx)
	if err == nil && w == nil {
		err = tables.ErrOvertaken
	}
	if err != nil {
		return err
	}
	defer w.b.abort(ctx)
	if err := s.t.step(Opened); err != nil {
		return err
	}
	state := s.state()
	rows, err := w.b.rowsOf(ctx, w.o, true, &state)
	defer func() { rows.abort(ctx) }()
	if err != nil {
		return err
	}
	p := &splitPart{Version: 1, Attempt: tables.NewBatchID()}
	base := strings.TrimSuffix(name, ".json")
	held := s.t.base(s.plan.Bucket, s.plan.Key, &state) + splitQuarantine + s.plan.ID[:12] + "-" + base + "-" + p.Attempt[:12] + ".ndjson"
	bad := &lazyWriter{create: func() (store.Writer, error) {
		return s.t.Quarantine.Create(ctx, held, store.CreateOptions{ContentType: "application/x-ndjson"})
	}}
	defer func() { store.Abort(ctx, bad.w) }()
	piece, err := s.run(ctx, rows, bad, r, progress)
	if err != nil {
		return err
	}
	p.Piece = *piece
	if err := s.t.step(Converted); err != nil {
		return err
	}
	if p.Reject == nil {
		if err := rows.end(ctx, w.o); err != nil {
			return err
		}
	}
	if bad.w != nil {
		if _, err := bad.w.Commit(ctx, store.Unconditional()); err != nil {
			return fmt.Errorf("store quarantined records: %w", err)
		}
		p.Quarantine = held
	}
	if err := s.t.step(Quarantined); err != nil {
		return err
	}
	p.Ranges = w.o.ranges
	for i, h := range w.b.heads {
		files, err := h.Metadata().EncodeFiles(w.o.files[i])
		if err != nil {
			return err
		}
		p.Files = append(p.Files, files)
	}
	created, err := putOnce(ctx, s.t.ledgerStore(), s.parts()+name, p, func(other *splitPart) bool { return other.Attempt == p.Attempt })
	if err == nil && !created {
		// Somebody else was faster. Nobody names these files, or will.
		s.discard(ctx, w, p)
	}
	if err != nil {
		return fmt.Errorf("store the part of a split: %w", err)
	}
	return s.t.step(Accounted)
}

// run converts a range into files that are not complete yet.
func (s *Split) run(ctx context.Context, rows *objectRows, bad io.Writer, r conversion.Range, progress func(int64)) (*conversion.Piece, error) {
	src, err := s.t.Source(s.plan.Bucket)
	if err != nil {
		return nil, err
	}
	var from *rangeReader
	defer func() {
		if from != nil {
			from.close()
		}
	}()
	open := func(offset int64) io.Reader {
		from = newRangeReader(ctx, src, s.info(), offset, r.Until)
		return from
	}
	var outputs []conversion.Output
	for _, t := range rows.tables {
		outputs = append(outputs, t.out)
	}
	o := s.options(bad)
	seen := r.From
	if progress != nil {
		o.Progress = func(at int64) {
			at = min(at, r.Until)
			progress(max(at-seen, 0))
			seen = max(at, seen)
		}
	}
	p, err := conversion.RunRange(ctx, outputs, open, s.t.Mapping, o, r)
	if err == nil && progress != nil {
		progress(r.Until - seen)
	}
	if errors.Is(err, store.ErrChanged) {
		err = ErrStale
	}
	return p, err
}

func (s *Split) options(bad io.Writer) conversion.Options {
	codec := s.t.Codec
	if codec == "" {
		codec = sluice.Zstd
	}
	return conversion.Options{Codec: string(codec), Threads: 1, Source: s.plan.Key, Size: s.plan.Size, Quarantine: bad, AcceptDrift: s.t.AcceptDrift}
}

// discard removes the files of a part that another process has done too. What cannot be
// removed is named by nobody.
func (s *Split) discard(ctx context.Context, w *splitWork, p *splitPart) {
	for i, h := range w.b.heads {
		for _, f := range w.o.files[i] {
			if key, err := h.Files().Key(f.Path); err == nil {
				_ = h.Files().Store.Delete(ctx, key)
			}
		}
	}
	if p.Quarantine != "" {
		_ = s.t.Quarantine.Delete(ctx, p.Quarantine)
	}
}

// Split converts an object in parts of partBytes, with a number of workers, and commits it as
// one. The same call may be made on several machines, which share the parts. progress, if
// not nil, is told how many bytes of the object are done, by anybody, of how many. Calls
// of it may be at the same time.
func (t *Tables) Split(ctx context.Context, bucket, key string, partBytes int64, workers int, progress func(done, all int64)) (Result, Commits, error) {
	parts := 0
	for attempt := 1; ; attempt++ {
		s, r, err := t.PlanSplit(ctx, bucket, key, partBytes)
		commits := Commits{}
		if err == nil && s != nil {
			var n int
			n, err = s.convertAll(ctx, workers, progress)
			parts += n
			if err == nil {
				r, commits, err = s.Finish(ctx)
			}
		}
		r.Attempts, r.Parts = attempt, parts
		if !errors.Is(err, ErrStale) || attempt == maxAttempts {
			return r, commits, err
		}
	}
}

// convertAll does all parts that nobody has done, in any order, so that several processes
// seldom do the same one. It returns how many it has done.
func (s *Split) convertAll(ctx context.Context, workers int, progress func(done, all int64)) (int, error) {
	missing, err := s.Missing(ctx)
	if err != nil {
		return 0, err
	}
	left := int64(0)
	for _, i := range missing {
		r := s.rangeOf(i)
		left += r.Until - r.From
	}
	done := atomic.Int64{}
	done.Store(s.plan.Size - left)
	report := func(bytes int64) {
		if progress != nil {
			progress(done.Add(bytes), s.plan.Size)
		}
	}
	rand.Shuffle(len(missing), func(i, j int) { missing[i], missing[j] = missing[j], missing[i] })
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, converted atomic.Int64
	var all sync.WaitGroup
	for range min(max(workers, 1), len(missing)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(missing) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := Contain(func() error {
					did, err := s.doPart(ctx, missing[i], report)
					if did {
						converted.Add(1)
					}
					return err
				}); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return int(converted.Load()), context.Cause(ctx)
}
