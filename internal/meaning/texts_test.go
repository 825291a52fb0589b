package meaning

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// texts is what a column wants done to the text of a value: docs/mapping.md,
// "Texts".
type texts struct {
	transform  []string
	nullValues []string
	hash, mask string
	format     string // of a number
	symbol     bool
}

// spaces are the characters that Unicode calls White_Space (PropList.txt).
const spaces = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

// transformed is a string after the transforms.
func (t *texts) transformed(text string) string {
	for _, word := range t.transform {
		switch word {
		case "trim":
			text = strings.Trim(text, spaces)
		case "lower":
			text = strings.ToLower(text)
		case "upper":
			text = strings.ToUpper(text)
		}
	}
	return text
}

// held is what a string column holds of a text.
func (t *texts) held(text string) (string, []string) {
	if t.hash == "sha256_match" {
		if text = strings.ToLower(strings.Trim(text, spaces)); text == "" {
			return null, nil
		}
	}
	if t.hash == "hmac" {
		return hmacOf(text), nil
	}
	if t.hash != "" {
		return fmt.Sprintf("%x", sha256.Sum256([]byte(text))), nil
	}
	if t.mask == "domain" {
		parts := strings.Split(text, "@")
		if domain := parts[len(parts)-1]; len(parts) > 1 && domain != "" {
			return strings.ToLower(domain), nil
		}
		return "", []string{"no_domain"}
	}
	return text, nil
}

func (t *texts) used() bool {
	return t.transform != nil || t.nullValues != nil || t.hash != "" || t.mask != "" || t.format != "" || t.symbol
}

// numberFormats are the texts that a format takes, without a sign.
var numberFormats = map[string]*regexp.Regexp{
	"1,234.50": regexp.MustCompile(`^(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?$`),
	"1.234,50": regexp.MustCompile(`^(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+)(?:,[0-9]+)?$`),
	"1 234,50": regexp.MustCompile(`^(?:[0-9]+|[0-9]{1,3}(?:[ \x{a0}\x{202f}][0-9]{3})+)(?:,[0-9]+)?$`),
	"1'234.50": regexp.MustCompile(`^(?:[0-9]+|[0-9]{1,3}(?:['’][0-9]{3})+)(?:\.[0-9]+)?$`),
}

var (
	symbolFirst = regexp.MustCompile(`^(-?)(?:\p{Sc}|[A-Z]{3})[ \x{a0}\x{202f}]*([^ ].*)$`)
	symbolLast  = regexp.MustCompile(`^(.*[^ \x{a0}\x{202f}])[ \x{a0}\x{202f}]*(?:\p{Sc}|[A-Z]{3})$`)
)

// plainNumber is the number in a text as JSON would write it, or no number.
func (t *texts) plainNumber(text string) string {
	if t.symbol {
		if m := symbolFirst.FindStringSubmatch(text); m != nil {
			text = m[1] + m[2]
		} else if m := symbolLast.FindStringSubmatch(text); m != nil {
			text = m[1]
		}
	}
	if t.format == "" {
		return text
	}
	number, minus := strings.CutPrefix(text, "-")
	if !numberFormats[t.format].MatchString(number) {
		return ""
	}
	if t.format[len(t.format)-3] == ',' {
		number = strings.NewReplacer(".", "", " ", "", "\u00a0", "", "\u202f", "", ",", ".").Replace(number)
	} else {
		number = strings.NewReplacer(",", "", "'", "", "’", "").Replace(number)
	}
	if minus {
		number = "-" + number
	}
	return number
}

// hashKey is the key of hash: hmac.
const hashKey = "0123456789abcdef0123456789abcdef"

// hmacOf is RFC 2104 with SHA-256, for a key of at most 64 bytes.
func hmacOf(text string) string {
	var inner, outer [64]byte
	for i := range inner {
		var k byte
		if i < len(hashKey) {
			k = hashKey[i]
		}
		inner[i], outer[i] = k^0x36, k^0x5c
	}
	sum := sha256.Sum256([]byte(string(inner[:]) + text))
	return fmt.Sprintf("%x", sha256.Sum256([]byte(string(outer[:])+string(sum[:]))))
}

