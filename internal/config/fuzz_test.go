package config

import (
	"strings"
	"testing"
)

// FuzzParse: no text makes Parse panic, and no error has the words of the YAML
// library or of Go.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "source: s3://b/raw/\n", "source: raw/\ncatalog: none\nsuffixes: .json\n", "- a\n", "source: [\n", "a: &x 1\nb: *x\n",
		"source: s3://b/r/\ns3: {path_style: true}\nthreads: 2\nsuffixes: [.json, 1, {a: b}]\n", "source:\n  - x\n---\nsource: y\n",
		"s3: [a]\ncatalog:\nsuffixes: {}\nsource: {a: b}\n", "!!binary x: y\n", "? [a]\n: b\n", "source: s3://b\nsuffixes: |\n a\n b\ncatalog: 'a, b'\n", "\x00", "source: 0x1F\nworkers: 1e3\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("sluice.yaml", text, func(string) string { return "" })
		if err == nil {
			if c.Source == (Location{}) || c.Codec == "" {
				t.Fatalf("a configuration without a source or codec: %+v", c)
			}
			return
		}
		if !strings.HasPrefix(err.Error(), "sluice.yaml:") || strings.Contains(err.Error(), "unmarshal") {
			t.Fatalf("error %q", err)
		}
	})
}
