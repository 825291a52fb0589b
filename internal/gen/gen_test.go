package gen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// order is the shape that the mapping "orders" reads.
type order struct {
	ID       *int64      `json:"order_id"`
	Date     string      `json:"order_date"`
	Total    json.Number `json:"total_amount"`
	Customer struct {
		ID                   int64 `json:"customer_id"`
		Name, Email, Address string
	}
	Products []struct {
		ID             int64 `json:"product_id"`
		Name, Category string
		Price          any
		Quantity       int64
	}
}

func write(t testing.TB, o Options) ([]byte, Counts) {
	t.Helper()
	var buf bytes.Buffer
	counts, err := Write(&buf, o)
	if err != nil {
		t.Fatal(err)
	}
	if counts.Bytes != int64(buf.Len()) {
		t.Errorf("counted %d bytes, wrote %d", counts.Bytes, buf.Len())
	}
	return buf.Bytes(), counts
}

// decode reads the orders back with encoding/json.
func decode(t testing.TB, form Form, text []byte, unknown bool) []order {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if !unknown {
		d.DisallowUnknownFields()
	}
	var orders []order
	var err error
	switch form {
	case Array, Pretty:
		err = d.Decode(&orders)
	case Wrapped:
		var page struct {
			Page   int
			Orders []order
		}
		err = d.Decode(&page)
		orders = page.Orders
	default:
		for err == nil {
			var o order
			if err = d.Decode(&o); err == nil {
				orders = append(orders, o)
			}
		}
		if err == io.EOF {
			err = nil
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("after the document: %v, want EOF", err)
	}
	return orders
}

func TestEveryFormIsValidJSON(t *testing.T) {
	for form := Array; form <= Pretty; form++ {
		for _, catalogue := range []bool{false, true} {
			for _, wide := range []bool{false, true} {
				t.Run(fmt.Sprintf("form %d, catalogue %t, wide %t", form, catalogue, wide), func(t *testing.T) {
					text, counts := write(t, Options{Seed: 7, Orders: 500, Form: form, Catalogue: catalogue, Wide: wide})
					orders := decode(t, form, text, wide)
					if len(orders) != 500 || counts.Orders != 500 || counts.Bad != 0 {
						t.Fatalf("%d orders read, counts %+v", len(orders), counts)
					}
					var products int64
					for i, o := range orders {
						check(t, i, o)
						products += int64(len(o.Products))
					}
					if products != counts.Products {
						t.Errorf("%d products read, %d counted", products, counts.Products)
					}
				})
			}
		}
	}
}

func check(t *testing.T, i int, o order) {
	t.Helper()
	if *o.ID != int64(i+1) {
		t.Fatalf("order %d has the id %d", i, *o.ID)
	}
	if _, err := time.Parse(time.DateOnly, o.Date); err != nil {
		t.Fatal(err)
	}
	if n := len(o.Products); n < 1 || n > 8 {
		t.Fatalf("order %d has %d products", i, n)
	}
	if !strings.HasSuffix(o.Customer.Email, "@example.com") {
		t.Fatalf("order %d: mail outside example.com", i)
	}
	if got := total(t, o); got != o.Total.String() {
		t.Fatalf("order %d: total_amount %s, products give %s", i, o.Total, got)
	}
}

// total adds up the products in cents.
func total(t *testing.T, o order) string {
	t.Helper()
	var cents int64
	for _, p := range o.Products {
		var whole, rest int64
		if _, err := fmt.Sscanf(p.Price.(json.Number).String(), "%d.%02d", &whole, &rest); err != nil {
			t.Fatal(err)
		}
		cents += (whole*100 + rest) * p.Quantity
	}
	return fmt.Sprintf("%d.%02d", cents/100, cents%100)
}

func TestSameSeedSameBytes(t *testing.T) {
	o := Options{Seed: 1, Bytes: 1 << 20, Catalogue: true, Bad: 0.1}
	a, _ := write(t, o)
	b, _ := write(t, o)
	if !bytes.Equal(a, b) {
		t.Error("one seed gave two documents")
	}
	o.Seed = 2
	if c, _ := write(t, o); bytes.Equal(a, c) {
		t.Error("two seeds gave one document")
	}
}

func TestBadOrdersAreCounted(t *testing.T) {
	text, counts := write(t, Options{Seed: 3, Orders: 2_000, Bad: 0.05})
	if !json.Valid(text) {
		t.Fatal("a bad order broke the document")
	}
	if counts.Bad < 50 || counts.Bad > 150 {
		t.Errorf("%d of 2000 orders are bad, asked for 5 percent", counts.Bad)
	}
	var products int64
	var noID, noProducts bool
	for _, o := range decode(t, Array, text, false) {
		products += int64(len(o.Products))
		noID = noID || o.ID == nil
		noProducts = noProducts || len(o.Products) == 0
	}
	if !noID || !noProducts {
		t.Errorf("want every kind of defect; order without id: %t, without products: %t", noID, noProducts)
	}
	if counts.Products >= products {
		t.Errorf("%d products counted, %d in the document: those of bad orders must not count", counts.Products, products)
	}
}

func TestWhereTheDocumentEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"no limit, no orders", Options{}, "[]\n"},
		{"no orders wrapped", Options{Form: Wrapped}, `{"page":1,"orders":[]}` + "\n"},
		{"no orders, no line", Options{Form: NDJSON}, ""},
	} {
		if got, _ := write(t, c.o); string(got) != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	_, byBytes := write(t, Options{Bytes: 300_000})
	if byBytes.Bytes < 300_000 || byBytes.Bytes > 310_000 {
		t.Errorf("asked for 300000 bytes, got %d", byBytes.Bytes)
	}
	_, first := write(t, Options{Bytes: 300_000, Orders: 3})
	if first.Orders != 3 {
		t.Errorf("want the limit that comes first, 3 orders, got %d", first.Orders)
	}
}

