package fit

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"sluice/mapping"
)

const (
	order   = `{"order_id":1,"order_date":"2024-01-10","customer":{"customer_id":"C-1"},"products":[{"product_id":"P01","price":1.5,"quantity":1}]}`
	badSum  = `{"order_id":1,"order_date":"2024-01-10","customer":{"customer_id":"C-1"},"products":[{"product_id":"P01","price":"none","quantity":1}]}`
	noLines = `{"order_id":1,"order_date":"2024-01-10","customer":{"customer_id":"C-1"},"products":[]}`
	noList  = `{"order_id":1,"order_date":"2024-01-10","customer":{"customer_id":"C-1"}}`
	noDate  = `{"order_id":1,"customer":{"customer_id":"C-1"},"products":[{"product_id":"P01","price":1.5,"quantity":1}]}`
	cart    = `{"id":1,"products":[{"id":1,"title":"Mug","price":1.5,"quantity":2,"total":3}],"total":3,"userId":5}`
	// shared is what most shops call their fields, of no platform.
	shared = `{"id":1,"created_at":"2024-01-10T08:30:00Z","currency":"EUR","total":"12.00","status":"paid","email":"a@example.com","customer":{"id":5},"line_items":[{"id":3,"sku":"A-1","quantity":1,"price":"12.00"}]}`
	user   = `{"id":1,"name":"A","email":"a@example.com","created_at":"2024-01-10T08:30:00Z","currency":"EUR","tags":["a"]}`
	event  = `{"id":"1","type":"PushEvent","actor":{"id":1,"login":"a"},"repo":{"id":2,"name":"a/b"},"payload":{"commits":[{"sha":"a","message":"m"}]},"public":true,"created_at":"2024-01-10T08:30:00Z"}`
	woo    = `{"id":727,"number":"727","order_key":"k","status":"processing","currency":"USD","date_created_gmt":"2024-01-10T08:30:00","discount_total":"0.00","shipping_total":"10.00","total":"29.35","total_tax":"1.35","customer_id":0,"billing":{"email":"a@example.com"},"line_items":[{"id":315,"name":"Mug","product_id":93,"variation_id":0,"quantity":2,"subtotal":"6.00","subtotal_tax":"0.45","total":"6.00","total_tax":"0.45","sku":"A-1","price":3,"taxes":[]}],"tax_lines":[],"shipping_lines":[],"fee_lines":[],"coupon_lines":[],"refunds":[]}`
)

