package mapping_test

import (
	"math"
	"strings"
	"testing"

	"sluice/mapping"
	"sluice/schema"
)

// byHand builds the mapping of a file as a program would.
func byHand() *mapping.Mapping {
	column := func(name, path string, kind schema.Kind, from mapping.From) mapping.Column {
		p, err := mapping.ParsePath(path)
		if err != nil {
			panic(err)
		}
		return mapping.Column{Column: schema.Column{Name: name, Type: schema.Type{Kind: kind}}, Path: p, From: from}
	}
	return &mapping.Mapping{
		Records: []mapping.Path{{{Kind: mapping.Wildcard}}, nil},
		Limits:  mapping.DefaultLimits,
		Tables: []mapping.Table{{
			Name:    "lines",
			Explode: mapping.Path{{Kind: mapping.Name, Name: "items"}, {Kind: mapping.Wildcard}},
			Columns: []mapping.Column{
				column("id", "$.id", schema.String, mapping.FromString),
				column("qty", "$.items[*].qty", schema.Int64, mapping.FromString|mapping.FromInteger|mapping.FromNumber),
				column("at", "$.at", schema.Timestamp, mapping.FromString),
			},
		}},
	}
}

// A mapping that was built by a program is the same as one from a file.
func TestValidateBuilt(t *testing.T) {
	m := byHand()
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	if m.Hash() != hash(t, plain) {
		t.Errorf("it is another mapping than that of the file:\n%s", m.Canonical())
	}
	for _, name := range mapping.Presets() {
		m, err := mapping.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		built := mapping.Mapping{Records: m.Records, Tables: m.Tables, UnknownFields: m.UnknownFields, Provenance: m.Provenance, Limits: m.Limits}
		if err := m.Validate(); err != nil {
			t.Errorf("preset %s: %v", name, err)
		}
		if err := built.Validate(); err != nil {
			t.Errorf("preset %s, built: %v", name, err)
		}
	}
}

// where gives a table conditions.
func where(conditions ...mapping.Condition) func(*mapping.Mapping, *mapping.Table, *mapping.Column) {
	return func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.Where = conditions }
}

