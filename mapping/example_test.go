package mapping_test

import (
	"fmt"

	"sluice/mapping"
)

func ExampleParse() {
	m, err := mapping.Parse("orders.yaml", []byte(`
table: order_lines
explode: $.products[*]
columns:
  - {name: order_id, path: $.order_id, type: string, from: [string, integer], required: true}
  - {name: price, path: "$.products[*].price", type: "decimal(18,4)"}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range m.Tables[0].Columns {
		fmt.Printf("%s: %s from %s of %s\n", c.Name, c.Type, c.Path, c.From)
	}
	// Output:
	// order_id: string from $.order_id of string, integer
	// price: decimal(18,4) from $.products[*].price of string, number
}

func ExampleParse_errors() {
	_, err := mapping.Parse("orders.yaml", []byte(`
table: OrderLines
columns:
  - {name: order_id, path: $..order_id, type: text}
`))
	fmt.Println(err)
	// Output:
	// orders.yaml:2: table "OrderLines" must be lower case letters, digits and _, and begin with a letter; use another name, such as orderlines
	// orders.yaml:4: column order_id: path "$..order_id": at byte 1: the descendant step .. is not supported; name every step, as in $.a.b
	// orders.yaml:4: column order_id: unknown type "text"; use string, boolean, int32, int64, double, decimal(p,s), date, timestamp, json or list<T>
}
