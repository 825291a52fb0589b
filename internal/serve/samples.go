package serve

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"sluice/internal/store"
	"sluice/mapping"
)

// Sample orders of three shops over sixty days, the same each time. Each shop sends
// its orders in another form that the mapping "orders" takes. One price is no number,
// so that something is in quarantine. All of it is made up.

const (
	sampleDays   = 60
	sampleFolder = "samples/"
	sampleBroken = `"on request"` // a price
)

var sampleStart = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

type sampleProduct struct {
	id, name, category string
	cents              int64
}

type sampleShop struct {
	name     string
	perDay   float64 // orders
	weekend  float64 // times as many
	growth   float64 // over all days
	products []sampleProduct
	write    func(*bytes.Buffer, []string) // the orders of a file
}

var sampleShops = []sampleShop{
	{"tea-house", 3, 1.6, 1.5, []sampleProduct{
		{"T01", "Green tea", "tea", 450}, {"T02", "Black tea", "tea", 390}, {"T03", "Mint tea", "tea", 320},
		{"T11", "Tea pot", "kitchen", 2890}, {"T12", "Mug", "kitchen", 950}, {"T21", "Honey", "food", 680},
	}, writeArray},
	{"book-corner", 2, 1.1, 1, []sampleProduct{
		{"B01", "Atlas", "books", 3490}, {"B02", "Novel", "books", 1290}, {"B03", "Cookbook", "books", 2450},
		{"B11", "Notebook", "paper", 420}, {"B12", "Postcards", "paper", 250}, {"B13", "Pencils", "paper", 360},
	}, writeWrapped},
	{"lamp-works", 1, 0.7, 2.2, []sampleProduct{
		{"L01", "Desk lamp", "lamps", 5900}, {"L02", "Floor lamp", "lamps", 12950}, {"L03", "Lantern", "lamps", 2750},
		{"L11", "Bulb", "parts", 390}, {"L12", "Cable", "parts", 720},
	}, writeLines},
}

var sampleCustomers = []string{"Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gia", "Hal", "Ida", "Jon", "Kim", "Leo"}

func writeArray(b *bytes.Buffer, orders []string) {
	fmt.Fprintf(b, "[\n%s\n]\n", strings.Join(orders, ",\n"))
}

func writeWrapped(b *bytes.Buffer, orders []string) {
	fmt.Fprintf(b, "{\"orders\":[\n%s\n]}\n", strings.Join(orders, ",\n"))
}

func writeLines(b *bytes.Buffer, orders []string) {
	fmt.Fprintf(b, "%s\n", strings.Join(orders, "\n"))
}

// sampleFile is a file of sample orders.
type sampleFile struct {
	name string
	text []byte
}

// sampleFiles are the files of all shops, three of each.
func sampleFiles() (files []sampleFile) {
	const each = sampleDays / 3
	for i, shop := range sampleShops {
		r := rand.New(rand.NewPCG(2024, uint64(i)))
		number := 0
		var orders []string
		for day := range sampleDays {
			at := sampleStart.AddDate(0, 0, day)
			many := shop.perDay * (1 + (shop.growth-1)*float64(day)/sampleDays)
			if weekday := at.Weekday(); weekday == time.Saturday || weekday == time.Sunday {
				many *= shop.weekend
			}
			for range int(math.Round(many * (0.6 + 0.8*r.Float64()))) {
				number++
				orders = append(orders, sampleOrder(r, &shop, at, number))
			}
			if (day+1)%each != 0 {
				continue
			}
			if i == 1 && day+1 == 2*each { // one record does not fit
				last := &orders[len(orders)-1]
				price := (*last)[strings.Index(*last, `"price":`)+len(`"price":`):]
				price = price[:strings.IndexByte(price, ',')]
				*last = strings.Replace(*last, `"price":`+price, `"price":`+sampleBroken, 1)
			}
			var b bytes.Buffer
			shop.write(&b, orders)
			end := ".json"
			if i == 2 {
				end = ".ndjson"
			}
			files = append(files, sampleFile{fmt.Sprintf("%s/%s%s", shop.name, at.Format(time.DateOnly), end), b.Bytes()})
			orders = nil
		}
	}
	return files
}

// sampleOrder is an order of one to three products.
func sampleOrder(r *rand.Rand, shop *sampleShop, day time.Time, number int) string {
	at := day.Add(time.Duration(8*3600+r.IntN(12*3600)) * time.Second)
	total := int64(0)
	var lines []string
	for _, p := range r.Perm(len(shop.products))[:1+r.IntN(3)] {
		product, quantity := shop.products[p], int64(1+r.IntN(3))
		total += product.cents * quantity
		lines = append(lines, fmt.Sprintf(`{"product_id":%q,"name":%q,"category":%q,"price":%s,"quantity":%d}`,
			product.id, product.name, product.category, money(product.cents), quantity))
	}
	n := r.IntN(len(sampleCustomers))
	name := sampleCustomers[n]
	return fmt.Sprintf(`{"order_id":"%c-%d","order_date":%q,"total_amount":%s,"customer":{"customer_id":%d,"name":%q,"email":%q},"products":[%s]}`,
		shop.name[0]-'a'+'A', 1000+number, at.Format(time.RFC3339), money(total), 101+n, name, strings.ToLower(name)+"@example.com", strings.Join(lines, ","))
}

func money(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

// postSamples puts the sample orders into the source. Those that are there stay.
func (s *Server) postSamples(w http.ResponseWriter, r *http.Request) error {
	at := s.Setup()
	if orders, err := mapping.Preset(mapping.DefaultPreset); err != nil || at.Pipeline.Mapping.Hash() != orders.Hash() {
		return fail(http.StatusConflict, "make sample orders: they are for the mapping %s, and the lake has another", mapping.DefaultPreset).
			with("start sluice serve with --lake and a new folder")
	}
	a := struct {
		Keys []string `json:"keys"`
	}{}
	for _, f := range sampleFiles() {
		key, err := keyOf(at, sampleFolder+f.name)
		if err != nil {
			return err
		}
		err = s.put(r.Context(), at, key, bytes.NewReader(f.text), store.IfNoneMatch())
		if f := new(failure); err != nil && !(errors.As(err, &f) && f.status == http.StatusConflict) {
			return err
		}
		a.Keys = append(a.Keys, key)
	}
	return answerJSON(w, http.StatusCreated, a)
}
