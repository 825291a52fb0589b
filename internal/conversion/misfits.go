package conversion

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"sluice/internal/input"
	"sluice/internal/quarantine"
	"sluice/internal/rejection"
	"sluice/mapping"
	"sluice/reason"
)

// shareFloor is the number of records up to which an object is never rejected
// for its share of quarantined ones.
const shareFloor = 10

// misfits is the quarantine of a conversion, with its bounds: an input with
// only bad records must not cost more than one with good records before it is
// rejected.
type misfits struct {
	*quarantine.Writer
	out     bounded
	share   float64 // of the records; 1: no bound
	most    float64 // the most bytes that the input can have, decompressed
	records int64   // quarantined so far
	tally   tally
}

func newMisfits(w io.Writer, share float64) *misfits {
	m := &misfits{out: bounded{w: w}, share: share, tally: tally{}}
	m.out.tally = m.tally
	m.Writer = quarantine.NewWriter(&m.out)
	return m
}

// bind sets the bounds for an input of size stored bytes, if known. The
// decompression ratio also limits the size of the quarantine.
func (m *misfits) bind(l *mapping.Limits, size int64, plain bool) {
	m.most, m.out.limit = float64(l.DecompressedBytes), l.QuarantineBytes
	if size <= 0 {
		return
	}
	inflated := max(input.RatioFloor, float64(size)*float64(l.DecompressionRatio))
	if inflated < float64(m.out.limit) {
		m.out.limit = int64(inflated)
	}
	if plain {
		m.most = min(m.most, float64(size))
	} else {
		m.most = min(m.most, inflated+float64(size)) // the ratio is compared in whole numbers
	}
}

// add counts a record that is quarantined because of what stands at the path
// path, as the mapping writes it; read is how many were read so far, with it.
// It rejects the object if too many are quarantined whatever follows: each
// record, with the separator after it, has at least two bytes.
func (m *misfits) add(code reason.Code, path string, read, offset int64) error {
	m.tally[misfitKind{code, path}]++
	return m.check(read, offset)
}

// check is add for a record that is in the tally.
func (m *misfits) check(read, offset int64) error {
	m.records++
	m.out.offset = offset
	follow := max(0, math.Ceil((m.most-float64(offset))/2))
	if read > shareFloor && float64(m.records) > m.share*(float64(read)+follow) {
		return &rejection.Error{Code: reason.QuarantineShare, Offset: offset, Detail: fmt.Sprintf(
			"%d of the first %d records do not fit the mapping; whatever follows, that is more than quarantine_share: %g; %s", m.records, read, m.share, m.tally)}
	}
	return nil
}

// bounded writes up to limit bytes.
type bounded struct {
	w      io.Writer
	limit  int64
	n      int64
	offset int64 // of the record that is written
	tally  tally // of the records
}

func (b *bounded) Write(p []byte) (int, error) {
	if int64(len(p)) > b.limit-b.n {
		return 0, &rejection.Error{Code: reason.QuarantineBytes, Offset: b.offset, Detail: fmt.Sprintf(
			"the quarantined records take more than %d bytes (quarantine_bytes, and decompression_ratio times the input); %s", b.limit, b.tally)}
	}
	n, err := b.w.Write(p)
	b.n += int64(n)
	return n, err
}

// keepsReasons reports whether the counts by reason explain a reject.
func keepsReasons(r *rejection.Error) bool {
	return r.Code == reason.QuarantineShare || r.Code == reason.QuarantineBytes || r.Code == reason.Drift
}

// tally counts quarantined records by what is first wrong with them. There are
// as many kinds as the mapping has paths, times the reasons.
type tally map[misfitKind]int64

type misfitKind struct {
	code reason.Code
	path string // as the mapping writes it: it holds nothing of the data
}

// maxKinds is how many kinds an error names.
const maxKinds = 5

// String is for the error of a rejected object: the most frequent kinds, and who
// says more.
func (t tally) String() string {
	var kinds []*misfitKind // all sorts of pointers share their code
	for k := range t {
		kinds = append(kinds, &k)
	}
	slices.SortFunc(kinds, func(a, b *misfitKind) int {
		return cmp.Or(cmp.Compare(t[*b], t[*a]), cmp.Compare(a.code, b.code), cmp.Compare(a.path, b.path))
	})
	var s strings.Builder
	more := int64(0)
	for i, k := range kinds {
		switch {
		case i >= maxKinds:
			more += t[*k]
			continue
		case i > 0:
			s.WriteString(", ")
		}
		fmt.Fprintf(&s, "%d %s at %s", t[*k], k.code, cmp.Or(k.path, "$"))
	}
	if more > 0 {
		fmt.Fprintf(&s, ", %d others", more)
	}
	return s.String() + "; sluice mapping preview shows what to change"
}
