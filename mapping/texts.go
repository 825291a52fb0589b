package mapping

import (
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"sluice/schema"
)

// Hash says which hash of its text a string column holds, in lower case hex.
type Hash uint8

const (
	NoHash      Hash = iota // the text itself
	SHA256                  // of the text
	SHA256Match             // of the text trimmed and in lower case; nothing is left: no value
	HMAC                    // HMAC-SHA256 of the text, see WithHashKey
)

// Mask says which part of its text a string column holds.
type Mask uint8

const (
	NoMask Mask = iota // all of it
	Domain             // of an e-mail address: what follows the last @, in lower case
)

var (
	hashWords = [...]string{NoHash: "", SHA256: "sha256", SHA256Match: "sha256_match", HMAC: "hmac"}
	maskWords = [...]string{NoMask: "", Domain: "domain"}
)

func (h Hash) String() string { return word(hashWords[:], uint8(h)) }
func (m Mask) String() string { return word(maskWords[:], uint8(m)) }

// textKeys are the keys of a column that say what is done to the text of a value.
var textKeys = []string{"transform", "null_values", "hash", "mask"}

// texts reads them. Type and from are known.
func (r *reader) texts(f map[string]*yaml.Node, c *Column, what string) {
	for _, key := range []string{"transform", "null_values"} {
		if n := f[key]; n != nil {
			r.ofString(n, c, what, key)
		}
	}
	if n := f["transform"]; n != nil {
		words := transformWords()
		for _, e := range r.List(n, what+": transform") {
			t := Transform(r.Word(e, what+": transform", words))
			if t != 0 && slices.Contains(c.Transform, t) {
				r.Fail(e, "%s: transform: %s is listed twice; keep one", what, t)
			} else if t != 0 {
				c.Transform = append(c.Transform, t)
			}
		}
	}
	if n := f["null_values"]; n != nil {
		r.nullValues(n, c, what+": null_values")
	}
	c.Hash = Hash(r.Word(f["hash"], what+": hash", hashWords[:]))
	c.Mask = Mask(r.Word(f["mask"], what+": mask", maskWords[:]))
	for _, key := range []string{"hash", "mask"} {
		if f[key] != nil && c.Type.Value().Kind != schema.String {
			texts := schema.Type{Kind: schema.String}
			if c.Type.Kind == schema.List {
				texts = schema.Type{Kind: schema.List, Of: schema.String}
			}
			r.Fail(f[key], "%s: %s gives a text, the type is %s; use type: %s, or remove %s", what, key, c.Type, texts, key)
		}
	}
	if c.Hash != NoHash && c.Mask != NoMask {
		r.Fail(f["mask"], "%s: hash and mask cannot both be used; keep one, or use a column for each", what)
	}
}

// ofString checks that a column with a key that is about the text of JSON
// strings takes such.
func (r *reader) ofString(n *yaml.Node, c *Column, what, key string) {
	switch {
	case c.Type.Kind == schema.JSON:
		r.Fail(n, "%s: json keeps the text of the document; remove %s", what, key)
	case c.From != 0 && c.From&FromString == 0:
		r.Fail(n, "%s: %s is about strings, but from has no string; add it or remove %s", what, key, key)
	}
}

func (r *reader) nullValues(n *yaml.Node, c *Column, what string) {
	for _, e := range r.List(n, what) {
		s, ok := r.Text(e, what)
		switch to := c.transformed(s); {
		case !ok:
		case to != s:
			r.Fail(e, "%s: %q is never met: it is compared after transform, which makes it %q; write %q", what, s, to, to)
		case slices.Contains(c.NullValues, s):
			r.Fail(e, "%s: %q is listed twice; keep one", what, s)
		default:
			c.NullValues = append(c.NullValues, s)
		}
	}
}

// appendTexts writes the keys that are used: hashes older than these keys must
// stay the same.
func (c *Column) appendTexts(b []byte) []byte {
	for i, t := range c.Transform {
		b = append(append(b, between(i, ", transform: [")...), t.String()...)
	}
	if len(c.Transform) > 0 {
		b = append(b, ']')
	}
	for i, s := range c.NullValues {
		b = strconv.AppendQuote(append(b, between(i, ", null_values: [")...), s)
	}
	if len(c.NullValues) > 0 {
		b = append(b, ']')
	}
	if c.Hash != NoHash {
		b = append(append(b, ", hash: "...), c.Hash.String()...)
	}
	if c.Mask != NoMask {
		b = append(append(b, ", mask: "...), c.Mask.String()...)
	}
	return b
}

// between is what stands before the i-th element of a list that begins so.
func between(i int, begin string) string {
	if i == 0 {
		return begin
	}
	return ", "
}
