//go:build corpora

package corpora

import (
	"testing"

	"sluice"
	"sluice/internal/parquetread"
	"sluice/mapping"
)

const null = parquetread.Null

// The vendors' own examples become the right rows. What is expected was
// written by hand, from reading the documents.
func TestPlatforms(t *testing.T) {
	type cells map[string][]string // column -> its cell in each row
	for _, c := range []struct {
		file    string
		mapping *mapping.Mapping
		rows    int64
		want    cells
	}{
		{"shopify-order.json", preset(t, "shopify"), 2, cells{
			"order_id":         {"123456", "123456"},
			"order_name":       {"#9999", "#9999"},
			"created_at":       {"2016-05-17T04:14:36Z", "2016-05-17T04:14:36Z"}, // -00:00
			"cancelled_at":     {"2016-05-17T08:14:36Z", "2016-05-17T08:14:36Z"}, // -04:00
			"total_price":      {"10.0000", "10.0000"},
			"total_discounts":  {"5.0000", "5.0000"},
			"total_tax":        {null, null},
			"customer_id":      {null, null},
			"customer_email":   {"jon@doe.ca", "jon@doe.ca"},
			"line_id":          {"254721536", "5"},
			"product_id":       {"111475476", "5410685889"},
			"variant_id":       {null, null},
			"sku":              {"", ""}, // empty, not NULL
			"product_title":    {"Soda", "Another Beer For Good Times"},
			"product_price":    {"0.0000", "5.0000"},
			"product_quantity": {"1", "1"},
		}},
		{"shopify-order-with-transaction.json", preset(t, "shopify"), 2, cells{
			"order_id": {"123456", "123456"}, "line_id": {"254721536", "5"}, "product_price": {"0.0000", "5.0000"},
		}},
		{"shopify-order-with-transaction.json", parse(t, `
table: transactions
records: ["$.order"]
explode: $.transactions[*]
columns:
  - {name: order_id, path: $.id, type: int64, required: true}
  - {name: id, path: "$.transactions[*].id", type: int64, required: true}
  - {name: amount, path: "$.transactions[*].amount", type: "decimal(18,4)"}
  - {name: kind, path: "$.transactions[*].kind", type: string}
  - {name: created_at, path: "$.transactions[*].created_at", type: timestamp}
`), 1, cells{
			"order_id": {"123456"}, "id": {"1"}, "amount": {"79.6000"}, "kind": {"sale"}, "created_at": {"2017-10-09T19:26:23Z"},
		}},
		{"shopify-lineitem-properties-object.json", parse(t, `
table: properties
records: ["$"]
columns:
  - {name: name, path: $.properties.name, type: string}
  - {name: value, path: $.properties.value, type: "decimal(10,2)"}
`), 1, cells{"name": {"property 1"}, "value": {"3.00"}}},
		{"woocommerce-order.json", preset(t, "woocommerce"), 2, cells{
			"order_id":         {"727", "727"},
			"created_at":       {"2017-03-22T19:28:02Z", "2017-03-22T19:28:02Z"},
			"paid_at":          {"2017-03-22T19:28:08Z", "2017-03-22T19:28:08Z"},
			"discount_total":   {"0.0000", "0.0000"},
			"shipping_total":   {"10.0000", "10.0000"},
			"tax_total":        {"1.3500", "1.3500"},
			"total_amount":     {"29.3500", "29.3500"},
			"customer_id":      {"0", "0"},
			"customer_email":   {"john.doe@example.com", "john.doe@example.com"},
			"line_id":          {"315", "316"},
			"product_id":       {"93", "22"},
			"sku":              {"", "Bar3"},
			"product_name":     {"Woo Single #1", "Ship Your Idea &ndash; Color: Black, Size: M Test"},
			"product_quantity": {"2", "1"},
			"line_total":       {"6.0000", "12.0000"},
		}},
		{"stripe-invoice.json", preset(t, "stripe"), 1, cells{
			"invoice_id":        {"in_1Pgc6tB7WZ01zgkWu9fdqL6I"},
			"invoice_number":    {null},
			"created_at":        {"2009-02-13T23:31:30Z"},
			"due_at":            {"2009-02-13T23:31:30Z"},
			"customer_id":       {"cus_QXg1o8vcGmoR32"},
			"total_cents":       {"1000"},
			"amount_paid_cents": {"0"},
			"line_id":           {"il_1Pgc6sB7WZ01zgkWFnxLrLCq"},
			"line_quantity":     {"1"},
			"line_amount_cents": {"1000"},
			"period_end":        {"2024-07-26T00:34:14Z"},
		}},
		{"stripe-invoice-line-item.json", parse(t, `
table: invoice_lines
records: ["$"]
columns:
  - {name: id, path: $.id, type: string, required: true}
  - {name: amount_cents, path: $.amount, type: int64, required: true}
  - {name: period_start, path: $.period.start, type: timestamp, from: [integer], unit: seconds}
  - {name: proration, path: $.parent.invoice_item_details.proration, type: boolean}
  - {name: first_line, path: "$.parent.invoice_item_details.proration_details.credited_items.invoice_line_items[0]", type: string}
`), 1, cells{
			"id": {"il_tmp_1Pgc6sB7WZ01zgkWrG16hkdl"}, "amount_cents": {"1000"}, "period_start": {"2024-07-26T00:34:14Z"},
			"proration": {"true"}, "first_line": {"invoice_line_items"},
		}},
		{"square-create-order.json", preset(t, "square"), 2, cells{
			"order_id":             {"CAISENgvlJ6jLWAzERDzjyHVybY", "CAISENgvlJ6jLWAzERDzjyHVybY"},
			"created_at":           {"2020-01-17T20:47:53.293Z", "2020-01-17T20:47:53.293Z"},
			"currency":             {"USD", "USD"},
			"total_cents":          {"6176", "6176"},
			"total_tax_cents":      {"510", "510"},
			"total_discount_cents": {"433", "433"},
			"line_uid":             {"8uSwfzvUImn3IRrvciqlXC", "v8ZuEXpOJpb0bazLuvrLDB"},
			"catalog_object_id":    {null, "BEMYCSMIJL46OCDV4KYIKXIB"},
			"variation_name":       {null, "Larger"},
			"product_quantity":     {"1.00000", "2.00000"},
			"product_price_cents":  {"1599", "2200"},
			"line_discount_cents":  {"87", "346"},
			"line_tax_cents":       {"136", "374"},
			"line_total_cents":     {"1648", "4528"},
		}},
		{"square-create-order.json", parse(t, `
table: line_discounts
records: ["$.order"]
explode: $.line_items[*].applied_discounts[*]
provenance: true
columns:
  - {name: uid, path: "$.line_items[*].applied_discounts[*].uid", type: string, required: true}
  - {name: line_uid, path: "$.line_items[*].uid", type: string, required: true}
  - {name: cents, path: "$.line_items[*].applied_discounts[*].applied_money.amount", type: int64, required: true}
`), 5, cells{
			"uid":      {"jWdgP1TpHPFBuVrz81mXVC", "jnZOjjVY57eRcQAVgEwFuC", "nUXvdsIItfKko0dbYtY58C", "qSdkOOOernlVQqsJ94SPjB", "y7bVl4njrWAnfDwmz19izB"},
			"line_uid": {"8uSwfzvUImn3IRrvciqlXC", "8uSwfzvUImn3IRrvciqlXC", "v8ZuEXpOJpb0bazLuvrLDB", "v8ZuEXpOJpb0bazLuvrLDB", "v8ZuEXpOJpb0bazLuvrLDB"},
			"cents":    {"8", "79", "22", "224", "100"},
			"_line":    {"0", "0", "1", "1", "1"},
			"_subline": {"0", "1", "0", "1", "2"},
		}},
		{"square-retrieve-order.json", preset(t, "square"), 2, cells{
			"created_at":          {"2020-05-18T16:30:49.614Z", "2020-05-18T16:30:49.614Z"},
			"total_cents":         {"550", "550"},
			"line_uid":            {"ULkg0tQTRK2bkU9fNv3IJD", "mumY8Nun4BC5aKe2yyx5a"},
			"product_price_cents": {"500", "300"},
			"product_quantity":    {"1.00000", "2.00000"},
			"line_total_cents":    {"250", "300"},
		}},
		{"magento2-order.json", preset(t, "magento"), 1, cells{
			"order_id":         {"3"},
			"order_number":     {"000000003"},
			"created_at":       {"2017-08-21T22:22:19Z"},
			"subtotal":         {"160.0000"},
			"tax_amount":       {"0.0000"},
			"total_amount":     {"165.0000"},
			"customer_id":      {"3"},
			"line_id":          {"3"},
			"product_id":       {"1553"},
			"sku":              {"WS12-M-Orange"},
			"product_price":    {"22.0000"},
			"product_quantity": {"1.0000"},
			"line_total":       {"22.0000"},
		}},
		{"commercetools-order.json", preset(t, "commercetools"), 1, cells{
			"order_id":            {"92f5a867-bf19-47ab-982c-6720a03a3921"},
			"order_number":        {null},
			"created_at":          {"2017-01-04T19:54:49.797Z"},
			"currency":            {"EUR"},
			"fraction_digits":     {"2"},
			"total_cents":         {"1000"},
			"line_id":             {"7297c742-d8b0-484b-aadc-1d0ba1869dc9"},
			"sku":                 {"some-sku-123"},
			"product_name":        {"{\n        \"en\": \"MyProduct\"\n      }"},
			"product_quantity":    {"1"},
			"product_price_cents": {"1000"},
			"line_net_cents":      {"1000"},
			"line_gross_cents":    {"1100"},
		}},
		{"amazon-spapi-2026-01-01-getOrder.json", preset(t, "amazon"), 1, cells{
			"order_id":         {"202-1234567-8901234"},
			"created_at":       {"2024-12-25T09:15:00Z"},
			"marketplace_id":   {"A1F83G8C2ARO7P"},
			"total_amount":     {"103.9700"},
			"currency":         {"GBP"},
			"line_id":          {"20212345678901"},
			"asin":             {"B08DFPV54V"},
			"product_price":    {"29.9900"},
			"product_quantity": {"3"},
			"line_total":       {"103.9700"},
		}},
	} {
		t.Run(c.file+" "+c.mapping.Tables[0].Name, func(t *testing.T) {
			r := convert(t, c.mapping, read(t, "fixtures/platforms", c.file))
			if r.Outcome != sluice.Accept || r.RecordsCommitted != 1 || r.RowsWritten != c.rows {
				t.Fatalf("%s %s %v: %d records, %d rows, want 1 and %d\n%s", r.Outcome, r.Reason, r.Reasons, r.RecordsCommitted, r.RowsWritten, c.rows, r.quarantine)
			}
			table := rows(t, r.parquet)
			for name, want := range c.want {
				if int64(len(want)) != c.rows {
					t.Fatalf("column %s: %d cells written down for %d rows", name, len(want), c.rows)
				}
				for i := range want {
					if got := column(t, table, i, name); got != want[i] {
						t.Errorf("row %d: %s is %q, want %q", i, name, got, want[i])
					}
				}
			}
		})
	}
	seen := list(t, 11, "fixtures/platforms", "*.json")
	t.Logf("platforms: rows of %d vendor documents compared", len(seen))
}
