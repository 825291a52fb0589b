package sluice

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sluice/internal/batch"
	"sluice/internal/input"
	"sluice/internal/jsonscan"
	"sluice/internal/parquetfile"
	"sluice/internal/quarantine"
	"sluice/internal/reason"
	"sluice/mapping"
	"sluice/schema"
)

// conversion is one call of Convert.
type conversion struct {
	m     *mapping.Mapping
	opts  Options
	stats Stats

	ctx    context.Context
	cancel context.CancelFunc

	in      *input.Reader // nil: there are no records
	size    int64         // stored bytes of in; not above 0: not known
	replays bool          // it is a quarantine file
	decoder *decoder      // of the records of in
	ahead   *ahead        // nil: no row group is read ahead of its turn
	lanes   []*lane
	writers []*parquetfile.Writer
	sums    [][]batch.Sums // of each column of each table

	// Behind the last row group that was taken:
	next   int64 // offset of the record that follows
	ended  bool  // none does
	stored int64 // stored bytes read
	eof    bool  // nothing follows these
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
	c := &conversion{m: m, opts: opts, stats: newStats()}
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
		c.writers = append(c.writers, w)
	}
	for range max(opts.Threads, 1) {
		l, err := newLane(m, opts.Codec)
		if err != nil {
			return nil, err
		}
		c.lanes = append(c.lanes, l)
	}
	for i := range m.Tables {
		c.sums = append(c.sums, make([]batch.Sums, len(m.Schema(&m.Tables[i]).Columns)))
	}
	c.ctx, c.cancel = context.WithCancel(ctx)
	if src == nil {
		return c, nil
	}
	var bad *misfits
	if opts.Quarantine != nil {
		bad = newMisfits(opts.Quarantine, m.Limits.QuarantineShare)
	}
	c.ahead = newAhead(file, m, &c.opts)
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
	i := 0
	if c.decoder != nil {
		if err := c.open(); err != nil {
			return err
		}
		for ; !c.ended; i++ {
			if err := c.rowGroup(i); err != nil {
				return err
			}
		}
		if err := c.checkShare(); err != nil {
			return err
		}
	}
	if err := c.finish(i); err != nil {
		return err
	}
	return c.account()
}

// open sees what the input is.
func (c *conversion) open() error {
	d := c.decoder
	var err error
	if c.replays, err = quarantine.Begins(d.window, int(c.m.Limits.RecordBytes)); err != nil {
		c.saw(d)
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
	if c.replays || !c.in.Plain() {
		c.ahead = nil
	}
	if c.ahead == nil && len(c.lanes) > 1 {
		c.in.ReadAhead()
	}
	return nil
}

// account checks the law of conservation: nothing was lost, nothing doubled.
func (c *conversion) account() error {
	s := &c.stats
	var rows int64
	for _, w := range c.writers {
		rows += w.Rows()
		s.BytesWritten += w.Bytes()
	}
	for i := range c.m.Tables {
		t := &c.m.Tables[i]
		for j := range t.Columns {
			col, sums := &t.Columns[j], &c.sums[i][j]
			if col.Type.Kind != schema.Decimal {
				continue
			}
			name := t.Name + "." + col.Name
			s.Sums[name] = sums.Rows.Decimal(col.Type.Scale)
			if col.Path.Wildcards() < t.Levels() {
				s.RecordSums[name] = sums.Once.Decimal(col.Type.Scale)
			}
		}
	}
	s.BytesRead = c.stored
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
	c.stats.BytesRead = c.stored
	var r *reason.Reject
	if !errors.As(err, &r) {
		return c.stats, err
	}
	if c.short() {
		// A body cut on the way looks like a truncated object, but is one of
		// the world's failures: another try may find it whole.
		return c.stats, fmt.Errorf("read input: %d bytes came, but the size is %d (%s)", c.stats.BytesRead, c.opts.Size, r.Code)
	}
	stats := newStats()
	stats.BytesRead, stats.Outcome, stats.Reason = c.stats.BytesRead, Reject, r.Code
	if keepsReasons(r) {
		stats.Reasons = c.stats.Reasons
	}
	return stats, &RejectError{Reason: r.Code, Offset: r.Offset, Detail: r.Detail}
}

// short reports whether the input ended before its size.
func (c *conversion) short() bool { return c.eof && c.stored < c.opts.Size }
