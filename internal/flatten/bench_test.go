package flatten

import (
	"bytes"
	"testing"

	"sluice/internal/batch"
	"sluice/internal/gen"
	"sluice/internal/jsonscan"
	"sluice/mapping"
)

// BenchmarkRecord measures the stages before the page encoder: skip skips the
// text and checks it, rows makes batches from it.
func BenchmarkRecord(b *testing.B) {
	m, err := mapping.Preset("orders")
	if err != nil {
		b.Fatal(err)
	}
	var doc bytes.Buffer
	if _, err := gen.Write(&doc, gen.Options{Seed: 1, Bytes: 8 << 20, Form: gen.NDJSON, Catalogue: true}); err != nil {
		b.Fatal(err)
	}
	size := doc.Len()
	text := append(doc.Bytes(), make([]byte, jsonscan.Padding)...)
	for _, stage := range []string{"skip", "rows"} {
		b.Run(stage, func(b *testing.B) {
			f := New(m, m.Records[0], "")
			t := &m.Tables[0]
			rows := batch.New(m.Schema(t), Levels(m, t), t.Levels())
			f.Bind([]*batch.Batch{rows})
			skip := jsonscan.Skipper{MaxDepth: 64}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				rows.Reset()
				for p := 0; p < size; p = jsonscan.Space(text, p) {
					if stage == "skip" {
						skip.Reset()
						p = skip.Value(text, p, 0)
						continue
					}
					res := f.Record(text, p, -1, Origin{})
					if res.Code != "" || res.End < 0 {
						b.Fatalf("%+v", res)
					}
					p = res.End
					if f.FlushDue() {
						f.Flush(text)
					}
				}
			}
		})
	}
}
