package lake

import (
	"sort"

	"sluice/internal/tables"
)

// after are the masked rows that end after a row.
func after(masked []tables.Rows, row int64) []tables.Rows {
	return masked[sort.Search(len(masked), func(i int) bool { return masked[i].To > row }):]
}

// counting is how many rows from one on, before another, are not masked.
func counting(masked []tables.Rows, from, to int64) int64 {
	n := to - from
	for _, m := range after(masked, from) {
		if m.From >= to {
			break
		}
		n -= min(m.To, to) - max(m.From, from)
	}
	return n
}

// nth is the row of a file that is the n-th, from 0, of those from start on that are
// not masked.
func nth(masked []tables.Rows, start, n int64) int64 {
	row := start + n
	for _, m := range after(masked, start) {
		if m.From > row {
			break
		}
		row += m.To - max(m.From, start)
	}
	return row
}

// keep are the values of rows that are not masked, in the place of all; first is the row
// of the first value.
func keep[V any](values []V, masked []tables.Rows, first int64) []V {
	end := first + int64(len(values))
	masked = after(masked, first)
	if len(masked) == 0 || masked[0].From >= end {
		return values
	}
	kept, at := values[:0], first
	for _, m := range masked {
		if m.From >= end {
			break
		}
		if m.From > at {
			kept = append(kept, values[at-first:m.From-first]...)
		}
		at = min(m.To, end)
	}
	return append(kept, values[at-first:]...)
}
