package stride

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkAppend compresses 20,000 values, and so does a match finder.
func BenchmarkAppend(b *testing.B) {
	for name, kind := range kinds {
		values, width := kind(rand.New(rand.NewPCG(1, 1)), 20_000)
		run := func(by string, compress func(dst []byte) []byte) {
			b.Run(name+"/"+by, func(b *testing.B) {
				b.SetBytes(int64(len(values)))
				b.ReportAllocs()
				var out []byte
				for b.Loop() {
					out = compress(out[:0])
				}
				b.ReportMetric(float64(len(out))/float64(len(values)), "ratio")
			})
		}
		var e Encoder
		run("stride", func(dst []byte) []byte { dst, _ = e.Append(dst, values, 0, width); return dst })
		finder := newFinder(b)
		run("finder", func(dst []byte) []byte { return finder.EncodeAll(values, dst) })
	}
}
