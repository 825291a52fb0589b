package conversion_test

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

	"sluice/internal/conversion"
	"sluice/internal/rejection"
	"sluice/reason"
)

// TestReplayRewritten: a quarantine file that another tool has written again is
// replayed, however the tool changed white space, order and form. It is never
// read as data.
func TestReplayRewritten(t *testing.T) {
	const text = "table: t\nprovenance: true\ncolumns: [{name: id, path: $.id, type: %s}]\nlimits: {quarantine_share: 1}\n"
	fixed := parseMapping(t, fmt.Sprintf(text, "string"))
	in := "{\"id\":\"a\"}\n{\"id\":\"\u00e9\\n\"}\n{\"id\":7}\n{\"id\":\"b\xff\"}\n{\"id\":\"c\"}"
	first := convert(t, parseMapping(t, fmt.Sprintf(text, "int64")), strings.NewReader(in), conversion.Options{Source: "bad\xff.json"})
	if first.err != nil || first.stats.RecordsQuarantined != 4 {
		t.Fatalf("%v %+v", first.err, first.stats)
	}
	want := convert(t, fixed, bytes.NewReader(first.bad), conversion.Options{})
	if want.err != nil || len(want.rows) != 3 || want.stats.RecordsQuarantined != 1 {
		t.Fatalf("%v %+v", want.err, want.stats)
	}
	rapid.Check(t, func(rt *rapid.T) {
		file := rewrite(rt, first.bad)
		got := convert(t, fixed, bytes.NewReader(file), conversion.Options{Source: "rewritten", Threads: rapid.IntRange(1, 2).Draw(rt, "threads")})
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

// TestReplayDamaged: a damaged quarantine file is rejected as a quarantine
// file.
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
		got := convert(t, orders, strings.NewReader(in), conversion.Options{})
		var reject *rejection.Error
		if !errors.As(got.err, &reject) || reject.Code != "bad_quarantine_file" {
			t.Errorf("%s: %v %+v", name, got.err, got.stats)
		}
	}
	const written = `{"sluice_quarantine":1,"reason":"wrong_type","path":"$.id","offset":0,"error_offset":6,"record":0,"place":"$","source":"s","raw":"{\"id\":1}"}`
	for name, text := range map[string]string{
		"columns":        "{name: id, path: $.id, type: int64}",
		"required":       "{name: id, path: $.id, type: int64, required: true}",
		"a column of it": "{name: reason, path: $.reason, type: int64}",
		"json and more":  "{name: all, path: $, type: json}, {name: id, path: $.id, type: int64}",
		"json":           "{name: all, path: $, type: json}",
	} {
		m := parseMapping(t, "table: t\nlimits: {quarantine_share: 1}\ncolumns: ["+text+"]\n")
		for _, file := range []string{written, entry, strings.Replace(entry, "sluice_q", `sluice\u005fq`, 1)} {
			if name == "json" && file != written {
				continue // no member is read: only entries as sluice writes them are recognised
			}
			for before, in := range map[string]string{
				"text":     "# x\n" + file,
				"a record": "{}\n" + file,
				"blank":    "{}" + file,
				"damaged":  file[60:] + "\n" + file + "\n" + file,
				"an array": "[{}," + file + "]",
			} {
				got := convert(t, m, strings.NewReader(in), conversion.Options{})
				var reject *rejection.Error
				if !errors.As(got.err, &reject) || reject.Code != reason.BadQuarantineFile || reject.Offset != int64(strings.Index(in, file)) {
					t.Errorf("%s before, %s: %v %+v\n%q", before, name, got.err, got.stats, got.rows)
				}
			}
		}
	}
	for _, records := range []string{"$.orders[*]", "$.order"} {
		for _, first := range []string{"{}", `{"orders":[],"order":{}}`} {
			m := parseMapping(t, "table: t\nrecords: ['"+records+"']\nno_records: accept\ncolumns: [{name: id, path: $.id, type: int64}]\n")
			if got := convert(t, m, strings.NewReader(first+"\n"+written), conversion.Options{}); got.err == nil || !strings.Contains(got.err.Error(), "bad_quarantine_file") {
				t.Errorf("%s after %s: %v %+v", records, first, got.err, got.stats)
			}
		}
	}
	if got := convert(t, orders, strings.NewReader(`{"id":1,"of":{"sluice_quarantine":1}}`), conversion.Options{}); got.err != nil || len(got.rows) != 1 {
		t.Errorf("a member inside: %v %+v", got.err, got.stats)
	}
}

// TestNamesAreText: the name of a source is any bytes; a text column and the
// quarantine hold valid UTF-8, and the same.
func TestNamesAreText(t *testing.T) {
	m := parseMapping(t, "table: t\nprovenance: true\nlimits: {quarantine_share: 1}\ncolumns: [{name: id, path: $.id, type: int64}]\n")
	rapid.Check(t, func(rt *rapid.T) {
		name := string(rapid.SliceOfN(rapid.SampledFrom([]byte("a/.\xff\xc3\xa9\xed\xa0\x80\x00")), 1, 12).Draw(rt, "name"))
		got := convert(t, m, strings.NewReader("{\"id\":1}\n{\"id\":\"x\"}"), conversion.Options{Source: name})
		if got.err != nil || len(got.rows) != 1 {
			rt.Fatalf("%v %+v", got.err, got.stats)
		}
		key, entry := got.rows[0][1], entries(t, got.bad)[0].Source
		if !utf8.ValidString(key) || key != entry || utf8.ValidString(name) && key != name {
			rt.Errorf("%q becomes %q in the table and %q in the quarantine", name, key, entry)
		}
	})
}

// TestReplay: quarantined records, whatever their bytes, come back through
// Convert with their first origin when the mapping is fixed. Records that still
// do not fit are quarantined again, with the same origin.
func TestReplay(t *testing.T) {
	const text = "table: t\nprovenance: true\ncolumns: [{name: id, path: $.id, type: %s}]\nlimits: {quarantine_share: 1}\n"
	strict := parseMapping(t, fmt.Sprintf(text, "int64"))
	fixed := parseMapping(t, fmt.Sprintf(text, "string, from: [string, integer]"))
	in := "{\"id\":1}\n{\"id\":\"a\\u0041 \t\\\"\"}\n{\"id\": \"é\"}\n{\"id\":\"bad \xff\"}\n{\"id\":\n{\"id\":2}\n{\"id\":\"last\"}{\"id\":true}"
	first := convert(t, strict, strings.NewReader(in), conversion.Options{Source: "orders.json"})
	if first.err != nil || first.stats.RecordsCommitted != 2 || first.stats.RecordsQuarantined != 6 {
		// The tab inside the second record is a syntax error, so that line is bad.
		t.Fatalf("%v %+v", first.err, first.stats)
	}
	for _, e := range entries(t, first.bad) {
		raw := e.Raw + string(e.RawBase64)
		if in[e.Offset:int(e.Offset)+len(raw)] != raw {
			t.Errorf("entry %d does not hold the bytes at its offset", e.Record)
		}
	}
	again := convert(t, fixed, bytes.NewReader(first.bad), conversion.Options{Source: "first.quarantine.ndjson"})
	if again.err != nil {
		t.Fatal(again.err)
	}
	var got []string
	for _, row := range again.rows {
		got = append(got, strings.Join(row, "|"))
	}
	want := []string{"é|orders.json|30|2", "last|orders.json|74|6"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if again.stats.RecordsQuarantined != 4 {
		t.Errorf("quarantined again: %+v", again.stats)
	}
	firstRaw := map[int64]string{}
	for _, e := range entries(t, first.bad) {
		firstRaw[e.Record] = e.Raw + string(e.RawBase64)
	}
	for _, e := range entries(t, again.bad) {
		if e.Source != "orders.json" || firstRaw[e.Record] != e.Raw+string(e.RawBase64) || e.ErrorOffset < e.Offset {
			t.Errorf("entry %d has lost its origin: %+v", e.Record, e)
		}
	}
}

// TestReplayLarge: a record that was streamed into quarantine comes back once
// the limit is raised.
func TestReplayLarge(t *testing.T) {
	text := "table: t\ncolumns: [{name: id, path: $.id, type: string}]\nlimits: {record_bytes: %d}\n"
	in := `[{"id":"a"},{"id":"` + strings.Repeat("é\\n", 100_000) + `"},{"id":"b"}]`
	first := convert(t, parseMapping(t, fmt.Sprintf(text, 1000)), strings.NewReader(in), conversion.Options{})
	if first.err != nil || first.stats.RecordsQuarantined != 1 || len(first.rows) != 2 {
		t.Fatalf("%v %+v", first.err, first.stats)
	}
	again := convert(t, parseMapping(t, fmt.Sprintf(text, 1<<20)), bytes.NewReader(first.bad), conversion.Options{})
	if again.err != nil || len(again.rows) != 1 || again.rows[0][0] != strings.Repeat("é\n", 100_000) {
		t.Fatalf("%v %+v", again.err, again.stats)
	}
}

// TestReplayOfMany: quarantine files joined together may come from different
// places, most entries may still not fit, and one may still be too large to be
// held: none of this keeps the other records from giving rows.
func TestReplayOfMany(t *testing.T) {
	const text = "records: [\"$[*]\", \"$.order\"]\ntable: t\ncolumns: [{name: id, path: $.id, type: %s, required: true}]\nlimits: {quarantine_share: 1, record_bytes: 1000}\n"
	strict, fixed := parseMapping(t, fmt.Sprintf(text, "int64")), parseMapping(t, fmt.Sprintf(text, "string")+"unknown_fields: count\n")
	var joined []byte
	large := `{"id":"` + strings.Repeat("x", 1<<17) + `"}`
	for _, in := range []string{`[{"id":"a"},` + large + `]`, `{"order":{"id":"b"}}`, "[" + strings.Repeat(`{"no":1},`, 20) + `{"id":"c"}]`} {
		got := convert(t, strict, strings.NewReader(in), conversion.Options{Source: "s"})
		if got.err != nil || got.stats.RecordsCommitted != 0 {
			t.Fatalf("%v %+v", got.err, got.stats)
		}
		joined = append(joined, got.bad...)
	}
	half := *fixed
	half.Limits.QuarantineShare = 0.5
	got := convert(t, &half, bytes.NewReader(joined), conversion.Options{})
	if got.err != nil {
		t.Fatal(got.err)
	}
	if want := [][]string{{"a"}, {"b"}, {"c"}}; !slices.EqualFunc(want, got.rows, slices.Equal) {
		t.Errorf("got %v, want %v", got.rows, want)
	}
	if got.stats.RecordsQuarantined != 21 || got.stats.Reasons["record_too_large"] != 1 {
		t.Errorf("%+v", got.stats)
	}
	places := map[string]int{}
	for _, e := range entries(t, got.bad) {
		places[e.Place]++
		if e.Reason == "record_too_large" && e.Raw+string(e.RawBase64) != large {
			t.Error("the large record has changed")
		}
	}
	if places["$[*]"] != 21 {
		t.Errorf("places: %v", places)
	}
}
