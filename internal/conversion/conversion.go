// Package conversion is the engine: it finds records in JSON, flattens them
// into batches of columns, and writes these as row groups of Parquet.
package conversion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"sluice/internal/drift"
	"sluice/internal/flatten"
	"sluice/internal/input"
	"sluice/internal/jsonscan"
	"sluice/internal/quarantine"
	"sluice/internal/rejection"
	"sluice/mapping"
	"sluice/reason"
)

// Result is what a conversion gave.
type Result struct {
	Counts
	BytesRead    int64             // as stored
	BytesWritten int64             // of all outputs
	Sums         map[string]string // of the decimal columns, by "table.column": of the rows
	RecordSums   map[string]string // where they differ: each value counted once per record
	Drifted      []drift.Path      // the most frequent
	DriftRest    int64             // members and values at other paths
}

// conversion is one call of Run.
type conversion struct {
	m      *mapping.Mapping
	opts   Options
	ctx    context.Context
	cancel context.CancelFunc

	in      *input.Reader // nil: there are no records
	file    part          // what in reads, if it is a part of a file
	size    int64         // stored bytes of in; not above 0: not known
	replays bool          // it is a quarantine file
	decoder *decoder      // of the records of in
	lanes   []*lane

	tables   tableFiles
	progress progress
}

// Run reads JSON from src, or nothing if it is nil, and writes an output for
// each table of m, in their order. A [*rejection.Error] says that the input
// cannot be trusted; any other error comes from outside. After an error, throw
// away what was written; the result says how far the input was read.
func Run(ctx context.Context, outputs []Output, src io.Reader, m *mapping.Mapping, opts Options) (Result, error) {
	return RunWith(ctx, nil, outputs, src, m, opts)
}

// RunWith is Run with what earlier conversions left, which may be nil.
func RunWith(ctx context.Context, memory *Memory, outputs []Output, src io.Reader, m *mapping.Mapping, opts Options) (Result, error) {
	c, err := newConversion(ctx, memory.take(m), outputs, src, m, opts)
	if err != nil {
		return Result{}, err
	}
	defer c.close()
	if err := c.run(memory); err != nil {
		return c.failed(err)
	}
	return c.result()
}

func newConversion(ctx context.Context, left Memory, outputs []Output, src io.Reader, m *mapping.Mapping, opts Options) (*conversion, error) {
	if opts.RowGroupBytes == 0 {
		opts.RowGroupBytes, opts.RowGroupRows = rowGroupBytes, rowGroupRows
	}
	file, err := partOf(src)
	if err != nil {
		return nil, err
	}
	c := &conversion{m: m, opts: opts, file: file, tables: tableFiles{m: m}}
	c.progress = progress{most: opts.MaxRecords, report: opts.Progress}
	for _, out := range outputs {
		c.tables.add(out)
	}
	first, err := left.laneOf(m, outputs, opts.Codec)
	if err != nil {
		return nil, err
	}
	c.lanes = append(c.lanes, first)
	c.ctx, c.cancel = context.WithCancel(ctx)
	if src == nil {
		return c, nil
	}
	var bad *misfits
	if opts.Quarantine != nil {
		bad = newMisfits(opts.Quarantine, m.Limits.QuarantineShare)
	}
	if c.size = opts.Size; c.size == 0 {
		c.size = file.size
	}
	c.in = input.NewReader(c.ctx, src, m.Limits.DecompressedBytes, m.Limits.DecompressionRatio, opts.Progress)
	if c.decoder = left.decoder; c.decoder == nil {
		c.decoder = newDecoder(m, &c.opts, jsonscan.NewWindow(c.ctx, c.in), bad)
	} else {
		c.decoder.window.Renew(c.ctx, c.in)
		c.decoder.again(&c.opts, bad)
	}
	c.decoder.in = c.in
	return c, nil
}

// stop waits for goroutines whose work is no longer needed: they read ahead
// past the end, or while another failed.
func (c *conversion) stop() {
	c.cancel()
	for _, l := range c.lanes {
		_ = l.wait() // too late to matter
	}
}

// close frees what the conversion holds, and waits for the goroutines it
// started.
func (c *conversion) close() {
	c.stop()
	if c.in != nil {
		c.in.Close()
	}
}

