package zstdpage

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkAppend compresses pages of 20,000 values, and so does a library.
func BenchmarkAppend(b *testing.B) {
	for name, kind := range kinds {
		page := kind(rand.New(rand.NewPCG(1, 1)), 20_000)
		run := func(by string, compress func(dst []byte) []byte) {
			b.Run(name+"/"+by, func(b *testing.B) {
				b.SetBytes(int64(len(page)))
				b.ReportAllocs()
				var out []byte
				for b.Loop() {
					out = compress(out[:0])
				}
				b.ReportMetric(float64(len(out))/float64(len(page)), "ratio")
			})
		}
		var e Encoder
		run("sluice", func(dst []byte) []byte { return e.Append(dst, page, widths[name]) })
		library := newLibrary(b)
		run("library", func(dst []byte) []byte { return library.EncodeAll(page, dst) })
	}
}