// The default is taken for orders, also bad ones, and where nothing can be read;
// and not for anything else.
func TestDefault(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"an order", order, true},
		{"an order with a bad amount", badSum, true},
		{"an order without lines", noLines, true},
		{"an order without the list of lines", noList, true},
		{"an order without its date", noDate, true},
		{"half are orders", order + "\n" + user, true},
		{"less than half are orders", order + "\n" + user + "\n" + user, false},
		{"orders in a wrapper", `{"orders":[` + order + `,` + badSum + `]}`, true},
		{"an order after a line that is not JSON", "{bad}\n" + badSum + "\n", true},
		{"no bytes", "", true},
		{"no records", "[]", true},
		{"no JSON", "<html>", true},
		{"a document that is cut", `[{"order_id":`, true},
		{"a number", "7", true},
		{"numbers", "[1,2,3]", false},
		{"null", "[null]", false},
		{"null between orders", "[null," + badSum + "," + badSum + "]", true},
		{"null in a wrapper", `{"order":null}`, false},
		{"empty objects", "[{},{}]", false},
		{"a list of that name", cart, false},
		{"common names", shared, false},
		{"users", user, false},
		{"another platform", woo, false},
	} {
		if _, got, err := Default(t.Context(), NewHead(strings.NewReader(c.text))); err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func TestDefaultCounts(t *testing.T) {
	v, ok, err := Default(t.Context(), NewHead(strings.NewReader(strings.Repeat(user+"\n", 50)+order)))
	if err != nil || ok || v.Records != Records || v.Taken != 0 || v.Reasons["missing_field"] != Records {
		t.Errorf("%+v, %v, %v", v, ok, err)
	}
}

// A preset is named only for documents of its platform: all presets take a
// document that has an id where they look for one.
func TestPreset(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"an order", woo, "woocommerce"},
		{"an order that is mostly unlike another", woo + "\n" + user, "woocommerce"},
		{"the default", order, "orders"},
		{"common names", shared, ""},
		{"users", user, ""},
		{"null in a wrapper", `{"id":"A-1","order":{"id":1}}` + "\n" + `{"id":"A-2","order":null}`, ""},
		{"null after an order", woo + "\nnull", "woocommerce"},
		{"events", event, ""},
		{"a list of that name", cart, ""},
		{"numbers", "[1,2]", ""},
		{"nothing", "", ""},
		{"a bad document", woo[:200], ""},
	} {
		got, ok, err := Preset(t.Context(), NewHead(strings.NewReader(c.text)))
		if err != nil || ok != (c.want != "") || got.Preset != c.want {
			t.Errorf("%s: %+v, %v, %v; want %q", c.name, got, ok, err, c.want)
		}
	}
	got, _, err := Preset(t.Context(), NewHead(strings.NewReader(woo)))
	if err != nil || got.Taken != 1 || got.Records != 1 || got.Found >= got.Paths || !slices.Equal(got.LeftOut, []string{"$.line_items[*].price", "$.order_key"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Every preset finds itself in documents that have what it names.
func TestPresetOfItself(t *testing.T) {
	for _, name := range mapping.Presets() {
		m, err := mapping.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		var s shape
		for _, p := range fed(m) {
			s.grow(p)
		}
		match := Match{}
		match.look(m, []any{s.value()})
		if match.share() != 1 || len(match.LeftOut) > 0 {
			t.Errorf("%s: %+v", name, match)
		}
	}
}

// grow adds a value at a path.
func (s *shape) grow(p mapping.Path) {
	switch {
	case len(p) == 0:
		s.scalar = true
	case p[0].Kind == mapping.Name:
		if s.members == nil {
			s.members = map[string]*shape{}
		}
		if s.members[p[0].Name] == nil {
			s.members[p[0].Name] = &shape{}
		}
		s.members[p[0].Name].grow(p[1:])
	default:
		if s.element == nil {
			s.element = &shape{}
		}
		s.element.grow(p[1:])
	}
}

// value is a decoded JSON value of this shape.
func (s *shape) value() any {
	switch {
	case s.members != nil:
		v := map[string]any{}
		for name, m := range s.members {
			v[name] = m.value()
		}
		return v
	case s.element != nil:
		return []any{s.element.value()}
	}
	return "x"
}

// What was looked at is read again, in any form and from any reader.
func TestHead(t *testing.T) {
	large := "[" + strings.Repeat(fmt.Sprintf(`{"id":1,"text":%q},`, strings.Repeat("x", 900<<10)), 8) + `{"id":2}]`
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, large)
	z.Close()
	for name, text := range map[string]string{
		"small": user, "empty": "", "longer than the head": large, "compressed": packed.String(),
		"a record longer than the head": `{"text":"` + strings.Repeat("x", 2*headBytes) + `"}`,
	} {
		h := NewHead(iotest.HalfReader(strings.NewReader(text)))
		v, ok, err := Default(t.Context(), h)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if isLong := name == "longer than the head" || name == "compressed"; isLong && (ok || v.Records < 4 || v.Taken != 0) {
			t.Errorf("%s: %+v, %v", name, v, ok)
		}
		if len(h.data) > headBytes {
			t.Errorf("%s: %d bytes are held", name, len(h.data))
		}
		all, err := io.ReadAll(h)
		if err != nil || string(all) != text {
			t.Errorf("%s: %d bytes of %d, %v", name, len(all), len(text), err)
		}
	}
	broken := errors.New("broken")
	h := NewHead(io.MultiReader(strings.NewReader(user), iotest.ErrReader(broken)))
	if _, _, err := Default(t.Context(), h); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if all, err := io.ReadAll(h); !errors.Is(err, broken) || string(all) != user {
		t.Errorf("%q, %v", all, err)
	}
}
