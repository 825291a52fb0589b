package tablefiles_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"sluice/internal/batch"
	"sluice/internal/flatten"
	"sluice/internal/gen"
	"sluice/internal/iceberg"
	"sluice/internal/jsonscan"
	"sluice/internal/store"
	"sluice/internal/tablefiles"
	"sluice/mapping"
)

// BenchmarkAppend appends objects of the default mapping: of one order, or of many.
// append-ns/object is without the time in which the objects are read; it includes the
// row groups.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []struct {
		name   string
		orders int
	}{{"one order", 1}, {"100 kB", 137}} {
		for _, by := range []struct{ name, column, transform string }{
			{"", "", ""}, {" by day", "order_date", "day"}, {" by product", "product_id", "bucket[64]"},
		} {
			b.Run(size.name+by.name, func(b *testing.B) { appendObjects(b, size.orders, by.column, by.transform) })
		}
	}
}

func appendObjects(b *testing.B, orders int, column, transform string) {
	m, err := mapping.Preset("orders")
	if err != nil {
		b.Fatal(err)
	}
	var doc bytes.Buffer
	if _, err := gen.Write(&doc, gen.Options{Seed: 1, Bytes: 16 << 20, Form: gen.NDJSON, Catalogue: true, Shop: true}); err != nil {
		b.Fatal(err)
	}
	size := doc.Len()
	text := append(doc.Bytes(), make([]byte, jsonscan.Padding)...)

	table := &m.Tables[0]
	s := m.Schema(table)
	o := options(nil)
	o.Files.Store = nowhere{}
	o.Columns, o.Levels, o.Depth = slices.Clone(s.Columns), flatten.Levels(m, table), table.Levels()
	for i := range o.Columns {
		o.Columns[i].ID = i + 1
		if o.Columns[i].Name == column {
			o.Spec = &iceberg.PartitionSpec{Fields: []iceberg.PartitionField{{SourceID: i + 1, ID: 1000, Name: "partition", Transform: iceberg.ParseTransform(transform)}}}
		}
	}
	w, err := tablefiles.New(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	flat := flatten.New(m, m.Records[0], flatten.Source{})
	in := batch.New(s, o.Levels, o.Depth)
	flat.Bind([]*batch.Batch{in})
	var spent time.Duration
	at, read, rows := 0, 0, 0
	b.ReportAllocs()
	for b.Loop() {
		in.Reset()
		flat.Bind([]*batch.Batch{in})
		for range orders {
			if at == size {
				at = 0
			}
			res := flat.Record(text, at, -1, flatten.Origin{})
			if res.End < 0 || res.Code != "" {
				b.Fatalf("%+v", res)
			}
			end := jsonscan.Space(text, res.End)
			read += end - at
			at = end
		}
		flat.Flush(text)
		in.Finish()
		rows += in.Rows
		begin := time.Now()
		if _, err := w.Append(b.Context(), in); err != nil {
			b.Fatal(err)
		}
		spent += time.Since(begin)
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "append-ns/object")
	b.ReportMetric(float64(read)/float64(b.N), "B-read/object")
	b.ReportMetric(float64(rows)/float64(b.N), "rows/object")
	if err := w.Abort(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// nowhere is a store that keeps nothing.
type nowhere struct{ store.Store }

func (nowhere) Create(context.Context, string, store.CreateOptions) (store.Writer, error) {
	return discard{io.Discard}, nil
}

func (nowhere) Delete(context.Context, string) error { return nil }

type discard struct{ io.Writer }

func (discard) Commit(context.Context, store.Precondition) (store.Info, error) {
	return store.Info{}, nil
}

func (discard) Abort(context.Context) error { return nil }
