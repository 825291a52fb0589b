package profiler_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/profiler"
	"sluice/mapping"
)

var update = flag.Bool("update", false, "write the profiles of the cases in testdata")

// Each case has inputs and their profile.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var inputs []profiler.Input
			var want *txtar.File
			for i := range a.Files {
				if f := &a.Files[i]; f.Name == "profile" {
					want = f
				} else {
					inputs = append(inputs, text(f.Name, string(f.Data)))
				}
			}
			p := run(t, profiler.Options{Threads: 2, Limits: mapping.DefaultLimits}, inputs...)
			profiler.Unwrap(p)
			got := written(t, p)
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			same(t, file, got, string(want.Data))
		})
	}
}
