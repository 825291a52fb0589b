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

// Profile reads inputs whose records are where they seem to be. Of several, those
// that are empty or broken are rejected, and what stands before the fault counts.
func Profile(ctx context.Context, inputs []Input, opts Options) (seen *profile.Profile, rejected []error, err error) {
	all, err := readAt(ctx, inputs, nil, mapping.DefaultLimits, opts)
	return all.seen, all.rejected, err
}

// readAt reads inputs whose records are at these places or, if there are none,
// where they seem to be.
func readAt(ctx context.Context, inputs []Input, records []mapping.Path, limits mapping.Limits, opts Options) (reading, error) {
	return read(ctx, inputs, profiler.Options{Threads: opts.Threads, Records: records, Limits: limits, Progress: opts.Progress})
}

// Comparison is what Compare found.
type Comparison struct {
	*mappingdiff.Result
	Untried  string  // why the changed mapping was not tried on the documents; empty if it was
	Rejected []error // of inputs that are empty or broken: only what stands before the fault was looked at
}

// Compare compares a mapping with documents.
func Compare(ctx context.Context, m *mapping.Mapping, inputs []Input, opts Options) (c Comparison, err error) {
	for k := range inputs {
		if inputs[k].Once {
			c.Untried = "a stream can be read only once"
		}
	}
	if m.Key != "" {
		c.Untried = "the mapping wants keys of a bucket"
	}
	all, err := readAt(ctx, inputs, m.Records, m.Limits, opts)
	misplaced := err == nil && (all.seen.Records == 0 || mappingdiff.Misplaced(m, all.seen))
	if c.Untried == "" && ctx.Err() == nil && (err != nil || misplaced || len(all.rejected) > 0) {
		other, failed := readAt(ctx, inputs, nil, m.Limits, opts)
		switch {
		case failed != nil:
		case err != nil, len(other.rejected) < len(all.rejected), misplaced && !mappingdiff.Misplaced(m, other.seen):
			all, err = other, nil
		}
	}
	if c.Rejected = all.rejected; err != nil {
		return c, err
	}
	var trying mappingdiff.Try
	if c.Untried == "" {
		trying = func(m *mapping.Mapping) ([]mappingdiff.Fault, error) { return try(ctx, m, all.sound, opts) }
	}
	c.Result, err = mappingdiff.Documents(m, all.seen, trying)
	return c, err
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
