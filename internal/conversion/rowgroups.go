package conversion

import "sluice/internal/batch"

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

// stride chooses the stride of the row groups from what a sample of the input
// keeps: held bytes of read ones.
func stride(rowGroup, held, read int64) int64 {
	s := rowGroup / 2
	for s < 4*rowGroup && float64(held)/float64(read)*float64(2*s)*rowGroupBytes <= keepBytes*float64(rowGroup) {
		s *= 2
	}
	return s
}