// run is the path of the data: records are found, read into batches, and the
// batches written as row groups.
func (c *conversion) run(memory *Memory) error {
	if c.decoder != nil {
		if err := c.open(); err != nil {
			return err
		}
		if err := c.sample(); err != nil {
			return err
		}
		if err := c.schedule().run(); err != nil {
			return err
		}
		if err := c.checkShare(); err != nil {
			return err
		}
		if err := c.checkDrift(); err != nil {
			return err
		}
	}
	c.stop()
	c.keep(memory)
	c.lanes = nil // frees their memory for the footers
	return c.tables.close()
}

// open finds out what the input is.
func (c *conversion) open() error {
	d := c.decoder
	var err error
	if c.replays, err = quarantine.Begins(d.window, int(c.m.Limits.RecordBytes)); err != nil {
		c.progress.saw(d)
		return fmt.Errorf("read input: %w", err)
	}
	if c.replays {
		d.feed = newReplay(d.window, c.m)
	} else {
		if d.source, err = flatten.NewSource(c.m, c.opts.Source); err != nil {
			c.progress.saw(d)
			return &rejection.Error{Code: reason.KeyMismatch, Detail: err.Error()}
		}
		d.reads(newRecords(d.window, c.m), false)
	}
	if d.bad != nil {
		d.bad.bind(&c.m.Limits, c.size, c.in.Plain())
		if c.replays || c.opts.MaxRecords > 0 {
			d.bad.share = 1
		}
	}
	if c.opts.Threads > 1 && !c.apart() {
		c.in.ReadAhead()
	}
	return nil
}

// sample begins the first row group: the beginning of the input shows which
// stride to use and how much room the lanes need.
func (c *conversion) sample() error {
	d := c.decoder
	d.begin(c.lanes[0].batches, 0)
	kept, read, err := d.sample()
	if err != nil {
		c.progress.took(d)
		return err
	}
	if d.ended { // the first lane has all of it
		return nil
	}
	for len(c.lanes) < c.opts.Threads {
		l, err := newLane(c.m, c.tables.outputs, c.opts.Codec)
		if err != nil {
			return err
		}
		l.reset()
		c.lanes = append(c.lanes, l)
	}
	if read >= c.opts.RowGroupBytes/32 && !c.joins() { // less is too little to conclude from
		c.reserve(kept, read)
	}
	return nil
}

// joins reports whether the first row group has rows of other conversions.
func (c *conversion) joins() bool {
	return slices.ContainsFunc(c.tables.outputs, func(o Output) bool { return o.Into != nil })
}

// reserve makes room in the lanes for row groups like the first, and a quarter
// more, because row groups differ.
func (c *conversion) reserve(kept, read int64) {
	d := c.decoder
	end, size := border(d.start, d.stride), c.length()
	times := min(1.25*float64(min(end, size)-d.start)/float64(read), float64(maxHeld*c.opts.RowGroupBytes)/float64(kept))
	for _, l := range c.lanes {
		for i, b := range l.batches {
			b.Reserve(c.lanes[0].batches[i], times)
		}
		if end >= size {
			break // the lanes after it have nothing to do
		}
		end += d.stride
	}
}

// length is about how many bytes the input has, decompressed.
func (c *conversion) length() int64 {
	switch stored, _ := c.decoder.stored(); {
	case c.size <= 0:
		return math.MaxInt64
	case c.in == nil, c.in.Plain():
		return c.size
	default:
		return int64(float64(c.size) * float64(c.decoder.position()) / float64(max(stored, 1)))
	}
}

// A schedule processes all row groups in their order. The first has already
// begun.
type schedule interface{ run() error }

// schedule reads the parts of a file side by side if that is possible, else
// the input from front to back.
func (c *conversion) schedule() schedule {
	s := &stream{c.ctx, c.decoder, c.lanes, &c.tables, &c.progress}
	if !c.apart() {
		return s
	}
	seam, ok := c.decoder.seam()
	if !ok {
		return s
	}
	return newAhead(s, c.file, seam)
}

// apart reports whether row groups may be read before their turn. Then neither
// the ordinals of records are known, nor whether the input stays within its
// limits.
func (c *conversion) apart() bool {
	return c.file.src != nil && c.opts.Threads >= 2 && c.opts.MaxRecords == 0 && !c.m.Provenance &&
		!c.replays && c.in.Plain() &&
		c.file.size > c.opts.RowGroupBytes/2 && c.file.size <= c.m.Limits.DecompressedBytes
}

