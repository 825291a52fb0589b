package cli

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the commands of the documents print into them")

// console is a block of a document that shows a command and what it prints.
var console = regexp.MustCompile("(?ms)^```console\n\\$ sluice ([^\n]*)\n(.*?)^```\n")

// The documents show what the command prints, to the character. After a change
// of the model or the prices: go test ./internal/cli -run TestDocs -update
func TestDocs(t *testing.T) {
	for name, blocks := range map[string]int{"../../docs/scale.md": 5} {
		doc, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		now := console.ReplaceAllFunc(doc, func(block []byte) []byte {
			found++
			m := console.FindSubmatch(block)
			code, out, errw := run(t, t.Context(), nil, strings.Fields(string(m[1]))...)
			if code != exitOK {
				t.Errorf("%s: sluice %s: exit code %d: %s", name, m[1], code, errw)
			}
			return []byte("```console\n$ sluice " + string(m[1]) + "\n" + out + "```\n")
		})
		if found != blocks {
			t.Errorf("%s has %d blocks of a command and its output, want %d", name, found, blocks)
		}
		if bytes.Equal(doc, now) {
			continue
		}
		if !*update {
			t.Errorf("%s does not show what the command prints; see -update", name)
			continue
		}
		if err := os.WriteFile(name, now, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
