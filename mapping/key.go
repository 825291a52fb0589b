package mapping

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/internal/suggest"
	"sluice/schema"
)

// KeyPattern is a pattern of the keys of source objects, such as
// raw/{shop}/dt={date}/*.
type KeyPattern []keyStep

// keyStep is a piece of a pattern, and what of a key it stands for.
type keyStep struct {
	kind keyStepKind
	text string // of a literal; the name of a part
}

type keyStepKind uint8

const (
	keyLiteral keyStepKind = iota // the text itself
	keyPart                       // {name}: one character or more, but no /
	keyAny                        // *: any characters but /
	keyFolders                    // **/: any number of folders
	keyRest                       // ** at the end: all that follows
)

var (
	errNoMatch   = errors.New("does not match")
	errAmbiguous = errors.New("matches in more than one way, with other parts,")
)

// ParseKey reads a pattern of source keys.
func ParseKey(pattern string) (KeyPattern, error) {
	var p KeyPattern
	for rest := pattern; rest != ""; {
		i := strings.IndexAny(rest, "{}*")
		if i < 0 {
			i = len(rest)
		}
		if i > 0 {
			p = append(p, keyStep{keyLiteral, rest[:i]})
			rest = rest[i:]
			continue
		}
		step, n, err := parseKeyStep(rest, p.folderBegins())
		switch {
		case err != nil:
			return nil, err
		case step.kind == keyPart && slices.Contains(p, step):
			return nil, fmt.Errorf("{%s} stands twice; give each part its own name", step.text)
		case len(p) > 0 && p[len(p)-1].open() && step.open():
			return nil, errors.New("nothing stands between two of {name} and *, so it is open where one ends; write a character between them, or leave one out")
		case len(p) > 0 && p[len(p)-1].kind == keyFolders && step.kind >= keyFolders:
			return nil, errors.New("** stands twice in a row; leave one out")
		}
		p, rest = append(p, step), rest[n:]
	}
	if len(p) == 0 {
		return nil, errors.New("is empty; write how the keys are built, as in raw/{shop}/{date}/*")
	}
	return p, nil
}

// parseKeyStep reads the piece of n bytes that s begins with, which is no
// literal.
func parseKeyStep(s string, folder bool) (step keyStep, n int, err error) {
	switch {
	case strings.HasPrefix(s, "**"):
		switch {
		case folder && s == "**":
			return keyStep{kind: keyRest}, 2, nil
		case folder && s[2] == '/':
			return keyStep{kind: keyFolders}, 3, nil
		}
		return step, 0, errors.New("** stands for whole folders; write it between slashes or at the end, as in raw/**/{shop}/*, or use one *")
	case s[0] == '*':
		return keyStep{kind: keyAny}, 1, nil
	case s[0] == '{':
		name, _, closed := strings.Cut(s[1:], "}")
		if !closed || !isName(name) {
			return step, 0, errors.New("{ begins the name of a part, of lower case letters, digits and _, and } ends it, as in {shop}; for a { in a key write *")
		}
		return keyStep{keyPart, name}, len(name) + 2, nil
	}
	return step, 0, errors.New("} has no {; write {shop}, and for a } in a key *")
}

// folderBegins reports whether a folder may begin after the steps.
func (p KeyPattern) folderBegins() bool {
	if len(p) == 0 {
		return true
	}
	last := p[len(p)-1]
	return last.kind == keyFolders || last.kind == keyLiteral && strings.HasSuffix(last.text, "/")
}

// open reports whether it depends on what follows where the step ends.
func (s keyStep) open() bool { return s.kind == keyPart || s.kind == keyAny }

// Parts are the names of the parts, in their order.
func (p KeyPattern) Parts() (names []string) {
	for _, s := range p {
		if s.kind == keyPart {
			names = append(names, s.text)
		}
	}
	return names
}

// Match gives the parts of a key by their names. It is an error if the key does
// not match, or if it does in several ways that differ in their parts.
func (p KeyPattern) Match(key string) (map[string]string, error) {
	// fits[i][at]: the steps from the i-th on match what follows at.
	fits := make([][]bool, len(p)+1)
	for i := range fits {
		fits[i] = make([]bool, len(key)+1)
	}
	fits[len(p)][len(key)] = true
	for i := len(p) - 1; i >= 0; i-- {
		for at := range fits[i] {
			for end := range p[i].ends(key, at) {
				fits[i][at] = fits[i][at] || fits[i+1][end]
			}
		}
	}
	if !fits[0][0] {
		return nil, errNoMatch
	}
	parts := map[string]string{}
	begins := map[int]bool{0: true} // where the step may begin
	for i, s := range p {
		next := map[int]bool{}
		for at := range begins {
			for end := range s.ends(key, at) {
				if !fits[i+1][end] {
					continue
				}
				next[end] = true
				if s.kind != keyPart {
					continue
				}
				if other, known := parts[s.text]; known && other != key[at:end] {
					return nil, errAmbiguous
				}
				parts[s.text] = key[at:end]
			}
		}
		begins = next
	}
	return parts, nil
}