// checkShare rejects an object if too many of its records were quarantined:
// then the object or the mapping is probably wrong. In a quarantine file, many
// records may still be bad.
func (c *conversion) checkShare() error {
	if c.replays {
		return nil
	}
	s := &c.progress.counts
	if share := c.m.Limits.QuarantineShare; s.RecordsRead > shareFloor && float64(s.RecordsQuarantined) > share*float64(s.RecordsRead) {
		return &rejection.Error{Code: reason.QuarantineShare, Detail: fmt.Sprintf(
			"%d of %d records do not fit the mapping, more than quarantine_share: %g; %s", s.RecordsQuarantined, s.RecordsRead, share, c.decoder.bad.tally)}
	}
	return nil
}

// checkDrift rejects an object that differs from what the mapping expects, if it
// says so. A quarantine file has what does not fit, and a preview shows it.
func (c *conversion) checkDrift() error {
	if c.m.OnDrift != mapping.DriftHeld || c.opts.AcceptDrift || c.replays || c.opts.MaxRecords > 0 {
		return nil
	}
	d := &c.progress.drift
	unknown, first := d.Of(drift.Unknown)
	mistyped, at := d.Of(drift.Mistyped)
	switch {
	case unknown+mistyped == 0:
		return nil
	case unknown == 0 || mistyped > 0 && at < first:
		first = at
	}
	return &rejection.Error{Code: reason.Drift, Offset: first, Detail: fmt.Sprintf(
		"on_drift: hold; unknown paths: %d, paths with values that do not fit: %d", unknown, mistyped)}
}

// keep leaves what the conversion has to the next one.
func (c *conversion) keep(k *Memory) {
	d := c.decoder
	if k == nil || d == nil || c.replays || d.flat == nil || c.progress.next > mostLeft || len(c.lanes) > 1 {
		return
	}
	d.in, d.feed, d.bad = nil, nil, nil
	c.lanes[0].leave()
	*k = Memory{c.m, c.opts.Codec, d, c.lanes[0]}
}

// result checks that no record was lost or counted twice.
func (c *conversion) result() (Result, error) {
	p := &c.progress
	rows, bytes := c.tables.written()
	r := Result{Counts: p.counts, BytesRead: p.stored, BytesWritten: bytes}
	r.Sums, r.RecordSums = c.tables.totals()
	c.tables.missing(&p.drift, p.counts.RecordsCommitted)
	r.Drifted, r.DriftRest = p.drift.Top()
	switch {
	case r.RecordsRead != r.RecordsCommitted+r.RecordsQuarantined+r.RecordsSkipped:
		return r, fmt.Errorf("conservation violated: %d records read, %d committed, %d quarantined, %d skipped", r.RecordsRead, r.RecordsCommitted, r.RecordsQuarantined, r.RecordsSkipped)
	case rows != r.RowsWritten:
		return r, fmt.Errorf("conservation violated: %d rows of committed records, %d rows in the output", r.RowsWritten, rows)
	case c.opts.Size > 0 && c.opts.MaxRecords == 0 && r.BytesRead != c.opts.Size:
		return r, fmt.Errorf("read input: %d bytes came, but the size is %d", r.BytesRead, c.opts.Size)
	}
	return r, nil
}

// failed is what Run returns with an error: how far the input was read and, for
// a reject that they explain, the counts by reason.
func (c *conversion) failed(err error) (Result, error) {
	p := &c.progress
	reject := new(rejection.Error)
	switch {
	case !errors.As(err, &reject):
		return Result{Counts: p.counts, BytesRead: p.stored}, err
	case p.eof && p.stored < c.opts.Size:
		// A body cut off in transit looks like a truncated object, but the
		// fault is outside: another try may get all of it.
		return Result{Counts: p.counts, BytesRead: p.stored}, fmt.Errorf("read input: %d bytes came, but the size is %d (%s)", p.stored, c.opts.Size, reject.Code)
	}
	r := Result{BytesRead: p.stored}
	if keepsReasons(reject) {
		r.Reasons = p.counts.Reasons
		r.Drifted, r.DriftRest = p.drift.Top()
	}
	return r, reject
}
