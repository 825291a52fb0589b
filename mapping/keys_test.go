package mapping_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/mapping"
)

// keyPlaces are the objects of a mapping file: the function that reads each,
// where the JSON Schema has its keys, and the section of docs/mapping.md.
var keyPlaces = []struct{ reader, schema, section string }{
	{"column", "$defs column", "Keys of a column"},
	{"minorUnits", "$defs column properties minor_units", "Amounts in minor units"},
	{"limits", "properties limits", "Limits"},
	{"condition", "$defs where items", "Keys of a table"},
	{"mapping", "", "Keys of the file"},
	{"mapping", "$defs table", "Keys of a table"},
}

// TestKeysAreTold: the schema and the document name every key that a mapping
// may have, and the schema has no other.
func TestKeysAreTold(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(mapping.JSONSchema, &schema); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	known := keysInCode(t)
	for _, place := range keyPlaces {
		if len(known[place.reader]) == 0 {
			t.Errorf("%s reads no object any more", place.reader)
			continue
		}
		keys := known[place.reader][0]
		known[place.reader] = known[place.reader][1:]

		at := any(schema)
		for _, name := range strings.Fields(place.schema) {
			at = at.(map[string]any)[name]
		}
		if diff := cmp.Diff(keys, keysInSchema(at.(map[string]any))); diff != "" {
			t.Errorf("%s: keys in Go -, in the schema +\n%s", place.reader, diff)
		}
		_, section, found := strings.Cut(string(doc), "\n## "+place.section+"\n")
		if !found {
			t.Fatalf("docs/mapping.md has no section %s", place.section)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		for _, key := range keys {
			if !strings.Contains(section, "`"+key+"`") {
				t.Errorf("docs/mapping.md, %s: no %s", place.section, key)
			}
		}
	}
	for reader, rest := range known {
		if len(rest) > 0 {
			t.Errorf("%s reads an object that keyPlaces does not have", reader)
		}
	}
}

// keysInSchema are the keys of an object, of all the forms that it may have.
func keysInSchema(object map[string]any) (keys []string) {
	properties, _ := object["properties"].(map[string]any)
	for key := range properties {
		keys = append(keys, key)
	}
	forms, _ := object["oneOf"].([]any)
	for _, form := range forms {
		keys = append(keys, keysInSchema(form.(map[string]any))...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// keysInCode are, of each function that calls Object, the keys that each call
// names: text, or variables that hold a list of text.
func keysInCode(t *testing.T) map[string][][]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var decls []ast.Decl
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		decls = append(decls, file.Decls...)
	}
	lists := map[string]ast.Expr{}
	for _, decl := range decls {
		if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.VAR {
			for _, spec := range d.Specs {
				if v := spec.(*ast.ValueSpec); len(v.Values) == 1 {
					lists[v.Names[0].Name] = v.Values[0]
				}
			}
		}
	}
	known := map[string][][]string{}
	for _, decl := range decls {
		function, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		ast.Inspect(function, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if method, ok := call.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == "Object" && len(call.Args) > 2 {
				var keys []string
				for _, arg := range call.Args[2:] {
					keys = append(keys, words(t, arg, lists)...)
				}
				slices.Sort(keys)
				known[function.Name.Name] = append(known[function.Name.Name], keys)
			}
			return true
		})
	}
	return known
}

// words are the texts in an expression and in the lists that it names.
func words(t *testing.T, e ast.Expr, lists map[string]ast.Expr) (all []string) {
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			word, err := strconv.Unquote(n.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, word)
		case *ast.Ident:
			if list := lists[n.Name]; list != nil {
				all = append(all, words(t, list, lists)...)
			}
		}
		return true
	})
	return all
}
