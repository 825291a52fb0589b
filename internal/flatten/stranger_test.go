package flatten

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

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
// whatever was learned about them before, each record gives the same as with a
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
				readAlike(t, with, without, func(t *rapid.T) string { return drawObject(t, 0) })
			})
		})
	}
}

// TestStrangersAreLearned: learning changes only time, so the test looks at its
// counts.
func TestStrangersAreLearned(t *testing.T) {
	m, err := mapping.Parse("strangers.yaml", []byte(strangerMapping+"count"))
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(m)
	for range 3 {
		r.read(`{"id":"1","a":{"b":[{"c":1},{"c":2,"d":3}]},"lines":[{"sku":"1","no":1}]}`, false)
	}
	if r.f.strangers != 4 { // a, b, c, d; elements that [0] also reads are not learned
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

// TestStrangersCostNoRoom: an element recalled as a whole keeps no room, even
// if its node has learned many strangers.
func TestStrangersCostNoRoom(t *testing.T) {
	r := newReader(linesOf(t))
	var b strings.Builder
	for i := range 300 {
		b.WriteString(`,"n` + strconv.Itoa(i) + `":1`)
	}
	for range memoWarmUp {
		r.read(`{"lines":[{"a":"1","b":"2"}]}`, true)
	}
	r.read(`{"lines":[{"a":"0","b":"2"`+b.String()+`}]}`, true)
	for range 3 {
		r.read(`{"lines":[`+strings.Repeat(`{"a":"1","b":"2"},`, 400)+`{"a":"1","b":"2"}]}`, true)
	}
	if n := cap(r.f.bits); r.f.memos[0].memo.hits < 1000 || n > 64 {
		t.Errorf("%d words of bits behind a record of 401 lines, %d of them known", n, r.f.memos[0].memo.hits)
	}
}

// TestQuotedNames: a member is known by its name as JSON writes it, and not by
// bytes that happen to look like it.
func TestQuotedNames(t *testing.T) {
	m, err := mapping.Parse("quoted.yaml", []byte(`table: t
columns:
  - {name: a, path: "$['x\"y']", type: string}
  - {name: b, path: "$['p\\\\bq']", type: string}
`))
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(m)
	for _, c := range []struct {
		text    string
		unknown int64 // members; -1: not JSON
	}{
		{`{"x\"y":"1"}`, 0}, {`{"x"y":"2"}`, -1},
		{`{"p\\bq":"3"}`, 0}, {`{"p\bq":"4"}`, 1}, // a backslash, a backspace
	} {
		res := r.read(c.text, true)
		if unknown := res.Fields; unknown != c.unknown && (c.unknown >= 0 || res.End >= 0) {
			t.Errorf("%s: %d unknown members, end %d; want %d", c.text, unknown, res.End, c.unknown)
		}
	}
}

// TestStrangerBeforeAFault: the elements of an array that is counted for [-1]
// are counted before they are read. A fault in one is still reported at its
// position, whether the member before it was learned or not.
func TestStrangerBeforeAFault(t *testing.T) {
	m, err := mapping.Parse("last.yaml", []byte(`table: t
columns:
  - {name: a, path: "$.list[-1].a", type: string}
`))
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(m)
	for range 3 {
		if res := r.read("{\"list\":[{\"x\":1,\"a\":\"\xff\"}]}", true); res.Path != "$.list[-1].a" {
			t.Errorf("the path is %s", res.Path)
		}
	}
}

func linesOf(t *testing.T) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Parse("lines.yaml", []byte(`table: lines
explode: $.lines[*]
columns:
  - {name: a, path: "$.lines[*].a", type: string}
  - {name: b, path: "$.lines[*].b", type: string}
when_empty: keep
`))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestHeldAlike: the size that Held reports decides where row groups end, so it
// must not depend on how often a record was begun before all of it was in
// memory.
func TestHeldAlike(t *testing.T) {
	m := linesOf(t)
	whole, cut := newReader(m), newReader(m)
	for k := range 1000 {
		var b strings.Builder
		b.WriteString(`{"lines":[`)
		for i := range 99 {
			if i%9 == 0 || i%9 == 4 {
				fmt.Fprintf(&b, `{"a":"same%d","b":"same, same, same, same"},`, k%100)
			} else {
				fmt.Fprintf(&b, `{"a":"u%d","b":"%090d"},`, 99*k+i, 99*k+i)
			}
		}
		text := b.String() + `{}]}`
		whole.read(text, true)
		copy(cut.buf[cut.end:], text[:len(text)/2]) // what is remembered from it is not used, but takes room
		cut.f.Record(cut.buf, cut.end, -1, Origin{})
		cut.read(text, true)
	}
	if a, b := whole.b.Held(), cut.b.Held(); a != b || whole.b.Columns[0].Distinct {
		t.Errorf("held %d bytes of records read at once, %d of records read in two goes", a, b)
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
