package mapping_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/mapping"
)

// FuzzParse: no text makes Parse panic, and the canonical form of a valid
// mapping means the same.
func FuzzParse(f *testing.F) {
	for _, name := range mapping.Presets() {
		text, err := mapping.PresetSource(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add([]byte(readCase(f, file).input))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := mapping.Parse("m.yaml", text)
		if (m == nil) != (err != nil) {
			t.Fatalf("mapping %v with error %v", m, err)
		}
		if err != nil {
			return
		}
		again, err := mapping.Parse("canonical", []byte(m.Canonical()))
		if err != nil {
			t.Fatalf("canonical form is not valid: %v\n%s", err, m.Canonical())
		}
		if d := cmp.Diff(m, again, cmpopts.IgnoreUnexported(*m)); d != "" || m.Hash() != again.Hash() {
			t.Fatalf("canonical form means something else:\n%s", d)
		}
	})
}

// FuzzParsePath: no text makes ParsePath panic, and String writes a valid
// path in its one spelling.
func FuzzParsePath(f *testing.F) {
	for _, s := range []string{
		"$", "$.a", "$['a b'][0]", `$["\u0000\ud83d\ude00"]`, "$.items[*].taxes[*]", "$[-1]", "$ [ * ]",
		`$.a[?@.k=='it\'s'&&@["n"]==-7e1].v`, "$.a[?@.uid==$.b[*].c.*.uid]",
		"$..a", "$[?@]", "$[1:2]", `$['\'`, "$[", "$.", "$.é\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := mapping.ParsePath(s)
		if err != nil {
			return
		}
		again, err := mapping.ParsePath(p.String())
		if err != nil {
			t.Fatalf("%q is written as %q: %v", s, p, err)
		}
		if d := cmp.Diff(p, again); d != "" || again.String() != p.String() {
			t.Fatalf("%q is written as %q, which differs:\n%s", s, p, d)
		}
	})
}
