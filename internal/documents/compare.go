package documents

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"sluice"
	"sluice/internal/advice"
	"sluice/internal/mappingdiff"
	"sluice/internal/profile"
	"sluice/internal/profiler"
	"sluice/mapping"
)

// maxThreads is the number of threads that one conversion makes use of.
const maxThreads = 8

// ProfileAt reads inputs, whose records are at these places or, if there are none,
// where they seem to be.
func ProfileAt(ctx context.Context, inputs []Input, records []mapping.Path, limits mapping.Limits, opts Options) (*profile.Profile, error) {
	p, err := profiler.Run(ctx, profiled(inputs), profiler.Options{Threads: opts.Threads, Records: records, Limits: limits, Progress: opts.Progress})
	if err == nil && records == nil {
		profiler.Unwrap(p)
	}
	return p, err
}

// Compare compares a mapping with documents. untried says why the changed mapping
// was not tried on them; empty if it was.
func Compare(ctx context.Context, m *mapping.Mapping, inputs []Input, opts Options) (r *mappingdiff.Result, untried string, err error) {
	for k := range inputs {
		if inputs[k].Once {
			untried = "a stream can be read only once"
		}
	}
	if m.Key != "" {
		untried = "the mapping wants keys of a bucket"
	}
	seen, err := ProfileAt(ctx, inputs, m.Records, m.Limits, opts)
	if untried == "" && ctx.Err() == nil && (err != nil || seen.Records == 0 || mappingdiff.Misplaced(m, seen)) {
		other, failed := ProfileAt(ctx, inputs, nil, m.Limits, opts)
		if failed == nil && (err != nil || !mappingdiff.Misplaced(m, other)) {
			seen, err = other, nil
		}
	}
	switch {
	case err != nil:
		return nil, untried, err
	case untried != "":
		r, err = mappingdiff.Documents(m, seen, nil)
	default:
		r, err = mappingdiff.Documents(m, seen, func(m *mapping.Mapping) ([]mappingdiff.Fault, error) { return try(ctx, m, inputs, opts) })
	}
	return r, untried, err
}

// try converts the documents and throws the rows away. It says what does not fit.
func try(ctx context.Context, m *mapping.Mapping, inputs []Input, opts Options) (all []mappingdiff.Fault, err error) {
	lenient := *m
	lenient.OnDrift, lenient.Limits.QuarantineShare, lenient.Limits.QuarantineBytes = mapping.DriftReported, 1, math.MaxInt64
	for k := range inputs {
		in := &inputs[k]
		found, err := faults(ctx, in, &lenient, opts)
		reject := new(sluice.RejectError)
		switch {
		case errors.As(err, &reject):
			all = append(all, mappingdiff.Fault{Fault: advice.Fault{Reason: reject.Reason, Offset: reject.Offset}, Source: in.Name})
		case err != nil:
			return nil, fmt.Errorf("convert %s: %w", in.Name, err)
		}
		for _, f := range found.Faults {
			all = append(all, mappingdiff.Fault{Fault: f, Source: in.Name})
		}
	}
	return all, nil
}

// faults are those of one input. Its quarantine goes from the conversion to the
// advice, and is never held.
func faults(ctx context.Context, in *Input, m *mapping.Mapping, opts Options) (found advice.Found, err error) {
	src, err := in.Open(ctx)
	if err != nil {
		return found, err
	}
	defer src.Close()
	read, write := io.Pipe()
	converted := make(chan error, 1)
	go func() {
		_, err := sluice.Convert(ctx, nil, src, m, &sluice.Options{
			Codec: sluice.None, Threads: min(opts.Threads, maxThreads), Source: in.Name, Size: in.Size, Quarantine: write, Table: discard,
		})
		write.Close()
		converted <- err
	}()
	found, failed := advice.Read(ctx, m, read)
	read.CloseWithError(failed)
	if err = <-converted; err == nil {
		err = failed
	}
	return found, err
}
