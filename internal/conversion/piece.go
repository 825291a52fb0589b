package conversion

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sluice/internal/batch"
	"sluice/internal/drift"
	"sluice/internal/flatten"
	"sluice/internal/jsonscan"
	"sluice/internal/quarantine"
	"sluice/internal/rejection"
	"sluice/mapping"
	"sluice/reason"
)

// An NDJSON input can be converted in pieces, by several processes. Each takes a range of
// its bytes, looks for the first record at or after its beginning, and reads on to the
// first record at or after its end. A [Whole] adds up pieces that join.

// NotLines says why an input cannot be converted in pieces.
type NotLines struct{ Why string }

func (e *NotLines) Error() string { return e.Why }

// Lines is what the beginning of an NDJSON input shows.
type Lines struct {
	Place int   // of the records: index of their path in the mapping
	First int64 // offset of the first record
}

// FindLines reads the beginning of an input. A [*NotLines] says that it, or the mapping,
// does not allow pieces; a [*rejection.Error] that it is no input at all.
func FindLines(ctx context.Context, src io.Reader, m *mapping.Mapping, source string) (l Lines, err error) {
	if m.Provenance {
		return l, &NotLines{"the mapping has provenance: true, and the ordinals _record and _line are not known in a part of an object"}
	}
	outputs := make([]Output, len(m.Tables))
	for i := range outputs {
		outputs[i] = Output{Schema: m.Schema(&m.Tables[i]), Take: func(b *batch.Batch) (*batch.Batch, error) { return b, nil }}
	}
	c, err := newConversion(ctx, Memory{}, outputs, src, m, Options{Quarantine: io.Discard, Source: source, MaxRecords: 1})
	if err != nil {
		return l, err
	}
	defer c.close()
	if err := c.open(); err != nil {
		return l, err
	}
	switch {
	case !c.in.Plain():
		return l, &NotLines{"it is compressed, so it can only be read from its beginning"}
	case c.replays:
		return l, &NotLines{"it is a quarantine file"}
	}
	d := c.decoder
	d.begin(c.lanes[0].batches, 0)
	if err := d.fill(1 << 62); err != nil { // one record
		return l, err
	}
	records := d.feed.(*text).r
	if d.counts.RecordsRead > 0 {
		l = Lines{d.place, d.start}
		if _, err := records.Next(); err != nil {
			return l, err
		}
	}
	if !records.AreLines() {
		return l, &NotLines{"it is not NDJSON: no line ends separate its records"}
	}
	return l, nil
}

// Range is a part of an NDJSON input: the records that begin at From or after it, and
// before Until.
type Range struct {
	Lines
	From, Until int64
	// Known says that a record begins at From, or the input ends there. Otherwise the
	// first record is looked for. The first record of the input is always known.
	Known bool
}

// Piece is what the conversion of a range gave.
type Piece struct {
	Begin int64 `json:"begin"` // offset of its first record, or of the one after it; below 0: no record seems to begin in the range
	End   int64 `json:"end"`   // offset of the record after it, or the size of the input

	Counts Counts         `json:"counts"`
	Sums   [][]batch.Sums `json:"sums"`  // of the columns of each table
	Given  [][]bool       `json:"given"` // which columns have a value
	Rows   []int64        `json:"rows"`  // of each table
	Drift  drift.Counts   `json:"drift"`
	Kinds  []Kind         `json:"kinds"`  // what is in quarantine
	Reject *Reject        `json:"reject"` // the input is rejected, if the piece begins where it should
}

// Kind is a kind of quarantined records.
type Kind struct {
	Reason reason.Code `json:"reason"`
	Path   string      `json:"path"` // as the mapping writes it
	N      int64       `json:"n"`
}

// Reject is a [rejection.Error].
type Reject struct {
	Reason reason.Code `json:"reason"`
	Offset int64       `json:"offset"`
	Detail string      `json:"detail"`
}

// RunRange converts a part of an NDJSON input of opts.Size bytes; open reads the input
// from an offset on. opts.Quarantine is needed: entries there have ordinals that begin
// at 0. The quarantine counts too if the piece is a reject, and its last entry may then
// be cut off. After an error throw all away.
func RunRange(ctx context.Context, outputs []Output, open func(offset int64) io.Reader, m *mapping.Mapping, opts Options, r Range) (*Piece, error) {
	c, err := newConversion(ctx, Memory{}, outputs, nil, m, opts)
	if err != nil {
		return nil, err
	}
	defer c.close()
	p := &Piece{Begin: -1}
	err = c.runRange(open, r, p)
	reject := new(rejection.Error)
	switch {
	case errors.As(err, &reject):
		p.Reject = &Reject{reject.Code, reject.Offset, reject.Detail}
	case err != nil:
		return nil, err
	}
	c.pieceInto(p)
	return p, nil
}

func (c *conversion) runRange(open func(int64) io.Reader, r Range, p *Piece) error {
	bad := newMisfits(c.opts.Quarantine, 1) // the share is that of the whole
	bad.bind(&c.m.Limits, c.opts.Size, true)
	c.size = min(r.Until, c.opts.Size)
	w := jsonscan.NewWindow(c.ctx, nil)
	d := newDecoder(c.m, &c.opts, w, bad)
	c.decoder = d
	var records *jsonscan.Records
	isFirst := r.From == r.First
	switch {
	case isFirst:
		w.Reset(open(0), 0)
		records = newRecords(w, c.m)
	case r.Known:
		w.Reset(open(r.From), r.From)
		records = c.lines(r.Place)
	default:
		at := max(r.From-jsonscan.SeamBefore, 0)
		w.Reset(open(at), at)
		records = c.lines(r.Place)
		found, err := records.FindLine(r.From, r.Until)
		if err != nil {
			return fmt.Errorf("read input: %w", err)
		}
		if !found {
			p.End = -1
			return nil
		}
	}
	p.Begin = d.position()
	if isFirst {
		p.Begin = r.First
	}
	var err error
	if d.source, err = flatten.NewSource(c.m, c.opts.Source); err != nil {
		return &rejection.Error{Code: reason.KeyMismatch, Detail: err.Error()}
	}
	d.feed = &ending{&text{w, records, int(c.m.Limits.RecordBytes), false, d.source.Key()}, r.Until}
	if err := c.sample(); err != nil {
		return err
	}
	if err := c.schedule().run(); err != nil {
		return err
	}
	p.End = c.progress.next
	c.stop()
	return c.tables.close()
}

