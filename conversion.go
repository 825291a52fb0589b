package sluice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"sluice/internal/flatten"
	"sluice/internal/input"
	"sluice/internal/jsonscan"
	"sluice/internal/parquetfile"
	"sluice/internal/quarantine"
	"sluice/internal/reason"
	"sluice/mapping"
	"sluice/schema"
)

// shareFloor is the number of records up to which no share of quarantined
// ones rejects an object.
const shareFloor = 10

// conversion is one call of Convert.
type conversion struct {
	m     *mapping.Mapping
	opts  Options
	stats Stats

	in      *input.Reader
	window  *jsonscan.Window   // nil: there are no records
	flat    *flatten.Flattener // nil until the place of the records is known
	place   mapping.Path       // of the records
	groups  *rowGroups
	writers []*parquetfile.Writer
	bad     *quarantine.Writer // nil: quarantine is an error
	border  int64              // offset at which the next row group begins
}

func newConversion(ctx context.Context, dst io.Writer, src io.Reader, m *mapping.Mapping, opts Options) (*conversion, error) {
	if opts.Codec == "" {
		opts.Codec = Zstd
	}
	c := &conversion{m: m, opts: opts, border: rowGroupBytes, stats: newStats()}
	for i := range m.Tables {
		t := &m.Tables[i]
		out := dst
		if opts.Table != nil {
			var err error
			if out, err = opts.Table(t.Name); err != nil {
				return nil, fmt.Errorf("open output of table %s: %w", t.Name, err)
			}
		} else if i > 0 {
			return nil, fmt.Errorf("convert: the mapping has %d tables: set Options.Table", len(m.Tables))
		}
		w, err := parquetfile.NewWriter(out, m.Schema(t), parquetfile.Options{
			CreatedBy: "sluice version " + Version(),
			KeyValues: []parquetfile.KeyValue{
				{Key: "sluice.mapping_sha256", Value: m.Hash()},
				{Key: "sluice.table", Value: t.Name},
				{Key: "sluice.version", Value: Version()},
			},
		})
		if err != nil {
			return nil, err
		}
		c.writers = append(c.writers, w)
	}
	var err error
	if c.groups, err = newRowGroups(m, opts.Codec, opts.Threads, c.writers); err != nil {
		return nil, err
	}
	if opts.Quarantine != nil {
		c.bad = quarantine.NewWriter(opts.Quarantine)
	}
	c.in = input.NewReader(src, m.Limits.DecompressedBytes, m.Limits.DecompressionRatio, opts.Progress)
	if src != nil {
		c.window = jsonscan.NewWindow(ctx, c.in)
	}
	return c, nil
}

// close frees what the conversion holds, and waits for what it started.
func (c *conversion) close() {
	c.groups.abandon()
	c.in.Close()
}

// run is the path of the data: records are found, read into batches, and the
// batches written as row groups.
func (c *conversion) run() error {
	if c.window == nil {
		if err := c.groups.finish(); err != nil {
			return err
		}
		return c.account()
	}
	if err := c.window.Fill(len(quarantine.Prefix)); err != nil {
		return fmt.Errorf("read input: %w", err)
	}
	read := c.records
	if bytes.HasPrefix(c.window.Buf[:c.window.End], []byte(quarantine.Prefix)) {
		read = c.replay
	}
	if err := read(); err != nil {
		return err
	}
	if err := c.groups.finish(); err != nil {
		return err
	}
	return c.account()
}

// begin compiles the mapping for records found at place.
func (c *conversion) begin(place mapping.Path) {
	c.place = place
	c.flat = flatten.New(c.m, place, c.opts.Source)
	c.flat.Bind(c.groups.batches())
}

// records converts the records of JSON text.
func (c *conversion) records() error {
	w := c.window
	r := jsonscan.NewRecords(w, places(c.m), scalars(c.m), jsonscan.Limits{RecordBytes: int(c.m.Limits.RecordBytes), Depth: c.m.Limits.Depth})
	w.BeforeMove = func() {
		if c.flat != nil {
			c.flat.Flush(w.Buf)
		}
	}
	for c.opts.MaxRecords == 0 || c.stats.RecordsRead < c.opts.MaxRecords {
		more, err := r.Next()
		if err != nil {
			return fmt.Errorf("read input: %w", err)
		}
		if c.flat == nil {
			c.begin(c.m.Records[r.Place])
		}
		if !more {
			break
		}
		if err := c.record(r); err != nil {
			return err
		}
	}
	c.flat.Flush(w.Buf)
	return c.checkShare()
}

// record converts the record at the position of the window.
func (c *conversion) record(r *jsonscan.Records) error {
	w := c.window
	if err := c.rowGroupBorder(w.Offset(w.Pos), w.Buf); err != nil {
		return err
	}
	origin := flatten.Origin{Offset: w.Offset(w.Pos), Record: c.stats.RecordsRead}
	if r.Large {
		return c.oversize(r, origin)
	}
	for {
		res := c.flat.Record(w.Buf, w.Pos, -1, origin)
		if res.End >= 0 {
			at := w.Offset(res.At)
			raw := w.Buf[w.Pos:res.End]
			r.Accept(res.End)
			return c.count(res, at, raw, origin, c.opts.Source)
		}
		at := w.Offset(-1 - res.End)
		act, end, code, err := r.Fail(-1-res.End, res.TooDeep)
		if err != nil {
			return fmt.Errorf("read input: %w", err)
		}
		switch act {
		case jsonscan.Bad:
			raw := w.Buf[w.Pos:end]
			r.Accept(end)
			return c.count(flatten.Result{Code: code, Path: "$"}, at, raw, origin, c.opts.Source)
		case jsonscan.Oversize:
			return c.oversize(r, origin)
		}
	}
}

