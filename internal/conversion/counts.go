package conversion

import "sluice/reason"

// Counts is what was read of an input, or of a part of it.
type Counts struct {
	RecordsRead        int64
	RecordsCommitted   int64
	RecordsQuarantined int64
	RecordsSkipped     int64 // because of when_empty: skip
	RowsWritten        int64 // of the committed records
	ElementsSkipped    int64 // exploded elements that gave no rows
	UnknownFields      int64 // members that no path names
	Reasons            map[reason.Code]int64
}

func (c *Counts) add(d *Counts) {
	c.RecordsRead += d.RecordsRead
	c.RecordsCommitted += d.RecordsCommitted
	c.RecordsQuarantined += d.RecordsQuarantined
	c.RecordsSkipped += d.RecordsSkipped
	c.RowsWritten += d.RowsWritten
	c.ElementsSkipped += d.ElementsSkipped
	c.UnknownFields += d.UnknownFields
	for code, n := range d.Reasons {
		c.give(code, n)
	}
}

// give counts n quarantined records by their reason.
func (c *Counts) give(code reason.Code, n int64) {
	if c.Reasons == nil {
		c.Reasons = map[reason.Code]int64{}
	}
	c.Reasons[code] += n
}
