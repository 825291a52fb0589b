package conversion

import "sluice/reason"

// Counts is what was read of an input, or of a part of it.
type Counts struct {
	RecordsRead        int64
	RecordsCommitted   int64
	RecordsQuarantined int64
	RecordsSkipped     int64                 // by when_empty: skip or where
	RowsWritten        int64                 // of the committed records
	ElementsSkipped    int64                 // exploded elements that gave no rows
	RowsFiltered       int64                 // left out by where
	UnknownFields      int64                 // members that no path names
	ValueErrors        map[reason.Code]int64 // values that are NULL as they do not fit: on_error: null
	Reasons            map[reason.Code]int64
}

func (c *Counts) add(d *Counts) {
	c.RecordsRead += d.RecordsRead
	c.RecordsCommitted += d.RecordsCommitted
	c.RecordsQuarantined += d.RecordsQuarantined
	c.RecordsSkipped += d.RecordsSkipped
	c.RowsWritten += d.RowsWritten
	c.ElementsSkipped += d.ElementsSkipped
	c.RowsFiltered += d.RowsFiltered
	c.UnknownFields += d.UnknownFields
	addCodes(&c.ValueErrors, d.ValueErrors)
	addCodes(&c.Reasons, d.Reasons)
}

func addCodes(counts *map[reason.Code]int64, more map[reason.Code]int64) {
	for code, n := range more {
		addCode(counts, code, n)
	}
}

func addCode(counts *map[reason.Code]int64, code reason.Code, n int64) {
	if *counts == nil {
		*counts = map[reason.Code]int64{}
	}
	(*counts)[code] += n
}
