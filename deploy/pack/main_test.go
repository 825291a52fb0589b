package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What the stages of a conversion import is called for each value, so it must
// be compiled with inlining, but for packages of errors, names and totals.
func TestAside(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`,
		"sluice/internal/batch", "sluice/internal/conversion", "sluice/internal/flatten", "sluice/internal/input", "sluice/internal/jsonscan",
		"sluice/internal/parquetcodec", "sluice/internal/parquetfile", "sluice/internal/zstdpage").Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := strings.Fields(string(out))
	if !slices.Contains(imports, "encoding/binary") {
		t.Fatalf("the imports of the stages were not found: %v", imports)
	}
	seldom := []string{"fmt", "math/big", "os", "reflect", "time", "sluice/internal/quarantine", "sluice/internal/zones", "sluice/mapping"}
	for _, pattern := range aside {
		prefix, all := strings.CutSuffix(pattern, "/...")
		for _, path := range imports {
			if (path == prefix || all && strings.HasPrefix(path, prefix+"/")) && !slices.Contains(seldom, path) {
				t.Errorf("%s is compiled without inlining, and a stage imports it", path)
			}
		}
	}
}
