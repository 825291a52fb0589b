// Package gen writes synthetic orders, for the tests and the benchmarks. The
// same options give the same bytes on every machine; memory
// does not grow with the output.
package gen

import (
	"fmt"
	"io"
	"math/rand/v2"
)

// Form is how the orders are laid out in the document.
type Form uint8

const (
	Array        Form = iota // [{...},{...}]
	NDJSON                   // an order on a line
	Wrapped                  // {"page":1,"orders":[{...},{...}]}
	Concatenated             // {...}{...}
	Pretty                   // an array, indented by two spaces
)

// Shape is whose orders they are.
type Shape uint8

const (
	Orders  Shape = iota // as the mapping "orders" reads them
	Shopify              // as Shopify has them: some 60 members an order, 25 a line, most of them unknown to it
)

// Options say what to write. Orders and Bytes end the document, whichever
// comes first; if both are 0 it has no orders.
type Options struct {
	Seed      uint64
	Orders    int64   // number of orders; 0: no limit
	Bytes     int64   // no more orders after this many bytes; 0: no limit
	Form      Form    // how they are laid out
	Shape     Shape   // whose they are; Shop, Wide and Bad are for Orders
	Catalogue bool    // products and customers repeat, as in a shop; false: nearly every value differs
	Shop      bool    // texts as a shop exports them: ids such as "ORD-000000001", times of day, few escapes; false: as awkward as can be
	Wide      bool    // add members that the mapping "orders" does not name, as many bytes again as those it does
	Bad       float64 // share of orders that the mapping "orders" must quarantine, 0 to 1
}

// Counts say what was written. Orders includes the bad ones; Products are
// those of the good ones, and so the rows to expect.
type Counts struct {
	Orders, Bad, Products, Bytes int64
}

// form is what stands around and between the orders.
type form struct{ open, between, end string }

var forms = [...]form{
	Array:        {"[", ",", "]\n"},
	NDJSON:       {"", "\n", "\n"},
	Wrapped:      {`{"page":1,"orders":[`, ",", "]}\n"},
	Concatenated: {"", "", ""},
	Pretty:       {"[\n  ", ",\n  ", "\n]\n"},
}

// flushAt is the size at which the buffer goes to the writer.
const flushAt = 128 << 10

// Write writes a document of orders to w.
func Write(w io.Writer, o Options) (Counts, error) {
	switch {
	case int(o.Form) >= len(forms):
		return Counts{}, fmt.Errorf("generate orders: unknown form %d", o.Form)
	case o.Shape > Shopify:
		return Counts{}, fmt.Errorf("generate orders: unknown shape %d", o.Shape)
	case o.Shape == Shopify && (o.Form == Pretty || o.Shop || o.Wide || o.Bad > 0):
		return Counts{}, fmt.Errorf("generate orders: the shape of Shopify has no pretty form, and none of Shop, Wide and Bad")
	}
	var (
		f    = forms[o.Form]
		r    = newRenderer(rand.New(rand.NewPCG(o.Seed, 0)), o)
		buf  = append(make([]byte, 0, flushAt+64<<10), f.open...)
		done int64 // bytes handed to w
	)
	for !o.ended(r.counts.Orders, done+int64(len(buf))) {
		if r.counts.Orders > 0 {
			buf = append(buf, f.between...)
		}
		if o.Shape == Shopify {
			buf = r.shopifyOrder(buf)
		} else {
			buf = r.order(buf)
		}
		if len(buf) >= flushAt {
			if _, err := w.Write(buf); err != nil {
				return r.counts, fmt.Errorf("write generated orders: %w", err)
			}
			done += int64(len(buf))
			buf = buf[:0]
		}
	}
	if r.counts.Orders > 0 || o.Form != NDJSON {
		buf = append(buf, f.end...)
	}
	if _, err := w.Write(buf); err != nil {
		return r.counts, fmt.Errorf("write generated orders: %w", err)
	}
	r.counts.Bytes = done + int64(len(buf))
	return r.counts, nil
}

func (o *Options) ended(orders, bytes int64) bool {
	if o.Orders == 0 && o.Bytes == 0 {
		return true
	}
	return o.Orders > 0 && orders >= o.Orders || o.Bytes > 0 && bytes >= o.Bytes
}