func TestValidateErrors(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(m *mapping.Mapping, t *mapping.Table, c *mapping.Column)
	}{
		{"no records", "records is an empty list", func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) { m.Records = nil }},
		{"no tables", "it has no tables", func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) { m.Tables = nil }},
		{"no limits", "record_bytes must be from 1", func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) { m.Limits = mapping.Limits{} }},
		{"a limit", "depth must be", func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) { m.Limits.Depth = -1 }},
		{"a share", "quarantine_share must be a number", func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) {
			m.Limits.QuarantineShare = math.NaN()
		}},
		{"the same table", "table lines is defined twice", func(m *mapping.Mapping, t *mapping.Table, _ *mapping.Column) {
			m.Tables = append(m.Tables, *t)
		}},
		{"unknown fields", "UnknownFields 9 is not one of its constants", func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) { m.UnknownFields = 9 }},
		{"drop", "drop: $.id feeds column id", func(m *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { m.Drop = []mapping.Path{c.Path} }},
		{"drop of no path", "Drop: SegmentKind 0 is not one of its constants", func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) { m.Drop = []mapping.Path{{{Name: "a"}}} }},
		{"drop by a name of two kinds", "Drop $.a has steps that ParsePath never returns", func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) {
			m.Drop = []mapping.Path{{{Kind: mapping.Name, Name: "a", Index: 2}}}
		}},
		{"table name", "must be lower case letters", func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.Name = "Lines" }},
		{"no columns", "table 1: it has no columns", func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.Columns = nil }},
		{"explode", "does not end in [*]", func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) {
			t.Explode = append(t.Explode[:2:2], mapping.Segment{Kind: mapping.Name, Name: "x"})
		}},
		{"when empty", "table 1: WhenEmpty 3 is not one of its constants", func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.WhenEmpty = 3 }},
		{"when empty alone", "WhenEmpty needs Explode", func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) {
			t.Explode, t.WhenEmpty, t.Columns = nil, mapping.Keep, t.Columns[:1]
		}},
		{"zero column", "table 1: column 1: Type.Kind 0 is not one of its constants", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { *c = mapping.Column{} }},
		{"the same column", "column qty is defined twice", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Name = "qty" }},
		{"no from", "from is an empty list", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.From = 0 }},
		{"number alone", "column id", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.From = mapping.FromNumber }},
		{"unknown from", "From of string must be", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.From |= 1 << 7 }},
		{"json from", "From of json must be that of string, number, boolean", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Type.Kind = schema.JSON }},
		{"unit", "unit is for date and timestamp", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Unit = mapping.Seconds }},
		{"unknown unit", "Unit 6 is not one of its constants", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Unit = mapping.Days + 1 }},
		{"unknown ambiguous", "Ambiguous 3 is not one of its constants", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Ambiguous = mapping.Later + 1 }},
		{"format", "format is for numbers, dates and timestamps", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Format = mapping.RFC2822 }},
		{"format not UTF-8", "a format or a null value is not UTF-8", func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.Columns[2].Format = "%Y-%m-%d\xff" }},
		{"unknown transform", "Transform 4 is not one of its constants", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) {
			c.Transform = []mapping.Transform{mapping.Trim, 4}
		}},
		{"zero transform", "Transform 0 is not one of its constants", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Transform = []mapping.Transform{0} }},
		{"transform of numbers", "from has no string", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) {
			c.From, c.Transform = mapping.FromInteger, []mapping.Transform{mapping.Trim}
		}},
		{"null value", "is never met", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) {
			c.Transform, c.NullValues = []mapping.Transform{mapping.Lower}, []string{"N/A"}
		}},
		{"key without a part", "column id: the mapping does not say where {shop} stands", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Key = "shop" }},
		{"key that is no pattern", "key: { begins the name of a part", func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) { m.Key = "raw/{" }},
		{"key not UTF-8", "a key, a format", func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) { m.Key = "raw\xff/{shop}" }},
		{"part beside const", "remove const, or key", func(m *mapping.Mapping, _ *mapping.Table, c *mapping.Column) {
			m.Key, c.Key, c.Const = "{shop}", "shop", new(string)
		}},
		{"part beside coalesce", "remove coalesce, or key", func(m *mapping.Mapping, _ *mapping.Table, c *mapping.Column) {
			m.Key, c.Key, c.Else = "{shop}", "shop", []mapping.Path{nil}
		}},
		{"const beside path", "remove path, or const", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Const = new(string) }},
		{"const beside coalesce", "remove coalesce, or const", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) {
			c.Const, c.Path, c.Else = new(string), nil, []mapping.Path{nil}
		}},
		{"part from numbers", "From of string must be that of string", func(m *mapping.Mapping, _ *mapping.Table, c *mapping.Column) {
			m.Key, c.Key, c.Path, c.From = "{shop}", "shop", nil, mapping.FromString|mapping.FromInteger
		}},
		{"part beside path", "remove path, or key", func(m *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { m.Key, c.Key = "{shop}", "shop" }},
		{"null value that is no UTF-8", "a format or a null value is not UTF-8", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.NullValues = []string{"\xff"} }},
		{"unknown hash", "Hash 4 is not one of its constants", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Hash = 4 }},
		{"unknown mask", "Mask 2 is not one of its constants", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Mask = 2 }},
		{"hash of a timestamp", "hash gives a text", func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.Columns[2].Hash = mapping.SHA256 }},
		{"unknown number format", "NumberFormat 5 is not one of its constants", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.NumberFormat = 5 }},
		{"symbol of a text", "symbol is for numbers", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Symbol = true }},
		{"precision", "Precision and Scale are for decimals", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Type.Precision = 5 }},
		{"decimal", "precision must be 1 to 38", func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) {
			t.Columns[1].Type = schema.Type{Kind: schema.Decimal, Precision: 39}
		}},
		{"path", "does not follow explode", func(_ *mapping.Mapping, t *mapping.Table, c *mapping.Column) {
			c.Path = mapping.Path{{Kind: mapping.Name, Name: "other"}, {Kind: mapping.Wildcard}}
		}},
		{"path through another", "goes through $.at", func(_ *mapping.Mapping, t *mapping.Table, c *mapping.Column) {
			c.Path = append(t.Columns[2].Path[:1:1], mapping.Segment{Kind: mapping.Index})
		}},
		{"segment", "Path: SegmentKind 0 is not one of its constants", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Path = mapping.Path{{Name: "a"}} }},
		{"segment of two kinds", "steps that ParsePath never returns", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) {
			c.Path = mapping.Path{{Kind: mapping.Name, Name: "a", Index: 2}}
		}},
		{"name that is no UTF-8", "mapping: ", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) {
			c.Path = mapping.Path{{Kind: mapping.Name, Name: "a\xff"}}
		}},
		{"bloom", "no bloom filter is written for boolean", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) {
			c.Type.Kind, c.From, c.Bloom = schema.Boolean, mapping.FromBoolean, true
		}},
		{"member name", "does not end in .*", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.MemberName = true }},
		{"members with a name", "steps that ParsePath never returns", func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) {
			t.Columns, t.Explode = t.Columns[:1], mapping.Path{t.Explode[0], {Kind: mapping.Name, Name: "b"}, {Kind: mapping.Members, Name: "a"}}
		}},
		{"test", "table 1: condition 1: Test 0 is not one of its constants", where(mapping.Condition{Values: []mapping.Literal{{mapping.FromString, "a"}}})},
		{"test of a path that is none", "condition 1: Path: SegmentKind 0", where(mapping.Condition{Path: mapping.Path{{}}, Test: mapping.IsNull})},
		{"where without values", "In and NotIn need Values", where(mapping.Condition{Test: mapping.NotIn})},
		{"null with values", "In and NotIn need Values", where(mapping.Condition{Test: mapping.IsNull, Values: []mapping.Literal{{mapping.FromString, "a"}}})},
		{"literal of two types", "a Literal is of Type", where(mapping.Condition{Test: mapping.In, Values: []mapping.Literal{{mapping.FromNumber | mapping.FromInteger, "1"}}})},
		{"number that is none", "a Literal is of Type", where(mapping.Condition{Test: mapping.In, Values: []mapping.Literal{{mapping.FromNumber, "1], x: [2"}}})},
		{"boolean that is none", "a Literal is of Type", where(mapping.Condition{Test: mapping.In, Values: []mapping.Literal{{mapping.FromBoolean, "True"}}})},
		{"literal that is no UTF-8", "a value of where, a key, a format", where(mapping.Condition{Test: mapping.In, Values: []mapping.Literal{{mapping.FromString, "\xff"}}})},
		{"where of other rows", "where: path $.other[*] does not follow explode", where(mapping.Condition{Path: mapping.Path{{Kind: mapping.Name, Name: "other"}, {Kind: mapping.Wildcard}}, Test: mapping.IsNull})},
		{"condition twice", "a condition is listed twice", where(mapping.Condition{Test: mapping.IsNull}, mapping.Condition{Test: mapping.IsNull})},
		{"pii", "pii", func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.PII = "E-Mail" }},
	} {
		m := byHand()
		c.change(m, &m.Tables[0], &m.Tables[0].Columns[0])
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		} else if strings.Contains(err.Error(), "line ") || strings.Contains(err.Error(), "mapping:0") {
			t.Errorf("%s: the error names a line of no file: %v", c.name, err)
		}
	}
	if err := (*mapping.Mapping)(nil).Validate(); err == nil {
		t.Error("a nil mapping is valid")
	}
	if err := new(mapping.Mapping).Validate(); err == nil {
		t.Error("a zero mapping is valid")
	}
}

// A mapping from a file that a program has changed is checked again.
func TestValidateChanged(t *testing.T) {
	m, err := mapping.Preset(mapping.DefaultPreset)
	if err != nil {
		t.Fatal(err)
	}
	m.Tables[0].Columns[0].From = 0
	if err := m.Validate(); err == nil {
		t.Error("a column that takes nothing is valid")
	}
}
