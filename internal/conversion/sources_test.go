package conversion_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"sluice/mapping"
)

// TestSourcesShowTheLanguage: each key of a mapping and each of its words is in a
// mapping of testdata/sources, so that a document of a source that needs it shows
// what it is for. Limits are about sizes, which no source asks for.
func TestSourcesShowTheLanguage(t *testing.T) {
	var schema struct {
		Properties map[string]any
		Defs       map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(mapping.JSONSchema, &schema); err != nil {
		t.Fatal(err)
	}
	delete(schema.Properties, "limits")
	language := map[string][]string{} // the words of each key
	keysIn(schema.Properties, language)
	for _, def := range schema.Defs {
		wordsIn(def, "", language)
	}
	if len(language) < 40 || !slices.Contains(language["transform"], "upper") {
		t.Fatalf("the schema was not understood: %v", language)
	}
	shown := map[string][]string{}
	for _, file := range cases(t, "sources") {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			var root yaml.Node
			if f.Name != "mapping.yaml" {
				continue
			}
			if err := yaml.Unmarshal(f.Data, &root); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			said(&root, "", shown)
		}
	}
	for key, words := range language {
		if shown[key] == nil {
			t.Errorf("no source shows the key %s", key)
		}
		for _, word := range words {
			if !slices.Contains(shown[key], word) {
				t.Errorf("no source shows %s: %s", key, word)
			}
		}
	}
}

// keysIn adds the keys that properties of the schema describe, with their words.
func keysIn(properties map[string]any, language map[string][]string) {
	for key, value := range properties {
		if language[key] == nil {
			language[key] = []string{}
		}
		wordsIn(value, key, language)
	}
}

// wordsIn adds the words that a part of the schema gives a key, and the keys in it.
// Parts that say what one key wants of others have no words of their own.
func wordsIn(part any, key string, language map[string][]string) {
	switch part := part.(type) {
	case []any:
		for _, p := range part {
			wordsIn(p, key, language)
		}
	case map[string]any:
		for name, p := range part {
			switch name {
			case "properties":
				keysIn(p.(map[string]any), language)
			case "enum":
				for _, word := range p.([]any) {
					if word, ok := word.(string); ok && key != "" {
						language[key] = append(language[key], bare(word))
					}
				}
			case "items", "anyOf", "oneOf", "additionalProperties":
				wordsIn(p, key, language)
			}
		}
	}
}

// said adds the keys of a mapping and what stands at them.
func said(n *yaml.Node, key string, shown map[string][]string) {
	switch n.Kind {
	case yaml.ScalarNode:
		shown[key] = append(shown[key], bare(n.Value))
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			name := n.Content[i].Value
			shown[name] = append(shown[name], "")
			said(n.Content[i+1], name, shown)
		}
	default:
		for _, c := range n.Content {
			said(c, key, shown)
		}
	}
}

// bare is a word without its parameters: decimal of decimal(18,4).
func bare(word string) string {
	word, _, _ = strings.Cut(word, "(")
	return word
}