func TestWriteErrors(t *testing.T) {
	r, w := io.Pipe()
	r.CloseWithError(io.ErrClosedPipe)
	if _, err := Write(w, Options{Orders: 1}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want the writer's error", err)
	}
	if _, err := Write(io.Discard, Options{Form: Pretty + 1}); err == nil {
		t.Error("an unknown form must be an error")
	}
	for _, o := range []Options{{Shape: Shopify + 1}, {Shape: Shopify, Form: Pretty}, {Shape: Shopify, Bad: 0.1}, {Shape: Shopify, Wide: true}} {
		if _, err := Write(io.Discard, o); err == nil {
			t.Errorf("%+v must be an error", o)
		}
	}
}

func TestAShopExportsTextIDsAndTimes(t *testing.T) {
	type shopOrder struct {
		ID       string    `json:"order_id"`
		Date     time.Time `json:"order_date"`
		Customer struct {
			ID string `json:"customer_id"`
		}
		Products []struct {
			ID    string `json:"product_id"`
			Name  string
			Price float64
		}
	}
	distinct := map[bool]float64{}
	for _, catalogue := range []bool{true, false} {
		text, counts := write(t, Options{Seed: 1, Orders: 5_000, Form: NDJSON, Shop: true, Catalogue: catalogue})
		names := map[string]bool{}
		last := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		d := json.NewDecoder(bytes.NewReader(text))
		for n := 1; d.More(); n++ {
			var o shopOrder
			if err := d.Decode(&o); err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("ORD-%09d", n); o.ID != want || o.Date.Before(last) || !strings.HasPrefix(o.Customer.ID, "C-") {
				t.Fatalf("order %d: id %s, date %s after %s, customer %s", n, o.ID, o.Date, last, o.Customer.ID)
			}
			last = o.Date
			for _, p := range o.Products {
				names[p.ID+p.Name] = true
			}
		}
		distinct[catalogue] = float64(len(names)) / float64(counts.Products)
	}
	if distinct[true] > 0.25 || distinct[false] < 0.999 {
		t.Errorf("share of products that differ: %.3f with a catalogue, %.3f without", distinct[true], distinct[false])
	}
}

func TestShopifyOrders(t *testing.T) {
	for _, catalogue := range []bool{true, false} {
		text, counts := write(t, Options{Seed: 1, Orders: 300, Form: NDJSON, Shape: Shopify, Catalogue: catalogue})
		d := json.NewDecoder(bytes.NewReader(text))
		var orders, lines int64
		for ; d.More(); orders++ {
			var o struct {
				ID        int64
				CreatedAt time.Time `json:"created_at"`
				Email     string
				Total     string `json:"total_price"`
				LineItems []struct {
					ID       int64
					Title    string
					Price    string
					Quantity int64
				} `json:"line_items"`
			}
			if err := d.Decode(&o); err != nil {
				t.Fatal(err)
			}
			if o.ID == 0 || o.CreatedAt.IsZero() || o.Total == "" || !strings.HasSuffix(o.Email, "@example.com") {
				t.Fatalf("order %d lacks what the mapping reads", orders)
			}
			for _, l := range o.LineItems {
				if l.ID == 0 || l.Title == "" || l.Price == "" || l.Quantity == 0 {
					t.Fatalf("order %d: a line lacks what the mapping reads", orders)
				}
				lines++
			}
		}
		if orders != 300 || lines != counts.Products || strings.Contains(string(text), "%!") {
			t.Errorf("%d orders and %d lines read, counts %+v", orders, lines, counts)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, catalogue := range []bool{true, false} {
		b.Run(fmt.Sprintf("catalogue=%t", catalogue), func(b *testing.B) {
			const size = 64 << 20
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Write(io.Discard, Options{Bytes: size, Catalogue: catalogue}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