// Begins reports whether a key that begins with prefix, and goes on, can match.
func (p KeyPattern) Begins(prefix string) bool {
	begins := map[int]bool{0: true} // where the step may begin
	for _, s := range p {
		next := map[int]bool{}
		for at := range begins {
			if s.holds(prefix[at:]) {
				return true
			}
			for end := range s.ends(prefix, at) {
				next[end] = true
			}
		}
		begins = next
	}
	return false
}

// holds reports whether rest may be the beginning of what the step stands for.
func (s keyStep) holds(rest string) bool {
	switch s.kind {
	case keyLiteral:
		return strings.HasPrefix(s.text, rest) && s.text != rest
	case keyPart, keyAny:
		return !strings.Contains(rest, "/")
	}
	return true
}

// ends are the positions at which the step may end if it begins at from.
func (s keyStep) ends(key string, from int) iter.Seq[int] {
	return func(yield func(int) bool) {
		rest := key[from:]
		switch s.kind {
		case keyLiteral:
			if strings.HasPrefix(rest, s.text) {
				yield(from + len(s.text))
			}
		case keyPart, keyAny:
			n := strings.IndexByte(rest, '/')
			if n < 0 {
				n = len(rest)
			}
			least := 0
			if s.kind == keyPart {
				least = 1
			}
			for ; n >= least; n-- {
				if !yield(from + n) {
					return
				}
			}
		case keyFolders:
			for n := 0; n <= len(rest); n++ {
				if (n == 0 || rest[n-1] == '/') && !yield(from+n) {
					return
				}
			}
		case keyRest:
			yield(len(key))
		}
	}
}

// keyOf is the key of a mapping file.
type keyOf struct {
	given   bool
	pattern KeyPattern // nil: it is wrong
}

// key reads the pattern of source keys.
func (r *reader) key(n *yaml.Node, m *Mapping) keyOf {
	if n == nil {
		return keyOf{}
	}
	text, ok := r.Text(n, "key")
	if !ok {
		return keyOf{given: true}
	}
	p, err := ParseKey(text)
	if err != nil {
		r.Fail(n, "key: %v", err)
		return keyOf{given: true}
	}
	m.Key = text
	return keyOf{true, p}
}

// besideKey are the keys of a column that can stand beside key: others say where
// in the document its value is, or what becomes of a record.
var besideKey = slices.Concat([]string{"name", "key", "type", "required", "pii", "bloom", "format", "symbol"}, timeKeys, textKeys)

// partOfKey reads which part of the source key feeds the column.
func (r *reader) partOfKey(f map[string]*yaml.Node, c *Column, what string) (ok bool) {
	for _, key := range slices.Sorted(maps.Keys(f)) {
		if !slices.Contains(besideKey, key) {
			r.Fail(f[key], "%s: key feeds the column from the text of the source key; remove %s, or key", what, key)
		}
	}
	c.Key, ok = r.Text(f["key"], what+": key")
	if ok && !isName(c.Key) {
		r.Fail(f["key"], "%s: key %q is no name of a part; write it without braces, as in key: shop", what, c.Key)
		c.Key = ""
		return false
	}
	return ok
}

// knownPart checks that the mapping's key has the part that feeds a column.
func (r *reader) knownPart(n *yaml.Node, c *Column, key keyOf) {
	switch {
	case c.Key == "" || slices.Contains(key.pattern.Parts(), c.Key):
	case !key.given:
		r.Fail(n, "column %s: the mapping does not say where {%s} stands in source keys; add key beside tables or columns, as in key: \"raw/{%s}/*\"", c.Name, c.Key, c.Key)
	case key.pattern == nil: // that is told
	case key.pattern.Parts() == nil:
		r.Fail(n, "column %s: the mapping's key has no parts; write {%s} where it stands", c.Name, c.Key)
	default:
		r.Fail(n, "column %s: the mapping's key has no part {%s}; use %s%s", c.Name, c.Key, strings.Join(key.pattern.Parts(), ", "), suggest.DidYouMean(c.Key, key.pattern.Parts()))
	}
}

// keyType checks that the type can be read from a text.
func (r *reader) keyType(f map[string]*yaml.Node, c *Column, what string) {
	if c.Key != "" && (c.Type.Kind == schema.JSON || c.Type.Kind == schema.List) {
		r.Fail(f["key"], "%s: a part of the source key is one text, the type is %s; use type: string", what, c.Type)
	}
}

func appendKey(b []byte, key string) []byte {
	if key == "" {
		return b
	}
	return append(strconv.AppendQuote(append(b, "key: "...), key), '\n')
}