// yaml writes the keys.
func (t *texts) yaml() string {
	var b strings.Builder
	if t.transform != nil {
		fmt.Fprintf(&b, ", transform: [%s]", strings.Join(t.transform, ", "))
	}
	for i, s := range t.nullValues {
		fmt.Fprintf(&b, "%s%s", map[bool]string{true: ", null_values: [", false: ", "}[i == 0], quoted(s))
	}
	if t.nullValues != nil {
		b.WriteString("]")
	}
	if t.hash != "" {
		fmt.Fprintf(&b, ", hash: %s", t.hash)
	}
	if t.mask != "" {
		fmt.Fprintf(&b, ", mask: %s", t.mask)
	}
	if t.format != "" {
		fmt.Fprintf(&b, ", format: %q", t.format)
	}
	if t.symbol {
		b.WriteString(", symbol: true")
	}
	return b.String()
}

// textFault says what is wrong with the keys.
func (c *column) textFault() string {
	t := &c.texts
	twice := func(list []string) bool {
		return len(slices.Compact(slices.Sorted(slices.Values(list)))) < len(list)
	}
	switch {
	case (t.transform != nil || t.nullValues != nil) && (c.kind == "json" || !c.sources()["string"]):
		return "texts of a column that takes no strings"
	case twice(t.transform) || twice(t.nullValues):
		return "a word twice"
	case (t.hash != "" || t.mask != "") && c.kind != "string", t.hash != "" && t.mask != "":
		return "a hash or mask that is none"
	}
	number := map[string]bool{"int32": true, "int64": true, "double": true, "decimal": true}[c.kind]
	if _, known := numberFormats[t.format]; (t.format != "" || t.symbol) && (!number || !c.sources()["string"]) || t.format != "" && !known {
		return "a format of numbers that is none"
	}
	for _, s := range t.nullValues {
		if t.transformed(s) != s {
			return "a null value that is never met"
		}
	}
	return ""
}

// texts draws the keys for a column, mostly none.
func (g *generator) texts(c *column) (t texts) {
	if !g.one(3) {
		return t
	}
	if c.kind != "json" && c.sources()["string"] {
		if g.one(2) {
			t.transform = pick(g, []string{"trim"}, []string{"lower"}, []string{"upper"}, []string{"trim", "lower"}, []string{"upper", "trim", "lower"})
		}
		if g.one(2) {
			t.nullValues = pick(g, []string{""}, []string{"", "a"}, []string{"7"}, []string{"true"}, []string{"2024-01-10"}, []string{"2024-01-10t08:30:00z", "É"}, []string{"-"}, []string{"日本語", "\u00e9", "\x01"})
		}
	}
	if c.kind == "string" {
		if g.one(2) {
			t.hash = pick(g, "sha256", "sha256_match", "hmac")
		} else if g.one(3) {
			t.mask = "domain"
		}
	}
	if number := c.kind != "string" && slices.Contains(canCome[c.kind], "number"); number && c.sources()["string"] || g.one(20) {
		t.format = pick(g, "", "1,234.50", "1.234,50", "1 234,50", "1'234.50")
		t.symbol = g.one(2)
	}
	if g.one(10) { // whether that goes with the rest or not
		t.mask = "domain"
	}
	return t
}

// groupedText is a number as people write it, or nearly.
func (g *generator) groupedText() string {
	number := pick(g, "1,234.50", "1.234,50", "1 234,50", "1'234.50", "1234.5", "1234,5", "12", "0,10", "0.10", "-1,234", "-1.234", "1\u00a0234\u202f567", "12’345",
		"1,23", "1,2345", "0,123", "01", ",5", "5.", "1,,234", "1e3", "9,223,372,036,854,775,807", "1.000.000,0000", "- 5", "1.2.3", "--1", "1,234,567.89")
	switch g.IntN(3) {
	case 0:
		return pick(g, "$", "€ ", "USD", "EUR\u00a0", "-$", "-CHF ", "US$", "¥\t", "eur", "₿") + number
	case 1:
		return number + pick(g, "$", " €", "USD", "\u202fEUR", "  JPY", "EURO", " kg", "%", "\t€")
	}
	return number
}

// edgeText is a text that transforms change, and words that are none.
func (g *generator) edgeText() string {
	return pick(g, " a ", "\u00a0A\u2003", "İstanbul", "straße", "ΟΔΟΣ", "\u200b a", " ", "\t\n", "Ada@Example.COM", "a@b@C ", "@", "a@", "@x", "a", "-", " 7 ", "TRUE", " true", "É", "ǅ", "ɐɐɐ", "2024-01-10 ", "2024-01-10t08:30:00z ")
}
