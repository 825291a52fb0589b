package main

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

var (
	money18x4 = &arrow.Decimal128Type{Precision: 18, Scale: 4}
	text      = arrow.BinaryTypes.String
	columns   = arrow.NewSchema([]arrow.Field{
		{Name: "order_id", Type: text}, {Name: "order_date", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
		{Name: "customer_id", Type: text}, {Name: "customer_name", Type: text}, {Name: "customer_email", Type: text}, {Name: "customer_address", Type: text},
		{Name: "product_id", Type: text}, {Name: "product_category", Type: text}, {Name: "product_name", Type: text},
		{Name: "product_price", Type: money18x4}, {Name: "product_quantity", Type: arrow.PrimitiveTypes.Int64}, {Name: "total_amount", Type: money18x4},
	}, nil)
)

type arrowGo struct {
	b *array.RecordBuilder
	w *pqarrow.FileWriter
}

func newArrowGo(w io.Writer, codec string) (rowWriter, error) {
	c, ok := map[string]compress.Compression{"zstd": compress.Codecs.Zstd, "snappy": compress.Codecs.Snappy}[codec]
	if !ok {
		return nil, fmt.Errorf("unknown codec %q", codec)
	}
	properties := parquet.NewWriterProperties(parquet.WithCompression(c), parquet.WithMaxRowGroupLength(rowGroupRows))
	fw, err := pqarrow.NewFileWriter(columns, w, properties, pqarrow.DefaultWriterProps())
	return &arrowGo{array.NewRecordBuilder(memory.DefaultAllocator, columns), fw}, err
}

func (a *arrowGo) write(rows []row) error {
	texts := func(column int, of func(*row) string) {
		b := a.b.Field(column).(*array.StringBuilder)
		for i := range rows {
			b.Append(of(&rows[i]))
		}
	}
	monies := func(column int, of func(*row) int64) {
		b := a.b.Field(column).(*array.Decimal128Builder)
		for i := range rows {
			b.Append(decimal128.FromI64(of(&rows[i])))
		}
	}
	dates, quantities := a.b.Field(1).(*array.TimestampBuilder), a.b.Field(10).(*array.Int64Builder)
	for i := range rows {
		dates.Append(arrow.Timestamp(rows[i].OrderDate))
		quantities.Append(rows[i].ProductQuantity)
	}
	texts(0, func(r *row) string { return r.OrderID })
	texts(2, func(r *row) string { return r.CustomerID })
	texts(3, func(r *row) string { return r.CustomerName })
	texts(4, func(r *row) string { return r.CustomerEmail })
	texts(5, func(r *row) string { return r.CustomerAddress })
	texts(6, func(r *row) string { return r.ProductID })
	texts(7, func(r *row) string { return r.ProductCategory })
	texts(8, func(r *row) string { return r.ProductName })
	monies(9, func(r *row) int64 { return r.ProductPrice })
	monies(11, func(r *row) int64 { return r.TotalAmount })

	batch := a.b.NewRecordBatch()
	defer batch.Release()
	return a.w.WriteBuffered(batch)
}

func (a *arrowGo) close() error {
	a.b.Release()
	return a.w.Close()
}
