package sluice

import (
	"context"
	"fmt"
	"math"

	"sluice/internal/batch"
	"sluice/internal/flatten"
	"sluice/internal/parquetfile"
	"sluice/mapping"
)

// A row group ends before the first record at or behind a multiple of the
// stride, in bytes of decompressed input. Borders that depend on the input
// alone give the same file for any number of threads. Longer row groups are
// smaller together, since what repeats stands in fewer dictionaries, but take
// memory. So the stride, of half to four times rowGroupBytes, is the longest
// one of which keepBytes are kept, going by the first sixteenth: short where
// no value repeats, long where most of the input is not asked for.
const (
	rowGroupBytes = 16 << 20
	keepBytes     = 13 << 20

	// Where the sample was wrong, a row group ends at the multiple of
	// rowGroupBytes behind which it keeps more than maxHeld of these.
	maxHeld = 2

	// rowGroupRows ends a row group early, if its rows are tiny.
	rowGroupRows = 1 << 20
)

// border is the first multiple of the stride behind the offset.
func border(offset, stride int64) int64 { return (offset/stride + 1) * stride }

// held is about what the values in the batches take.
func held(batches []*batch.Batch) (bytes int64) {
	for _, b := range batches {
		bytes += b.Held()
	}
	return bytes
}

// stride chooses the stride of the row groups, if so many bytes are held of
// so many bytes of input.
func stride(rowGroup, held, read int64) int64 {
	s := rowGroup / 2
	for s < 4*rowGroup && float64(held)/float64(read)*float64(2*s)*rowGroupBytes <= keepBytes*float64(rowGroup) {
		s *= 2
	}
	return s
}

// lane is where one row group of every table is on its way: filled, encoded
// and written. Of n lanes each has every n-th row group.
type lane struct {
	batches  []*batch.Batch
	encoders []*parquetfile.Encoder
	groups   []*parquetfile.RowGroup
	full     bool       // the batches hold a row group that is not written yet
	running  bool       // somebody works on it, who will tell done
	done     chan error // what went wrong
	decoder  *decoder   // that reads ahead here; nil: none did yet
	begin    int64      // offset of the first record that was read ahead
}

func newLane(m *mapping.Mapping, codec Codec) (*lane, error) {
	l := &lane{done: make(chan error, 1), groups: make([]*parquetfile.RowGroup, len(m.Tables))}
	for i := range m.Tables {
		t := &m.Tables[i]
		e, err := parquetfile.NewEncoder(string(codec))
		if err != nil {
			return nil, err
		}
		l.encoders = append(l.encoders, e)
		l.batches = append(l.batches, batch.New(m.Schema(t), flatten.Levels(m, t), t.Levels()))
	}
	return l, nil
}

// start runs work on the lane's row group.
func (l *lane) start(work func() error) {
	l.running = true
	go func() { l.done <- work() }()
}

// wait waits until nobody works on the lane.
func (l *lane) wait() error {
	if !l.running {
		return nil
	}
	l.running = false
	return <-l.done
}

