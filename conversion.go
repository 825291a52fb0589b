package sluice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"sluice/internal/input"
	"sluice/internal/jsonscan"
	"sluice/internal/parquetfile"
	"sluice/internal/quarantine"
	"sluice/internal/reason"
	"sluice/mapping"
)

// conversion is one call of Convert.
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

	output   output
	progress progress
}

// check tells what Convert cannot work with.
func check(ctx context.Context, dst io.Writer, m *mapping.Mapping, opts *Options) error {
	if ctx == nil {
		return errors.New("convert: the context is nil")
	}
	if err := m.Validate(); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	switch {
	case opts.Threads < 0, opts.Size < 0, opts.MaxRecords < 0:
		return errors.New("convert: Options.Threads, Size and MaxRecords must not be negative")
	case opts.Table == nil && len(m.Tables) > 1:
		return fmt.Errorf("convert: the mapping has %d tables: set Options.Table", len(m.Tables))
	case opts.Table == nil && dst == nil:
		return errors.New("convert: dst is nil; give a writer for the Parquet file")
	}
	return nil
}

func newConversion(ctx context.Context, dst io.Writer, src io.Reader, m *mapping.Mapping, opts Options) (*conversion, error) {
	if err := check(ctx, dst, m, &opts); err != nil {
		return nil, err
	}
	if opts.Codec == "" {
		opts.Codec = Zstd
	}
	if opts.rowGroup == 0 {
		opts.rowGroup, opts.rowGroupRows = rowGroupBytes, rowGroupRows
	}
	file, err := partOf(src)
	if err != nil {
		return nil, err
	}
	opts.Source = string([]rune(opts.Source)) // U+FFFD for each byte that is no UTF-8: it becomes text
	c := &conversion{m: m, opts: opts, output: output{m: m}}
	c.progress = progress{stats: newStats(), most: opts.MaxRecords, report: opts.Progress}
	hash := m.Hash()
	for i := range m.Tables {
		t := &m.Tables[i]
		out := dst
		if opts.Table != nil {
			var err error
			if out, err = opts.Table(t.Name); err != nil {
				return nil, fmt.Errorf("open output of table %s: %w", t.Name, err)
			}
			if out == nil {
				return nil, fmt.Errorf("open output of table %s: Options.Table gave no writer", t.Name)
			}
		}
		w, err := parquetfile.NewWriter(out, m.Schema(t), parquetfile.Options{
			CreatedBy: "sluice version " + Version(),
			KeyValues: c.keyValues(t.Name, hash),
		})
		if err != nil {
			return nil, err
		}
		c.output.add(w)
	}
	for range max(opts.Threads, 1) {
		l, err := newLane(m, opts.Codec)
		if err != nil {
			return nil, err
		}
		c.lanes = append(c.lanes, l)
	}
	c.ctx, c.cancel = context.WithCancel(ctx)
	if src == nil {
		return c, nil
	}
	var bad *misfits
	if opts.Quarantine != nil {
		bad = newMisfits(opts.Quarantine, m.Limits.QuarantineShare)
	}
	c.file = file
	if c.size = opts.Size; c.size == 0 {
		c.size = file.size
	}
	c.in = input.NewReader(c.ctx, src, m.Limits.DecompressedBytes, m.Limits.DecompressionRatio, opts.Progress)
	c.decoder = newDecoder(m, &c.opts, jsonscan.NewWindow(c.ctx, c.in), bad)
	c.decoder.in = c.in
	return c, nil
}

// keyValues is the metadata in the footer of a table's file.
func (c *conversion) keyValues(table, hash string) []parquetfile.KeyValue {
	kv := []parquetfile.KeyValue{
		{Key: "sluice.mapping_sha256", Value: hash},
		{Key: "sluice.table", Value: table},
		{Key: "sluice.version", Value: Version()},
	}
	if c.opts.Metadata != nil {
		for key, value := range c.opts.Metadata(table) {
			kv = append(kv, parquetfile.KeyValue{Key: key, Value: value})
		}
	}
	return kv
}

// stop waits for what runs in vain: what was read ahead behind the end, or
// beside an error.
func (c *conversion) stop() {
	c.cancel()
	for _, l := range c.lanes {
		_ = l.wait() // its error came too late
	}
}

// close frees what the conversion holds, and waits for what it started.
func (c *conversion) close() {
	c.stop()
	if c.in != nil {
		c.in.Close()
	}
}

// run is the path of the data: records are found, read into batches, and the
// batches written as row groups.
func (c *conversion) run() error {
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
	}
	c.stop()
	c.lanes = nil // their memory is free for the footers
	if err := c.output.close(); err != nil {
		return err
	}
	return c.account()
}

