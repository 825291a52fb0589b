//go:build corpora

package corpora

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"
	"testing"

	"sluice/internal/jsonscan"
)

// maxDepth is how deep encoding/json goes.
const maxDepth = 10000

// The scanner and encoding/json agree on what is JSON, for every file and
// every line of the corpora, and for the files cut and changed. Both readers
// of the scanner are asked: the one of held records, and the one of records
// that stream by.
func TestDifferential(t *testing.T) {
	// Files on which they may differ, and why. None do.
	table := map[string]string{}
	checked := 0
	check := func(name string, text []byte) {
		want := json.Valid(text)
		checked++
		held, streamed, bytewise := skip(text), stream(text, len(text)+1), stream(text, 1)
		if (held != want || streamed != want || bytewise != want) && table[name] == "" {
			t.Errorf("%s: encoding/json says %t, the skipper %t, the validator %t, and byte by byte %t\n%.200q", name, want, held, streamed, bytewise, text)
		}
	}
	for _, dir := range []string{"corpora/JSONTestSuite/test_parsing", "corpora/JSONTestSuite/test_transform", "corpora/blns", "fixtures"} {
		for _, name := range allFiles(t, dir) {
			text := read(t, name)
			if plain, err := gunzip(text); err == nil {
				text = plain
			}
			check(name, text)
			if len(text) > 1<<20 {
				continue
			}
			for line := range bytes.Lines(text) {
				check(name+", a line", line)
			}
			if len(text) > 8<<10 || strings.HasPrefix(path.Base(name), "n_structure_100000") {
				continue
			}
			for i := range text {
				check(name+", cut", text[:i])
				changed := bytes.Clone(text)
				changed[i] ^= 1 << (i % 8)
				check(name+", changed", changed)
			}
		}
	}
	t.Logf("differential: %d texts, the scanner and encoding/json agree on each but %d", checked, len(table))
}

func skip(text []byte) bool {
	b := append(bytes.Clone(text), make([]byte, jsonscan.Padding)...)
	s := jsonscan.Skipper{MaxDepth: maxDepth}
	p := s.Value(b, jsonscan.Space(b, 0), 0)
	return p >= 0 && jsonscan.Space(b, p) == len(text)
}

// stream feeds a validator parts of n bytes. A number ends only with the byte
// after it, so one is added.
func stream(text []byte, n int) bool {
	text = append(bytes.TrimLeft(bytes.Clone(text), " \t\r\n"), '\n')
	v := jsonscan.Validator{MaxDepth: maxDepth}
	for len(text) > 0 {
		part := text[:min(n, len(text))]
		used, done, ok := v.Feed(part)
		if !ok {
			return false
		}
		text = text[used:]
		if done {
			return len(bytes.TrimLeft(text, " \t\r\n")) == 0
		}
	}
	return false
}
