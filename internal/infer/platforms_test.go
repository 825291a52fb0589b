package infer_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/infer/infertest"
	"sluice/mapping"
)

// The orders of all platforms convert with the mapping that is made of them, each
// document alone and all documents of a platform together.
func TestPlatforms(t *testing.T) {
	files, err := filepath.Glob("../conversion/testdata/presets/*.txtar")
	if err != nil || len(files) != 10 {
		t.Fatalf("%d platforms: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			preset, err := mapping.Preset(name)
			if err != nil {
				t.Fatal(err)
			}
			var records []string
			for _, p := range preset.Records {
				records = append(records, p.String())
			}
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, f := range archive.Files {
				if strings.HasSuffix(f.Name, ".json") && !strings.HasPrefix(f.Name, "want ") {
					all = append(all, string(f.Data))
					infertest.RoundTrip(t, records, string(f.Data))
					infertest.RoundTrip(t, nil, string(f.Data))
				}
			}
			if len(all) == 0 {
				t.Fatal("it has no documents")
			}
			infertest.RoundTrip(t, nil, all...)
			r := infertest.RoundTrip(t, records, all...)
			if testing.Verbose() {
				t.Logf("%s", r.YAML)
			}
		})
	}
}
