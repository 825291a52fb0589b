// Package archtest holds the import ladder of sluice and checks that the code
// keeps to it. It reads the Go files itself: a test that asked `go list` would
// stay green from the test cache, as the cache only sees files a test opens.
package archtest

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// module is the path of the module in go.mod.
const module = "sluice"

// goFile is one file: its package's folder, relative to the module ("." is
// the root), and what it imports.
type goFile struct {
	name    string
	pkg     string
	test    bool
	imports []string
}

// files reads the imports of all Go files of the module, whatever their build
// constraints; nested modules have their own rules.
func files(module fs.FS) ([]goFile, error) {
	var all []goFile
	err := fs.WalkDir(module, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (ignored(d.Name()) || nested(module, name)):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		f, err := parse(module, name)
		if err != nil {
			return fmt.Errorf("read imports: %w", err)
		}
		all = append(all, f)
		return nil
	})
	return all, err
}

// ignored reports whether the go command does not look into a folder.
func ignored(dir string) bool { return dir == "testdata" || dir[0] == '.' || dir[0] == '_' }

func nested(module fs.FS, dir string) bool {
	_, err := fs.Stat(module, path.Join(dir, "go.mod"))
	return err == nil
}

func parse(module fs.FS, name string) (goFile, error) {
	f := goFile{name: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go")}
	text, err := fs.ReadFile(module, name)
	if err != nil {
		return f, err
	}
	syntax, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
	if err != nil {
		return f, err
	}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return f, fmt.Errorf("%s: %w", name, err)
		}
		f.imports = append(f.imports, imported)
	}
	return f, nil
}

// violations are the imports that break a rule, each with the rule's reason.
func violations(all []goFile) []string {
	var found []string
	for _, f := range all {
		for _, imported := range f.imports {
			if why := forbidden(f, imported); why != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", f.name, imported, why))
			}
		}
	}
	slices.Sort(found)
	return found
}

// reached are the packages that from and those it imports import, each with the
// file that does.
func reached(all []goFile, from string) map[string]string {
	by := map[string]string{}
	todo := []string{from}
	for len(todo) > 0 {
		pkg := todo[0]
		todo = todo[1:]
		for _, f := range all {
			if f.pkg != pkg || f.test {
				continue
			}
			for _, imported := range f.imports {
				if by[imported] != "" {
					continue
				}
				by[imported] = f.name
				if own, inside := ownPackage(imported); inside {
					todo = append(todo, own)
				}
			}
		}
	}
	return by
}

// forbidden says why a file may not import something, or nothing if it may.
func forbidden(f goFile, imported string) string {
	if why := banned[imported]; why != "" {
		return why
	}
	if f.test {
		return "" // Tests may reach down and up as they need.
	}
	own, inside := ownPackage(imported)
	if !inside {
		return forbiddenLibrary(f.pkg, imported)
	}
	r, known := ladder[f.pkg]
	switch {
	case !known:
		return "the package " + f.pkg + " has no place on the ladder: give it one in internal/archtest/rules.go"
	case !slices.Contains(r.imports, own):
		return r.why
	}
	return ""
}

// ownPackage is the folder of an imported package of this module.
func ownPackage(imported string) (string, bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

func forbiddenLibrary(pkg, imported string) string {
	if why := offline[imported]; why != "" && slices.Contains(core, pkg) {
		return why
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	for _, l := range libraries {
		if imported != l.path && !strings.HasPrefix(imported, l.path+"/") {
			continue
		}
		if slices.Contains(l.importers, pkg) {
			return ""
		}
		return l.why
	}
	return "a library none of our code imports yet: say in internal/archtest/rules.go who may, and why"
}
