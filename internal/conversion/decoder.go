package conversion

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/batch"
	"sluice/internal/flatten"
	"sluice/internal/input"
	"sluice/internal/jsonscan"
	"sluice/internal/quarantine"
	"sluice/internal/reason"
	"sluice/mapping"
)

// decoder reads records into the batches of a row group, one row group after
// another.
type decoder struct {
	m      *mapping.Mapping
	opts   *Options
	window *jsonscan.Window
	feed   feed
	bad    *misfits // nil: quarantine is an error

	flat    *flatten.Flattener // nil until it is known where the records are
	place   mapping.Path       // of the records
	batches []*batch.Batch

	// Of the row group:
	first  int64  // ordinal of its first record
	start  int64  // its offset; -1: not found yet
	counts Counts // what was read
	sure   bool   // its first record is certain: bad records may be quarantined

	stride int64 // see rowGroupBytes

	in    *input.Reader // what the window reads; nil if it reads a part of a file
	found bool          // a record stands at the position of the window
	ended bool          // none follows
}

// feed is where records come from: JSON text, or a quarantine file.
type feed interface {
	// next finds the next record. It returns false at the sound end of the input.
	next() (bool, error)
	// take reads the record that next found into the batches.
	take() error
}

func newDecoder(m *mapping.Mapping, opts *Options, w *jsonscan.Window, bad *misfits) *decoder {
	d := &decoder{m: m, opts: opts, window: w, bad: bad, sure: true}
	w.BeforeMove = func() {
		if d.flat != nil {
			d.flat.Flush(w.Buf)
		}
	}
	return d
}

// another is a decoder for records of the same file, with batches of its own.
func (d *decoder) another(ctx context.Context, batches []*batch.Batch) *decoder {
	o := newDecoder(d.m, d.opts, jsonscan.NewWindow(ctx, nil), d.bad)
	o.batches, o.stride = batches, d.stride
	o.at(d.place)
	return o
}

// at makes the decoder read records that are found at place.
func (d *decoder) at(place mapping.Path) {
	d.place = place
	d.flat = flatten.New(d.m, place, d.opts.Source)
	d.flat.Bind(d.batches)
}

// begin begins a row group, whose first record is the first-th.
func (d *decoder) begin(batches []*batch.Batch, first int64) {
	d.batches, d.first, d.start, d.counts = batches, first, -1, Counts{}
	if d.flat != nil {
		d.flat.Bind(batches)
	}
}

// stored is the number of stored bytes read, and whether the input has ended
// there.
func (d *decoder) stored() (n int64, ended bool) {
	if d.in == nil {
		return d.window.Offset(d.window.End), d.window.EOF
	}
	return d.in.Stored()
}

// position is the offset of the record that was found.
func (d *decoder) position() int64 { return d.window.Offset(d.window.Pos) }

// find finds the next record, unless it is already found or there is none.
func (d *decoder) find() (err error) {
	if !d.found && !d.ended {
		d.found, err = d.feed.next()
		d.ended = err == nil && !d.found
	}
	if d.found && d.start < 0 {
		d.start = d.position()
	}
	return err
}

// sample reads the beginning of the input, and chooses the stride by how many
// of its bytes are kept.
func (d *decoder) sample() (kept, read int64, err error) {
	if err := d.find(); err != nil || d.ended {
		return 0, 0, err
	}
	unit := d.opts.RowGroupBytes
	if err := d.fill(min(d.start+unit/16, border(d.start, unit/2))); err != nil {
		return 0, 0, err
	}
	kept, read = held(d.batches), max(d.position()-d.start, 1)
	d.stride = stride(unit, kept, read)
	return kept, read, nil
}

// seam returns the seam between the records of JSON text, once two records were
// read and a third follows.
func (d *decoder) seam() (jsonscan.Seam, bool) {
	t, ok := d.feed.(*text)
	if !ok || d.ended || d.counts.RecordsRead < 2 {
		return jsonscan.Seam{}, false
	}
	return t.r.Seam()
}

// group reads the row group to its end.
func (d *decoder) group() error {
	if d.last() {
		return nil
	}
	if err := d.find(); err != nil || d.ended {
		return err
	}
	end := border(d.start, d.stride)
	for until := d.start; until < end; {
		until = min(border(until, d.opts.RowGroupBytes), end)
		if err := d.fill(until); err != nil {
			return err
		}
		if d.ended || d.full() || d.last() || held(d.batches) > maxHeld*d.opts.RowGroupBytes {
			break
		}
	}
	return nil
}

// fill reads the records that begin before the offset until.
func (d *decoder) fill(until int64) error {
	for !d.last() {
		if err := d.find(); err != nil {
			return err
		}
		if d.ended || d.position() >= until || d.full() {
			break
		}
		if d.flat.FlushDue() {
			d.flat.Flush(d.window.Buf)
		}
		d.found = false
		if err := d.feed.take(); err != nil {
			return err
		}
	}
	if d.flat != nil {
		d.flat.Flush(d.window.Buf)
	}
	return nil
}

// full reports whether the row group ends early, before the record that was found.
func (d *decoder) full() bool {
	for _, b := range d.batches {
		if b.Rows >= d.opts.RowGroupRows {
			return true
		}
	}
	return false
}

// last reports whether no further record may be read, or looked for.
func (d *decoder) last() bool {
	return d.opts.MaxRecords > 0 && d.first+d.counts.RecordsRead >= d.opts.MaxRecords
}

// count counts a record that was read.
func (d *decoder) count(res flatten.Result, at int64, raw []byte, origin flatten.Origin, source string) error {
	s := &d.counts
	s.RecordsRead++
	s.UnknownFields += res.Fields
	if res.Code == reason.BadQuarantineFile {
		return &reason.Reject{Code: res.Code, Offset: origin.Offset, Detail: jsonscan.StrayEntry}
	}
	if res.Code != "" {
		if err := d.quarantined(res.Code, origin.Offset); err != nil {
			return err
		}
		return d.bad.Write(quarantine.Entry{
			Reason: res.Code, Path: res.Path, Offset: origin.Offset, ErrorOffset: at,
			Record: origin.Record, Place: d.place.String(), Source: source,
		}, raw)
	}
	s.ElementsSkipped += res.Empty
	if res.Skipped {
		s.RecordsSkipped++
		return nil
	}
	s.RecordsCommitted++
	s.RowsWritten += int64(res.Rows)
	return nil
}

// errUnsure ends a row group that is read ahead at a record to be quarantined:
// the ordinal of that record is not known.
var errUnsure = errors.New("not known to be a record")

// quarantined counts a record, read at offset, that is to be quarantined.
func (d *decoder) quarantined(code reason.Code, offset int64) error {
	if !d.sure {
		return errUnsure
	}
	if d.bad == nil {
		return fmt.Errorf("record %d must be quarantined (%s), but Options.Quarantine is nil", d.first+d.counts.RecordsRead, code)
	}
	d.counts.RecordsQuarantined++
	d.counts.give(code, 1)
	return d.bad.add(d.first+d.counts.RecordsRead, offset)
}
