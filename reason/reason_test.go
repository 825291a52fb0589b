package reason_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/reason"
)

// usedForObjectsToo are the codes of records that also reject objects; the
// comment in reason.go names them.
var usedForObjectsToo = []string{"bad_json", "duplicate_key", "key_mismatch", "truncated_json"}

// TestDocumented holds the tables of docs/reasons.md against the constants:
// people look codes up there, so it must have all of them and no other.
func TestDocumented(t *testing.T) {
	record, object := constants(t)
	object = append(object, usedForObjectsToo...)
	doc, err := os.ReadFile("../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(doc), "\n## Reasons to quarantine a record\n")
	records, objects, found2 := strings.Cut(rest, "\n## Reasons to reject an object\n")
	if !found || !found2 {
		t.Fatal("docs/reasons.md lacks one of its two sections")
	}
	if diff := cmp.Diff(sorted(record), table(t, records)); diff != "" {
		t.Errorf("codes of records: constants -, docs/reasons.md +\n%s", diff)
	}
	if diff := cmp.Diff(sorted(object), table(t, objects)); diff != "" {
		t.Errorf("codes of objects: constants -, docs/reasons.md +\n%s", diff)
	}
}

// Every reason to reject an object has a hint, and only these.
func TestHints(t *testing.T) {
	record, object := constants(t)
	for _, code := range object {
		if reason.Hint(reason.Code(code), "") == "" {
			t.Errorf("no hint for %s", code)
		}
	}
	for _, code := range record {
		if hint := reason.Hint(reason.Code(code), ""); hint != "" && !slices.Contains(usedForObjectsToo, code) {
			t.Errorf("%s rejects no object, and has a hint: %s", code, hint)
		}
	}
}

// TestNamed: a reason that a document names is one.
func TestNamed(t *testing.T) {
	record, object := constants(t)
	codes := append(record, object...)
	docs, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, name := range append(docs, "../README.md", "../CHANGELOG.md") {
		doc, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?:reason|reject|rejected) \\(?`([a-z_]+)`").FindAllStringSubmatch(string(doc), -1) {
			named++
			if !slices.Contains(codes, m[1]) {
				t.Errorf("%s: %s is no reason", name, m[0])
			}
		}
	}
	if named == 0 {
		t.Error("no document names a reason")
	}
}

// constants reads the codes from the two groups of constants of reason.go.
func constants(t *testing.T) (record, object []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var groups [][]string
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.CONST {
			continue
		}
		var codes []string
		for _, spec := range d.Specs {
			for _, value := range spec.(*ast.ValueSpec).Values {
				code, err := strconv.Unquote(value.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				codes = append(codes, code)
			}
		}
		groups = append(groups, codes)
	}
	if len(groups) != 2 {
		t.Fatalf("reason.go has %d groups of constants, want those of records and those of objects", len(groups))
	}
	return groups[0], groups[1]
}

// table reads the first cell of each row that holds a code.
func table(t *testing.T, section string) []string {
	t.Helper()
	codes := map[string]bool{}
	for line := range strings.Lines(section) {
		cell, ok := strings.CutPrefix(line, "| `")
		if !ok {
			continue
		}
		code, _, _ := strings.Cut(cell, "`")
		if codes[code] {
			t.Errorf("docs/reasons.md has two rows for %s", code)
		}
		codes[code] = true
	}
	return slices.Sorted(maps.Keys(codes))
}

func sorted(codes []string) []string { return slices.Sorted(slices.Values(codes)) }
