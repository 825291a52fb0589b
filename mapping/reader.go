package mapping

import (
	"go.yaml.in/yaml/v3"

	"sluice/internal/yamlfile"
)

// reader reads a mapping file.
type reader struct{ yamlfile.Reader }

func newReader(file string, built bool) *reader {
	return &reader{yamlfile.Reader{File: file, Kind: "mapping", Empty: "table and columns", Built: built}}
}

func (r *reader) path(n *yaml.Node, what string) (Path, bool) {
	s, ok := r.Text(n, what+": path")
	if !ok {
		return nil, false
	}
	p, err := ParsePath(s)
	if err != nil {
		r.Fail(n, "%s: %v", what, err)
	}
	return p, err == nil
}
