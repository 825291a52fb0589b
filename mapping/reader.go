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

// isNull reports whether null stands there, as YAML spells it (null, ~) or as a
// text. A key without a value is none: what should stand there may be forgotten.
func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Value == "null" || n.ShortTag() == "!!null" && !isMissing(n))
}

// isMissing reports whether a key has no value.
func isMissing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Value == ""
}

// place reads a path that may have filters: where a value is.
func (r *reader) place(n *yaml.Node, what string) (Path, bool) {
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

// path reads a path without filters.
func (r *reader) path(n *yaml.Node, what string) (Path, bool) {
	p, ok := r.place(n, what)
	if i := p.LastFilter(); i >= 0 {
		r.Fail(n, "%s: path %s has a filter, which only the paths of columns and of where may have; use names and [*], and where for rows by a value", what, p)
		return p, false
	}
	return p, ok
}
