package conversion_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/conversion"
	"sluice/internal/parquetcodec"
	"sluice/internal/parquetread"
)

// TestOrdersComeBack draws orders, writes them as JSON in any form, order of
// keys, white space and escapes that JSON allows, and reads them back from the
// Parquet file through parquet-go.
func TestOrdersComeBack(t *testing.T) {
	m := orders(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := &jsonWriter{rt, t}
		list := rapid.SliceOfN(rapid.Custom(drawOrder), 0, 8).Draw(rt, "orders")
		var want [][]string
		for _, o := range list {
			want = append(want, o.rows()...)
		}
		doc := w.document(list)
		var src io.Reader = bytes.NewReader(w.compressed(doc))
		if rapid.Bool().Draw(rt, "in pieces") {
			src = iotest.OneByteReader(src)
		}
		got := convert(t, m, src, conversion.Options{
			Codec:   rapid.SampledFrom(parquetcodec.Names()).Draw(rt, "codec"),
			Threads: rapid.IntRange(1, 3).Draw(rt, "threads"),
		})
		if got.err != nil {
			if len(list) == 0 && len(bytes.TrimSpace(doc)) == 0 {
				return // nothing at all is rejected as empty_file
			}
			rt.Fatalf("%v\n%s", got.err, doc)
		}
		if diff := cmp.Diff(want, got.rows); diff != "" {
			rt.Fatalf("-want +got:\n%s\n%s", diff, doc)
		}
		if got.stats.RecordsCommitted != int64(len(list)) || !got.accepted() {
			rt.Fatalf("stats: %+v", got.stats)
		}
	})
}

// order is the model of a record.
type order struct {
	id, customer text // a string or an integer
	date         time.Time
	total        *big.Int // in units of 10^-4; nil: absent
	name, email  *string
	products     []product
}

type product struct {
	id             text
	name, category *string
	price          *big.Int
	quantity       int64
}

// text is a value of a string column: a JSON string, or the digits of a number.
type text struct {
	value  string
	number bool
}

func drawText(t *rapid.T) text {
	if rapid.Bool().Draw(t, "as number") {
		return text{fmt.Sprint(rapid.Int64().Draw(t, "id")), true}
	}
	return text{rapid.StringN(1, 20, -1).Draw(t, "id"), false}
}

func drawOrder(t *rapid.T) order {
	maybe := func(label string) *string {
		return rapid.Ptr(rapid.String(), true).Draw(t, label)
	}
	money := func(label string) *big.Int {
		limit := int64(999_999_999_999_999_999)
		return big.NewInt(rapid.Int64Range(-limit, limit).Draw(t, label))
	}
	o := order{id: drawText(t), customer: drawText(t), name: maybe("name"), email: maybe("email")}
	o.date = time.UnixMicro(rapid.Int64Range(-62135596800e6, 253402300799e6).Draw(t, "date")).UTC()
	if rapid.Bool().Draw(t, "has total") {
		o.total = money("total")
	}
	for range rapid.IntRange(1, 4).Draw(t, "products") {
		o.products = append(o.products, product{drawText(t), maybe("product"), maybe("category"), money("price"), rapid.Int64().Draw(t, "quantity")})
	}
	return o
}

func cell(s *string) string {
	if s == nil {
		return parquetread.Null
	}
	return *s
}

// amount writes units of 10^-4 with four decimals.
func amount(u *big.Int) string {
	if u == nil {
		return parquetread.Null
	}
	return new(big.Rat).SetFrac(u, big.NewInt(10000)).FloatString(4)
}

// rows are the rows the default mapping must give, in its order of columns.
func (o order) rows() (rows [][]string) {
	for _, p := range o.products {
		rows = append(rows, []string{
			o.id.value, o.date.Format(time.RFC3339Nano), o.customer.value, cell(o.name), cell(o.email), parquetread.Null,
			p.id.value, cell(p.category), cell(p.name), amount(p.price), fmt.Sprint(p.quantity), amount(o.total),
		})
	}
	return rows
}

// jsonWriter writes JSON as odd as the grammar allows.
type jsonWriter struct {
	t  *rapid.T
	tb *testing.T
}

func (w *jsonWriter) space() string {
	return rapid.SampledFrom([]string{"", "", "", " ", "  ", "\t", "\n", "\r\n"}).Draw(w.t, "space")
}

