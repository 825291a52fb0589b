package archtest

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// In the engine, files go down as packages do: from the conversion to its
// schedules, to the decoder, to the feeds. No file uses one above it.
func TestFilesOfEngineGoDown(t *testing.T) {
	uses := fileUses(t, "../conversion")
	if len(uses["conversion.go"]) < 5 || uses["decoder.go"]["feed.go"] == "" {
		t.Fatalf("the uses were not found: %v", uses)
	}
	for file := range uses {
		if way := wayTo(uses, file, file, nil); way != nil {
			t.Errorf("files use each other in a circle: %s", strings.Join(way, " -> "))
		}
	}
}

func TestCircleOfFilesIsFound(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.go": "package p\n\nfunc a() { new(b).run() }\n",
		"b.go": "package p\n\ntype b struct{}\n\nfunc (*b) run() { c() }\n",
		"c.go": "package p\n\nfunc c() { a() }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"a.go", "b.go", "c.go", "a.go"}
	if got := wayTo(fileUses(t, dir), "a.go", "a.go", nil); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// fileUses says which files of a package use which others, and for each pair
// the name of something that is used. Fields do not count.
func fileUses(t *testing.T, dir string) map[string]map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	set, files := token.NewFileSet(), []*ast.File(nil)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: noImports{}, Error: func(error) {}} // what other packages declare does not matter
	pkg, _ := conf.Check("p", set, files, &info)
	uses := map[string]map[string]string{}
	for id, obj := range info.Uses {
		if v, ok := obj.(*types.Var); obj.Pkg() != pkg || ok && v.IsField() {
			continue
		}
		from, to := filepath.Base(set.Position(id.Pos()).Filename), filepath.Base(set.Position(obj.Pos()).Filename)
		if from == to {
			continue
		}
		if uses[from] == nil {
			uses[from] = map[string]string{}
		}
		uses[from][to] = obj.Name()
	}
	return uses
}

// wayTo is a way from one file to another along uses, or nil.
func wayTo(uses map[string]map[string]string, from, to string, seen map[string]bool) []string {
	if seen == nil {
		seen = map[string]bool{}
	}
	seen[from] = true
	for next := range uses[from] {
		if next == to {
			return []string{from, to}
		}
		if !seen[next] {
			if way := wayTo(uses, next, to, seen); way != nil {
				return append([]string{from}, way...)
			}
		}
	}
	return nil
}

type noImports struct{}

func (noImports) Import(string) (*types.Package, error) {
	return nil, errors.New("not needed")
}
