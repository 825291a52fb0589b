package mapping

import (
	"bytes"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Transform is a change of the text of a JSON string, made before anything else
// reads the text.
type Transform uint8

const (
	Trim  Transform = iota + 1 // no white space at either end
	Lower                      // lower case
	Upper                      // upper case
)

// transforms is all there is to a transform: its word in a mapping file, and
// what it appends to dst for a text in UTF-8. A transform depends on nothing but
// the text, and changes nothing when it is made twice.
var transforms = [...]struct {
	word   string
	append func(dst, text []byte) []byte
}{
	Trim:  {"trim", func(dst, text []byte) []byte { return append(dst, bytes.TrimSpace(text)...) }},
	Lower: {"lower", func(dst, text []byte) []byte { return appendRunes(dst, text, unicode.ToLower) }},
	Upper: {"upper", func(dst, text []byte) []byte { return appendRunes(dst, text, unicode.ToUpper) }},
}

// Append appends what the transform makes of a text in UTF-8.
func (t Transform) Append(dst, text []byte) []byte { return transforms[t].append(dst, text) }

func (t Transform) String() string {
	if int(t) < len(transforms) {
		return transforms[t].word
	}
	return strconv.Itoa(int(t))
}

func transformWords() (words []string) {
	for _, t := range transforms {
		words = append(words, t.word)
	}
	return words
}

// transformed is what all the transforms of a column make of a text.
func (c *Column) transformed(text string) string {
	b := []byte(text)
	for _, t := range c.Transform {
		b = t.Append(nil, b)
	}
	return string(b)
}

func appendRunes(dst, text []byte, to func(rune) rune) []byte {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		dst, text = utf8.AppendRune(dst, to(r)), text[n:]
	}
	return dst
}
