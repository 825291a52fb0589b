package sluice_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"sluice"
	"sluice/mapping"
	"sluice/reason"
	"sluice/schema"
)

func ExampleConvert() {
	m, err := mapping.Preset("orders")
	if err != nil {
		panic(err)
	}
	src := strings.NewReader(`[
	  {"order_id": 1, "order_date": "2024-01-10", "total_amount": 95.00,
	   "customer": {"customer_id": 101, "name": "A. Customer"},
	   "products": [{"product_id": "P01", "price": 25.00, "quantity": 2},
	                {"product_id": "P02", "price": 45, "quantity": 1}]},
	  {"order_id": 2, "order_date": "2024-01-11", "customer": {"customer_id": 102},
	   "products": [{"product_id": "P01", "price": "25,00", "quantity": 1}]}
	]`)
	var parquet, bad bytes.Buffer
	stats, err := sluice.Convert(context.Background(), &parquet, src, m, &sluice.Options{Quarantine: &bad})
	if err != nil {
		panic(err)
	}
	fmt.Println(stats.Outcome, stats.RowsWritten, "rows,", stats.RecordsQuarantined, "record quarantined:", stats.Reasons)
	// Output:
	// quarantine 2 rows, 1 record quarantined: map[bad_decimal:1]
}

// An input that cannot be trusted is rejected: nothing of it may be kept.
func ExampleConvert_reject() {
	m, err := mapping.Preset("orders")
	if err != nil {
		panic(err)
	}
	src := strings.NewReader(`[{"order_id": 1, "order_da`)
	_, err = sluice.Convert(context.Background(), io.Discard, src, m, nil)
	var reject *sluice.RejectError
	if errors.As(err, &reject) {
		fmt.Println(reject.Reason, "at byte", reject.Offset)
		fmt.Println("fetch it again:", reject.Reason == reason.TruncatedJSON)
	}
	// Output:
	// truncated_json at byte 26
	// fetch it again: true
}

// A mapping can be built by a program. What is wrong with it is an error.
func ExampleConvert_builtMapping() {
	m := &mapping.Mapping{
		Records: []mapping.Path{nil}, // $, the documents themselves
		Limits:  mapping.DefaultLimits,
		Tables: []mapping.Table{{Name: "events", Columns: []mapping.Column{{
			Column: schema.Column{Name: "id", Type: schema.Type{Kind: schema.Int64}, Required: true},
			Path:   mapping.Path{{Kind: mapping.Name, Name: "id"}},
			From:   mapping.FromInteger,
		}}}},
	}
	stats, err := sluice.Convert(context.Background(), io.Discard, strings.NewReader(`{"id": 1} {"id": 2}`), m, nil)
	fmt.Println(stats.RowsWritten, "rows,", err)

	m.Tables[0].Columns[0].From = 0
	fmt.Println(m.Validate())
	// Output:
	// 2 rows, <nil>
	// mapping: column id: from is an empty list; give at least one element
}

// One scan of the input can feed several tables.
func ExampleConvert_tables() {
	m, err := mapping.Parse("orders.yaml", []byte(`
tables:
  - table: orders
    columns:
      - {name: id,    path: $.id,    type: int64, required: true}
      - {name: total, path: $.total, type: "decimal(18,2)"}
  - table: lines
    explode: $.lines[*]
    columns:
      - {name: id,  path: $.id,             type: int64, required: true}
      - {name: sku, path: "$.lines[*].sku", type: string}
`))
	if err != nil {
		panic(err)
	}
	outputs := map[string]*bytes.Buffer{}
	_, err = sluice.Convert(context.Background(), nil, strings.NewReader(`{"id": 7, "total": 12.30, "lines": [{"sku": "a"}, {"sku": "b"}]}`), m, &sluice.Options{
		Table: func(name string) (io.Writer, error) {
			outputs[name] = &bytes.Buffer{}
			return outputs[name], nil
		},
	})
	fmt.Println(err, len(outputs["orders"].Bytes()) > 0, len(outputs["lines"].Bytes()) > 0)
	// Output:
	// <nil> true true
}
