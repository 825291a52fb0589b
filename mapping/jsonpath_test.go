package mapping_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/mapping"
)

// pathPattern is what the JSON Schema takes for a path.
func pathPattern(t *testing.T) *regexp.Regexp {
	t.Helper()
	var schema struct {
		Defs struct{ Path struct{ Pattern string } } `json:"$defs"`
	}
	if err := json.Unmarshal(mapping.JSONSchema, &schema); err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(schema.Defs.Path.Pattern)
}

func TestParsePath(t *testing.T) {
	pattern := pathPattern(t)
	for _, c := range []struct{ in, want string }{
		{`$`, `$`},
		{`$.a.b`, `$.a.b`},
		{`$['a']["b"]`, `$.a.b`},
		{`$[*].a[0][-1]`, `$[*].a[0][-1]`},
		{`$.a.* .b.*[*]`, `$.a.*.b.*[*]`},
		{"$ [ 'a' ]\n.b", `$.a.b`},
		{`$['order-id']`, `$['order-id']`},
		{`$['1st']`, `$['1st']`},
		{`$['']`, `$['']`},
		{`$["it's"]`, `$['it\'s']`},
		{`$['say "x"']`, `$['say "x"']`},
		{`$["na\"me"]`, `$['na"me']`},
		{`$["\b\f\n\r\t\/\\\u0001\u00e9\uD83D\uDE00"]`, `$['\b\f\n\r\t/\\\u0001é😀']`},
		{`$.größe._x9`, `$.größe._x9`},
		{`$[9007199254740991]`, `$[9007199254740991]`},
		{`$.a[?@.name=='color'].value`, `$.a[?@.name=='color'].value`},
		{`$.a[ ? @ .k == "it's" ] .v`, `$.a[?@.k=='it\'s'].v`},
		{`$.a[?@['name']=='x']`, `$.a[?@.name=='x']`},
		{`$.a[?@["a b"].c[-1]==-1.5e3]`, `$.a[?@['a b'].c[-1]==-1.5e3]`},
		{`$.a[?@.k==true && @.n == false&&@.m==''].v[0]`, `$.a[?@.k==true&&@.n==false&&@.m==''].v[0]`},
		{`$.a[?@.uid == $.lines[*] .taxes.*['uid']].rate`, `$.a[?@.uid==$.lines[*].taxes.*.uid].rate`},
		{`$.a[*].b[?@.k=='x'].c[?@.k==$.d]`, `$.a[*].b[?@.k=='x'].c[?@.k==$.d]`},
	} {
		p, err := mapping.ParsePath(c.in)
		if err != nil {
			t.Error(err)
		} else if p.String() != c.want {
			t.Errorf("ParsePath(%q) = %s, want %s", c.in, p, c.want)
		} else if !pattern.MatchString(c.in) {
			t.Errorf("the JSON Schema refuses %q", c.in)
		}
	}
}

