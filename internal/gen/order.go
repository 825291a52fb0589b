package gen

import (
	"math/rand/v2"
	"strconv"
	"time"
)

const maxProducts = 8

// renderer appends orders as JSON text.
type renderer struct {
	rng    *rand.Rand
	opts   Options
	counts Counts
	words  words
	clock  time.Time // of the last order of a shop

	// What stands before a member or element at each depth, and after a
	// member's name: empty and ":" unless the form is Pretty.
	indent [6]string
	colon  string

	// The catalogue, rendered once: a whole customer; a product up to its quantity.
	customers [][]byte
	products  []product
	items     []shopifyItem
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
	r := &renderer{rng: rng, opts: o, colon: ":", words: awkward}
	products, customers := 2_000, 10_000
	if o.Shop {
		r.words, r.clock = plain, time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		products, customers = 5_000, 100_000
	}
	if o.Form == Pretty {
		r.colon = ": "
		indent := "\n"
		for i := range r.indent {
			r.indent[i] = indent
			indent += "  "
		}
	}
	switch {
	case o.Catalogue && o.Shape == Shopify:
		for range products {
			r.items = append(r.items, r.shopifyItem())
		}
	case o.Catalogue:
		for i := range products {
			r.products = append(r.products, r.product(int64(i+1)))
		}
		for i := range customers {
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
		b = append(r.id(r.member(b, 2, "order_id"), "ORD-", r.counts.Orders), ',')
	}
	b = append(r.member(b, 2, "order_date"), '"')
	switch {
	case bad == impossibleDate:
		b = append(b, "2024-02-30"...)
	case r.opts.Shop:
		r.clock = r.clock.Add(time.Duration(r.rng.IntN(60)) * time.Second)
		b = r.clock.AppendFormat(b, time.RFC3339)
	default:
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

// id appends a number as an id: ORD-000000001 in a shop.
func (r *renderer) id(b []byte, prefix string, n int64) []byte {
	if !r.opts.Shop {
		return strconv.AppendInt(b, n, 10)
	}
	b = append(append(b, '"'), prefix...)
	for least := int64(100_000_000); least > n && least > 1; least /= 10 {
		b = append(b, '0')
	}
	return append(strconv.AppendInt(b, n, 10), '"')
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
	b = append(r.id(r.member(b, 3, "customer_id"), "C-", id), ',')
	family := r.word(nil)
	b = append(r.member(b, 3, "name"), '"')
	b = append(append(b, one(r.rng, r.words.givenNames)...), ' ')
	b = append(append(b, family...), `",`...)
	b = append(append(r.member(b, 3, "email"), '"'), family...)
	b = append(strconv.AppendInt(append(b, '.'), id, 10), `@example.com",`...)
	b = append(r.member(b, 3, "address"), '"')
	b = append(strconv.AppendInt(b, 1+r.rng.Int64N(200), 10), ' ')
	b = append(r.word(b), one(r.rng, r.words.streets)...)
	b = append(append(b, one(r.rng, r.words.cities)...), '"')
	b = append(b, r.indent[2]...)
	return append(b, '}')
}

func (r *renderer) pick() product {
	if r.products != nil {
		i := r.rng.IntN(len(r.products))
		if r.opts.Shop { // Some products sell better than others.
			i = min(i, r.rng.IntN(len(r.products)))
		}
		return r.products[i]
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
	b = append(r.id(r.member(b, 4, "product_id"), "P-", id), ',')
	b = append(r.member(b, 4, "name"), '"')
	b = append(append(r.word(b), ' '), one(r.rng, r.words.goods)...)
	b = append(b, `",`...)
	b = append(append(r.member(b, 4, "category"), '"'), one(r.rng, r.words.categories)...)
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
