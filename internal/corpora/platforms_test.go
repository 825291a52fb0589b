//go:build corpora

package corpora

import (
	"strings"
	"testing"

	"sluice"
	"sluice/internal/parquetread"
	"sluice/mapping"
)

const null = parquetread.Null

// The vendors' own examples become the right rows. What is expected was
// written by hand, from reading the documents.
func TestPlatforms(t *testing.T) {
	type cells map[string][]string // column, or table.column -> its cell in each row
	for _, c := range []struct {
		file    string
		mapping *mapping.Mapping
		rows    int64
		want    cells
	}{
		{"shopify-order.json", preset(t, "shopify"), 4, cells{
			"orders.order_id":             {"123456"},
			"orders.order_number":         {"#9999"},
			"orders.ordered_at":           {"2016-05-17T04:14:36Z"}, // -00:00
			"orders.cancelled_at":         {"2016-05-17T08:14:36Z"}, // -04:00
			"orders.subtotal":             {"5.0000"},
			"orders.subtotal_price":       {"0.0000"},
			"orders.discount":             {"5.0000"},
			"orders.tax":                  {null},
			"orders.total":                {"10.0000"},
			"orders.customer_id":          {null},
			"orders.customer_email":       {"jon@doe.ca"},
			"order_lines.order_id":        {"123456", "123456"},
			"order_lines.currency":        {"USD", "USD"},
			"order_lines.line_id":         {"254721536", "5"},
			"order_lines.product_id":      {"111475476", "5410685889"},
			"order_lines.variant_id":      {null, null},
			"order_lines.sku":             {null, null}, // ""
			"order_lines.title":           {"Soda", "Another Beer For Good Times"},
			"order_lines.quantity":        {"1.00000", "1.00000"},
			"order_lines.unit_price":      {"0.0000", "5.0000"},
			"order_shipping.title":        {"Generic Shipping"},
			"order_shipping.amount":       {"10.0000"},
			"order_taxes.amount":          {},
			"order_discounts.amount":      {},
			"order_refunds.amount":        {},
			"order_line_taxes.amount":     {},
			"order_line_discounts.amount": {},
		}},
		{"shopify-order-with-transaction.json", preset(t, "shopify"), 4, cells{
			"orders.order_id": {"123456"}, "order_lines.line_id": {"254721536", "5"}, "order_lines.unit_price": {"0.0000", "5.0000"},
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
		{"woocommerce-order.json", preset(t, "woocommerce"), 7, cells{
			"order_line_taxes.amount":    {"0.4500", "0.9000"},
			"orders.order_id":            {"727"},
			"orders.ordered_at":          {"2017-03-22T19:28:02Z"},
			"orders.paid_at":             {"2017-03-22T19:28:08Z"},
			"orders.discount":            {"0.0000"},
			"orders.shipping":            {"10.0000"},
			"orders.tax":                 {"1.3500"},
			"orders.total":               {"29.3500"},
			"orders.customer_id":         {"0"},
			"orders.customer_email":      {"john.doe@example.com"},
			"order_lines.line_id":        {"315", "316"},
			"order_lines.product_id":     {"93", "22"},
			"order_lines.variant_id":     {"0", "23"},
			"order_lines.sku":            {null, "Bar3"},
			"order_lines.title":          {"Woo Single #1", "Ship Your Idea &ndash; Color: Black, Size: M Test"},
			"order_lines.quantity":       {"2.00000", "1.00000"},
			"order_lines.subtotal":       {"6.0000", "12.0000"},
			"order_lines.tax":            {"0.4500", "0.9000"},
			"order_lines.total_excl_tax": {"6.0000", "12.0000"},
			"order_taxes.amount":         {"1.3500"},
			"order_shipping.amount":      {"10.0000"},
		}},
		{"stripe-invoice.json", preset(t, "stripe"), 2, cells{
			"orders.order_id":         {"in_1Pgc6tB7WZ01zgkWu9fdqL6I"},
			"orders.order_number":     {null},
			"orders.ordered_at":       {"2009-02-13T23:31:30Z"},
			"orders.due_at":           {"2009-02-13T23:31:30Z"},
			"orders.currency":         {"USD"},
			"orders.customer_id":      {"cus_QXg1o8vcGmoR32"},
			"orders.total":            {"10.0000"},
			"orders.amount_paid":      {"0.0000"},
			"orders.lines_has_more":   {"false"},
			"order_lines.line_id":     {"il_1Pgc6sB7WZ01zgkWFnxLrLCq"},
			"order_lines.quantity":    {"1.00000"},
			"order_lines.subtotal":    {"10.0000"},
			"order_lines.unit_price":  {null}, // unit_amount_decimal is null
			"order_lines.period_end":  {"2024-07-26T00:34:14Z"},
			"order_taxes.amount":      {},
			"order_line_taxes.amount": {},
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
		{"square-create-order.json", preset(t, "square"), 15, cells{
			"order_line_taxes.title":      {"State Sales Tax", "State Sales Tax"},
			"order_line_taxes.amount":     {"1.3600", "3.7400"},
			"order_line_discounts.amount": {"0.0800", "0.7900", "0.2200", "2.2400", "1.0000"},
			"orders.order_id":             {"CAISENgvlJ6jLWAzERDzjyHVybY"},
			"orders.ordered_at":           {"2020-01-17T20:47:53.293Z"},
			"orders.currency":             {"USD"},
			"orders.total":                {"61.7600"},
			"orders.tax":                  {"5.1000"},
			"orders.discount":             {"4.3300"},
			"order_lines.line_id":         {"8uSwfzvUImn3IRrvciqlXC", "v8ZuEXpOJpb0bazLuvrLDB"},
			"order_lines.variant_id":      {null, "BEMYCSMIJL46OCDV4KYIKXIB"},
			"order_lines.variation_name":  {null, "Larger"},
			"order_lines.quantity":        {"1.00000", "2.00000"},
			"order_lines.unit_price":      {"15.9900", "22.0000"},
			"order_lines.subtotal":        {"15.9900", "45.0000"}, // with a modifier
			"order_lines.discount":        {"0.8700", "3.4600"},
			"order_lines.tax":             {"1.3600", "3.7400"},
			"order_lines.total_incl_tax":  {"16.4800", "45.2800"},
			"order_taxes.rate":            {"9"},
			"order_taxes.amount":          {"5.1000"},
			"order_discounts.title":       {"Membership Discount", "Labor Day Sale", "Sale - $1.00 off"},
			"order_discounts.amount":      {"0.3000", "3.0300", "1.0000"},
			"order_refunds.refund_id":     {"id"},
			"order_refunds.amount":        {null}, // {}
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
		{"square-retrieve-order.json", preset(t, "square"), 8, cells{
			"order_line_discounts.amount": {"2.5000", "3.0000"},
			"orders.ordered_at":           {"2020-05-18T16:30:49.614Z"},
			"orders.total":                {"5.5000"},
			"order_lines.line_id":         {"ULkg0tQTRK2bkU9fNv3IJD", "mumY8Nun4BC5aKe2yyx5a"},
			"order_lines.unit_price":      {"5.0000", "3.0000"},
			"order_lines.quantity":        {"1.00000", "2.00000"},
			"order_lines.total_incl_tax":  {"2.5000", "3.0000"},
			"order_taxes.amount":          {null}, // {}
			"order_discounts.amount":      {"5.5000"},
			"order_refunds.amount":        {null},
		}},
		{"magento2-order.json", preset(t, "magento"), 3, cells{
			"orders.order_id":              {"3"},
			"orders.order_number":          {"000000003"},
			"orders.ordered_at":            {"2017-08-21T22:22:19Z"},
			"orders.subtotal":              {"160.0000"},
			"orders.tax":                   {"0.0000"},
			"orders.total":                 {"165.0000"},
			"orders.customer_id":           {"3"},
			"order_lines.line_id":          {"3"},
			"order_lines.product_id":       {"1553"},
			"order_lines.sku":              {"WS12-M-Orange"},
			"order_lines.unit_price":       {"22.0000"},
			"order_lines.quantity":         {"1.00000"},
			"order_lines.subtotal":         {"22.0000"},
			"order_line_children.child_id": {},
			"order_shipping.amount":        {"5.0000"},
		}},
		{"commercetools-order.json", preset(t, "commercetools"), 3, cells{
			"orders.order_id":            {"92f5a867-bf19-47ab-982c-6720a03a3921"},
			"orders.order_number":        {null},
			"orders.ordered_at":          {"2017-01-04T19:54:49.797Z"},
			"orders.currency":            {"EUR"},
			"orders.total":               {"10.0000"},
			"order_lines.line_id":        {"7297c742-d8b0-484b-aadc-1d0ba1869dc9"},
			"order_lines.sku":            {"some-sku-123"},
			"order_lines.title":          {"MyProduct"},
			"order_lines.product_name":   {"{\n        \"en\": \"MyProduct\"\n      }"},
			"order_lines.quantity":       {"1.00000"},
			"order_lines.unit_price":     {"10.0000"},
			"order_lines.total_excl_tax": {"10.0000"},
			"order_lines.total_incl_tax": {"11.0000"},
			"order_line_taxes.amount":    {"6.3400"},
		}},
		{"amazon-spapi-2026-01-01-getOrder.json", preset(t, "amazon"), 8, cells{
			"orders.order_id":              {"202-1234567-8901234"},
			"orders.ordered_at":            {"2024-12-25T09:15:00Z"},
			"orders.marketplace_id":        {"A1F83G8C2ARO7P"},
			"orders.total":                 {"103.9700"},
			"orders.currency":              {"GBP"},
			"order_breakdowns.type":        {"ITEM", "SHIPPING", "TAX"},
			"order_breakdowns.amount":      {"89.9700", "10.0000", "4.0000"},
			"order_lines.line_id":          {"20212345678901"},
			"order_lines.product_id":       {"B08DFPV54V"},
			"order_lines.unit_price":       {"29.9900"},
			"order_lines.quantity":         {"3.00000"},
			"order_lines.proceeds":         {"103.9700"},
			"order_line_breakdowns.amount": {"89.9700", "10.0000", "4.0000"},
		}},
	} {
		t.Run(c.file+" "+c.mapping.Tables[0].Name, func(t *testing.T) {
			r := convert(t, c.mapping, read(t, "fixtures/platforms", c.file))
			if r.Outcome != sluice.Accept || r.RecordsCommitted != 1 || r.RowsWritten != c.rows {
				t.Fatalf("%s %s %v: %d records, %d rows, want 1 and %d\n%s", r.Outcome, r.Reason, r.Reasons, r.RecordsCommitted, r.RowsWritten, c.rows, r.quarantine)
			}
			for of, want := range c.want {
				name, columnName, several := strings.Cut(of, ".")
				if !several {
					name, columnName = c.mapping.Tables[0].Name, of
				}
				table := rows(t, r.parquet[name].Bytes())
				if len(want) != len(table)-1 {
					t.Errorf("%s: %d cells written down for %d rows", of, len(want), len(table)-1)
					continue
				}
				for i := range want {
					if got := column(t, table, i, columnName); got != want[i] {
						t.Errorf("row %d: %s is %q, want %q", i, of, got, want[i])
					}
				}
			}
		})
	}
	seen := list(t, 11, "fixtures/platforms", "*.json")
	t.Logf("platforms: rows of %d vendor documents compared", len(seen))
}
