package parquetfile

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// Totals are the sums of what the footer says of the row groups, and the bounds
// around all of theirs.
func TestTotals(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 7))
		tables := []*table{randomTable(1, r.IntN(40), r), randomTable(1, r.IntN(40), r), randomTable(1, 1+r.IntN(40), r)}
		e, err := NewEncoder("zstd")
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		w, err := NewWriter(&out, tables[0].schema(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range tables {
			g, err := e.Encode(t.Context(), x.batch())
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(g); err != nil {
				t.Fatal(err)
			}
		}
		totals := w.Totals()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for i, total := range totals {
			var want ColumnTotal
			for _, g := range f.Metadata().RowGroups {
				m := g.Columns[i].MetaData
				want.Bytes += m.TotalCompressedSize
				want.Levels += m.NumValues
				want.Nulls += m.Statistics.NullCount
				low, high := m.Statistics.MinValue, m.Statistics.MaxValue
				if low == nil {
					continue
				}
				if want.Low == nil || compareBounds(m.Type, low, want.Low) < 0 {
					want.Low = low
				}
				if want.High == nil || compareBounds(m.Type, high, want.High) > 0 {
					want.High = high
				}
			}
			if total.Bytes != want.Bytes || total.Levels != want.Levels || total.Nulls != want.Nulls || !bytes.Equal(total.Low, want.Low) || !bytes.Equal(total.High, want.High) {
				t.Fatalf("seed %d, column %s: %+v, and the footer has %+v", seed, tables[0].columns[i].Name, total, want)
			}
		}
	}
}
