package infer_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/infer/infertest"
	"sluice/internal/parquetread"
	"sluice/mapping"
	"sluice/schema"
)

// hand is a document with a mapping that somebody wrote for it by hand. apart are
// the columns in which a made mapping may differ, and why.
type hand struct {
	document string
	mapping  *mapping.Mapping
	apart    map[string]string
}

func readHand(t *testing.T, name string) hand {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "hand", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	h := hand{apart: map[string]string{}}
	for _, f := range archive.Files {
		switch f.Name {
		case "in.json":
			h.document = string(f.Data)
		case "mapping.yaml":
			if h.mapping, err = mapping.Parse(name+" mapping.yaml", f.Data); err != nil {
				t.Fatal(err)
			}
		case "apart":
			for line := range strings.Lines(string(f.Data)) {
				what, why, ok := strings.Cut(strings.TrimSpace(line), ": ")
				if !ok {
					t.Fatalf("%s: no reason in %q", name, line)
				}
				h.apart[what] = why
			}
		default:
			t.Fatalf("%s has a file %s", name, f.Name)
		}
	}
	return h
}

// The mapping that is made of a document makes the same tables of it as one that
// somebody wrote by hand: the same rows in the same order, with the same values.
// Names differ, and the digits of a decimal. What else does is listed, with the
// reason; a line that says what is not so is an error too.
func TestHand(t *testing.T) {
	files, err := filepath.Glob("testdata/hand/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			h := readHand(t, name)
			r := infertest.RoundTrip(t, nil, h.document)
			c := comparison{t: t, apart: h.apart, used: map[string]bool{}}
			c.compare(r.Mapping, h.mapping, infertest.Tables(t, r.Mapping, h.document), infertest.Tables(t, h.mapping, h.document))
			for what := range h.apart {
				if !c.used[what] {
					t.Errorf("it is listed that they differ, and they do not: %s", what)
				}
			}
			if t.Failed() {
				t.Logf("%s", r.YAML)
			}
		})
	}
}

// comparison is that of two mappings of one document.
type comparison struct {
	t     *testing.T
	apart map[string]string
	used  map[string]bool
}

// differ notes a difference that may be listed.
func (c *comparison) differ(what string) {
	c.used[what] = true
	if c.apart[what] == "" {
		c.t.Errorf("not listed: %s", what)
	}
}

func (c *comparison) compare(made, hand *mapping.Mapping, madeRows, handRows map[string][][]string) {
	c.t.Helper()
	if len(made.Tables) != len(hand.Tables) {
		c.t.Errorf("%d tables are made, %d are written", len(made.Tables), len(hand.Tables))
	}
	for i := range hand.Tables {
		h := &hand.Tables[i]
		k := slices.IndexFunc(made.Tables, func(t mapping.Table) bool { return t.Explode.String() == h.Explode.String() })
		if k < 0 {
			c.t.Errorf("no table is made with a row for each %s", h.Explode)
			continue
		}
		m := &made.Tables[k]
		c.columns(m, h, madeRows[m.Name], handRows[h.Name])
	}
}

// columns compares two tables.
func (c *comparison) columns(made, hand *mapping.Table, madeRows, handRows [][]string) {
	c.t.Helper()
	if len(madeRows) != len(handRows) {
		c.t.Errorf("%d rows of %s are made, and %d written", len(madeRows), hand.Explode, len(handRows))
		return
	}
	where := " in " + hand.Explode.String()
	for k := range made.Columns {
		if path := fed(&made.Columns[k]); find(hand, path) < 0 {
			c.differ("made " + path + where)
		}
	}
	for k := range hand.Columns {
		h := &hand.Columns[k]
		path := fed(h)
		n := find(made, path)
		if n < 0 {
			c.differ("hand " + path + where)
			continue
		}
		m := &made.Columns[n]
		if kindOf(m.Type) != kindOf(h.Type) {
			c.differ("type " + path)
		}
		for row := range handRows {
			if got, want := madeRows[row][n], handRows[row][k]; plain(m.Type, got) != plain(h.Type, want) {
				c.t.Errorf("row %d of %s: %s is %q and, by hand, %q", row, hand.Explode, path, got, want)
			}
		}
	}
}

// fed is the path that feeds a column.
func fed(c *mapping.Column) string {
	if c.MemberName {
		return c.Path.String() + " member_name"
	}
	return c.Path.String()
}

func find(t *mapping.Table, path string) int {
	return slices.IndexFunc(t.Columns, func(c mapping.Column) bool { return fed(&c) == path })
}

// kindOf is the kind of values that a type has: of decimals and integers whatever
// their number of digits.
func kindOf(t schema.Type) schema.Type {
	kind := func(k schema.Kind) schema.Kind {
		if k == schema.Int32 {
			return schema.Int64
		}
		return k
	}
	return schema.Type{Kind: kind(t.Kind), Of: kind(t.Of)}
}

// plain is the text of a value; of decimals without zeros at the end.
func plain(t schema.Type, text string) string {
	if t.Value().Kind != schema.Decimal || text == parquetread.Null {
		return text
	}
	list, isList := strings.CutPrefix(text, "[")
	if isList {
		var all []string
		for one := range strings.SplitSeq(strings.TrimSuffix(list, "]"), ",") {
			all = append(all, plain(t.Value(), one))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}
