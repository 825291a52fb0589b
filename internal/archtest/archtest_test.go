package archtest

import (
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestImportLadder(t *testing.T) {
	all, err := files(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations(all) {
		t.Error(v)
	}
	// Without files there are no violations: see that they were found.
	seen := map[string]bool{}
	for _, f := range all {
		seen[f.pkg] = true
	}
	for _, pkg := range core {
		if !seen[pkg] {
			t.Errorf("%s has no Go file", pkg)
		}
	}
}

// What is permitted and nobody needs is a door that should be shut.
func TestLadderIsUsed(t *testing.T) {
	all, err := files(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	uses := func(pkg string, wanted func(imported string) bool) bool {
		return slices.ContainsFunc(all, func(f goFile) bool {
			return f.pkg == pkg && !f.test && slices.ContainsFunc(f.imports, wanted)
		})
	}
	for pkg, rung := range ladder {
		for _, below := range rung.imports {
			if !uses(pkg, func(imported string) bool { return imported == path.Join(module, below) }) {
				t.Errorf("%s may import %s, and does not", pkg, below)
			}
		}
	}
	for _, l := range libraries {
		for _, pkg := range l.importers {
			if !uses(pkg, func(imported string) bool { return strings.HasPrefix(imported+"/", l.path+"/") }) {
				t.Errorf("%s may import %s, and does not", pkg, l.path)
			}
		}
	}
	for heavy := range tooHeavy {
		if own, inside := ownPackage(heavy); inside {
			if _, known := ladder[own]; !known {
				t.Errorf("%s is called too heavy, and is not on the ladder", heavy)
			}
		}
	}
}

func TestFunctionIsLight(t *testing.T) {
	all, err := files(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	by := reached(all, function)
	if by["github.com/aws/aws-sdk-go-v2/service/s3"] == "" || by["github.com/parquet-go/parquet-go/format"] == "" {
		t.Fatalf("the packages that %s reaches were not found", function)
	}
	for heavy, why := range tooHeavy {
		if file := by[heavy]; file != "" {
			t.Errorf("%s reaches %s through %s: %s", function, heavy, file, why)
		}
	}
}

func TestReachedFollowsImports(t *testing.T) {
	all, err := files(fstest.MapFS{
		function + "/main.go":  {Data: []byte("package main\nimport _ \"sluice/internal/b\"\n")},
		"internal/b/b.go":      {Data: []byte("package b\nimport _ \"sluice\"\n")},
		"internal/b/b_test.go": {Data: []byte("package b\nimport _ \"testing\"\n")},
		"a.go":                 {Data: []byte("package sluice\nimport _ \"example.com/heavy\"\nimport _ \"sluice/internal/b\"\n")},
		"internal/c/c.go":      {Data: []byte("package c\nimport _ \"example.com/other\"\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"sluice/internal/b": function + "/main.go", "sluice": "internal/b/b.go", "example.com/heavy": "a.go"}
	if got := reached(all, function); !maps.Equal(got, want) {
		t.Errorf("reached %v, want %v", got, want)
	}
}

// The ladder goes one way: a rung names only packages whose own rungs do not
// lead back to it.
func TestLadderHasNoCircle(t *testing.T) {
	var climb func(pkg string, way []string)
	climb = func(pkg string, way []string) {
		if slices.Contains(way, pkg) {
			t.Fatalf("circle: %s", strings.Join(append(way, pkg), " -> "))
		}
		for _, below := range ladder[pkg].imports {
			if _, ok := ladder[below]; !ok {
				t.Errorf("%s may import %s, which is not on the ladder", pkg, below)
			}
			climb(below, append(slices.Clone(way), pkg))
		}
	}
	for pkg := range ladder {
		climb(pkg, nil)
	}
}

// A rule that catches nothing would not be missed: each is broken here once.
func TestViolationsAreFound(t *testing.T) {
	for _, c := range []struct {
		file, imports string
		want          string // part of the message; empty: allowed
	}{
		{"schema/a.go", `"sluice/mapping"`, "schema is the lowest package"},
		{"mapping/a.go", `"sluice/schema"`, ""},
		{"mapping/a.go", `"sluice/internal/jsonscan"`, "a mapping only says what is wanted"},
		{"reason/a.go", `"sluice/schema"`, "depend on no stage"},
		{"internal/jsonscan/a.go", `"sluice/mapping"`, "fuzzed alone"},
		{"internal/input/a.go", `"sluice/internal/jsonscan"`, "knows nothing about JSON"},
		{"internal/batch/a.go", `"sluice/reason"`, "typed columns"},
		{"internal/flatten/a.go", `"sluice/internal/parquetfile"`, "must not know the file format"},
		{"internal/parquetfile/a.go", `"sluice/internal/flatten"`, "must not know the JSON"},
		{"internal/quarantine/a.go", `"sluice/internal/flatten"`, "as they were read"},
		{"a.go", `"sluice/internal/cli"`, "it must not know"},
		{"a.go", `"sluice/internal/gen"`, "it must not know"},
		{"a_test.go", `"sluice/internal/gen"`, ""},
		{"internal/cli/a.go", `"sluice"`, ""},
		{"internal/cli/a.go", `"sluice/internal/flatten"`, "holds no data logic"},
		{"internal/gen/a.go", `"sluice/internal/jsonscan"`, "must not share code"},
		{"cmd/sluice/a.go", `"sluice"`, "main only calls internal/cli"},
		{"internal/new/a.go", `"sluice/schema"`, "no place on the ladder"},
		{"internal/flatten/a.go", `p "github.com/parquet-go/parquet-go/format"`, "only these packages use the Parquet library"},
		{"internal/parquetfile/a.go", `"github.com/parquet-go/parquet-go/format"`, ""},
		{"internal/quarantine/a.go", `"github.com/klauspost/compress/zstd"`, "where they come in"},
		{"a.go", `"go.yaml.in/yaml/v3"`, "files that people write"},
		{"a.go", `"github.com/spf13/cobra"`, "only the command talks to people"},
		{"mapping/a.go", `"golang.org/x/term"`, "only the command talks to people"},
		{"internal/input/a.go", `"github.com/jedib0t/go-pretty/v6"`, "only the command talks to people"},
		{"internal/gen/a.go", `"github.com/jedib0t/go-pretty/v6/table"`, "only the command talks to people"},
		{"internal/flatten/a.go", `"example.com/other"`, "none of our code imports yet"},
		{"a.go", `"net/http"`, "without network"},
		{"internal/input/a.go", `"net"`, "without network"},
		{"a.go", `"github.com/aws/aws-sdk-go-v2/service/s3"`, "stays behind the contracts"},
		{"internal/pipeline/a.go", `"github.com/aws/aws-sdk-go-v2/service/s3"`, "stays behind the contracts"},
		{"internal/pipeline/a.go", `"sluice/internal/store/s3store"`, "over contracts"},
		{"internal/store/s3store/a.go", `"github.com/aws/aws-sdk-go-v2/service/s3"`, ""},
		{"a.go", `"log/slog"`, "the shells print them"},
		{"internal/flatten/a.go", `"unsafe"`, "the input is hostile"},
		{"internal/flatten/a_test.go", `"unsafe"`, "the input is hostile"},
		{"internal/cli/a.go", `"C"`, "CGO_ENABLED=0"},
	} {
		t.Run(c.file+" "+strings.Trim(c.imports, `"`), func(t *testing.T) {
			all, err := files(fstest.MapFS{c.file: {Data: []byte("package x\n\nimport (\n\t\"fmt\"\n\t" + c.imports + "\n)\n")}})
			if err != nil {
				t.Fatal(err)
			}
			found := violations(all)
			switch {
			case c.want == "" && len(found) != 0:
				t.Errorf("allowed, but found %q", found)
			case c.want != "" && (len(found) != 1 || !strings.Contains(found[0], c.want) || !strings.HasPrefix(found[0], c.file+" imports ")):
				t.Errorf("found %q, want one that says %q", found, c.want)
			}
		})
	}
}

func TestFilesLooksWhereTheGoCommandLooks(t *testing.T) {
	bad := &fstest.MapFile{Data: []byte("package x\nimport _ \"unsafe\"\n")}
	all, err := files(fstest.MapFS{
		"a.go":                bad,
		"internal/b/c.go":     {Data: []byte("//go:build never\n\npackage x\nimport _ \"unsafe\"\n")},
		"testdata/a.go":       bad,
		".tools/a.go":         bad,
		"_old/a.go":           bad,
		"other/go.mod":        {Data: []byte("module other\n")},
		"other/deep/a.go":     bad,
		"internal/b/notes.md": {Data: []byte("import \"unsafe\"\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range all {
		names = append(names, path.Base(f.name))
	}
	if want := []string{"a.go", "c.go"}; !slices.Equal(names, want) {
		t.Errorf("read %v, want %v", names, want)
	}
	if _, err := files(fstest.MapFS{"a.go": {Data: []byte("import")}}); err == nil {
		t.Error("a file that does not parse was taken")
	}
}