// lines are further records of the input.
func (c *conversion) lines(place int) *jsonscan.Records {
	l := jsonscan.Limits{RecordBytes: int(c.m.Limits.RecordBytes), Depth: c.m.Limits.Depth}
	return jsonscan.NewLines(c.decoder.window, place, scalars(c.m), l)
}

// pieceInto notes what was counted.
func (c *conversion) pieceInto(p *Piece) {
	p.Counts, p.Drift, p.Rows = c.progress.counts, c.progress.drift, c.tables.rows
	for i := range c.m.Tables {
		n := len(c.m.Tables[i].Columns)
		p.Sums, p.Given = append(p.Sums, c.tables.sums[i][:n]), append(p.Given, c.tables.given[i])
	}
	if c.decoder.bad == nil {
		return
	}
	for k, n := range c.decoder.bad.tally {
		p.Kinds = append(p.Kinds, Kind{k.code, k.path, n})
	}
}

// Whole adds up the pieces of an input, in their order.
type Whole struct {
	c    *conversion
	next int64 // where the next piece begins
}

// NewWhole begins the sum of the pieces of an input of opts.Size bytes. Quarantined
// records go to opts.Quarantine.
func NewWhole(m *mapping.Mapping, first int64, opts Options) *Whole {
	c := &conversion{m: m, opts: opts, tables: tableFiles{m: m}}
	for i := range m.Tables {
		c.tables.add(Output{Schema: m.Schema(&m.Tables[i])})
	}
	bad := newMisfits(opts.Quarantine, m.Limits.QuarantineShare)
	bad.bind(&m.Limits, opts.Size, true)
	c.decoder = &decoder{m: m, bad: bad}
	return &Whole{c, first}
}

// Next is where the next piece must begin.
func (w *Whole) Next() int64 { return w.next }

// Joins reports whether a piece of the range before until follows what was added.
func (w *Whole) Joins(p *Piece, until int64) bool {
	if p.Begin < 0 {
		return w.next >= until
	}
	return p.Begin == w.next
}

// Add adds a piece that joins, with the entries of its quarantine. A [*rejection.Error]
// rejects the input.
func (w *Whole) Add(p *Piece, quarantined io.Reader) error {
	if p.Begin < 0 {
		return nil
	}
	bad := w.c.decoder.bad
	for _, k := range p.Kinds {
		bad.tally[misfitKind{k.Reason, k.Path}] += k.N
	}
	read := w.c.progress.counts.RecordsRead
	w.c.progress.counts.add(&p.Counts)
	w.c.progress.drift.Add(&p.Drift)
	if err := w.c.tables.join(p); err != nil {
		return err
	}
	err := quarantine.Renumber(&bad.out, quarantined, read, func(e quarantine.Entry) error {
		return bad.check(e.Record+1, e.Offset)
	})
	if cut := p.Reject != nil && errors.Is(err, io.ErrUnexpectedEOF); err != nil && !cut {
		return err
	}
	if r := p.Reject; r != nil {
		return &rejection.Error{Code: r.Reason, Offset: r.Offset, Detail: r.Detail}
	}
	w.next = p.End
	return nil
}

// join adds the rows of a piece.
func (f *tableFiles) join(p *Piece) error {
	if len(p.Rows) != len(f.rows) || len(p.Sums) != len(f.rows) || len(p.Given) != len(f.rows) {
		return errors.New("add up the parts of an object: one is of another mapping")
	}
	for i := range f.rows {
		if len(p.Sums[i]) > len(f.sums[i]) || len(p.Given[i]) != len(f.given[i]) {
			return errors.New("add up the parts of an object: one is of another mapping")
		}
		f.rows[i] += p.Rows[i]
		for j := range p.Sums[i] {
			f.sums[i][j].Join(&p.Sums[i][j])
		}
		for j, given := range p.Given[i] {
			f.given[i][j] = f.given[i][j] || given
		}
	}
	return nil
}

// Result is that of the whole input, once all pieces were added, or one of them, with
// the error reject of Add, or none.
func (w *Whole) Result(reject error) (Result, error) {
	c := w.c
	c.progress.stored = c.opts.Size
	if reject != nil {
		return c.failed(reject)
	}
	if w.next != c.opts.Size {
		return Result{}, fmt.Errorf("add up the parts of an object: they end at byte %d of %d", w.next, c.opts.Size)
	}
	if err := c.checkShare(); err != nil {
		return c.failed(err)
	}
	if err := c.checkDrift(); err != nil {
		return c.failed(err)
	}
	return c.result()
}

// ending feeds the records that begin before the offset until.
type ending struct {
	*text
	until int64
}

func (f *ending) next() (int, error) {
	place, err := f.text.next()
	if place != noRecord && f.w.Offset(f.w.Pos) >= f.until {
		place = noRecord
	}
	return place, err
}
