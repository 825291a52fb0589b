package flatten

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/mapping"
)

const strangerMapping = `table: lines
explode: $.lines[*]
columns:
  - {name: id, path: $.id, type: string}
  - {name: city, path: $.buyer.city, type: string}
  - {name: first, path: "$.lines[0].sku", type: string}
  - {name: tag, path: "$.tags[0].a", type: string}
  - {name: sku, path: "$.lines[*].sku", type: string}
when_empty: keep
limits: {depth: 6}
unknown_fields: `

// TestStrangers reads records full of members that the mapping does not name:
// whatever was learned of them before, each record gives what it gives a
// reader that never learns.
func TestStrangers(t *testing.T) {
	for _, policy := range []string{"count", "keep", "reject"} {
		t.Run(policy, func(t *testing.T) {
			m, err := mapping.Parse("strangers.yaml", []byte(strangerMapping+policy))
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				with, without := newReader(m), newReader(m)
				without.f.strangers = maxStrangers
				for range rapid.IntRange(1, 20).Draw(t, "records") {
					text := drawObject(t, 0)
					if len(text) > 4<<10 { // more than the readers hold
						continue
					}
					flush := rapid.IntRange(0, 3).Draw(t, "flush") == 0
					a, b := with.read(text, flush), without.read(text, flush)
					if diff := cmp.Diff(b, a); diff != "" {
						t.Fatalf("%s\n-without +with:\n%s", text, diff)
					}
				}
				with.flush()
				without.flush()
				if diff := cmp.Diff(cells(without.b), cells(with.b)); diff != "" {
					t.Fatalf("-without +with:\n%s", diff)
				}
			})
		})
	}
}

// TestStrangersAreLearned: what shows nothing but in time is shown by its counts.
func TestStrangersAreLearned(t *testing.T) {
	m, err := mapping.Parse("strangers.yaml", []byte(strangerMapping+"count"))
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(m)
	for range 3 {
		r.read(`{"id":"1","a":{"b":[{"c":1},{"c":2,"d":3}]},"lines":[{"sku":"1","no":1}]}`, false)
	}
	if r.f.strangers != 4 { // a, b, c, d; elements that [0] reads, too, are not learned of
		t.Errorf("%d members learned, want 4", r.f.strangers)
	}
	var b strings.Builder
	for i := range maxMembers + 50 {
		b.WriteString(`,"n` + strconv.Itoa(i) + `":1`)
	}
	for range 2 {
		if res := r.read(`{"id":"1"`+b.String()+`}`, true); res.Fields != maxMembers+50 {
			t.Errorf("%d unknown members, want %d", res.Fields, maxMembers+50)
		}
	}
	if n := len(r.f.top.members); n != maxMembers {
		t.Errorf("an object has %d members, want %d", n, maxMembers)
	}
}

func drawObject(t *rapid.T, depth int) string {
	space := rapid.SampledFrom([]string{"", "", " ", "\n"}).Draw(t, "space")
	var b strings.Builder
	b.WriteString("{" + space)
	for i := range rapid.IntRange(0, 6).Draw(t, "members") {
		if i > 0 {
			b.WriteString("," + space)
		}
		name := rapid.SampledFrom([]string{
			`"id"`, `"buyer"`, `"lines"`, `"tags"`, `"sku"`, `"city"`, `"a"`, `"\u0061"`, `"b"`, `"c"`, `"d"`, `"e"`, `"f"`,
			`"longer than a word"`, `"longer than a worx"`, "\"\xff\"", `"\ud800"`,
		}).Draw(t, "name")
		b.WriteString(name + space + ":" + space + drawValue(t, name, depth))
	}
	b.WriteString(space + "}")
	return b.String()
}

func drawValue(t *rapid.T, name string, depth int) string {
	kinds := []string{"object", "array", "objects", "text", "text", "number", "null", "broken"}
	if depth > 3 {
		kinds = kinds[3:]
	}
	if name == `"lines"` || name == `"tags"` {
		kinds = []string{"objects"}
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "object":
		return drawObject(t, depth+1)
	case "array":
		return "[[], 1, [" + drawValue(t, "", depth+2) + "]]"
	case "objects":
		return "[" + drawObject(t, depth+2) + " , " + drawObject(t, depth+2) + "]"
	case "text":
		return rapid.SampledFrom([]string{`"x"`, `"\u00e9"`, `"\udc00"`, "\"\xc3\x28\""}).Draw(t, "text")
	case "number":
		return "17.5"
	case "broken":
		return rapid.SampledFrom([]string{"true", "true", "true", "true", "true", "true", "nul", "1.", `"`, "{", "[1 2]"}).Draw(t, "broken")
	}
	return "null"
}
