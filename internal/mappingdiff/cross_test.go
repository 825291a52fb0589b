package mappingdiff_test

import (
	"flag"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sluice/mapping"
)

var pairs = flag.Int("pairs", 40, "one of so many pairs of mappings and documents is tried")

// A mapping of any documents, or a preset, can be changed so that it takes any
// others, however little they have in common.
func TestAnyDocuments(t *testing.T) {
	archives, err := filepath.Glob("testdata/documents/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	mappings := map[string][]byte{}
	documents := map[string]string{}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		name = strings.TrimSuffix(filepath.Base(name), ".txtar")
		for _, f := range archive.Files {
			switch f.Name {
			case "old.json":
				mappings[name] = inferred(t, string(f.Data))
			case "mapping.yaml":
				mappings[name] = f.Data
			case "new.json":
				documents[name] = string(f.Data)
			}
		}
	}
	for _, name := range mapping.Presets() {
		if mappings["preset "+name], err = mapping.PresetSource(name); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range slices.Sorted(maps.Keys(mappings)) {
		yaml := mappings[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for k, of := range slices.Sorted(maps.Keys(documents)) {
				if (i*7+k)%*pairs != 0 {
					continue
				}
				text := documents[of]
				for _, tried := range []bool{true, false} {
					if !tried && strings.Contains(of, "json_text") {
						continue // a profile does not know what is in a string
					}
					if got := compare(t, yaml, text, tried); got.quarantined != "" {
						t.Errorf("%s, tried %v: the changed mapping quarantines\n%s%s", of, tried, got.quarantined, got.changes)
					}
				}
			}
		})
	}
}
