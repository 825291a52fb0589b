package mapping_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/mapping"
)

func TestMatchKey(t *testing.T) {
	for _, c := range []struct{ pattern, key, want string }{
		{"raw/{shop}/{date}/*", "raw/berlin/2024-01-10/a.json.gz", "shop=berlin date=2024-01-10"},
		{"raw/{shop}/{date}/*", "raw/berlin/2024-01-10/", "shop=berlin date=2024-01-10"},
		{"raw/{shop}/{date}/*", "raw/berlin/2024-01-10/sub/a.json", "does not match"},
		{"raw/{shop}/{date}/*", "raw//2024-01-10/a.json", "does not match"},
		{"raw/{shop}/{date}/*", "Raw/berlin/2024-01-10/a.json", "does not match"},
		{"raw/{shop}/{date}/*", "/raw/berlin/2024-01-10/a.json", "does not match"},
		{"raw/{shop}/{date}/*", "raw/B é%20/x y/z", "shop=B é%20 date=x y"},

		{"**/dt={date}/**", "dt=1/a", "date=1"},
		{"**/dt={date}/**", "a/b/dt=1/c/d", "date=1"},
		{"**/dt={date}/**", "a/b/dt=1/", "date=1"},
		{"**/dt={date}/**", "a/b/xdt=1/c", "does not match"},
		{"**/dt={date}/**", "dt=1/dt=2/a", "matches in more than one way, with other parts,"},
		{"**/dt={date}/**", "dt=1/dt=1/a", "date=1"},
		{"**/dt={date}/*", "/home/ada/dt=1/dt=2/a", "date=2"},
		{"raw/**/{shop}/*", "raw/a/b/c", "shop=b"},
		{"raw/**/{shop}/*", "raw/a", "does not match"},
		{"**/{name}", "a", "name=a"},
		{"**", "", ""},
		{"raw/**", "raw/a/b", ""},

		{"{shop}-{date}.json", "berlin-2024.json", "shop=berlin date=2024"},
		{"{shop}-{date}.json", "berlin-mitte-2024.json", "matches in more than one way, with other parts,"},
		{"{shop}--{date}.json", "berlin-mitte--2024.json", "shop=berlin-mitte date=2024"},
		{"*-{date}.json", "a-b-2024.json", "matches in more than one way, with other parts,"},
		{"*-x-{date}", "-x-x-x-1", "matches in more than one way, with other parts,"},
		{"*.*/{a}", "a.b.c/d", "a=d"}, // two ways, but with the same part

		{"{a}{b}", "", "nothing stands between two of {name} and *, so it is open where one ends; write a character between them, or leave one out"},
		{"{a}*", "", "nothing stands between two of {name} and *, so it is open where one ends; write a character between them, or leave one out"},
		{"{a}/{a}", "", "{a} stands twice; give each part its own name"},
		{"**/**/{a}", "", "** stands twice in a row; leave one out"},
		{"raw**/{a}", "", "** stands for whole folders; write it between slashes or at the end, as in raw/**/{shop}/*, or use one *"},
		{"raw/**a", "", "** stands for whole folders; write it between slashes or at the end, as in raw/**/{shop}/*, or use one *"},
		{"raw/{Shop}", "", "{ begins the name of a part, of lower case letters, digits and _, and } ends it, as in {shop}; for a { in a key write *"},
		{"raw/{}", "", "{ begins the name of a part, of lower case letters, digits and _, and } ends it, as in {shop}; for a { in a key write *"},
		{"raw/shop}", "", "} has no {; write {shop}, and for a } in a key *"},
		{"", "", "is empty; write how the keys are built, as in raw/{shop}/{date}/*"},
	} {
		if got := matchKey(c.pattern, c.key); got != c.want {
			t.Errorf("key %q of the pattern %q: %s, want %s", c.key, c.pattern, got, c.want)
		}
	}
}

// A source whose keys cannot match is found by its prefix.
func TestKeyBegins(t *testing.T) {
	for _, c := range []struct {
		pattern, prefix string
		want            bool
	}{
		{"raw/{shop}/*", "raw/", true},
		{"raw/{shop}/*", "raw/berlin/", true},
		{"raw/{shop}/*", "raw/berlin/2024/", false},
		{"raw/{shop}/*", "raw_orders_data/", false},
		{"raw/{shop}/*", "Raw/", false},
		{"raw/{shop}/*", "", true},
		{"{shop}/*", "a/b/", false},
		{"{shop}.json", "a/", false},
		{"raw/dt={day}/*", "raw/dt=1/", true},
		{"raw/dt={day}/*", "raw/x/", false},
		{"**/dt={day}/*", "anything/at/all/", true},
		{"raw/**", "raw/a/b/", true},
		{"raw/**", "r/", false},
		{"*/{shop}/*", "raw_orders_data/", true},
		{"raw/a.json", "raw/", true},
		{"raw/", "raw/", false}, // nothing follows
	} {
		p, err := mapping.ParseKey(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Begins(c.prefix); got != c.want {
			t.Errorf("pattern %q: Begins(%q) = %t", c.pattern, c.prefix, got)
		}
	}
}

// Every key that matches says that each of its beginnings can.
func TestMatchingKeyBegins(t *testing.T) {
	folders := map[string][]string{
		"a": {"a"}, "*": {"", "a", "b-c"}, "a*": {"a", "ab"}, "{x%d}": {"a", "b-c"}, "{y%d}-{z%d}": {"a-b", "a-b-c"}, "**": {"", "a/", "b/a/"},
	}
	names := slices.Sorted(maps.Keys(folders))
	rapid.Check(t, func(t *rapid.T) {
		pattern, key, last := "", "", ""
		for i := range rapid.IntRange(1, 5).Draw(t, "folders") {
			name := rapid.SampledFrom(names).Draw(t, "folder")
			if name == "**" && last == "**" {
				name = "a"
			}
			last = name
			pattern += strings.ReplaceAll(name, "%d", strconv.Itoa(i)) + "/"
			key += rapid.SampledFrom(folders[name]).Draw(t, "text")
			if name != "**" {
				key += "/"
			}
		}
		pattern, key = pattern+"e", key+"e"
		p, err := mapping.ParseKey(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for i := range key {
			if !p.Begins(key[:i]) {
				t.Fatalf("pattern %q matches %q, but Begins(%q) is false", pattern, key, key[:i])
			}
		}
	})
}

// matchKey writes down the parts, or the error.
func matchKey(pattern, key string) string {
	p, err := mapping.ParseKey(pattern)
	if err != nil {
		return err.Error()
	}
	parts, err := p.Match(key)
	if err != nil {
		return err.Error()
	}
	var all []string
	for _, name := range p.Parts() {
		all = append(all, name+"="+parts[name])
	}
	return strings.Join(all, " ")
}
