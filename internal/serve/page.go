package serve

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
)

// page is what the browser loads: no step of a build makes it, and it asks no other
// server for anything.
//
//go:embed page
var page embed.FS

// page answers with the files of the page. A browser asks each time whether a file
// has changed, since another version may have been started.
func (s *Server) page() http.Handler {
	root, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the name is constant
	}
	files := http.FileServerFS(root)
	tags := map[string]string{}
	_ = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, name)
		sum := sha256.Sum256(text)
		tags["/"+name] = `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		return err
	})
	tags["/"] = tags["/index.html"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && r.URL.Query().Has("token") {
			s.enter(w, r)
			return
		}
		tag := tags[r.URL.Path]
		if tag == "" {
			answerError(w, fail(http.StatusNotFound, "%s: there is no such file", r.URL.Path))
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tag)
		files.ServeHTTP(w, r)
	})
}
