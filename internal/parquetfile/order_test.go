package parquetfile

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sluice/schema"
)

// Bounds of texts are found by their first bytes: texts that begin alike, that
// end inside of these bytes, or that hold zeros, must still be told apart.
func TestBoundsOfTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefix := bytes.Repeat([]byte("p"), rapid.SampledFrom([]int{0, 1, 7, 8, 9, 16}).Draw(t, "prefix"))
		ends := rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 9, 'a'}), 0, 10), 1, 12).Draw(t, "ends")
		c := tableColumn{plain: rapid.Bool().Draw(t, "plain")}
		c.Type.Kind = schema.String
		x := &table{}
		for _, end := range ends {
			c.values = append(c.values, slices.Concat([]byte{}, prefix, end))
			x.pageEnds = append(x.pageEnds, rapid.Bool().Draw(t, "page ends"))
		}
		x.columns = []tableColumn{c}
		b := x.batch()
		var m measurer
		column := newColumn(b, 0)
		m.measure(column, b.Pages)
		for _, p := range m.pages {
			values := valuesOf(&c, c.values[p.from:p.to])
			low, high := column.Entry(p.low), column.Entry(p.high)
			if want := values[0].([]byte); !bytes.Equal(low, want) {
				t.Fatalf("the smallest of %q is %q, got %q", values, want, low)
			}
			if want := values[len(values)-1].([]byte); !bytes.Equal(high, want) {
				t.Fatalf("the largest of %q is %q, got %q", values, want, high)
			}
		}
	})
}
