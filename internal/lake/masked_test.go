package lake

import (
	"math/rand/v2"
	"slices"
	"testing"

	"sluice/internal/tables"
)

// Which rows count is the same, however it is asked.
func TestMasked(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		size := 1 + r.Int64N(60)
		var masked []tables.Rows
		counts := make([]bool, size)
		for at := r.Int64N(5); at < size; at += 1 + r.Int64N(6) {
			end := min(at+1+r.Int64N(9), size)
			masked = append(masked, tables.Rows{From: at, To: end})
			at = end
		}
		for i := range counts {
			counts[i] = !slices.ContainsFunc(masked, func(m tables.Rows) bool { return m.From <= int64(i) && int64(i) < m.To })
		}
		from := r.Int64N(size)
		to := from + r.Int64N(size-from+1)
		var want, values []int64
		for i := from; i < to; i++ {
			values = append(values, i)
			if counts[i] {
				want = append(want, i)
			}
		}
		if got := counting(masked, from, to); got != int64(len(want)) {
			t.Fatalf("%v: %d rows of %d to %d count, and not %d", masked, got, from, to, len(want))
		}
		for n, row := range want {
			if got := nth(masked, from, int64(n)); got != row {
				t.Fatalf("%v: row %d from %d is %d, and not %d", masked, n, from, got, row)
			}
		}
		if got := keep(values, masked, from); !slices.Equal(got, want) {
			t.Fatalf("%v: of %d to %d %v count, and not %v", masked, from, to, got, want)
		}
	}
}