// encode makes the row groups. A panic of a library below ends this conversion
// only, and not the process.
func (l *lane) encode(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("encode row group: internal error: %v", r)
		}
	}()
	for i, b := range l.batches {
		b.Finish()
		if l.groups[i], err = l.encoders[i].Encode(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (l *lane) reset() {
	for _, b := range l.batches {
		b.Reset()
	}
	l.full = false
}

// rowGroup takes the i-th row group on its way. With one lane it is read,
// encoded and written; with several, one is read while others are encoded, or
// it was read and encoded ahead of its turn.
func (c *conversion) rowGroup(i int) error {
	l := c.lanes[i%len(c.lanes)]
	if !c.arrived(l) {
		if err := c.write(l); err != nil {
			return err
		}
		if err := c.read(i, l); err != nil {
			// What stands before it may fail, too, and does so first.
			if earlier := c.writeAll(i + 1); earlier != nil {
				return earlier
			}
			return err
		}
		if len(c.lanes) > 1 && c.ahead == nil {
			l.start(func() error { return l.encode(c.ctx) })
			return nil
		}
		if err := l.encode(c.ctx); err != nil {
			return err
		}
	}
	if err := c.write(l); err != nil {
		return err
	}
	if c.ahead != nil { // the n-1 row groups that follow are on their way in the other lanes
		c.goAhead(l, border(c.next, l.decoder.stride)+int64(len(c.lanes)-2)*l.decoder.stride)
	}
	return nil
}

// read reads the i-th row group into a lane, from where the one before ended.
func (c *conversion) read(i int, l *lane) error {
	d, err := c.turn(i, l)
	if err != nil {
		return err
	}
	d.begin(l.batches, c.stats.RecordsRead)
	if i == 0 {
		err = c.sample(d)
	}
	if err == nil {
		err = d.group()
	}
	c.took(d)
	l.full = err == nil
	return err
}

// sample reads the beginning of the input, which tells the stride.
func (c *conversion) sample(d *decoder) error {
	if err := d.find(); err != nil || d.ended {
		c.ahead = nil // nothing follows
		return err
	}
	unit := c.opts.rowGroup
	if err := d.fill(min(d.start+unit/16, border(d.start, unit/2))); err != nil {
		return err
	}
	kept, read := held(d.batches), max(d.position()-d.start, 1)
	d.stride = stride(unit, kept, read)
	if !d.ended && read >= unit/32 { // of less nobody should conclude
		c.reserve(d, kept, read)
	}
	c.send()
	return nil
}

// reserve makes room in the lanes for row groups like the first one, of which
// so many bytes were read and kept, and a quarter more: row groups differ.
func (c *conversion) reserve(d *decoder, kept, read int64) {
	end, size := border(d.start, d.stride), c.length(d)
	times := min(1.25*float64(min(end, size)-d.start)/float64(read), float64(maxHeld*c.opts.rowGroup)/float64(kept))
	for _, l := range c.lanes {
		for i, b := range l.batches {
			b.Reserve(c.lanes[0].batches[i], times)
		}
		if end >= size {
			break // the lanes behind it have nothing to do
		}
		end += d.stride
	}
}

// length is about how many bytes the input has, decompressed.
func (c *conversion) length(d *decoder) int64 {
	switch stored, _ := d.stored(); {
	case c.size <= 0:
		return math.MaxInt64
	case c.in.Plain():
		return c.size
	default:
		return int64(float64(c.size) * float64(d.position()) / float64(max(stored, 1)))
	}
}

// turn is the decoder that reads the i-th row group when its turn comes.
func (c *conversion) turn(i int, l *lane) (*decoder, error) {
	if c.ahead == nil || i == 0 {
		return c.decoder, nil
	}
	d := c.decoderOf(l)
	err := c.ahead.seek(d, c.next)
	if c.ahead.lost() {
		c.ahead, c.decoder = nil, d
	}
	return d, err
}

// took accounts for the row group that d read.
func (c *conversion) took(d *decoder) {
	c.stats.Add(d.stats)
	c.next = d.position()
	c.ended = d.ended || c.opts.MaxRecords > 0 && c.stats.RecordsRead >= c.opts.MaxRecords
	c.saw(d)
	if d.in == nil && c.opts.Progress != nil {
		c.opts.Progress(c.stored)
	}
}

// saw notes how far the input was read.
func (c *conversion) saw(d *decoder) {
	n, eof := d.stored()
	c.stored, c.eof = max(c.stored, n), eof
}

// write waits for the row group of a lane, writes it and empties the batches.
func (c *conversion) write(l *lane) error {
	if !l.full {
		return nil // or what was read ahead where nothing is
	}
	if err := l.wait(); err != nil {
		return err
	}
	for i, group := range l.groups {
		if group.Rows() > 0 {
			if err := c.writers[i].Write(group); err != nil {
				return err
			}
		}
		b := l.batches[i]
		for j := range b.Columns {
			c.sums[i][j].Add(b, &b.Columns[j])
		}
	}
	l.reset()
	return nil
}

// writeAll writes the row groups under way, the oldest of which is in the lane
// of the row group next.
func (c *conversion) writeAll(next int) error {
	for i := range c.lanes {
		if err := c.write(c.lanes[(next+i)%len(c.lanes)]); err != nil {
			return err
		}
	}
	return nil
}

// finish writes all that is under way, and the footers.
func (c *conversion) finish(next int) error {
	if err := c.writeAll(next); err != nil {
		return err
	}
	c.stop()
	c.lanes = nil // their memory is free for the footers
	for _, w := range c.writers {
		if err := w.Close(); err != nil {
			return err
		}
	}
	return nil
}
