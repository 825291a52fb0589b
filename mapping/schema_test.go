package mapping_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"sluice/mapping"
)

var every = flag.Int("every", 29, "which part of the mutants of the mappings in testdata is held against the JSON Schema; 1: all")

// beyondSchema are parts of the errors of what a JSON Schema cannot say.
var beyondSchema = []string{
	// how paths go with one another
	"goes through $", "leads into $", "does not follow explode $", "does not follow a path of zip", "has a wildcard, but the table has no explode",
	"are not arrays of one element", "in an array of zip", "into two arrays of zip",
	"drop: no other path", "in what column", "parse_json: no other path", "may lead through one element", "one is inside the other", "has more wildcards than the path of the amount", "filter",
	// one name for one thing, one part for one key
	"is defined on line", "is defined twice", "the mapping's key has no part",
	// 7 and 7.0 are one number in JSON Schema, and two values of where
	"is listed twice",
	// what is in a text: words of a format, names of zones, letters of a null value
	"cannot hold the time of day of %", "zone is for texts without a zone, but %", "is no name of the IANA", "is never met",
}

// TestMutants breaks the valid mappings of testdata in one place. The JSON Schema
// refuses what check refuses, but for beyondSchema, and nothing else.
func TestMutants(t *testing.T) {
	files, err := filepath.Glob("testdata/ok_*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no mappings: %v", err)
	}
	g := &mutator{keys: map[string][]string{}, values: map[string][]any{}}
	for _, file := range files {
		var doc any
		if err := yaml.Unmarshal([]byte(readCase(t, file).input), &doc); err != nil {
			t.Fatal(err)
		}
		g.learn("", doc)
		g.docs = append(g.docs, doc)
	}
	s := compileSchema(t)
	seen, refused, beyond := 0, 0, 0
	g.mutants(func(doc any) {
		if seen++; seen%*every != 0 {
			return
		}
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		_, wrong := mapping.Parse("mapping.yaml", text)
		parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		switch err := s.Validate(parsed); {
		case wrong == nil && err != nil:
			t.Errorf("the JSON Schema refuses a valid mapping: %v\n%s", err, text)
		case wrong != nil && err != nil:
			refused++
		case wrong != nil:
			beyond++
			for _, line := range strings.Split(wrong.Error(), "\n") {
				if !slices.ContainsFunc(beyondSchema, func(part string) bool { return strings.Contains(line, part) }) {
					t.Errorf("the JSON Schema accepts this; let mapping.schema.json refuse it or, if it cannot, add it to beyondSchema: %s\n%s", line, text)
				}
			}
		}
	})
	t.Logf("of %d mutants, each %d-th: %d refused by both, %d beyond the schema", seen, *every, refused, beyond)
	if refused < seen / *every / 4 || beyond == 0 {
		t.Error("the mutants test little")
	}
}

// mutator breaks documents with the keys and values that others have.
type mutator struct {
	docs   []any
	keys   map[string][]string // of the objects under a key
	values map[string][]any    // under a key
}

// anything is what may stand at a wrong place.
var anything = []any{nil, "", "x", "$", -1, 1.5, true, []any{}, map[string]any{}, []any{"x"}}

// under is the key that the elements of a list are known by.
func under(key string) string { return strings.TrimSuffix(key, "s") }

func (g *mutator) learn(key string, v any) {
	// A copy: the value itself changes with its document.
	var value any
	if text, err := json.Marshal(v); err == nil && len(text) < 60 && len(g.values[key]) < 10 && json.Unmarshal(text, &value) == nil {
		g.values[key] = append(g.values[key], value)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if !slices.Contains(g.keys[key], k) {
				g.keys[key] = append(g.keys[key], k)
			}
			g.learn(k, v[k])
		}
	case []any:
		for _, e := range v {
			g.learn(under(key), e)
		}
	}
}

// mutants yields each document with each change; it takes the change back then.
func (g *mutator) mutants(yield func(any)) {
	for _, doc := range g.docs {
		root := doc
		g.change("", doc, func(v any) { root = v }, func() { yield(root) })
	}
}

// change replaces the value under a key by put, then changes what is in it.
func (g *mutator) change(key string, v any, put func(any), yield func()) {
	for _, other := range slices.Concat(g.values[key], anything) {
		put(other)
		yield()
	}
	put(v)
	switch v := v.(type) {
	case map[string]any:
		for _, k := range append(slices.Clone(g.keys[key]), "unheard_of") {
			old, had := v[k]
			if had {
				delete(v, k)
				yield()
				v[k] = old
				g.change(k, old, func(n any) { v[k] = n }, yield)
				continue
			}
			for _, n := range append(slices.Clone(g.values[k]), "x") {
				v[k] = n
				yield()
			}
			delete(v, k)
		}
	case []any:
		for i := range v {
			old := v[i]
			g.change(under(key), old, func(n any) { v[i] = n }, yield)
		}
		if len(v) > 0 {
			put(append(slices.Clone(v), v[0]))
			yield()
			put(v)
		}
	}
}