// oversize quarantines a record that is too large to be held, while it
// streams by.
func (c *conversion) oversize(r *jsonscan.Records, origin flatten.Origin) error {
	if err := c.quarantined(reason.RecordTooLarge); err != nil {
		return err
	}
	c.stats.RecordsRead++
	err := c.bad.Begin(quarantine.Entry{
		Reason: reason.RecordTooLarge, Path: "$", Offset: origin.Offset, ErrorOffset: origin.Offset,
		Record: origin.Record, Place: c.place.String(), Source: c.opts.Source,
	})
	if err == nil {
		err = r.Discard(c.bad.Append)
	}
	if err != nil {
		return fmt.Errorf("quarantine a large record: %w", err)
	}
	return c.bad.End()
}

// replay converts the records of a quarantine file: those of a mended mapping
// are accepted, the others are quarantined again with their first origin.
func (c *conversion) replay() error {
	r := quarantine.NewReader(c.window, int(c.m.Limits.RecordBytes))
	for c.opts.MaxRecords == 0 || c.stats.RecordsRead < c.opts.MaxRecords {
		e, raw, err := r.Next()
		if err == io.EOF {
			break
		}
		if errors.Is(err, quarantine.ErrTooLarge) {
			if err := c.passOn(r); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("read quarantine file: %w", err)
		}
		if place := replayPlace(c.m, e.Place); c.flat == nil || place.String() != c.place.String() {
			c.begin(place)
		}
		if err := c.rowGroupBorder(c.window.Offset(c.window.Pos), nil); err != nil {
			return err
		}
		c.flat.SetSource(e.Source)
		origin := flatten.Origin{Offset: e.Offset, Record: e.Record}
		text := raw[:len(raw)+jsonscan.Padding]
		p := jsonscan.Space(text, 0)
		res := c.flat.Record(text, p, len(raw), origin)
		if res.End < 0 {
			res = flatten.Result{Code: reason.BadJSON, Path: "$", At: -1 - res.End}
		}
		if err := c.count(res, e.Offset+int64(res.At), raw, origin, e.Source); err != nil {
			return err
		}
		c.flat.Flush(text)
	}
	return nil
}

// passOn quarantines an entry again whose record is still too large to be
// held, as it stands.
func (c *conversion) passOn(r *quarantine.Reader) error {
	if err := c.quarantined(reason.RecordTooLarge); err != nil {
		return err
	}
	c.stats.RecordsRead++
	if err := r.Discard(c.bad.Copy); err != nil {
		return fmt.Errorf("quarantine a large record again: %w", err)
	}
	return nil
}

// rowGroupBorder begins a new row group if the record at offset is the first
// one behind the border.
func (c *conversion) rowGroupBorder(offset int64, b []byte) error {
	if offset < c.border && !c.full() {
		if c.flat.FlushDue() {
			c.flat.Flush(b)
		}
		return nil
	}
	c.border = (offset/rowGroupBytes + 1) * rowGroupBytes
	c.flat.Flush(b)
	if err := c.groups.next(); err != nil {
		return err
	}
	c.flat.Bind(c.groups.batches())
	return nil
}

func (c *conversion) full() bool {
	for _, b := range c.groups.batches() {
		if b.Rows >= rowGroupRows {
			return true
		}
	}
	return false
}

// count accounts for a record that was read.
func (c *conversion) count(res flatten.Result, at int64, raw []byte, origin flatten.Origin, source string) error {
	c.stats.RecordsRead++
	c.stats.UnknownFields += res.Fields
	if res.Code != "" {
		if err := c.quarantined(res.Code); err != nil {
			return err
		}
		return c.bad.Write(quarantine.Entry{
			Reason: res.Code, Path: res.Path, Offset: origin.Offset, ErrorOffset: at,
			Record: origin.Record, Place: c.place.String(), Source: source,
		}, raw)
	}
	c.stats.ElementsSkipped += res.Empty
	if res.Skipped {
		c.stats.RecordsSkipped++
		return nil
	}
	c.stats.RecordsCommitted++
	c.stats.RowsWritten += int64(res.Rows)
	return nil
}

func (c *conversion) quarantined(code reason.Code) error {
	if c.bad == nil {
		return fmt.Errorf("record %d must be quarantined (%s), but Options.Quarantine is nil", c.stats.RecordsRead, code)
	}
	c.stats.RecordsQuarantined++
	c.stats.Reasons[string(code)]++
	return nil
}

// checkShare rejects an object of which too much was quarantined: it is then
// rather the object, or the mapping, that is wrong.
func (c *conversion) checkShare() error {
	s := &c.stats
	if share := c.m.Limits.QuarantineShare; s.RecordsRead > shareFloor && float64(s.RecordsQuarantined) > share*float64(s.RecordsRead) {
		return &reason.Reject{Code: reason.QuarantineShare, Detail: fmt.Sprintf(
			"%d of %d records do not fit the mapping, more than quarantine_share: %g", s.RecordsQuarantined, s.RecordsRead, share)}
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
		for j, col := range t.Columns {
			if col.Type.Kind == schema.Decimal {
				s.Sums[t.Name+"."+col.Name] = c.groups.sums[i][j].Decimal(col.Type.Scale)
			}
		}
	}
	s.BytesRead = c.in.Stored()
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
	c.stats.BytesRead = c.in.Stored()
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
	stats.BytesRead, stats.Outcome, stats.Reason = c.stats.BytesRead, Reject, string(r.Code)
	if r.Code == reason.QuarantineShare {
		stats.Reasons = c.stats.Reasons
	}
	return stats, &RejectError{Reason: string(r.Code), Offset: r.Offset, Detail: r.Detail}
}

// short reports whether the input ended before its size.
func (c *conversion) short() bool { return c.in.Ended() && c.in.Stored() < c.opts.Size }
