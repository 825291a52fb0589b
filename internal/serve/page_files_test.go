package serve

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pageFiles are the texts of the page by name, without what is vendored.
func pageFiles(t *testing.T) (own, vendored map[string]string) {
	t.Helper()
	own, vendored = map[string]string{}, map[string]string{}
	err := fs.WalkDir(page, "page", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(page, name)
		name = strings.TrimPrefix(name, "page/")
		if strings.HasPrefix(name, "vendor/") {
			vendored[name] = string(text)
		} else {
			own[name] = string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return own, vendored
}

var (
	imported = regexp.MustCompile(`(?:from|import) '(\.[^']*)'|import\('(\.[^']*)'\)`)
	named    = regexp.MustCompile(`(?:src|href)(?:=|: )["']([\w./-]+\.\w+)["']`)
)

// A file that is named and not there is seen only when somebody opens that view.
func TestPageIsComplete(t *testing.T) {
	own, vendored := pageFiles(t)
	used := map[string]bool{"index.html": true}
	for name, text := range own {
		for _, m := range imported.FindAllStringSubmatch(text, -1) {
			used[path.Join(path.Dir(name), m[1]+m[2])] = true
		}
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			used[m[1]] = true
		}
	}
	for name := range used {
		if own[name]+vendored[name] == "" {
			t.Errorf("the page has no file %s, which one of its files names", name)
		}
	}
	for _, files := range []map[string]string{own, vendored} {
		for name := range files {
			if !used[name] && !strings.HasSuffix(name, ".md") && !strings.HasSuffix(name, ".LICENSE") {
				t.Errorf("nothing in the page names its file %s", name)
			}
		}
	}
}

// Modules that the first view needs are named in index.html, so that the browser
// asks for all at once and not for one after the other.
func TestFirstViewIsPreloaded(t *testing.T) {
	own, _ := pageFiles(t)
	var preloaded []string
	for _, m := range regexp.MustCompile(`modulepreload" href="([^"]+)"`).FindAllStringSubmatch(own["index.html"], -1) {
		preloaded = append(preloaded, m[1])
	}
	needed := []string{"app.js", "views/objects.js"}
	for i := 0; i < len(needed); i++ {
		for _, m := range imported.FindAllStringSubmatch(own[needed[i]], -1) {
			if name := path.Join(path.Dir(needed[i]), m[1]); m[1] != "" && !slices.Contains(needed, name) {
				needed = append(needed, name)
			}
		}
	}
	slices.Sort(needed)
	slices.Sort(preloaded)
	if !slices.Equal(needed, preloaded) {
		t.Errorf("index.html preloads\n%q, the first view needs\n%q", preloaded, needed)
	}
}

// The page works without a network, and says nothing to anybody.
func TestPageNamesNoOtherHost(t *testing.T) {
	address := regexp.MustCompile(`(?i)(https?:|wss?:)?//[a-z0-9-]+\.[a-z][^\s"'` + "`" + `]*`)
	own, vendored := pageFiles(t)
	for _, files := range []map[string]string{own, vendored} {
		for name, text := range files {
			if strings.HasSuffix(name, ".md") || strings.HasSuffix(name, ".LICENSE") {
				continue
			}
			for _, found := range address.FindAllString(text, -1) {
				// The name of a namespace is never asked for.
				if !strings.HasPrefix(found, "http://www.w3.org/") {
					t.Errorf("%s names %s", name, found)
				}
			}
		}
	}
}

// Values of the data become text nodes: nothing in the page reads a string as HTML,
// script or style.
func TestPageReadsNoTextAsMarkup(t *testing.T) {
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML|srcdoc|eval\(|new Function|cssText|javascript:`)
	inline := regexp.MustCompile(`<style|<script>|\son\w+="|\sstyle="`)
	own, _ := pageFiles(t)
	for name, text := range own {
		if found := markup.FindString(text); found != "" {
			t.Errorf("%s has %s", name, found)
		}
		if found := inline.FindString(text); found != "" && strings.HasSuffix(name, ".html") {
			t.Errorf("%s has %s, which the page's policy forbids", name, found)
		}
	}
}
