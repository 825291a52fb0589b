package infer_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"sluice"
	"sluice/internal/infer"
	"sluice/internal/infer/infertest"
	"sluice/internal/yamlfile"
	"sluice/mapping"
)

// made makes the mapping of a text and converts it.
func made(t *testing.T, text string) *infer.Result {
	t.Helper()
	p, err := infertest.Profile(t, anywhere, text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := infer.Mapping(p, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stats, err := sluice.Convert(context.Background(), nil, strings.NewReader(text), r.Mapping, &sluice.Options{
		Codec: sluice.None, Source: "in.json", Quarantine: io.Discard, Table: func(string) (io.Writer, error) { return io.Discard, nil },
	})
	if err != nil || stats.RecordsQuarantined > 0 {
		t.Fatalf("convert: %v, %v\n%s", err, stats.Reasons, r.YAML[:min(len(r.YAML), 2000)])
	}
	return r
}

// list writes n members or elements.
func list(n int, format string) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(format, i))
	}
	return strings.Join(all, ",")
}

// letters is a name without digits for a number, which is no data.
func letters(n int) string {
	s := ""
	for ; ; n /= 26 {
		s += string(rune('a' + n%26))
		if n < 26 {
			return s
		}
	}
}

func members(n int, value func(i int) string) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%q:%s", "m_"+letters(i)+"_x", value(i)))
	}
	return "{" + strings.Join(all, ",") + "}"
}

func number(i int) string { return fmt.Sprint(i) }

// Objects with many members become json, until the table is not too wide.
func TestManyColumns(t *testing.T) {
	r := infertest.RoundTrip(t, anywhere, members(70, func(i int) string {
		return strings.ReplaceAll(members(100, number), `"m_`, `"`+letters(i)+"_") // no two are alike
	}))
	if n := len(r.Mapping.Tables[0].Columns); n > 2000 || n < 1800 {
		t.Errorf("%d columns", n)
	}
}

// One object with too many members for a table leaves those to _rescued that have
// the fewest values.
func TestWideRecord(t *testing.T) {
	text := "[" + members(2500, number) + "," + members(2000, number) + "]"
	r := made(t, text)
	if m := r.Mapping; m.UnknownFields != mapping.Rescue || len(m.Tables) != 1 || len(m.Tables[0].Columns) != 2000 {
		t.Fatalf("unknown_fields: %s, %d columns", m.UnknownFields, len(m.Tables[0].Columns))
	}
	for _, c := range r.Mapping.Tables[0].Columns {
		if !c.Required {
			t.Fatalf("%s is a column, and is not in both records", c.Name)
		}
	}
	if !strings.Contains(string(r.YAML), "500 columns more") {
		t.Errorf("the comment does not say how many are in _rescued:\n%s", r.YAML[:1500])
	}
}

// More names than a person gives are data.
func TestManyNames(t *testing.T) {
	r := infertest.RoundTrip(t, anywhere, `{"by":`+members(5000, func(i int) string { return `{"v":1}` })+`}`)
	if table := r.Mapping.Tables[0]; table.Explode.String() != "$.by.*" || len(table.Columns) != 2 {
		t.Errorf("%s", r.YAML)
	}
}

// Names that each stand in few records, before alike objects, are data.
func TestRareNames(t *testing.T) {
	var all []string
	for i := range 40 {
		all = append(all, fmt.Sprintf(`{"id":%d,"by_word":{"w%s":{"n":1,"m":2},"x%s":{"n":3,"m":4}}}`, i, letters(i), letters(i/2)))
	}
	r := infertest.RoundTrip(t, anywhere, strings.Join(all, "\n"))
	if len(r.Mapping.Tables) != 2 || r.Mapping.Tables[1].Explode.String() != "$.by_word.*" {
		t.Errorf("%s", r.YAML)
	}
	// Nor are members in envelopes, which are objects only by their look.
	all = nil
	for i := range 40 {
		all = append(all, fmt.Sprintf(`{"id":{"S":"%d"},"attributes":{"M":{"w%s":{"S":"a"}}}}`, i, letters(i%20)))
	}
	r = infertest.RoundTrip(t, anywhere, strings.Join(all, "\n"))
	if len(r.Mapping.Tables) != 1 {
		t.Errorf("%s", r.YAML)
	}
	// Two addresses in each record are no data.
	r = infertest.RoundTrip(t, anywhere, `{"billing":{"city":"A","zip":"1"},"shipping":{"city":"B","zip":"2"}}`)
	if len(r.Mapping.Tables) != 1 {
		t.Errorf("%s", r.YAML)
	}
}

// Arrays beyond the number of tables that people can work with become json.
func TestManyTables(t *testing.T) {
	r := infertest.RoundTrip(t, anywhere, members(300, func(i int) string { return fmt.Sprintf(`[{"a":%d,"b":[{"c":1}]}]`, i) }))
	if n := len(r.Mapping.Tables); n > 200 || n < 100 {
		t.Errorf("%d tables", n)
	}
}

// A mapping file has a bounded size, whatever the names.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("long_name_", 20)
	r := made(t, members(4, func(int) string {
		return "[" + strings.ReplaceAll(members(1500, number), "m_", long) + "]"
	}))
	if len(r.YAML) > yamlfile.MaxBytes {
		t.Errorf("%d bytes", len(r.YAML))
	}
}

// Limits are raised where the records need it, and only there.
func TestRaisedLimits(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
	}{
		{"none", `{"a":1}`, ""},
		{"a long text", `{"a":"` + strings.Repeat("x", 9<<20) + `"}`, "field_bytes: 67108864"},
		{"a large array as json", `{"a":[[` + list(900_000, "1000000%d") + `]]}`, "field_bytes: 67108864"},
		{"many rows", `{"a":[` + list(1<<20+1, `{"b":%d}`) + `]}`, "record_rows: 1048577"},
		{"many values of a list", `{"a":[` + list(1<<20+1, `%d`) + `]}`, "record_rows: 1048577"},
		{"deep", `{"a":` + strings.Repeat("[", 80) + strings.Repeat("]", 80) + `}`, "depth: 81"},
		{"deep objects", `{"a":` + strings.Repeat(`{"o":`, 80) + "1" + strings.Repeat("}", 80) + `}`, "depth: 81"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := made(t, c.text)
			limits := ""
			for line := range bytes.Lines(r.YAML) {
				if bytes.HasPrefix(line, []byte("limits:")) {
					limits = string(line)
				}
			}
			if (limits == "") != (c.want == "") || !strings.Contains(limits, c.want) {
				t.Errorf("limits are %q, not %s", limits, c.want)
			}
		})
	}
}

// Without a record there is nothing to make a mapping of.
func TestNoRecord(t *testing.T) {
	p, err := infertest.Profile(t, anywhere, "[]")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := infer.Mapping(p, infer.Options{}); err == nil || !strings.Contains(err.Error(), "no record") {
		t.Errorf("%v", err)
	}
}
