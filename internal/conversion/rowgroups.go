package conversion

import "sluice/internal/batch"

// A row group ends before the first record at or after a multiple of the
// stride, in bytes of decompressed input. These borders depend only on the
// input, so the file is the same for any number of threads. Longer row groups
// make smaller files, since repeated values stand in fewer dictionaries, but
// they take more memory. So the stride is the longest one, from half to four
// times rowGroupBytes, for which at most keepBytes are kept in memory, judged
// by a sample: the first sixteenth of rowGroupBytes. It is short where no value
// repeats, and long where the mapping uses little of the input.
const (
	rowGroupBytes = 16 << 20
	keepBytes     = 13 << 20

	// If the sample was wrong, a row group ends at the first multiple of
	// rowGroupBytes after which it keeps more than maxHeld times rowGroupBytes.
	maxHeld = 2

	// rowGroupRows ends a row group early, if its rows are tiny.
	rowGroupRows = 1 << 20

	// listValues times rowGroupRows values of lists end it, too: those of a
	// record are written again for each of its rows.
	listValues = 4
)

// border is the first multiple of the stride after the offset.
func border(offset, stride int64) int64 { return (offset/stride + 1) * stride }

// held is about how many bytes the values in the batches take.
func held(batches []*batch.Batch) (bytes int64) {
	for _, b := range batches {
		bytes += b.Held()
	}
	return bytes
}

// stride chooses the stride of the row groups from a sample of the input: after
// read bytes, held bytes were kept.
func stride(rowGroup, held, read int64) int64 {
	s := rowGroup / 2
	for s < 4*rowGroup && float64(held)/float64(read)*float64(2*s)*rowGroupBytes <= keepBytes*float64(rowGroup) {
		s *= 2
	}
	return s
}
