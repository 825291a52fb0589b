package gen

import (
	"math/rand/v2"
	"strconv"
)

const (
	maxProducts       = 8
	catalogueProducts = 2_000
	catalogueBuyers   = 10_000
)

// renderer appends orders as JSON text.
type renderer struct {
	rng    *rand.Rand
	opts   Options
	counts Counts

	// What stands before a member or element at each depth, and after a
	// member's name: empty and ":" unless the form is Pretty.
	indent [6]string
	colon  string

	// The catalogue, rendered once: a whole customer; a product up to its quantity.
	customers [][]byte
	products  []product
}

type product struct {
	text  []byte
	cents int64
}

// line is a product as ordered.
type line struct {
	product
	quantity int64
}

func newRenderer(rng *rand.Rand, o Options) *renderer {
	r := &renderer{rng: rng, opts: o, colon: ":"}
	if o.Form == Pretty {
		r.colon = ": "
		indent := "\n"
		for i := range r.indent {
			r.indent[i] = indent
			indent += "  "
		}
	}
	if o.Catalogue {
		for i := range catalogueProducts {
			r.products = append(r.products, r.product(int64(i+1)))
		}
		for i := range catalogueBuyers {
			r.customers = append(r.customers, r.customer(nil, int64(i+1)))
		}
	}
	return r
}

// order appends the next order.
func (r *renderer) order(b []byte) []byte {
	r.counts.Orders++
	bad := good
	if r.opts.Bad > 0 && r.rng.Float64() < r.opts.Bad {
		bad = defect(1 + r.rng.IntN(int(defects)-1))
	}

	var picked [maxProducts]line
	lines := picked[:1+r.rng.IntN(maxProducts)]
	var total int64
	for i := range lines {
		lines[i] = line{r.pick(), 1 + r.rng.Int64N(5)}
		total += lines[i].cents * lines[i].quantity
	}
	if bad == good {
		r.counts.Products += int64(len(lines))
	} else {
		r.counts.Bad++
	}

	b = append(b, '{')
	if bad != missingID {
		b = strconv.AppendInt(r.member(b, 2, "order_id"), r.counts.Orders, 10)
		b = append(b, ',')
	}
	b = append(r.member(b, 2, "order_date"), '"')
	if bad == impossibleDate {
		b = append(b, "2024-02-30"...)
	} else {
		b = r.date(b)
	}
	b = append(b, `",`...)
	b = append(appendCents(r.member(b, 2, "total_amount"), total), ',')
	if bad == repeatedMember {
		b = append(appendCents(r.member(b, 2, "total_amount"), total), ',')
	}
	if r.opts.Wide {
		b = append(r.wideOrder(b), ',')
	}
	b = append(r.buyer(r.member(b, 2, "customer"), bad), ',')
	b = append(r.member(b, 2, "products"), '[')
	if bad != noProducts {
		for i, l := range lines {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, r.indent[3]...)
			b = r.line(b, l, bad)
		}
		b = append(b, r.indent[2]...)
	}
	b = append(b, ']')
	b = append(b, r.indent[1]...)
	return append(b, '}')
}

// member appends what stands before a member's value.
func (r *renderer) member(b []byte, depth int, name string) []byte {
	b = append(b, r.indent[depth]...)
	b = append(b, '"')
	b = append(b, name...)
	b = append(b, '"')
	return append(b, r.colon...)
}

func (r *renderer) buyer(b []byte, bad defect) []byte {
	if bad == loneSurrogate {
		b = append(b, '{')
		b = append(r.member(b, 3, "name"), `"\ud83d"`...)
		b = append(b, r.indent[2]...)
		return append(b, '}')
	}
	if r.customers != nil {
		return append(b, r.customers[r.rng.IntN(len(r.customers))]...)
	}
	return r.customer(b, 1+r.rng.Int64N(1<<40))
}

