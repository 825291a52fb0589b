package gen

import (
	"fmt"
	"time"
)

// shopifyItem is a product variant as its line repeats it.
type shopifyItem struct {
	variant, product     int64
	title, sku, category string
	grams, cents         int64
}

func (r *renderer) shopifyItem() shopifyItem {
	return shopifyItem{
		variant: 30_000_000_000_000 + r.rng.Int64N(1<<43), product: 7_000_000_000_000 + r.rng.Int64N(1<<40),
		title: string(append(r.word(nil), ' ')) + one(r.rng, plain.goods), sku: string(r.word(nil)), category: one(r.rng, plain.categories),
		grams: r.rng.Int64N(10_000), cents: 1 + r.rng.Int64N(50_000),
	}
}

// The members of an order in the REST Admin API, in its order and with its
// types (money is text, ids are integers, most members are null or empty):
// https://shopify.dev/docs/api/admin-rest/latest/resources/order
const (
	shopifyBefore = `{"id":%d,"admin_graphql_api_id":"gid:\/\/shopify\/Order\/%[1]d","app_id":580111,"browser_ip":null,"buyer_accepts_marketing":false,"cancel_reason":null,"cancelled_at":%s,` +
		`"cart_token":null,"checkout_id":%d,"checkout_token":"%x","client_details":null,"closed_at":null,"confirmed":true,"contact_email":"%s.%[6]d@example.com","created_at":"%[7]s","currency":"USD",` +
		`"current_subtotal_price":"%[8]s","current_total_discounts":"%[9]s","current_total_price":"%[10]s","current_total_tax":"%[11]s","customer_locale":"en","device_id":null,"discount_codes":[],"email":"%[5]s.%[6]d@example.com",` +
		`"estimated_taxes":false,"financial_status":"%[12]s","fulfillment_status":%[13]s,"gateway":"shopify_payments","landing_site":"\/collections\/%[5]s","location_id":null,"name":"#%[14]d","note":null,"note_attributes":[],` +
		`"number":%[15]d,"order_number":%[14]d,"order_status_url":"https:\/\/shop.example.com\/orders\/%[4]x\/authenticate?key=%[3]x","payment_gateway_names":["shopify_payments"],"phone":null,"presentment_currency":"USD",` +
		`"processed_at":"%[7]s","processing_method":"direct","reference":null,"referring_site":"https:\/\/www.example.com\/","source_name":"web","subtotal_price":"%[8]s","tags":"","tax_lines":[{"price":"%[11]s","rate":0.08,"title":"State Tax"}],` +
		`"taxes_included":false,"test":false,"token":"%[4]x","total_discounts":"%[9]s","total_line_items_price":"%[8]s","total_outstanding":"0.00","total_price":"%[10]s","total_tax":"%[11]s","total_tip_received":"0.00","total_weight":0,` +
		`"updated_at":"%[7]s","user_id":null,"billing_address":%[16]s,"customer":{"id":%[6]d,"email":"%[5]s.%[6]d@example.com","accepts_marketing":false,"orders_count":1,"state":"disabled","total_spent":"%[10]s","note":null,` +
		`"verified_email":true,"tax_exempt":false,"tags":"","currency":"USD","default_address":%[16]s},"fulfillments":[],"line_items":[`
	shopifyLine = `{"id":%d,"admin_graphql_api_id":"gid:\/\/shopify\/LineItem\/%[1]d","fulfillable_quantity":%d,"fulfillment_service":"manual","fulfillment_status":null,"gift_card":false,"grams":%d,"name":"%s",` +
		`"price":"%s","price_set":{"shop_money":{"amount":"%[5]s","currency_code":"USD"},"presentment_money":{"amount":"%[5]s","currency_code":"USD"}},"product_exists":true,"product_id":%[6]s,"properties":[],"quantity":%[2]d,` +
		`"requires_shipping":true,"sku":"%[7]s","taxable":true,"title":"%[4]s","total_discount":"0.00","variant_id":%[8]s,"variant_inventory_management":"shopify","variant_title":null,"vendor":"%[9]s","tax_lines":[],"duties":[],"discount_allocations":[]}`
	shopifyAfter   = `],"payment_terms":null,"refunds":[],"shipping_address":%s,"shipping_lines":[{"id":%d,"code":"Standard","discounted_price":"5.00","phone":null,"price":"5.00","source":"shopify","title":"Standard","tax_lines":[]}]}`
	shopifyAddress = `{"first_name":"%s","address1":"%d %s%s","phone":null,"city":"%[4]s","zip":"%d","province":null,"country":"United States","last_name":"%s","address2":null,"company":null,"latitude":null,"longitude":null,"name":"%[1]s %[6]s","country_code":"US","province_code":null}`
)

// shopifyOrder appends the next order as Shopify writes it.
func (r *renderer) shopifyOrder(b []byte) []byte {
	r.counts.Orders++
	n := r.counts.Orders
	var picked [maxProducts]shopifyItem
	var quantities [maxProducts]int64
	items := picked[:1+r.rng.IntN(maxProducts)]
	var sum int64
	for i := range items {
		if r.items != nil {
			items[i] = one(r.rng, r.items)
		} else {
			items[i] = r.shopifyItem()
		}
		quantities[i] = 1 + r.rng.Int64N(5)
		sum += items[i].cents * quantities[i]
	}
	r.counts.Products += int64(len(items))

	discount := int64(0)
	if r.rng.IntN(4) == 0 {
		discount = sum / 10
	}
	tax := (sum - discount) * 8 / 100
	created := time.Unix(1_704_067_200+n*20, 0).UTC().Format("2006-01-02T15:04:05-07:00")
	cancelled, fulfilled := "null", "null"
	switch r.rng.IntN(20) {
	case 0:
		cancelled = `"` + created + `"`
	case 1, 2, 3, 4, 5, 6, 7, 8, 9:
		fulfilled = `"fulfilled"`
	}
	family, buyer := r.word(nil), r.rng.Int64N(200_000)
	if !r.opts.Catalogue {
		buyer = r.rng.Int64N(1 << 40)
	}
	address := fmt.Sprintf(shopifyAddress, one(r.rng, plain.givenNames), 1+r.rng.IntN(9_999), r.word(nil), " Street, "+one(r.rng, plain.cities), 10_000+r.rng.IntN(90_000), family)

	b = fmt.Appendf(b, shopifyBefore, 5_000_000_000_000+n*32_768, cancelled, r.rng.Int64N(1<<40), r.rng.Uint64(), family, buyer, created,
		cents(sum), cents(discount), cents(sum-discount+tax+500), cents(tax), one(r.rng, []string{"paid", "paid", "pending", "refunded"}), fulfilled, 1_000+n, n, address)
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		product, variant := fmt.Sprint(item.product), fmt.Sprint(item.variant)
		if r.rng.IntN(50) == 0 { // a custom item
			product, variant = "null", "null"
		}
		b = fmt.Appendf(b, shopifyLine, 12_000_000_000_000+n*8*32_768+int64(i), quantities[i], item.grams, item.title, cents(item.cents), product, item.sku, variant, item.category)
	}
	return fmt.Appendf(b, shopifyAfter, address, r.rng.Int64N(1<<40))
}

func cents(n int64) string { return string(appendCents(nil, n)) }
