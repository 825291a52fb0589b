package parquetfile

import "bytes"

// ColumnTotal is what all row groups of a file have of a column.
type ColumnTotal struct {
	Bytes int64 // in the file
	// Levels are the values of the column, NULLs too. Of a list, an empty one and a
	// NULL in its place count as one each.
	Levels, Nulls int64
	// Low and High are bounds of the values, in the form of the footer's statistics
	// (PLAIN, without a length); nil if there are none. They may be cut.
	Low, High []byte
}

// Totals are those of each column. A column without bounds in one of the row groups
// has none.
func (f *Writer) Totals() []ColumnTotal {
	all := append([]ColumnTotal(nil), f.totals...)
	for i := range all {
		if f.noBound[i] {
			all[i].Low, all[i].High = nil, nil
		}
	}
	return all
}

func (t *ColumnTotal) add(ch *chunk) {
	t.Bytes += int64(ch.end - ch.start)
	t.Levels += int64(ch.levels)
	t.Nulls += int64(ch.nulls)
	b := ch.bounds
	if b.low == nil {
		return
	}
	if t.Low == nil || compareBounds(ch.physical, b.low, t.Low) < 0 {
		t.Low = bytes.Clone(b.low) // an empty text too is a bound
	}
	if t.High == nil || compareBounds(ch.physical, b.high, t.High) > 0 {
		t.High = bytes.Clone(b.high)
	}
}
