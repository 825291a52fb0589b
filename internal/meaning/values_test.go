package meaning

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	numberText    = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	integerText   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	dateText      = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	timestampText = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$`)
)

// null stands for a NULL in a row.
const null = "\x00NULL"

// convert is what a column holds of a value: docs/mapping.md, "Types". codes
// are all the reasons for which it cannot.
func (c *column) convert(v *value, fieldBytes int) (cell string, codes []string) {
	if v == nil || v.kind == 'n' {
		return null, nil
	}
	if v.unread {
		return "", []string{"bad_embedded_json"}
	}
	if c.list {
		return c.convertList(v, fieldBytes)
	}
	tooLarge := func(text string) []string {
		if fieldBytes > 0 && len(text) > fieldBytes {
			return []string{"field_too_large"}
		}
		return nil
	}
	if c.kind == "json" {
		return v.text, tooLarge(v.text)
	}
	from := c.sources()
	wrong := []string{"wrong_type"}
	switch v.kind {
	case '{', '[':
		return "", wrong
	case 't', 'f':
		if !from["boolean"] {
			return "", wrong
		}
		if c.kind == "string" {
			return c.texts.held(v.text)
		}
		return v.text, nil
	case '0':
		if !from["number"] && !(from["integer"] && integerText.MatchString(v.text)) {
			return "", wrong
		}
		if codes := tooLarge(v.text); codes != nil {
			return "", codes
		}
		switch {
		case c.kind == "string":
			return c.texts.held(v.text)
		case c.minor.by != "":
			return c.whole(v.text)
		case c.unit != "":
			return c.instant(v.text)
		}
		return c.number(v.text)
	}
	if !from["string"] {
		return "", wrong
	}
	if codes := tooLarge(v.str); codes != nil {
		return "", codes
	}
	text := c.texts.transformed(v.str)
	if slices.Contains(c.texts.nullValues, text) {
		return null, nil
	}
	switch c.kind {
	case "string":
		if text == "" && c.required {
			return "", []string{"missing_field"}
		}
		return c.texts.held(text)
	case "boolean":
		if text != "true" && text != "false" {
			return "", []string{"bad_boolean"}
		}
		return text, nil
	case "date", "timestamp":
		return c.time(text)
	}
	if text = c.texts.plainNumber(text); !numberText.MatchString(text) {
		return "", []string{map[string]string{"int32": "not_integer", "int64": "not_integer", "double": "bad_double", "decimal": "bad_decimal"}[c.kind]}
	}
	if c.minor.by != "" {
		return c.whole(text)
	}
	return c.number(text)
}

// whole turns minor units into whole ones.
func (c *column) whole(text string) (string, []string) {
	switch {
	case !integerText.MatchString(text):
		return "", []string{"bad_decimal"}
	case c.unitless:
		return "", []string{"unknown_minor_unit"}
	}
	return c.number(text + "e-" + strconv.Itoa(c.shift))
}

func (c *column) sources() map[string]bool {
	words := c.from
	if c.key != "" && words == nil {
		words = []string{"string"}
	}
	if words == nil && c.minor.by != "" {
		words = []string{"integer", "string"}
	}
	if words == nil {
		switch c.kind {
		case "string":
			words = []string{"string"}
		case "boolean":
			words = []string{"boolean", "string"}
		case "date", "timestamp":
			words = []string{"string"}
			if c.unit != "" {
				words = []string{"string", "integer"}
			}
			if c.format == "epoch" {
				words = []string{"string", "number"}
			}
		default:
			words = []string{"number", "integer", "string"}
		}
	}
	from := map[string]bool{}
	for _, w := range words {
		from[w] = true
		from["integer"] = from["integer"] || w == "number"
	}
	return from
}

// scientific is a number as an integer times a power of ten, the integer not
// divisible by ten.
func scientific(text string) (digits string, power int, negative bool) {
	text, negative = strings.CutPrefix(text, "-")
	text = strings.ToLower(text)
	digits, exponent, _ := strings.Cut(text, "e")
	if exponent != "" {
		n, _ := new(big.Int).SetString(strings.TrimPrefix(exponent, "+"), 10)
		power = 1_000_000_000 * n.Sign()
		if n.IsInt64() && n.Int64() < 1_000_000_000 && n.Int64() > -1_000_000_000 {
			power = int(n.Int64())
		}
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	power -= len(fraction)
	for strings.HasSuffix(digits, "0") {
		digits = digits[:len(digits)-1]
		power++
	}
	if digits == "" {
		return "0", 0, false
	}
	return digits, power, negative
}

func (c *column) number(text string) (string, []string) {
	digits, power, negative := scientific(text)
	sign := ""
	if negative {
		sign = "-"
	}
	switch c.kind {
	case "double":
		d, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return "", []string{"double_range"}
		}
		return strconv.FormatFloat(d, 'g', -1, 64), nil
	case "decimal":
		var codes []string
		if -power > c.scale {
			codes = append(codes, "decimal_scale")
		}
		if digits != "0" && len(digits)+power > c.precision-c.scale {
			codes = append(codes, "decimal_range")
		}
		if codes != nil {
			return "", codes
		}
		digits += strings.Repeat("0", power+c.scale)
		if c.scale == 0 {
			return sign + digits, nil
		}
		if n := c.scale + 1 - len(digits); n > 0 {
			digits = strings.Repeat("0", n) + digits
		}
		return sign + digits[:len(digits)-c.scale] + "." + digits[len(digits)-c.scale:], nil
	}
	limit := int64(1) << 31
	if c.kind == "int64" {
		limit = -1 << 63
	}
	switch {
	case power < 0:
		return "", []string{"not_integer"}
	case power > 30:
		return "", []string{"int_range"}
	}
	n, _ := new(big.Int).SetString(sign+digits+strings.Repeat("0", power), 10)
	top := new(big.Int).Abs(big.NewInt(limit))
	if n.Cmp(top) >= 0 || n.Cmp(new(big.Int).Neg(top)) < 0 {
		return "", []string{"int_range"}
	}
	return n.String(), nil
}
