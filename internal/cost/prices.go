package cost

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed prices.yaml
var listed []byte

// Price is what one unit costs, and who says so.
type Price struct {
	USD       float64 `yaml:"usd" json:"usd"`
	Unit      string  `yaml:"unit" json:"unit"`
	Source    string  `yaml:"source" json:"source"` // a URL
	Read      string  `yaml:"read" json:"read"`     // date of the copy it was read in
	Confirmed *bool   `yaml:"confirmed" json:"confirmed,omitempty"`
	Note      string  `yaml:"note" json:"note,omitempty"`
}

// Prices are those of one region, by name.
type Prices struct {
	Region string           `yaml:"region" json:"region"`
	Prices map[string]Price `yaml:"prices" json:"prices"`
}

// ListPrices are those that come with the program.
func ListPrices() (Prices, error) { return readPrices(listed) }

// Override replaces single prices by those of a file of the same form. A price
// of the file has no source but the file's own; its unit stays.
func (p Prices) Override(file []byte) (Prices, error) {
	o, err := readPrices(file)
	if err != nil {
		return Prices{}, err
	}
	merged := Prices{Region: p.Region, Prices: maps.Clone(p.Prices)}
	if o.Region != "" {
		merged.Region = o.Region
	}
	for name, price := range o.Prices {
		known, ok := p.Prices[name]
		if !ok {
			return Prices{}, fmt.Errorf("prices: unknown price %q; known are %s", name, strings.Join(slices.Sorted(maps.Keys(p.Prices)), ", "))
		}
		if price.Unit != "" && price.Unit != known.Unit {
			return Prices{}, fmt.Errorf("prices: %s is for one %s, not %s", name, known.Unit, price.Unit)
		}
		price.Unit = known.Unit
		merged.Prices[name] = price
	}
	return merged, nil
}

func readPrices(file []byte) (Prices, error) {
	var p Prices
	d := yaml.NewDecoder(bytes.NewReader(file))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		return Prices{}, fmt.Errorf("prices: %w", err)
	}
	for name, price := range p.Prices {
		if !(price.USD >= 0) {
			return Prices{}, fmt.Errorf("prices: %s: usd must be 0 or more", name)
		}
	}
	return p, nil
}
