package cost

import (
	_ "embed"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/internal/suggest"
	"sluice/internal/yamlfile"
)

//go:embed prices.yaml
var listed []byte

// Price is what one unit costs, and who says so.
type Price struct {
	USD       float64 `json:"usd"`
	Unit      string  `json:"unit"`
	Source    string  `json:"source"` // a URL
	Read      string  `json:"read"`   // date of the copy it was read in
	Confirmed *bool   `json:"confirmed,omitempty"`
	Note      string  `json:"note,omitempty"`
}

// Prices are those of one region, by name.
type Prices struct {
	Region string           `json:"region"`
	Prices map[string]Price `json:"prices"`
}

// ListPrices are those that come with the program.
func ListPrices() (Prices, error) { return readPrices("prices.yaml", listed) }

// Override replaces the prices that a file of the same form has. Errors call the file
// name. The source of a replaced price is what the file says, or nothing; its unit
// stays.
func (p Prices) Override(name string, file []byte) (Prices, error) {
	o, err := readPrices(name, file)
	if err != nil {
		return Prices{}, err
	}
	merged := Prices{Region: p.Region, Prices: maps.Clone(p.Prices)}
	if o.Region != "" {
		merged.Region = o.Region
	}
	names := slices.Sorted(maps.Keys(p.Prices))
	for of, price := range o.Prices {
		known, ok := p.Prices[of]
		if !ok {
			return Prices{}, fmt.Errorf("%s: prices: unknown price %q; known are %s%s", name, of, strings.Join(names, ", "), suggest.DidYouMean(of, names))
		}
		if price.Unit != "" && price.Unit != known.Unit {
			return Prices{}, fmt.Errorf("%s: prices: %s is for one %s, not %s", name, of, known.Unit, price.Unit)
		}
		price.Unit = known.Unit
		merged.Prices[of] = price
	}
	return merged, nil
}

// reader reads a file of prices; its errors are those of a mapping file.
type reader struct{ yamlfile.Reader }

func readPrices(name string, file []byte) (Prices, error) {
	r := &reader{yamlfile.Reader{File: name, Kind: "price list"}}
	p := Prices{Prices: map[string]Price{}}
	if root := r.Document(file); root != nil {
		f := r.Object(root, "price list", "region", "prices")
		p.Region = r.scalar(f["region"], "region")
		if prices := f["prices"]; prices != nil && prices.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(prices.Content); i += 2 {
				p.Prices[prices.Content[i].Value] = r.price(prices.Content[i+1], prices.Content[i].Value)
			}
		} else if prices != nil {
			r.Fail(prices, "prices must have keys, the names of prices, found %s", yamlfile.KindOf(prices))
		}
	}
	return p, r.Err()
}

func (r *reader) price(n *yaml.Node, name string) (p Price) {
	f := r.Object(n, name, "usd", "unit", "source", "read", "confirmed", "note")
	if f == nil {
		return p
	}
	p = Price{
		Unit: r.scalar(f["unit"], name+": unit"), Source: r.scalar(f["source"], name+": source"),
		Read: r.scalar(f["read"], name+": read"), Note: r.scalar(f["note"], name+": note"),
	}
	if c := f["confirmed"]; c != nil {
		confirmed := r.Boolean(c, name+": confirmed")
		p.Confirmed = &confirmed
	}
	usd, err := strconv.ParseFloat(r.scalar(f["usd"], name+": usd"), 64)
	if err != nil || !(usd >= 0) || math.IsInf(usd, 0) {
		at := n
		if f["usd"] != nil {
			at = f["usd"]
		}
		r.Fail(at, "%s: usd must be 0 or more, as in usd: 0.023", name)
	}
	p.USD = usd
	return p
}

func (r *reader) scalar(n *yaml.Node, what string) string {
	if n != nil && n.Kind != yaml.ScalarNode {
		r.Fail(n, "%s must be one value, found %s", what, yamlfile.KindOf(n))
		return ""
	}
	if n == nil {
		return ""
	}
	return n.Value
}
