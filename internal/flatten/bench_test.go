package flatten

import (
	"bytes"
	"testing"

	"sluice/internal/batch"
	"sluice/internal/gen"
	"sluice/internal/jsonscan"
	"sluice/mapping"
	"sluice/schema"
)

// BenchmarkRecord measures the stages before the page encoder: skip skips the
// text and checks it, rows makes batches from it, and so does texts, where all
// text is changed before.
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
	texts, err := mapping.Preset("orders")
	if err != nil {
		b.Fatal(err)
	}
	for i := range texts.Tables[0].Columns {
		if c := &texts.Tables[0].Columns[i]; c.Type.Kind == schema.String {
			c.Transform, c.NullValues = []mapping.Transform{mapping.Trim, mapping.Lower}, []string{"n/a"}
			if c.PII != "" {
				c.Hash = mapping.SHA256Match
			}
		}
	}
	for _, stage := range []string{"skip", "rows", "texts"} {
		b.Run(stage, func(b *testing.B) {
			m := m
			if stage == "texts" {
				m = texts
			}
			f := New(m, m.Records[0], Source{})
			t := &m.Tables[0]
			rows := batch.New(m.Schema(t), Levels(m, t), t.Levels())
			skip := jsonscan.Skipper{MaxDepth: 64}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				rows.Reset()
				f.Bind([]*batch.Batch{rows})
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

// BenchmarkTimes reads a time as each kind of column does.
func BenchmarkTimes(b *testing.B) {
	for _, c := range []struct {
		name, text string
		times      mapping.Times
	}{
		{"usual", "2019-03-05T22:40:11.25+01:00", mapping.Times{}},
		{"zone", "2019-03-05 22:40:11", mapping.Times{Zone: "Europe/Berlin"}},
		{"rfc2822", "Tue, 05 Mar 2019 21:40:11 +0000", mapping.Times{Format: mapping.RFC2822}},
		{"words", "Tue Mar 05 21:40:11 +0000 2019", mapping.Times{Format: "%a %b %d %H:%M:%S %z %Y"}},
		{"epoch", "1551822011", mapping.Times{Format: mapping.Epoch}},
		{"fraction", "1551822011.250000", mapping.Times{Format: mapping.Epoch}},
	} {
		b.Run(c.name, func(b *testing.B) {
			t, text := timeColumn(schema.Timestamp, c.times, mapping.Seconds), padded(c.text)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, code := t.fromText(text); code != "" {
					b.Fatal(code)
				}
			}
		})
	}
}
