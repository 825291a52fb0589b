package meaning

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// texts is what a column wants done to the text of a value: docs/mapping.md,
// "Texts".
type texts struct {
	transform  []string
	nullValues []string
	hash, mask string
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
	return t.transform != nil || t.nullValues != nil || t.hash != "" || t.mask != ""
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
			t.hash = pick(g, "sha256", "sha256_match")
		} else if g.one(3) {
			t.mask = "domain"
		}
	}
	if g.one(10) { // whether that goes with the rest or not
		t.mask = "domain"
	}
	return t
}

// edgeText is a text that transforms change, and words that are none.
func (g *generator) edgeText() string {
	return pick(g, " a ", "\u00a0A\u2003", "İstanbul", "straße", "ΟΔΟΣ", "\u200b a", " ", "\t\n", "Ada@Example.COM", "a@b@C ", "@", "a@", "@x", "a", "-", " 7 ", "TRUE", " true", "É", "ǅ", "ɐɐɐ", "2024-01-10 ", "2024-01-10t08:30:00z ")
}
