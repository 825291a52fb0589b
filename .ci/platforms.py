"""Orders as shop platforms send them: the members that their APIs document, with
values that vary as those of a shop do. Ids and times rise, products come from a
catalogue, customers and prices differ.
"""

import json
from datetime import datetime, timedelta

CATALOGUE = 500
FIRST, LAST = ["Ann", "Ben", "Cem", "Dana", "Eve", "Finn", "Gül", "Hana"], ["Arslan", "Berg", "Costa", "Diaz", "Ek", "Fuchs", "Gray", "Hoff"]
CITIES = [("Berlin", "BE", "10115", "DE", "Germany"), ("Graz", "6", "8010", "AT", "Austria"), ("Austin", "TX", "73301", "US", "United States"), ("Lyon", "ARA", "69001", "FR", "France")]
HEX, LETTERS = "0123456789abcdef", "ABCDEFGHJKLMNPQRSTUVWXYZ234567"


def token(r, n, letters=LETTERS):
    return "".join(r.choices(letters, k=n))


def times(at, form):
    """When an order was made, changed, paid and closed: they rise with the position in the file."""
    return [(datetime(2024, 3, 1) + timedelta(seconds=at // 20 + later)).strftime(form) for later in (0, 4, 240, 90000)]


def compact(document):
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def product(r):
    """One of the catalogue: its number, name and price in cents."""
    n = r.randrange(CATALOGUE)
    return n, f"Thing {n}, {['red', 'green', 'blue'][n % 3]}", 99 + 137 * n % 9000


def customer(r):
    n = r.randrange(5000)
    return n, FIRST[n % 8], LAST[n // 8 % 8], CITIES[n % 4]


def woocommerce(r, at):
    def money(cents):
        return f"{cents / 100:.2f}"

    number = 727 + at // 2000
    made, changed, paid, _ = times(at, "%Y-%m-%dT%H:%M:%S")
    n, first, last, (city, state, zip_code, country, _) = customer(r)
    place = {"first_name": first, "last_name": last, "company": "", "address_1": f"{1 + n % 200} Main Street", "address_2": "", "city": city, "state": state, "postcode": zip_code, "country": country}
    lines, net, tax = [], 0, 0
    for i in range(r.choice([1, 1, 1, 2, 2, 3, 5])):
        p, name, price = product(r)
        quantity = r.choice([1, 1, 1, 2, 3])
        total = price * quantity
        part = round(total * 0.19)
        net, tax = net + total, tax + part
        meta = [{"id": 9 * number + i, "key": "pa_color", "value": "blue", "display_key": "Color", "display_value": "Blue"}] if p % 3 == 0 else []
        lines.append({"id": 3 * number + i, "name": name, "product_id": 90 + p, "variation_id": 2000 + p if p % 3 == 0 else 0, "quantity": quantity, "tax_class": "",
                      "subtotal": money(total), "subtotal_tax": money(part), "total": money(total), "total_tax": money(part),
                      "taxes": [{"id": 75, "total": f"{part / 100:g}", "subtotal": f"{part / 100:g}"}], "meta_data": meta, "sku": f"SKU-{p}", "price": price / 100,
                      "image": {"id": str(p), "src": f"https://shop.example.com/uploads/{p}.jpg"}, "parent_name": None})
    shipping = r.choice([0, 490, 990])
    coupons = [{"id": 5 * number, "code": "spring", "discount": "5.00", "discount_tax": "0.95", "meta_data": []}] if r.random() < 0.1 else []
    return compact({
        "id": number, "parent_id": 0, "status": r.choice(["processing", "completed", "completed", "on-hold"]), "currency": "EUR", "version": "8.6.1", "prices_include_tax": False,
        "date_created": made, "date_modified": changed, "discount_total": "5.00" if coupons else "0.00", "discount_tax": "0.95" if coupons else "0.00",
        "shipping_total": money(shipping), "shipping_tax": "0.00", "cart_tax": money(tax), "total": money(net + tax + shipping), "total_tax": money(tax), "customer_id": n,
        "order_key": "wc_order_" + token(r, 13, HEX), "billing": {**place, "email": f"{first}.{n}@example.com", "phone": f"030 {n:06}"}, "shipping": {**place, "phone": ""},
        "payment_method": r.choice(["bacs", "paypal"]), "payment_method_title": "Direct Bank Transfer", "transaction_id": token(r, 17), "customer_ip_address": f"192.0.2.{n % 250}",
        "customer_user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0", "created_via": "checkout", "customer_note": "", "date_completed": None,
        "date_paid": paid, "cart_hash": token(r, 32, HEX), "number": str(number), "meta_data": [{"id": 7 * number + i, "key": k, "value": v} for i, (k, v) in enumerate([("_wc_order_attribution_device_type", "Mobile"), ("is_vat_exempt", "no")])],
        "line_items": lines, "tax_lines": [{"id": 4 * number, "rate_code": "DE-VAT-1", "rate_id": 75, "label": "VAT", "compound": False, "tax_total": money(tax), "shipping_tax_total": "0.00", "rate_percent": 19, "meta_data": []}],
        "shipping_lines": [{"id": 6 * number, "method_title": "Flat rate", "method_id": "flat_rate", "instance_id": "1", "total": money(shipping), "total_tax": "0.00", "taxes": [], "meta_data": []}],
        "fee_lines": [], "coupon_lines": coupons, "refunds": [], "payment_url": f"https://shop.example.com/checkout/order-pay/{number}/", "is_editable": False, "needs_payment": False, "needs_processing": True,
        "date_created_gmt": made, "date_modified_gmt": changed, "date_completed_gmt": None, "date_paid_gmt": paid, "currency_symbol": "€",
        "_links": {"self": [{"href": f"https://shop.example.com/wp-json/wc/v3/orders/{number}"}], "collection": [{"href": "https://shop.example.com/wp-json/wc/v3/orders"}]},
    })


def square(r, at):
    def money(amount):
        return {"amount": amount, "currency": "USD"}

    made, changed, closed, _ = times(at, f"%Y-%m-%dT%H:%M:%S.{r.randrange(1000):03}Z")
    sale = r.random() < 0.3
    lines, gross, off, taxes = [], 0, 0, 0
    for _ in range(r.choice([1, 1, 2, 2, 3, 4])):
        p, name, price = product(r)
        quantity = r.choice([1, 1, 1, 2, 3])
        total = price * quantity
        less = total // 10 if sale else 0
        tax = round((total - less) * 0.085)
        gross, off, taxes = gross + total, off + less, taxes + tax
        line = {"uid": token(r, 22), "catalog_object_id": f"BEMYCSMIJL46OCDV4KYIK{p:03}", "catalog_version": 1528318800000 + p, "quantity": str(quantity), "name": name, "variation_name": "Regular", "base_price_money": money(price), "item_type": "ITEM",
                "gross_sales_money": money(total), "total_tax_money": money(tax), "total_discount_money": money(less), "total_money": money(total - less + tax), "variation_total_price_money": money(total),
                "applied_taxes": [{"uid": token(r, 22), "tax_uid": "state-sales-tax", "applied_money": money(tax)}], "total_service_charge_money": money(0)}
        if sale:
            line["applied_discounts"] = [{"uid": token(r, 22), "discount_uid": "spring-sale", "applied_money": money(less)}]
        lines.append(line)
    total = gross - off + taxes
    order = {
        "id": token(r, 27), "location_id": r.choice(["057P5VYJ4A5X1", "18YC4JDH91E1H"]), "reference_id": f"pos-{at}", "source": {"name": "Register"}, "customer_id": f"CUST{r.randrange(5000):022}", "line_items": lines,
        "taxes": [{"uid": "state-sales-tax", "catalog_object_id": "L6CIWPUPP6GIWGLOKXZIK3CB", "catalog_version": 1528318800000, "name": "State Sales Tax", "percentage": "8.5", "type": "ADDITIVE", "applied_money": money(taxes), "scope": "ORDER"}],
    }
    if sale:
        order["discounts"] = [{"uid": "spring-sale", "catalog_object_id": "DB7L55ZH2BGWI4H23ULIWOQ7", "catalog_version": 1528318800000, "name": "Spring Sale", "percentage": "10", "type": "FIXED_PERCENTAGE", "applied_money": money(off), "scope": "ORDER"}]
    order |= {
        "fulfillments": [{"uid": token(r, 22), "type": "PICKUP", "state": "COMPLETED", "pickup_details": {"pickup_at": closed, "note": "", "recipient": {"display_name": "Ann"}}}],
        "net_amounts": {"total_money": money(total), "tax_money": money(taxes), "discount_money": money(off), "tip_money": money(0), "service_charge_money": money(0)},
        "created_at": made, "updated_at": changed, "state": "COMPLETED", "version": 3, "total_money": money(total), "total_tax_money": money(taxes), "total_discount_money": money(off), "total_tip_money": money(0), "total_service_charge_money": money(0),
        "tenders": [{"id": token(r, 27), "location_id": "057P5VYJ4A5X1", "transaction_id": token(r, 27), "created_at": made, "amount_money": money(total), "type": "CARD", "card_details": {"status": "CAPTURED", "card": {"card_brand": "VISA", "last_4": f"{r.randrange(10000):04}", "exp_month": 2, "exp_year": 2027, "fingerprint": token(r, 40)}, "entry_method": "KEYED"}}],
        "closed_at": closed, "pricing_options": {"auto_apply_taxes": True}, "net_amount_due_money": money(0),
    }
    return compact({"order": order})


def bigcommerce(r, at):
    """An order, then its products as documents of their own."""

    def money(cents):
        return f"{cents / 100:.4f}"

    number, (made, changed, _, shipped) = 218 + at // 5000, times(at, "%a, %d %b %Y %H:%M:%S +0000")
    n, first, last, (city, state, zip_code, code, country) = customer(r)
    lines, net, tax = [], 0, 0
    for i in range(r.choice([1, 1, 1, 2, 3])):
        p, name, price = product(r)
        quantity = r.choice([1, 1, 1, 2, 3])
        part = round(price * 0.08)
        net, tax = net + price * quantity, tax + part * quantity
        lines.append({
            "id": 3 * number + i, "order_id": number, "product_id": 90 + p, "variant_id": 2000 + p, "order_pickup_method_id": 0, "order_address_id": 2 * number, "name": name, "name_customer": name, "name_merchant": name, "sku": f"SKU-{p}", "upc": "", "type": "physical",
            "base_price": money(price), "price_ex_tax": money(price), "price_inc_tax": money(price + part), "price_tax": money(part), "base_total": money(price * quantity), "total_ex_tax": money(price * quantity), "total_inc_tax": money((price + part) * quantity), "total_tax": money(part * quantity),
            "weight": "1.0000", "width": "0.0000", "height": "0.0000", "depth": "0.0000", "quantity": quantity, "base_cost_price": "0.0000", "cost_price_inc_tax": "0.0000", "cost_price_ex_tax": "0.0000", "cost_price_tax": "0.0000", "is_refunded": False, "quantity_refunded": 0, "refund_amount": "0.0000",
            "return_id": 0, "wrapping_id": 0, "wrapping_name": "", "base_wrapping_cost": "0.0000", "wrapping_cost_ex_tax": "0.0000", "wrapping_cost_inc_tax": "0.0000", "wrapping_cost_tax": "0.0000", "wrapping_message": "", "quantity_shipped": quantity, "event_name": None, "event_date": "",
            "fixed_shipping_cost": "0.0000", "ebay_item_id": "", "ebay_transaction_id": "", "option_set_id": None, "parent_order_product_id": None, "is_bundled_product": False, "bin_picking_number": "", "external_id": None, "fulfillment_source": "", "brand": "Example", "gift_certificate_id": None,
            "applied_discounts": [{"id": "coupon", "amount": "1.0000", "name": "Spring", "code": "SPRING", "target": "order"}] if r.random() < 0.2 else [],
            "product_options": [{"id": 5 * number + i, "option_id": 7, "order_product_id": 3 * number + i, "product_option_id": 108, "display_name": "Size", "display_name_customer": "Size", "display_name_merchant": "Size", "display_value": "L", "display_value_customer": "L", "display_value_merchant": "L", "value": "69", "type": "Multiple choice", "name": "Size1", "display_style": "Pick list"}],
            "configurable_fields": []})
    shipping = r.choice([0, 490, 990])
    costs = {f"{kind}_cost_{part}": "0.0000" for kind in ("handling", "wrapping") for part in ("ex_tax", "inc_tax", "tax")}
    order = {
        "id": number, "customer_id": n, "date_created": made, "date_modified": changed, "date_shipped": shipped if n % 2 else "", "status_id": 2, "status": r.choice(["Shipped", "Completed", "Awaiting Fulfillment"]),
        "subtotal_ex_tax": money(net), "subtotal_inc_tax": money(net + tax), "subtotal_tax": money(tax), "base_shipping_cost": money(shipping), "shipping_cost_ex_tax": money(shipping), "shipping_cost_inc_tax": money(shipping), "shipping_cost_tax": "0.0000", "shipping_cost_tax_class_id": 2,
        "base_handling_cost": "0.0000", "base_wrapping_cost": "0.0000", **costs, "handling_cost_tax_class_id": 2, "wrapping_cost_tax_class_id": 3, "total_ex_tax": money(net + shipping), "total_inc_tax": money(net + tax + shipping), "total_tax": money(tax),
        "items_total": len(lines), "items_shipped": 0, "payment_method": r.choice(["Credit Card", "Manual"]), "payment_provider_id": None, "payment_status": "captured", "refunded_amount": "0.0000", "order_is_digital": False, "store_credit_amount": "0.0000", "gift_certificate_amount": "0.0000",
        "ip_address": f"192.0.2.{n % 250}", "ip_address_v6": "", "geoip_country": country, "geoip_country_iso2": code, "currency_id": 1, "currency_code": "USD", "currency_exchange_rate": "1.0000000000", "default_currency_id": 1, "default_currency_code": "USD", "staff_notes": None, "customer_message": None,
        "discount_amount": "0.0000", "coupon_discount": "0.0000", "shipping_address_count": 1, "is_deleted": False, "ebay_order_id": "0", "cart_id": token(r, 32, HEX),
        "billing_address": {"first_name": first, "last_name": last, "company": "", "street_1": f"{1 + n % 200} Main Street", "street_2": "", "city": city, "state": state, "zip": zip_code, "country": country, "country_iso2": code, "phone": f"030 {n:06}", "email": f"{first}.{n}@example.com", "form_fields": []},
        "is_email_opt_in": False, "credit_card_type": None, "order_source": "www", "channel_id": 1, "external_source": None,
        **{name: {"url": f"https://api.example.com/stores/abc/v2/orders/{number}/{name}", "resource": f"/orders/{number}/{name}"} for name in ("products", "shipping_addresses", "coupons")},
        "external_id": None, "external_merchant_id": None, "tax_provider_id": "", "customer_locale": "en", "external_order_id": "", "store_default_currency_code": "USD", "store_default_to_transactional_exchange_rate": "1.0000000000", "custom_status": "Shipped",
    }
    return "\n".join(map(compact, [order, *lines]))
