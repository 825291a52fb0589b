package conversion

import (
	"context"
	"fmt"

	"sluice/internal/batch"
	"sluice/internal/drift"
	"sluice/internal/flatten"
	"sluice/internal/input"
	"sluice/internal/jsonscan"
	"sluice/internal/rejection"
	"sluice/mapping"
	"sluice/reason"
)

// decoder reads records into the batches of a row group, one row group after
// another.
type decoder struct {
	m      *mapping.Mapping
	opts   *Options
	window *jsonscan.Window
	source flatten.Source // of all records, but in a quarantine file
	feed   feed
	bad    *misfits // nil: quarantine is an error

	flat    *flatten.Flattener // nil until it is known where the records are
	spare   *flatten.Flattener // of an earlier conversion, for records at place; nil: none
	place   int                // of the records: index of their path in the mapping
	batches []*batch.Batch

	// Of the row group:
	first  int64  // ordinal of its first record
	start  int64  // its offset; -1: not found yet
	counts Counts // what was read
	drift  drift.Counts

	stride int64 // see rowGroupBytes

	in    *input.Reader // what the window reads; nil if it reads a part of a file
	found bool          // a record stands at the position of the window
	ended bool          // none follows
}

func newDecoder(m *mapping.Mapping, opts *Options, w *jsonscan.Window, bad *misfits) *decoder {
	d := &decoder{m: m, opts: opts, window: w, bad: bad}
	d.watch()
	return d
}

// again makes d one that has read nothing of the window, which was renewed.
func (d *decoder) again(opts *Options, bad *misfits) {
	*d = decoder{m: d.m, opts: opts, window: d.window, bad: bad, spare: d.flat, place: d.place}
	d.watch()
}

// watch flushes the batches before the text that they refer to moves.
func (d *decoder) watch() {
	w := d.window
	w.BeforeMove = func() {
		if d.flat != nil {
			d.flat.Flush(w.Buf)
		}
	}
}

// another is a decoder for records of the same file, with batches of its own.
func (d *decoder) another(ctx context.Context, batches []*batch.Batch) *decoder {
	o := newDecoder(d.m, d.opts, jsonscan.NewWindow(ctx, nil), d.bad)
	o.batches, o.stride, o.source = batches, d.stride, d.source
	o.at(d.place)
	return o
}

// reads makes the decoder read the records of JSON text that r finds. guessed
// says that nobody knows yet whether the first begins there.
func (d *decoder) reads(r *jsonscan.Records, guessed bool) {
	d.feed = &text{d.window, r, int(d.m.Limits.RecordBytes), guessed, d.source.Key()}
}

// at makes the decoder read records that are found at place.
func (d *decoder) at(place int) {
	if d.spare != nil && d.place == place {
		d.flat = d.spare
		d.flat.Renew(d.source)
	} else {
		d.flat = flatten.New(d.m, d.m.Records[place], d.source)
	}
	d.place, d.spare = place, nil
	d.flat.Bind(d.batches)
	d.flat.CountDrift(&d.drift)
}

// begin begins a row group, whose first record is the first-th.
func (d *decoder) begin(batches []*batch.Batch, first int64) {
	d.batches, d.first, d.start, d.counts, d.drift = batches, first, -1, Counts{}, drift.Counts{}
	if d.flat != nil {
		d.flat.Bind(batches)
		d.flat.CountDrift(&d.drift)
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
func (d *decoder) find() error {
	if !d.found && !d.ended {
		place, err := d.feed.next()
		if err != nil {
			return err
		}
		d.found, d.ended = place != noRecord, place == noRecord
		if d.found && (d.flat == nil || d.place != place) {
			d.at(place)
		}
	}
	if d.found && d.start < 0 {
		d.start = d.position()
	}
	return nil
}

// sample reads the beginning of the input, and chooses the stride by how many
// of its bytes are kept.
func (d *decoder) sample() (kept, read int64, err error) {
	if err := d.find(); err != nil || d.ended {
		return 0, 0, err
	}
	unit, before := d.opts.RowGroupBytes, held(d.batches)
	if err := d.fill(min(d.start+unit/16, border(d.start, unit/2))); err != nil {
		return 0, 0, err
	}
	kept, read = held(d.batches)-before, max(d.position()-d.start, 1)
	d.stride = stride(unit, kept, read)
	return kept, read, nil
}

// seam returns the seam between the records, once two were read and a third
// follows.
func (d *decoder) seam() (jsonscan.Seam, bool) {
	if d.ended || d.counts.RecordsRead < 2 {
		return jsonscan.Seam{}, false
	}
	return d.feed.seam()
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
		res, bad, err := d.feed.take(d.flat, d.first+d.counts.RecordsRead)
		if err != nil {
			return err
		}
		if err := d.count(res, bad); err != nil {
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
		if b.Rows >= d.opts.RowGroupRows || b.ListValues >= listValues*int64(d.opts.RowGroupRows) {
			return true
		}
	}
	return false
}

// last reports whether no further record may be read, or looked for.
func (d *decoder) last() bool {
	return d.opts.MaxRecords > 0 && d.first+d.counts.RecordsRead >= d.opts.MaxRecords
}

// count counts a record that was read, and quarantines it if it is a misfit.
func (d *decoder) count(res *flatten.Result, bad *misfit) error {
	s := &d.counts
	s.RecordsRead++
	s.UnknownFields += res.Fields
	switch {
	case bad != nil:
		return d.quarantine(bad)
	case res.Skipped:
		s.RecordsSkipped++
	default:
		s.RecordsCommitted++
		s.RowsWritten += int64(res.Rows)
	}
	s.ElementsSkipped += res.Empty
	for _, code := range res.Errors {
		addCode(&s.ValueErrors, code, 1)
	}
	s.RowsFiltered += res.Filtered
	return nil
}

// quarantine writes a record, the last that was counted, to the quarantine.
func (d *decoder) quarantine(r *misfit) error {
	e := r.entry
	read := d.first + d.counts.RecordsRead
	switch {
	case e.Reason == reason.BadQuarantineFile:
		return &rejection.Error{Code: e.Reason, Offset: e.Offset, Detail: jsonscan.StrayEntry}
	case d.bad == nil:
		return fmt.Errorf("record %d must be quarantined (%s), but Options.Quarantine is nil", read, e.Reason)
	}
	d.counts.RecordsQuarantined++
	addCode(&d.counts.Reasons, e.Reason, 1)
	if err := d.bad.add(e.Reason, r.mappingPath, read, e.Offset); err != nil {
		return err
	}
	e.Place = d.m.Records[d.place].String()
	if r.raw == nil {
		return d.feed.pass(e, d.bad.Writer)
	}
	return d.bad.Write(e, r.raw)
}
