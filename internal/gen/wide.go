package gen

import "strconv"

// wideOrder appends members of an order that no column is fed from: of every
// JSON type, nested, and some of them long, as feeds grow them over the years.
func (r *renderer) wideOrder(b []byte) []byte {
	b = append(r.member(b, 2, "channel"), '"')
	b = append(append(b, one(r.rng, channels)...), `",`...)
	b = append(r.member(b, 2, "currency"), `"EUR",`...)
	b = append(r.member(b, 2, "test"), "false,"...)
	b = append(r.member(b, 2, "note"), "null,"...)
	b = append(r.member(b, 2, "exchange_rate"), "1.08e0,"...)
	b = append(r.member(b, 2, "landing_site"), `"https:\/\/shop.example.com\/`...)
	b = append(append(r.word(b), "?utm_source=mail&utm_campaign="...), one(r.rng, channels)...)
	b = append(b, `",`...)
	b = append(r.member(b, 2, "shipping"), '{')
	b = append(appendCents(r.member(b, 3, "cost"), r.rng.Int64N(2_000)), ',')
	b = append(r.member(b, 3, "gift"), "null,"...)
	b = append(r.member(b, 3, "carrier"), `"post","zip":"`...)
	b = append(strconv.AppendInt(b, 10_000+r.rng.Int64N(90_000), 10), `",`...)
	b = append(r.member(b, 3, "parcels"), '[')
	b = strconv.AppendUint(b, r.rng.Uint64(), 10)
	b = append(append(b, ']'), r.indent[2]...)
	b = append(b, "},"...)
	b = append(r.member(b, 2, "tags"), `["new","`...)
	b = append(r.word(b), `",[],{}],`...)
	b = append(r.member(b, 2, "history"), '[')
	for i := range 3 {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"status":"paid","at":"`...)
		b = append(r.date(b), `T12:00:00Z","by":`...)
		b = append(strconv.AppendInt(b, r.rng.Int64N(100), 10), '}')
	}
	return append(b, ']')
}

// wideProduct does so for a product.
func (r *renderer) wideProduct(b []byte) []byte {
	b = append(r.member(b, 4, "sku"), '"')
	b = append(append(strconv.AppendInt(append(r.word(b), '-'), r.rng.Int64N(1_000), 10), '"'), ',')
	b = append(r.member(b, 4, "image"), `"https://img.example.com/`...)
	b = append(strconv.AppendUint(b, r.rng.Uint64(), 16), `.jpg",`...)
	b = append(r.member(b, 4, "attributes"), '{')
	b = strconv.AppendInt(r.member(b, 5, "weight_g"), r.rng.Int64N(10_000), 10)
	b = append(r.member(append(b, ','), 5, "fragile"), "true"...)
	b = append(b, r.indent[4]...)
	return append(b, '}')
}
