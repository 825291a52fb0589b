package mapping

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/suggest"
)

// DefaultPreset is the mapping used when none is given.
const DefaultPreset = "orders"

//go:embed presets/*.yaml
var presetFiles embed.FS

// JSONSchema is the JSON Schema (2020-12) of mapping files, for editors. It
// knows keys, kinds and words; [Parse] knows the rest.
//
//go:embed mapping.schema.json
var JSONSchema []byte

// Presets lists the names of the embedded mappings, in alphabetical order.
func Presets() []string {
	// The folder is part of the program: it cannot be missing.
	entries, _ := presetFiles.ReadDir("presets")
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// PresetSource is the text of an embedded mapping.
func PresetSource(name string) ([]byte, error) {
	if !slices.Contains(Presets(), name) {
		return nil, fmt.Errorf("no preset %q; use %s%s", name, strings.Join(Presets(), ", "), suggest.DidYouMean(name, Presets()))
	}
	return presetFiles.ReadFile("presets/" + name + ".yaml")
}

// Preset reads an embedded mapping.
func Preset(name string) (*Mapping, error) {
	data, err := PresetSource(name)
	if err != nil {
		return nil, err
	}
	return Parse("preset "+name, data)
}
