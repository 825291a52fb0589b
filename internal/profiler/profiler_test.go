package profiler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sluice/internal/profile"
	"sluice/internal/profiler"
	"sluice/mapping"
)

func path(t testing.TB, text string) mapping.Path {
	t.Helper()
	p, err := mapping.ParsePath(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func text(name, content string) profiler.Input {
	return profiler.Input{Name: name, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

// options are those of records at a path; $ and $[*] if none is given.
func options(t testing.TB, threads int, records ...string) profiler.Options {
	t.Helper()
	opts := profiler.Options{Threads: threads, Limits: mapping.DefaultLimits}
	if records == nil {
		records = []string{"$[*]", "$"}
	}
	for _, r := range records {
		opts.Records = append(opts.Records, path(t, r))
	}
	return opts
}

func run(t testing.TB, opts profiler.Options, inputs ...profiler.Input) *profile.Profile {
	t.Helper()
	p, err := profiler.Run(context.Background(), inputs, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func written(t testing.TB, p *profile.Profile) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A profile counts what encoding/json finds in the same records.
func TestCountsAreThoseOfEncodingJSON(t *testing.T) {
	for seed := range uint64(60) {
		docs := documents(rand.New(rand.NewPCG(seed, 0)), 30)
		got := run(t, options(t, 2), text("a.json", strings.Join(docs, "\n")))
		want := count(t, docs)
		if got.Records != int64(len(docs)) || got.Broken != 0 {
			t.Fatalf("seed %d: %d records and %d broken ones, not %d", seed, got.Records, got.Broken, len(docs))
		}
		compare(t, fmt.Sprintf("seed %d: $", seed), got.Root, want)
	}
}

// counts are what the other walk finds at a path.
type counts struct {
	records, null, boolean, integer, number, text, array, object int64
	least, most, shortest, longest                               int64
	empty, doubles, fractional                                   int64
	values                                                       map[string]bool
	members                                                      map[string]*counts
	element                                                      *counts
	last                                                         int
}

// fractional is a JSON number with a point and without exponent (RFC 8259, section 6).
var fractional = regexp.MustCompile(`^-?(0|[1-9][0-9]*)\.[0-9]+$`)

func count(t *testing.T, docs []string) *counts {
	root := &counts{last: -1}
	for i, doc := range docs {
		d := json.NewDecoder(strings.NewReader(doc))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		root.add(v, i)
	}
	return root
}

func (c *counts) add(v any, record int) {
	if c.last != record {
		c.last = record
		c.records++
	}
	value := func(s string) {
		if c.values == nil {
			c.values = map[string]bool{}
		}
		c.values[s] = true
	}
	switch v := v.(type) {
	case nil:
		c.null++
	case bool:
		c.boolean++
		value(fmt.Sprint(v))
	case json.Number:
		if strings.ContainsAny(string(v), ".eE") {
			c.number++
		} else {
			c.integer++
		}
		if strings.ContainsAny(string(v), "eE") {
			if _, err := v.Float64(); err == nil { // those of this test have few digits
				c.doubles++
			}
		}
		value(string(v))
	case string:
		n := int64(len(v))
		if c.text == 0 {
			c.shortest = n
		}
		c.shortest, c.longest = min(c.shortest, n), max(c.longest, n)
		c.text++
		if fractional.MatchString(v) {
			c.fractional++
		}
		value(v)
	case []any:
		n := int64(len(v))
		if c.array == 0 {
			c.least = n
		}
		c.least, c.most = min(c.least, n), max(c.most, n)
		c.array++
		if n == 0 {
			c.empty++
		}
		for _, e := range v {
			if c.element == nil {
				c.element = &counts{last: -1}
			}
			c.element.add(e, record)
		}
	case map[string]any:
		c.object++
		for name, e := range v {
			if c.members == nil {
				c.members = map[string]*counts{}
			}
			if c.members[name] == nil {
				c.members[name] = &counts{last: -1}
			}
			c.members[name].add(e, record)
		}
	}
}

func compare(t *testing.T, at string, n *profile.Node, c *counts) {
	t.Helper()
	got := []int64{
		n.Records, n.Null.Count, n.Boolean.Count, n.Integer.Count, n.Number.Count, n.String.Count, n.Array.Count, n.Object.Count,
		n.Elements.Least, n.Elements.Greatest, n.Strings.Length.Least, n.Strings.Length.Greatest,
		n.Empty, n.Numbers.Doubles, n.Strings.Forms.Of(profile.Fractional).Count,
	}
	want := []int64{c.records, c.null, c.boolean, c.integer, c.number, c.text, c.array, c.object, c.least, c.most, c.shortest, c.longest, c.empty, c.doubles, c.fractional}
	if !slices.Equal(got, want) {
		t.Fatalf("%s: counts are %v, not %v", at, got, want)
	}
	if d := n.Distinct.Estimate(); len(c.values) <= 16 && d != int64(len(c.values)) || d < int64(len(c.values))*8/10 || d > int64(len(c.values))*12/10 {
		t.Fatalf("%s: %d different values, not %d", at, d, len(c.values))
	}
	if len(n.Members) != len(c.members) || (n.Element == nil) != (c.element == nil) {
		t.Fatalf("%s: %d members, not %d", at, len(n.Members), len(c.members))
	}
	for name, m := range c.members {
		if n.Members[name] == nil {
			t.Fatalf("%s: no %q", at, name)
		}
		compare(t, at+"."+name, n.Members[name], m)
	}
	if c.element != nil {
		compare(t, at+"[*]", n.Element, c.element)
	}
}

// documents are random values whose paths repeat.
func documents(r *rand.Rand, n int) []string {
	var docs []string
	for range n {
		docs = append(docs, string(appendValue(nil, r, 0)))
	}
	return docs
}

var (
	scalars = []string{
		"null", "true", "false", "0", "-0", "12", "-7", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1.50", "0.001", "-12.00", "1e3", "1E-7", "1e999",
		`""`, `"a"`, `"12.50"`, `"007"`, `"1e3"`, `"true"`, `"2024-02-29"`, `"2023-02-29"`, `"2024-03-10T08:30:00Z"`, `"2024-03-10 08:30"`, `"2024-03-10T08:30:00.1234567Z"`,
		`"Tue, 05 Mar 2019 21:40:11 +0000"`, `"a@example.com"`, `"https://example.com/"`, `"123e4567-e89b-12d3-a456-426614174000"`, `"EUR"`, `"{\"a\":1}"`, `"[1,"`, `" a"`,
		`"\u0041\n"`, `"日本"`, `"\u00a0x"`, `"-"`, `"0"`, `"00"`,
	}
	names = []string{"id", "a", "b", "items", "日", `x\u0041`, `q\"uote`, ""}
)

func appendValue(b []byte, r *rand.Rand, depth int) []byte {
	space := func() {
		if r.IntN(4) == 0 {
			b = append(b, ' ')
		}
	}
	switch kind := r.IntN(10); {
	case depth < 4 && (kind < 4 || depth == 0):
		b = append(b, '{')
		for i, name := range r.Perm(len(names))[:r.IntN(len(names))] {
			if i > 0 {
				b = append(b, ',')
			}
			space()
			b = append(append(append(b, '"'), names[name]...), '"')
			space()
			b = append(b, ':')
			space()
			b = appendValue(b, r, depth+1)
			space()
		}
		return append(b, '}')
	case depth < 4 && kind < 6:
		b = append(b, '[')
		for i := range r.IntN(4) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, r, depth+1)
			space()
		}
		return append(b, ']')
	case kind < 7:
		return fmt.Appendf(b, "%d", r.IntN(1000))
	}
	return append(b, scalars[r.IntN(len(scalars))]...)
}

// What is done with a clone does not change what it was made from.
func TestClone(t *testing.T) {
	docs := documents(rand.New(rand.NewPCG(7, 0)), 60)
	p := run(t, options(t, 1), text("a.json", strings.Join(docs, "\n")))
	want := written(t, p)
	clone := &profile.Profile{Sources: p.Sources, Places: p.Places, Records: p.Records, Bytes: p.Bytes, Root: p.Root.Clone()}
	same(t, "clone", written(t, clone), want)
	clone.Root.Collapse()
	clone.Root.Merge(p.Root.Clone())
	same(t, "after a change of the clone", written(t, p), want)
}

// The order of inputs, the number of threads, and whether inputs are read
// together or their profiles merged, change nothing.
func TestOneResult(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		var inputs []profiler.Input
		for i := range 1 + r.IntN(5) {
			docs := documents(r, r.IntN(40))
			if seed%6 == 0 {
				docs = append(docs, manyNames(r), manyNames(r))
			}
			inputs = append(inputs, text(fmt.Sprintf("%c.json", 'a'+i), "[\n"+strings.Join(docs, ",\n")+"]"))
		}
		want := written(t, run(t, options(t, 1), inputs...))
		for threads := range 4 {
			r.Shuffle(len(inputs), func(i, j int) { inputs[i], inputs[j] = inputs[j], inputs[i] })
			same(t, fmt.Sprintf("seed %d, %d threads", seed, threads), written(t, run(t, options(t, threads), inputs...)), want)
		}
		merged := profile.New()
		for _, in := range inputs {
			part, err := profile.Read(strings.NewReader(written(t, run(t, options(t, 2), in))))
			if err != nil {
				t.Fatal(err)
			}
			merged.Merge(part)
		}
		same(t, fmt.Sprintf("seed %d, merged", seed), written(t, merged), want)
	}
}

func same(t testing.TB, what, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range w {
		if i >= len(g) || g[i] != w[i] {
			t.Fatalf("%s: line %d of %d is\n%s\nnot line %d of %d\n%s", what, i, len(g), g[min(i, len(g)-1)], i, len(w), w[i])
		}
	}
}

// manyNames is an object with more names than MaxMembers together with another
// of its kind.
func manyNames(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString(`{"by_id":{`)
	from := r.IntN(profile.MaxMembers)
	for i := range profile.MaxMembers * 3 / 4 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%d":%s`, from+i, appendValue(nil, r, 3))
	}
	b.WriteString("}}")
	return b.String()
}

// A double holds numbers with an exponent if they are in its range, with all
// their digits.
func TestDoubles(t *testing.T) {
	for number, holds := range map[string]int64{
		"1e5": 1, "0e0": 1, "-2.5E-300": 1, "1.7976931348623157e308": 1,
		"1e999": 0, "1e-400": 0, "4e-320": 0, "1.23456789012345678e5": 0, "15": 0,
	} {
		if got := run(t, options(t, 1, "$[*]"), text("a.json", "["+number+"]")).Root.Numbers.Doubles; got != holds {
			t.Errorf("%s counts %d times as a double, not %d", number, got, holds)
		}
	}
}

// Documents with more paths than each thread may hold give one result too.
func TestWideDocuments(t *testing.T) {
	var inputs []profiler.Input
	for i := range 3 {
		var b strings.Builder
		if _, err := io.Copy(&b, &wide{paths: 30_000, fields: 1000 << i, records: 40 >> i}); err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, text(fmt.Sprintf("%c.json", 'a'+i), b.String()))
	}
	want := written(t, run(t, options(t, 1), inputs...))
	for _, threads := range []int{2, 4} {
		same(t, fmt.Sprintf("%d threads", threads), written(t, run(t, options(t, threads), inputs...)), want)
	}
}
