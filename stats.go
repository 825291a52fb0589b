package sluice

import (
	"math/big"
	"slices"
	"strings"

	"sluice/internal/conversion"
	"sluice/internal/drift"
)

func newStats() (s Stats) {
	s.Add(Stats{})
	return s
}

// statsOf are the counts of a conversion, without a verdict.
func statsOf(r *conversion.Result) Stats {
	s := newStats()
	var paths []DriftPath
	for _, p := range r.Drifted {
		paths = append(paths, DriftPath{string(p.Kind), p.Path, p.Reason, p.Count, p.Offset})
	}
	s.Add(Stats{
		RecordsRead: r.RecordsRead, RecordsCommitted: r.RecordsCommitted, RecordsQuarantined: r.RecordsQuarantined,
		RecordsSkipped: r.RecordsSkipped, RowsWritten: r.RowsWritten, BytesRead: r.BytesRead, BytesWritten: r.BytesWritten,
		ElementsSkipped: r.ElementsSkipped, RowsFiltered: r.RowsFiltered, UnknownFields: r.UnknownFields, ValueErrors: r.ValueErrors, Reasons: r.Reasons,
		Sums: r.Sums, RecordSums: r.RecordSums, Drift: paths, DriftRest: r.DriftRest,
	})
	return s
}

// Add adds the counts and sums of another object; Outcome and Reason stay.
func (s *Stats) Add(t Stats) {
	s.RecordsRead += t.RecordsRead
	s.RecordsCommitted += t.RecordsCommitted
	s.RecordsQuarantined += t.RecordsQuarantined
	s.RecordsSkipped += t.RecordsSkipped
	s.RowsWritten += t.RowsWritten
	s.BytesRead += t.BytesRead
	s.BytesWritten += t.BytesWritten
	s.ElementsSkipped += t.ElementsSkipped
	s.RowsFiltered += t.RowsFiltered
	s.UnknownFields += t.UnknownFields
	s.ValueErrors = addCounts(s.ValueErrors, t.ValueErrors)
	s.Reasons = addCounts(s.Reasons, t.Reasons)
	s.Sums = addSums(s.Sums, t.Sums)
	s.RecordSums = addSums(s.RecordSums, t.RecordSums)
	s.addDrift(t)
}

// addDrift adds the paths of another object. The offset stays that of the object
// in which a path was seen first.
func (s *Stats) addDrift(t Stats) {
	if s.Drift == nil {
		s.Drift = []DriftPath{}
	}
	s.DriftRest += t.DriftRest
	if len(t.Drift) == 0 {
		return
	}
	type key struct {
		kind, path string
		reason     Reason
	}
	var all []drift.Path
	at := map[key]int{}
	for _, p := range slices.Concat(s.Drift, t.Drift) {
		k := key{p.Kind, p.Path, p.Reason}
		if i, ok := at[k]; ok {
			all[i].Count += p.Count
			continue
		}
		at[k] = len(all)
		all = append(all, drift.Path{Kind: drift.Kind(p.Kind), Path: p.Path, Reason: p.Reason, Count: p.Count, Offset: p.Offset})
	}
	all, rest := drift.List(all)
	s.DriftRest += rest
	s.Drift = make([]DriftPath, len(all))
	for i, p := range all {
		s.Drift[i] = DriftPath{string(p.Kind), p.Path, p.Reason, p.Count, p.Offset}
	}
}

func addCounts(a, b map[Reason]int64) map[Reason]int64 {
	if a == nil {
		a = map[Reason]int64{}
	}
	for code, n := range b {
		a[code] += n
	}
	return a
}

func addSums(a, b map[string]string) map[string]string {
	if a == nil {
		a = map[string]string{}
	}
	for column, sum := range b {
		a[column] = addDecimals(a[column], sum)
	}
	return a
}

// addDecimals adds two decimals of the same scale; an empty one is zero.
func addDecimals(a, b string) string {
	if a == "" {
		return b
	}
	x, ok1 := new(big.Rat).SetString(a)
	y, ok2 := new(big.Rat).SetString(b)
	if !ok1 || !ok2 {
		return a + " + " + b // not numbers of ours: shown, not dropped
	}
	_, fraction, _ := strings.Cut(b, ".")
	return x.Add(x, y).FloatString(len(fraction))
}