func TestParsePathErrors(t *testing.T) {
	pattern := pathPattern(t)
	for _, c := range []struct{ in, want string }{
		{``, "begins with $"},
		{`a.b`, "begins with $"},
		{`$..a`, "descendant step .."},
		{`$.*a`, "begins with . or ["},
		{`$.`, "after a dot"},
		{`$.order-id`, "['name']"},
		{`$.1st`, "['name']"},
		{`$. a`, "after a dot"},
		{`$a`, "begins with . or ["},
		{`$.a `, "blanks at the end"},
		{`$[?@.x>1]`, "only knows == and &&"},
		{`$[?@.x!='a']`, "only knows == and &&"},
		{`$[?@.x]`, "only knows == and &&"},
		{`$[?@.x=='a'||@.y=='b']`, "only knows == and &&"},
		{`$[?@.x=='a'&&]`, "a filter compares"},
		{`$[?@=='a']`, "a filter compares"},
		{`$[?'a'==@.x]`, "a filter compares"},
		{`$[?(@.x=='a')]`, "a filter compares"},
		{`$[?@.x==$]`, "a filter compares"},
		{`$[?length(@.x)==1]`, "a filter compares"},
		{`$[?@.x==null]`, "compares with a string in quotes"},
		{`$[?@.x==a]`, "compares with a string in quotes"},
		{`$[?@.x==01]`, "compares with a string in quotes"},
		{`$[?@.x==@.y]`, "compares with a string in quotes"},
		{`$[?@.x==]`, "compares with a string in quotes"},
		{`$[?@[*]=='a']`, "names and indexes only"},
		{`$[?@..x=='a']`, "descendant step .."},
		{`$[?@.x=='a'`, "the bracket is not closed"},
		{`$[?@.x=='a]`, "the quote is not closed; add '"},
		{`$[?@.x=='a'].b[*]`, "no wildcard"},
		{`$[?@.x==$.b[?@.y=='c'].d]`, "a filter inside of a filter"},
		{`$[?@.b[?@.y=='c'].d=='e']`, "a filter inside of a filter"},
		{`$[0:2]`, "slices"},
		{`$[:2]`, "slices"},
		{`$[0,1]`, "several selectors"},
		{`$['a','b']`, "several selectors"},
		{`$[a]`, "brackets take an index"},
		{`$[]`, "brackets take an index"},
		{`$[01]`, "brackets take an index"},
		{`$[-0]`, "brackets take an index"},
		{`$[9007199254740992]`, "out of range"},
		{`$[99999999999999999999]`, "out of range"},
		{`$[0`, "not closed"},
		{`$['a`, "not closed"},
		{`$['a']]`, "begins with . or ["},
		{`$["\x"]`, "unknown escape"},
		{`$["\'"]`, "unknown escape"},
		{`$["\u00g0"]`, "four hexadecimal"},
		{`$["\uD800"]`, "surrogate"},
		{`$["\uD800\u0041"]`, "surrogate"},
		{`$["\uDC00\uD800"]`, "surrogate"},
		{"$['\n']", "control character"},
		{"$.\xff", "UTF-8"},
	} {
		if p, err := mapping.ParsePath(c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ParsePath(%q) = %s, %v; want an error with %q", c.in, p, err, c.want)
		}
		// Neither filters, the size of a number nor halves of pairs are in a pattern.
		if beyond := strings.Contains(c.in, "?") && strings.Contains(c.in, "]") || c.want == "out of range" || c.want == "surrogate" || c.want == "UTF-8"; pattern.MatchString(c.in) != beyond {
			t.Errorf("the JSON Schema takes %q: %t", c.in, !beyond)
		}
	}
}

func TestHasPrefix(t *testing.T) {
	for _, c := range []struct {
		path, prefix string
		want         bool
	}{
		{`$.a.b`, `$`, true},
		{`$.a.b`, `$['a']`, true},
		{`$.a`, `$.a`, true},
		{`$.a`, `$.a.b`, false},
		{`$.ab`, `$.a`, false},
		{`$[0]`, `$[*]`, false},
		{`$['0']`, `$[0]`, false},
	} {
		if got := path(t, c.path).HasPrefix(path(t, c.prefix)); got != c.want {
			t.Errorf("%s has prefix %s: %t", c.path, c.prefix, got)
		}
	}
}

func path(t *testing.T, s string) mapping.Path {
	t.Helper()
	p, err := mapping.ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Any path, with any names, survives being written and read.
func TestPathRoundTrip(t *testing.T) {
	segment := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) mapping.Segment {
			return mapping.Segment{Kind: mapping.Name, Name: rapid.String().Draw(t, "name")}
		}),
		rapid.Custom(func(t *rapid.T) mapping.Segment {
			return mapping.Segment{Kind: mapping.Index, Index: rapid.IntRange(-1<<53+1, 1<<53-1).Draw(t, "index")}
		}),
		rapid.Just(mapping.Segment{Kind: mapping.Wildcard}),
	)
	filter := rapid.Custom(func(t *rapid.T) mapping.Segment {
		return mapping.Filter{
			{Member: mapping.Path{{Kind: mapping.Name, Name: rapid.String().Draw(t, "member")}}, Value: mapping.Literal{Type: mapping.FromString, Text: rapid.String().Draw(t, "text")}},
			{Member: mapping.Path{{Kind: mapping.Index, Index: -1}}, Key: rapid.SliceOfN(segment, 1, 3).Draw(t, "key")},
		}.Segment()
	})
	pattern := pathPattern(t)
	rapid.Check(t, func(t *rapid.T) {
		want := mapping.Path(rapid.SliceOf(segment).Draw(t, "path"))
		if rapid.Bool().Draw(t, "filtered") {
			want = append(want, filter.Draw(t, "filter"))
		}
		got, err := mapping.ParsePath(want.String())
		if err != nil {
			t.Fatal(err)
		}
		if !got.HasPrefix(want) || !want.HasPrefix(got) {
			t.Fatal(cmp.Diff(want, got))
		}
		if !pattern.MatchString(want.String()) {
			t.Fatalf("the JSON Schema refuses %s", want)
		}
	})
}
