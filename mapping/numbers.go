package mapping

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/schema"
)

// NumberFormat says how the strings of a number column are written, by an
// example.
type NumberFormat uint8

const (
	JSONNumber      NumberFormat = iota // as RFC 8259 has it
	CommaPoint                          // 1,234.50
	PointComma                          // 1.234,50
	BlankComma                          // 1 234,50
	ApostrophePoint                     // 1'234.50
)

var numberFormats = [...]string{JSONNumber: "", CommaPoint: "1,234.50", PointComma: "1.234,50", BlankComma: "1 234,50", ApostrophePoint: "1'234.50"}

func (n NumberFormat) String() string { return word(numberFormats[:], uint8(n)) }

// numbers reads how a number column reads strings. Type and from are known.
func (r *reader) numbers(f map[string]*yaml.Node, c *Column, what string) {
	format, symbol := f["format"], f["symbol"]
	for _, key := range []string{"format", "symbol"} {
		switch n := f[key]; {
		case n == nil:
		case c.Type.Kind == schema.Int32, c.Type.Kind == schema.Int64, c.Type.Kind == schema.Double, c.Type.Kind == schema.Decimal:
			r.ofString(n, c, what, key)
		default:
			r.Fail(n, "%s: %s is for numbers, the type is %s; remove %s", what, key, c.Type, key)
			return
		}
	}
	c.Symbol = r.Boolean(symbol, what+": symbol")
	if format == nil {
		return
	}
	if s, ok := r.Text(format, what+": format"); ok {
		i := slices.Index(numberFormats[:], s)
		if i <= 0 {
			r.Fail(format, "%s: format %q is none of those for numbers; use \"%s\"", what, s, strings.Join(numberFormats[1:], `", "`))
			return
		}
		c.NumberFormat = NumberFormat(i)
	}
}

func (c *Column) appendNumbers(b []byte) []byte {
	if c.NumberFormat != JSONNumber {
		b = strconv.AppendQuote(append(b, ", format: "...), c.NumberFormat.String())
	}
	if c.Symbol {
		b = append(b, ", symbol: true"...)
	}
	return b
}