// open sees what the input is.
func (c *conversion) open() error {
	d := c.decoder
	var err error
	if c.replays, err = quarantine.Begins(d.window, int(c.m.Limits.RecordBytes)); err != nil {
		c.progress.saw(d)
		return fmt.Errorf("read input: %w", err)
	}
	d.feed = newText(d)
	if c.replays {
		d.feed = newReplay(d)
	}
	if d.bad != nil {
		d.bad.bind(&c.m.Limits, c.size, c.in.Plain())
		if c.replays || c.opts.MaxRecords > 0 {
			d.bad.share = 1
		}
	}
	if len(c.lanes) > 1 && !c.apart() {
		c.in.ReadAhead()
	}
	return nil
}

// sample begins the first row group: the beginning of the input tells the
// stride, and how much room the lanes need.
func (c *conversion) sample() error {
	d := c.decoder
	d.begin(c.lanes[0].batches, 0)
	kept, read, err := d.sample()
	if err != nil {
		c.progress.took(d)
		return err
	}
	if !d.ended && read >= c.opts.rowGroup/32 { // of less nobody should conclude
		c.reserve(kept, read)
	}
	return nil
}

// reserve makes room in the lanes for row groups like the first one, of which
// so many bytes were read and kept, and a quarter more: row groups differ.
func (c *conversion) reserve(kept, read int64) {
	d := c.decoder
	end, size := border(d.start, d.stride), c.length()
	times := min(1.25*float64(min(end, size)-d.start)/float64(read), float64(maxHeld*c.opts.rowGroup)/float64(kept))
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
	case c.in.Plain():
		return c.size
	default:
		return int64(float64(c.size) * float64(c.decoder.position()) / float64(max(stored, 1)))
	}
}

// A schedule takes all row groups in their order, the first of which has begun.
type schedule interface{ run() error }

// schedule reads the parts of a file side by side if that is possible, else
// the input from front to back.
func (c *conversion) schedule() schedule {
	s := &stream{c.ctx, c.decoder, c.lanes, &c.output, &c.progress}
	if !c.apart() {
		return s
	}
	seam, ok := c.decoder.seam()
	if !ok {
		return s
	}
	return newAhead(s, c.file, seam)
}

// apart reports whether row groups may be read before their turn. The ordinal
// of a record is not known then, nor what limits on the whole input will say.
func (c *conversion) apart() bool {
	return c.file.src != nil && c.opts.Threads >= 2 && c.opts.MaxRecords == 0 && !c.m.Provenance &&
		!c.replays && c.in.Plain() &&
		c.file.size > c.opts.rowGroup/2 && c.file.size <= c.m.Limits.DecompressedBytes
}

// account checks the law of conservation: nothing was lost, nothing doubled.
func (c *conversion) account() error {
	s := &c.progress.stats
	c.output.total(s)
	var rows int64
	rows, s.BytesWritten = c.output.written()
	s.BytesRead = c.progress.stored
	s.Outcome = Accept
	if s.RecordsQuarantined > 0 {
		s.Outcome = Quarantine
	}
	switch {
	case s.RecordsRead != s.RecordsCommitted+s.RecordsQuarantined+s.RecordsSkipped:
		return fmt.Errorf("conservation violated: %d records read, %d committed, %d quarantined, %d skipped", s.RecordsRead, s.RecordsCommitted, s.RecordsQuarantined, s.RecordsSkipped)
	case rows != s.RowsWritten:
		return fmt.Errorf("conservation violated: %d rows of committed records, %d rows in the output", s.RowsWritten, rows)
	case c.opts.Size > 0 && c.opts.MaxRecords == 0 && s.BytesRead != c.opts.Size:
		return fmt.Errorf("read input: %d bytes came, but the size is %d", s.BytesRead, c.opts.Size)
	}
	return nil
}

// failed is what Convert returns for an error.
func (c *conversion) failed(err error) (Stats, error) {
	p := &c.progress
	p.stats.BytesRead = p.stored
	var r *reason.Reject
	if !errors.As(err, &r) {
		return p.stats, err
	}
	if p.eof && p.stored < c.opts.Size {
		// A body cut on the way looks like a truncated object, but is one of
		// the world's failures: another try may find it whole.
		return p.stats, fmt.Errorf("read input: %d bytes came, but the size is %d (%s)", p.stored, c.opts.Size, r.Code)
	}
	stats := newStats()
	stats.BytesRead, stats.Outcome, stats.Reason = p.stored, Reject, r.Code
	if keepsReasons(r) {
		stats.Reasons = p.stats.Reasons
	}
	return stats, &RejectError{Reason: r.Code, Offset: r.Offset, Detail: r.Detail}
}
