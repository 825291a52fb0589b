package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s:]+)\)`) // to a file of the repository, or within it
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fenced   = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```$")
	testName = regexp.MustCompile(`\bTest[A-Z][A-Za-z]+\b[^*]`)
	testRun  = regexp.MustCompile("go test [^`\n]*-(?:run|fuzz) '?((?:Test|Fuzz)\\w+)[^`\n]*")
)

// Links between the documents lead to files and headings that are there, and a
// test that a document names is one of ours, in the packages that its command
// names.
func TestLinks(t *testing.T) {
	documents := map[string]string{}
	tests := map[string]bool{}
	in := map[string]string{} // the tests of a folder
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (path != ".." && strings.HasPrefix(d.Name(), ".") || path == filepath.Join("..", "bench", "data")):
			return fs.SkipDir // tools, and what a benchmark left
		case strings.HasSuffix(path, ".md"):
			text, err := os.ReadFile(path)
			documents[path] = string(text)
			return err
		case strings.HasSuffix(path, "_test.go"):
			text, err := os.ReadFile(path)
			for _, m := range regexp.MustCompile(`func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(text, -1) {
				tests[string(m[1])] = true
				in[filepath.Dir(path)] += " " + string(m[1])
			}
			return err
		}
		return nil
	})
	if err != nil || len(documents) < 20 || len(tests) < 100 {
		t.Fatalf("%d documents, %d tests: %v", len(documents), len(tests), err)
	}
	for path, text := range documents {
		prose := fenced.ReplaceAllString(text, "")
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			} else if anchor != "" && strings.HasSuffix(target, ".md") && !anchors(documents[target])[anchor] {
				t.Errorf("%s links to %s: there is no such heading", path, m[1])
			}
		}
		for _, name := range testName.FindAllString(prose, -1) {
			if name = name[:len(name)-1]; !tests[name] {
				t.Errorf("%s names %s: there is no such test", path, name)
			}
		}
		for _, run := range testRun.FindAllStringSubmatch(text, -1) {
			for _, word := range strings.Fields(run[0]) {
				if strings.HasPrefix(word, ".") && !strings.Contains(in[filepath.Join("..", filepath.FromSlash(word))], " "+run[1]) {
					t.Errorf("%s: %s: %s has no such test", path, run[0], word)
				}
			}
		}
	}
}

// anchors are the headings of a document, as links name them.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(m[1])
		name = regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(name, "")
		all[strings.ReplaceAll(name, " ", "-")] = true
	}
	return all
}
