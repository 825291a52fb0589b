package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/internal/catalog"
	"sluice/schema"
)

func TestColumns(t *testing.T) {
	s := schema.Schema{Table: "t"}
	var want []catalog.Column
	for _, c := range []struct{ typ, hive string }{
		{"string", "string"}, {"boolean", "boolean"}, {"int32", "int"}, {"int64", "bigint"}, {"double", "double"},
		{"decimal(18,4)", "decimal(18,4)"}, {"date", "date"}, {"timestamp", "timestamp"}, {"json", "string"}, {"list<int64>", "array<bigint>"},
	} {
		typ, err := schema.ParseType(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		name := "c" + typ.Kind.String()
		s.Columns = append(s.Columns, schema.Column{Name: name, Type: typ, Required: true, Bloom: true})
		want = append(want, catalog.Column{Name: name, Type: c.hive})
	}
	s.Columns = append(s.Columns, schema.Column{Name: "mail", Type: schema.Type{Kind: schema.String}, PII: "email"})
	want = append(want, catalog.Column{Name: "mail", Type: "string", Comment: "pii: email"})
	if diff := cmp.Diff(want, catalog.Columns(s)); diff != "" {
		t.Error(diff)
	}
	if last := schema.Kind(len(want) - 1); last != schema.List {
		t.Errorf("the test knows %d kinds, there are %d", last, schema.List)
	}
}

// A column is written as: name type # comment.
func TestMerge(t *testing.T) {
	for _, c := range []struct {
		name, have, want, merged string
		changed                  bool
		err                      string
	}{
		{name: "new table", want: "a int; b string", merged: "a int; b string", changed: true},
		{name: "the same", have: "a int; b string", want: "a int; b string", merged: "a int; b string"},
		{name: "other order", have: "a int; b string", want: "b string; a int", merged: "a int; b string"},
		{name: "new columns go to the end", have: "b string; a int", want: "c date; a int; b string; d double",
			merged: "b string; a int; c date; d double", changed: true},
		{name: "columns the mapping lacks stay", have: "a int; b string", want: "b string", merged: "a int; b string"},
		{name: "spelling of crawlers and people", have: "A INT; b decimal(18, 4); c Integer; d decimal", want: "a int; b decimal(18,4); c int; d decimal(10,0)",
			merged: "A INT; b decimal(18, 4); c Integer; d decimal"},
		{name: "spelling of lists", have: "a ARRAY<Integer>; b array<decimal(18, 4)>", want: "a array<int>; b array<decimal(18,4)>",
			merged: "a ARRAY<Integer>; b array<decimal(18, 4)>"},
		{name: "list of another type", have: "a array<int>", want: "a array<bigint>", err: "a is array<int> in the catalog and array<bigint>"},
		{name: "comment where there is none", have: "a string", want: "a string # pii", merged: "a string # pii", changed: true},
		{name: "comment of somebody else", have: "a string # mine", want: "a string # pii", merged: "a string # mine"},
		{name: "comment taken out of the mapping", have: "a string # pii", want: "a string", merged: "a string # pii"},
		{name: "other type", have: "a int; b string", want: "a int; b double", err: "b is string in the catalog and double in the mapping"},
		{name: "wider integer", have: "a int", want: "a bigint", err: "a is int in the catalog and bigint"},
		{name: "narrower integer", have: "a bigint", want: "a int", err: "a is bigint in the catalog and int"},
		{name: "wider decimal", have: "a decimal(18,4)", want: "a decimal(38,4)", err: "a is decimal(18,4) in the catalog and decimal(38,4)"},
		{name: "all conflicts are named", have: "a int; b int", want: "a date; b date; c date", err: "and date in the mapping; b is int"},
	} {
		t.Run(c.name, func(t *testing.T) {
			have, want := columns(c.have), columns(c.want)
			merged, changed, err := catalog.Merge(have, want)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v lacks %q", err, c.err)
				}
				return
			}
			if diff := cmp.Diff(columns(c.merged), merged); diff != "" || changed != c.changed || err != nil {
				t.Errorf("changed %t, %v\n%s", changed, err, diff)
			}
			if diff := cmp.Diff(columns(c.have), have); diff != "" {
				t.Errorf("the argument was changed\n%s", diff)
			}
		})
	}
}

func columns(s string) []catalog.Column {
	var all []catalog.Column
	if s == "" {
		return nil
	}
	for part := range strings.SplitSeq(s, "; ") {
		definition, comment, _ := strings.Cut(part, " # ")
		name, typ, _ := strings.Cut(definition, " ")
		all = append(all, catalog.Column{Name: name, Type: typ, Comment: comment})
	}
	return all
}

var someColumns = rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) catalog.Column {
	return catalog.Column{
		Name:    rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "name"),
		Type:    rapid.SampledFrom([]string{"int", "int", "int", "int", "bigint"}).Draw(t, "type"),
		Comment: rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "comment"),
	}
}), 0, 6, func(c catalog.Column) string { return c.Name })

func names(columns []catalog.Column) []string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = c.Name
	}
	return all
}

func TestMergeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		have, want := someColumns.Draw(t, "have"), someColumns.Draw(t, "want")
		merged, changed, err := catalog.Merge(have, want)

		conflict := slices.ContainsFunc(have, func(h catalog.Column) bool {
			return slices.ContainsFunc(want, func(w catalog.Column) bool { return h.Name == w.Name && h.Type != w.Type })
		})
		if conflict != (err != nil) {
			t.Fatalf("conflict %t, error %v", conflict, err)
		}
		if conflict {
			return
		}
		if changed == slices.Equal(have, merged) {
			t.Fatalf("changed %t, but %v became %v", changed, have, merged)
		}
		if len(merged) < len(have) || !slices.Equal(names(have), names(merged[:len(have)])) {
			t.Fatalf("%v is not the beginning of %v", have, merged)
		}
		for _, w := range want {
			if !slices.Contains(names(merged), w.Name) {
				t.Fatalf("%v lacks %s", merged, w.Name)
			}
		}
		for _, again := range [][]catalog.Column{want, have, merged} {
			if after, changed, err := catalog.Merge(merged, again); changed || err != nil || !slices.Equal(after, merged) {
				t.Fatalf("merging %v once more gave %v, %t, %v", again, after, changed, err)
			}
		}
	})
}

// Two mappings in use at once must come to rest: the catalog would otherwise
// get a version with every commit.
func TestMergeOfTwoMappingsComesToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, other := someColumns.Draw(t, "one"), someColumns.Draw(t, "other")
		table, _, err := catalog.Merge(one, other)
		if err != nil {
			return
		}
		for range 2 {
			for _, mapping := range [][]catalog.Column{other, one} {
				if _, changed, err := catalog.Merge(table, mapping); changed || err != nil {
					t.Fatalf("changed %t, %v", changed, err)
				}
			}
		}
	})
}
