package parquetfile

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"sluice/internal/batch"
	"sluice/schema"
)

// BenchmarkEncode encodes 100,000 rows of orders with their products. MB/s is
// of the values of the rows in PLAIN encoding.
func BenchmarkEncode(b *testing.B) {
	in := orders(100_000)
	plain := 0
	var m measurer
	for i := range in.Columns {
		m.measure(newColumn(in, i), in.Pages)
		for _, p := range m.pages {
			plain += p.plain
		}
	}
	for _, codec := range codecs {
		b.Run(codec, func(b *testing.B) {
			e, err := NewEncoder(codec)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(plain))
			b.ReportAllocs()
			var g *RowGroup
			for b.Loop() {
				if g, err = e.Encode(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*g.Rows()), "ns/row")
			b.ReportMetric(float64(g.Bytes())/float64(g.Rows()), "bytes/row")
		})
	}
}

// orders has seven columns of the order and five of its products.
func orders(rows int) *batch.Batch {
	r := rand.New(rand.NewPCG(1, 1))
	x := &table{depth: 1}
	for n := 0; n < rows; {
		products := min(1+r.IntN(8), rows-n)
		x.children[0] = append(x.children[0], products)
		n += products
		x.pageEnds = append(x.pageEnds, n/batch.PageRows != (n-products)/batch.PageRows)
	}
	add := func(name string, level int, t schema.Type, value func(i int) any) {
		c := tableColumn{level: level}
		c.Name, c.Type = name, t
		n := rows
		if level == 0 {
			n = len(x.children[0])
		}
		for i := range n {
			c.values = append(c.values, value(i))
		}
		x.columns = append(x.columns, c)
	}
	text, money := schema.Type{Kind: schema.String}, schema.Type{Kind: schema.Decimal, Precision: 18, Scale: 4}
	pick := func(n int, layout string) func(int) any {
		return func(int) any { return fmt.Appendf(nil, layout, r.IntN(n)) }
	}
	product := make([]int, rows)
	for i := range product {
		product[i] = r.IntN(5_000)
	}
	add("order_id", 0, text, func(i int) any { return fmt.Appendf(nil, "O%09d", 700_000+i) })
	add("order_date", 0, schema.Type{Kind: schema.Timestamp}, func(int) any { return uint64(1_704_000_000+r.IntN(366)*86_400) * 1_000_000 })
	add("total_amount", 0, money, func(int) any { return uint64(r.IntN(500_000) * 100) })
	add("customer_id", 0, text, pick(50_000, "C%06d"))
	add("customer_name", 0, text, pick(20_000, "Customer Name %d"))
	add("customer_email", 0, text, pick(50_000, "customer.%d@example.com"))
	add("customer_address", 0, text, pick(50_000, "%d Example Street, 12345 Sample Town"))
	add("product_id", 1, text, func(i int) any { return fmt.Appendf(nil, "P%05d", product[i]) })
	add("product_name", 1, text, func(i int) any { return fmt.Appendf(nil, "Product with a name %d", product[i]) })
	add("category", 1, text, func(i int) any { return fmt.Appendf(nil, "category %d", product[i]%20) })
	add("price", 1, money, func(i int) any { return uint64(product[i] * 9_900) })
	add("quantity", 1, schema.Type{Kind: schema.Int32}, func(int) any { return uint64(1 + r.IntN(9)) })
	return x.batch()
}
