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
	switch c.Type.Value().Kind {
	case schema.Int32, schema.Int64, schema.Double, schema.Decimal:
	default:
		// Of dates and timestamps, times reads it.
		if format != nil && c.Type.Value().Kind != schema.Date && c.Type.Value().Kind != schema.Timestamp {
			r.Fail(format, "%s: format is for numbers, dates and timestamps, the type is %s; remove format", what, c.Type)
		}
		if symbol != nil {
			r.Fail(symbol, "%s: symbol is for numbers, the type is %s; remove symbol", what, c.Type)
		}
		return
	}
	if symbol != nil {
		r.ofString(symbol, c, what, "symbol")
		c.Symbol = r.Boolean(symbol, what+": symbol")
	}
	if format == nil {
		return
	}
	r.ofString(format, c, what, "format")
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
