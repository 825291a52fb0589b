package conversion

import "sluice/internal/drift"

// progress is how far the input was read: it counts the row groups, in their
// order, that are written or certain to be.
type progress struct {
	counts Counts
	drift  drift.Counts
	next   int64 // offset of the record that follows
	ended  bool  // no record follows, or none is wanted
	stored int64 // stored bytes read
	eof    bool  // the input ends after these

	most   int64             // records that are wanted; 0: all
	report func(bytes int64) // may be nil
}

// took accounts for the row group that d read.
func (p *progress) took(d *decoder) {
	p.counts.add(&d.counts)
	p.drift.Add(&d.drift)
	p.next = d.position()
	p.ended = d.ended || p.most > 0 && p.counts.RecordsRead >= p.most
	p.saw(d)
	if d.in == nil && p.report != nil {
		p.report(p.stored)
	}
}

// saw notes how far the input was read.
func (p *progress) saw(d *decoder) {
	n, eof := d.stored()
	p.stored, p.eof = max(p.stored, n), eof
}
