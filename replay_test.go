package sluice_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"sluice"
)

// TestReplayRewritten: a quarantine file that another tool has written again is
// replayed, whatever that did to white space, order and form. It is never read
// as data.
func TestReplayRewritten(t *testing.T) {
	const text = "table: t\nprovenance: true\ncolumns: [{name: id, path: $.id, type: %s}]\nlimits: {quarantine_share: 1}\n"
	mended := parseMapping(t, fmt.Sprintf(text, "string"))
	in := "{\"id\":\"a\"}\n{\"id\":\"\u00e9\\n\"}\n{\"id\":7}\n{\"id\":\"b\xff\"}\n{\"id\":\"c\"}"
	first := convert(t, parseMapping(t, fmt.Sprintf(text, "int64")), strings.NewReader(in), sluice.Options{Source: "bad\xff.json"})
	if first.err != nil || first.stats.RecordsQuarantined != 4 {
		t.Fatalf("%v %+v", first.err, first.stats)
	}
	want := convert(t, mended, bytes.NewReader(first.bad), sluice.Options{})
	if want.err != nil || len(want.rows) != 3 || want.stats.RecordsQuarantined != 1 {
		t.Fatalf("%v %+v", want.err, want.stats)
	}
	rapid.Check(t, func(rt *rapid.T) {
		file := rewrite(rt, first.bad)
		got := convert(t, mended, bytes.NewReader(file), sluice.Options{Source: "rewritten", Threads: rapid.IntRange(1, 2).Draw(rt, "threads")})
		if got.err != nil || !slices.EqualFunc(got.rows, want.rows, slices.Equal) || !bytes.Equal(got.bad, want.bad) {
			rt.Fatalf("%v %+v\n%q\nfrom\n%s", got.err, got.stats, got.rows, file)
		}
	})
}

// rewrite writes the entries of a quarantine file as some tool might.
func rewrite(t *rapid.T, file []byte) []byte {
	space := func(label string) string {
		return rapid.SampledFrom([]string{"", "", " ", "\t", "\n", "\r\n", "\n\n"}).Draw(t, label)
	}
	pretty := rapid.Bool().Draw(t, "pretty")
	var entries [][]byte
	for line := range bytes.Lines(file) {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(line, &members); err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "one more") {
			members["note"] = json.RawMessage(`{"by":["hand"]}`)
		}
		names := rapid.Permutation(slices.Sorted(maps.Keys(members))).Draw(t, "order")
		var b bytes.Buffer
		b.WriteByte('{')
		for i, name := range names {
			if i > 0 {
				b.WriteByte(',')
			}
			if pretty {
				b.WriteString(space("before"))
			}
			fmt.Fprintf(&b, "%q: %s", name, members[name])
		}
		b.WriteByte('}')
		entries = append(entries, b.Bytes())
	}
	head := rapid.SampledFrom([]string{"", "\ufeff"}).Draw(t, "byte order mark") + space("first")
	switch form := rapid.SampledFrom([]string{"lines", "array", "concatenated"}).Draw(t, "form"); {
	case form == "array":
		return []byte(head + "[" + string(bytes.Join(entries, []byte(","+space("between")))) + "]\n")
	case form == "concatenated" || pretty:
		return []byte(head + string(bytes.Join(entries, nil)))
	}
	return []byte(head + string(bytes.Join(entries, []byte("\n"))) + space("last"))
}

// TestReplayDamaged: what is a quarantine file no more is rejected as one.
func TestReplayDamaged(t *testing.T) {
	const entry = `{"reason":"wrong_type","path":"$.id","offset":0,"error_offset":6,"record":0,"place":"$","source":"s","raw":"{\"id\":1}","sluice_quarantine":1}`
	orders := parseMapping(t, "table: t\ncolumns: [{name: id, path: $.id, type: int64}]\n")
	for name, in := range map[string]string{
		"another version":      strings.Replace(entry, `"sluice_quarantine":1`, `"sluice_quarantine":2`, 1),
		"no record":            strings.Replace(entry, `"raw"`, `"row"`, 1),
		"cut":                  entry[:len(entry)-1],
		"data behind it":       entry + "\n" + `{"id":1}`,
		"no entry in an array": "[" + entry + `,{"id":1}]`,
		"no JSON behind it":    entry + "\n" + `{"id":`,
		"version far behind":   `{"raw":"` + strings.Repeat("x", 1<<20) + `","offset":"x","sluice_quarantine":1}`,
		"nothing but version":  `{"sluice_quarantine":1}`,
		"cut behind version":   `{"sluice_quarantine":1,`,
		"escaped name":         `{"sluice\u005fquarantine":1}`,
		"wrapped entries":      `{"x":1,"sluice_quarantine":[{"reason":""}]}`,
	} {
		got := convert(t, orders, strings.NewReader(in), sluice.Options{})
		var reject *sluice.RejectError
		if !errors.As(got.err, &reject) || reject.Reason != "bad_quarantine_file" {
			t.Errorf("%s: %v %+v", name, got.err, got.stats)
		}
	}
	if got := convert(t, orders, strings.NewReader(`{"id":1,"of":{"sluice_quarantine":1}}`), sluice.Options{}); got.err != nil || len(got.rows) != 1 {
		t.Errorf("a member inside: %v %+v", got.err, got.stats)
	}
}

// TestNamesAreText: the name of a source is any bytes; a text column and the
// quarantine hold valid UTF-8, and the same.
func TestNamesAreText(t *testing.T) {
	m := parseMapping(t, "table: t\nprovenance: true\nlimits: {quarantine_share: 1}\ncolumns: [{name: id, path: $.id, type: int64}]\n")
	rapid.Check(t, func(rt *rapid.T) {
		name := string(rapid.SliceOfN(rapid.SampledFrom([]byte("a/.\xff\xc3\xa9\xed\xa0\x80\x00")), 1, 12).Draw(rt, "name"))
		got := convert(t, m, strings.NewReader("{\"id\":1}\n{\"id\":\"x\"}"), sluice.Options{Source: name})
		if got.err != nil || len(got.rows) != 1 {
			rt.Fatalf("%v %+v", got.err, got.stats)
		}
		key, entry := got.rows[0][1], entries(t, got.bad)[0].Source
		if !utf8.ValidString(key) || key != entry || utf8.ValidString(name) && key != name {
			rt.Errorf("%q becomes %q in the table and %q in the quarantine", name, key, entry)
		}
	})
}