func (r *renderer) customer(b []byte, id int64) []byte {
	b = append(b, '{')
	b = append(strconv.AppendInt(r.member(b, 3, "customer_id"), id, 10), ',')
	family := r.word(nil)
	b = append(r.member(b, 3, "name"), '"')
	b = append(append(b, one(r.rng, givenNames)...), ' ')
	b = append(append(b, family...), `",`...)
	b = append(append(r.member(b, 3, "email"), '"'), family...)
	b = append(strconv.AppendInt(append(b, '.'), id, 10), `@example.com",`...)
	b = append(r.member(b, 3, "address"), '"')
	b = append(strconv.AppendInt(b, 1+r.rng.Int64N(200), 10), ' ')
	b = append(r.word(b), one(r.rng, streets)...)
	b = append(append(b, one(r.rng, cities)...), '"')
	b = append(b, r.indent[2]...)
	return append(b, '}')
}

func (r *renderer) pick() product {
	if r.products != nil {
		return r.products[r.rng.IntN(len(r.products))]
	}
	// Rendered by line, into the document itself.
	return product{cents: 1 + r.rng.Int64N(500_000)}
}

// product renders a product of the catalogue up to its quantity.
func (r *renderer) product(id int64) product {
	cents := 1 + r.rng.Int64N(500_000)
	return product{r.productHead(nil, id, cents, good), cents}
}

func (r *renderer) productHead(b []byte, id, cents int64, bad defect) []byte {
	b = append(b, '{')
	b = append(strconv.AppendInt(r.member(b, 4, "product_id"), id, 10), ',')
	b = append(r.member(b, 4, "name"), '"')
	b = append(append(r.word(b), ' '), one(r.rng, goods)...)
	b = append(b, `",`...)
	b = append(append(r.member(b, 4, "category"), '"'), one(r.rng, categories)...)
	b = append(b, `",`...)
	switch bad {
	case missingPrice:
	case priceIsText:
		b = append(r.member(b, 4, "price"), `"on request",`...)
	default:
		b = append(appendCents(r.member(b, 4, "price"), cents), ',')
	}
	return b
}

func (r *renderer) line(b []byte, l line, bad defect) []byte {
	if l.text == nil || bad == missingPrice || bad == priceIsText {
		b = r.productHead(b, 1+r.rng.Int64N(1<<40), l.cents, bad)
	} else {
		b = append(b, l.text...)
	}
	b = strconv.AppendInt(r.member(b, 4, "quantity"), l.quantity, 10)
	if r.opts.Wide {
		b = r.wideProduct(append(b, ','))
	}
	b = append(b, r.indent[3]...)
	return append(b, '}')
}

func (r *renderer) wideOrder(b []byte) []byte {
	b = append(r.member(b, 2, "channel"), '"')
	b = append(append(b, one(r.rng, channels)...), `",`...)
	b = append(r.member(b, 2, "shipping"), '{')
	b = append(appendCents(r.member(b, 3, "cost"), r.rng.Int64N(2_000)), ',')
	b = append(r.member(b, 3, "gift"), "null,"...)
	b = append(r.member(b, 3, "parcels"), '[')
	b = strconv.AppendUint(b, r.rng.Uint64(), 10)
	b = append(append(b, ']'), r.indent[2]...)
	return append(b, '}')
}

func (r *renderer) wideProduct(b []byte) []byte {
	b = append(r.member(b, 4, "attributes"), '{')
	b = strconv.AppendInt(r.member(b, 5, "weight_g"), r.rng.Int64N(10_000), 10)
	b = append(r.member(append(b, ','), 5, "fragile"), "true"...)
	b = append(b, r.indent[4]...)
	return append(b, '}')
}

// date appends a day of 2024, written YYYY-MM-DD; no month has a 29th, so that
// every one of them exists without a calendar.
func (r *renderer) date(b []byte) []byte {
	month, day := 1+r.rng.IntN(12), 1+r.rng.IntN(28)
	b = append(b, "2024-"...)
	b = append(b, byte('0'+month/10), byte('0'+month%10), '-')
	return append(b, byte('0'+day/10), byte('0'+day%10))
}

func appendCents(b []byte, cents int64) []byte {
	b = strconv.AppendInt(b, cents/100, 10)
	return append(b, '.', byte('0'+cents/10%10), byte('0'+cents%10))
}