func (w *jsonWriter) str(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r < ' ' || rapid.IntRange(0, 9).Draw(w.t, "escape") == 0:
			if r > 0xFFFF {
				fmt.Fprintf(&b, "\\u%04x\\u%04X", 0xD800+(r-0x10000)>>10, 0xDC00+(r-0x10000)&0x3FF)
			} else {
				fmt.Fprintf(&b, "\\u%04X", r)
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func (w *jsonWriter) text(v text) string {
	if v.number {
		return v.value
	}
	return w.str(v.value)
}

// money writes units of 10^-4 as a number or a string, plain or with an exponent.
func (w *jsonWriter) money(u *big.Int) string {
	s := amount(u)
	switch rapid.IntRange(0, 3).Draw(w.t, "money") {
	case 0:
		s = `"` + s + `"`
	case 1:
		s = u.String() + "e-4"
	case 2:
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

type pair struct{ key, value string }

// object writes pairs in any order.
func (w *jsonWriter) object(pairs ...pair) string {
	var b strings.Builder
	b.WriteString("{" + w.space())
	first := true
	for _, p := range rapid.Permutation(pairs).Draw(w.t, "order of keys") {
		if p.value == "" {
			continue
		}
		if !first {
			b.WriteString("," + w.space())
		}
		first = false
		b.WriteString(w.str(p.key) + w.space() + ":" + w.space() + p.value + w.space())
	}
	return b.String() + "}"
}

// maybe writes an optional string: absent, null, or itself.
func (w *jsonWriter) maybe(s *string) string {
	if s != nil {
		return w.str(*s)
	}
	return rapid.SampledFrom([]string{"", "null"}).Draw(w.t, "absent")
}

func (w *jsonWriter) order(o order) string {
	var products []string
	for _, p := range o.products {
		products = append(products, w.object(
			pair{"product_id", w.text(p.id)}, pair{"name", w.maybe(p.name)}, pair{"category", w.maybe(p.category)},
			pair{"price", w.money(p.price)}, pair{"quantity", fmt.Sprint(p.quantity)}, pair{"unknown", rapid.SampledFrom([]string{"", `{"a":[1,{}]}`}).Draw(w.t, "unknown")},
		))
	}
	total := ""
	if o.total != nil {
		total = w.money(o.total)
	}
	return w.object(
		pair{"order_id", w.text(o.id)}, pair{"order_date", w.str(o.date.Format("2006-01-02T15:04:05.999999Z07:00"))}, pair{"total_amount", total},
		pair{"customer", w.object(pair{"customer_id", w.text(o.customer)}, pair{"name", w.maybe(o.name)}, pair{"email", w.maybe(o.email)})},
		pair{"products", "[" + w.space() + strings.Join(products, w.space()+","+w.space()) + w.space() + "]"},
	)
}

// document writes the orders in one of the forms that sluice reads.
func (w *jsonWriter) document(list []order) []byte {
	var records []string
	for _, o := range list {
		records = append(records, w.order(o))
	}
	array := "[" + w.space() + strings.Join(records, w.space()+","+w.space()) + w.space() + "]"
	switch rapid.SampledFrom([]string{"array", "wrapped", "ndjson", "concatenated"}).Draw(w.t, "form") {
	case "array":
		return []byte(w.space() + array + w.space())
	case "wrapped":
		return []byte(w.object(pair{"orders", array}, pair{"page", "1"}, pair{"more", `{"orders":[]}`}))
	case "ndjson":
		var b bytes.Buffer
		for _, r := range records {
			if err := json.Compact(&b, []byte(r)); err != nil {
				w.t.Fatalf("%v: %s", err, r)
			}
			b.WriteString(rapid.SampledFrom([]string{"\n", "\r\n", "\n\n"}).Draw(w.t, "line end"))
		}
		return b.Bytes()
	}
	return []byte(strings.Join(records, w.space()))
}

func (w *jsonWriter) compressed(doc []byte) []byte {
	switch rapid.SampledFrom([]string{"plain", "bom", "gzip", "zstd"}).Draw(w.t, "compression") {
	case "bom":
		return append([]byte("\xef\xbb\xbf"), doc...)
	case "gzip":
		cut := rapid.IntRange(0, len(doc)).Draw(w.t, "member")
		return []byte(gzipped(w.tb, string(doc[:cut])) + gzipped(w.tb, string(doc[cut:])))
	case "zstd":
		return []byte(zstandard(w.tb, string(doc)))
	}
	return doc
}
