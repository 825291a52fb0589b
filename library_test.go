package sluice_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice"
	"sluice/mapping"
	"sluice/schema"
)

// What Convert cannot work with is an error that says so, never a panic.
func TestConvertArguments(t *testing.T) {
	orders, err := mapping.Preset("orders")
	if err != nil {
		t.Fatal(err)
	}
	two := *orders
	two.Tables = append(two.Tables[:1:1], two.Tables[0])
	two.Tables[1].Name = "other"
	for _, c := range []struct {
		name, want string
		ctx        context.Context
		dst        io.Writer
		m          *mapping.Mapping
		opts       *sluice.Options
	}{
		{"nil mapping", "mapping is nil", t.Context(), io.Discard, nil, nil},
		{"zero mapping", "it has no tables", t.Context(), io.Discard, &mapping.Mapping{}, nil},
		{"nil context", "the context is nil", nil, io.Discard, orders, nil},
		{"nil writer", "dst is nil", t.Context(), nil, orders, nil},
		{"nil writer of a table", "Options.Table gave no writer", t.Context(), nil, orders, &sluice.Options{
			Table: func(string) (io.Writer, error) { return nil, nil },
		}},
		{"two tables", "the mapping has 2 tables: set Options.Table", t.Context(), io.Discard, &two, nil},
		{"codec", `unknown codec "lz4"`, t.Context(), io.Discard, orders, &sluice.Options{Codec: "lz4"}},
		{"threads", "must not be negative", t.Context(), io.Discard, orders, &sluice.Options{Threads: -1}},
		{"size", "must not be negative", t.Context(), io.Discard, orders, &sluice.Options{Size: -1}},
		{"records", "must not be negative", t.Context(), io.Discard, orders, &sluice.Options{MaxRecords: -1}},
		{"quarantine", "Options.Quarantine is nil", t.Context(), io.Discard, orders, nil},
		{"no file", "invalid argument", t.Context(), io.Discard, orders, nil},
	} {
		var src io.Reader = strings.NewReader(`{"order_id": 1}`)
		if c.name == "no file" {
			src = (*os.File)(nil)
		}
		stats, err := sluice.Convert(c.ctx, c.dst, src, c.m, c.opts)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		stats.Add(sluice.Stats{}) // whatever came, it can be added to
	}
	if _, err := sluice.Convert(t.Context(), io.Discard, nil, orders, nil); err != nil {
		t.Errorf("no input and no options: %v", err)
	}
	var zero sluice.Stats
	zero.Add(zero)
	if zero.Reasons == nil || zero.Sums == nil {
		t.Error("Add leaves no maps")
	}
	if text := (&sluice.RejectError{}).Error(); text == "" {
		t.Error("a zero RejectError says nothing")
	}
}

// Convert takes each codec that is listed, and all differ; the first is that of
// no Options.
func TestCodecs(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte("table: t\ncolumns: [{name: id, path: $.id, type: string}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, word := range append([]string{""}, sluice.Codecs()...) {
		var file strings.Builder
		if _, err := sluice.Convert(t.Context(), &file, strings.NewReader(`{"id":"aaaaaaaaaaaaaaaa"}`), m, &sluice.Options{Codec: sluice.Codec(word)}); err != nil {
			t.Error(err)
		}
		files = append(files, file.String())
	}
	if files[0] != files[1] {
		t.Error("the first codec is not that of no Options")
	}
	slices.Sort(files)
	if n := len(slices.Compact(files)); n != len(sluice.Codecs()) {
		t.Errorf("%d codecs give %d files", len(sluice.Codecs()), n)
	}
}

// What a caller adds to the footer stands beside sluice's own, never in its place.
func TestMetadata(t *testing.T) {
	orders, err := mapping.Preset("orders")
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	_, err = sluice.Convert(t.Context(), &file, nil, orders, &sluice.Options{Metadata: func(string) map[string]string {
		return map[string]string{"added": "1", "sluice.table": "theirs"}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{"sluice.table": 1, "theirs": 0, "added": 1} {
		if got := bytes.Count(file.Bytes(), []byte(text)); got != want {
			t.Errorf("the file has %q %d times, want %d", text, got, want)
		}
	}
}

// However a program builds a mapping: Convert refuses it, or works with it.
func TestConvertBuiltMapping(t *testing.T) {
	// odd draws what is good most of the time, else anything.
	odd := func(t *rapid.T, field string, good uint8, most uint8) uint8 {
		// Not 0, which is drawn more often than others.
		if rapid.IntRange(0, 63).Draw(t, field+" is odd") != 37 {
			return good
		}
		return rapid.Uint8Range(0, most).Draw(t, field)
	}
	from := map[schema.Kind]mapping.From{
		schema.String: mapping.FromString, schema.Boolean: mapping.FromString | mapping.FromBoolean,
		schema.Date: mapping.FromString, schema.Timestamp: mapping.FromString,
		schema.JSON: mapping.FromString | mapping.FromInteger | mapping.FromNumber | mapping.FromBoolean,
	}
	a, lines, each := mapping.Segment{Kind: mapping.Name, Name: "a"}, mapping.Segment{Kind: mapping.Name, Name: "lines"}, mapping.Segment{Kind: mapping.Wildcard}
	paths := []mapping.Path{{a}, {lines, each, a}, {lines, each}, {lines, {Kind: mapping.Index, Index: -1}, a}, nil}
	column := rapid.Custom(func(t *rapid.T) mapping.Column {
		c := mapping.Column{Path: slices.Clone(rapid.SampledFrom(paths).Draw(t, "path"))}
		for i := range c.Path {
			s := &c.Path[i]
			s.Kind = mapping.SegmentKind(odd(t, "kind of segment", uint8(s.Kind), 4))
			s.Index += int(odd(t, "index", 0, 2))
			s.Name += []string{"", "x", "\xff", "'"}[odd(t, "name of segment", 0, 3)]
		}
		c.Name = rapid.StringMatching(`[a-z]{3}`).Draw(t, "name") + []string{"", "A", "_"}[odd(t, "letter", 0, 2)]
		kind := schema.Kind(rapid.Uint8Range(1, uint8(schema.JSON)).Draw(t, "good type"))
		c.Type.Kind = schema.Kind(odd(t, "type", uint8(kind), 11))
		if kind == schema.Decimal {
			c.Type.Precision, c.Type.Scale = 5, 2
		}
		c.Type.Precision += int(odd(t, "precision", 0, 40))
		c.Type.Scale -= int(odd(t, "scale", 0, 3))
		good := from[kind]
		if good == 0 {
			good = mapping.FromString | mapping.FromInteger | mapping.FromNumber
		}
		c.From = mapping.From(odd(t, "from", uint8(good), 255))
		c.Unit = mapping.Unit(odd(t, "unit", 0, 4))
		c.Required, c.Bloom = rapid.Bool().Draw(t, "required"), odd(t, "bloom", 0, 1) == 1
		return c
	})
	valid, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		all++
		m := &mapping.Mapping{
			Records:       rapid.SampledFrom([][]mapping.Path{{nil}, {{each}, nil}, {{each}}, {{each}, nil}, nil}).Draw(t, "records"),
			UnknownFields: mapping.UnknownFields(odd(t, "unknown", rapid.Uint8Range(0, 2).Draw(t, "good unknown"), 3)),
			Provenance:    rapid.Bool().Draw(t, "provenance"),
			Limits:        mapping.DefaultLimits,
			Tables: []mapping.Table{{
				Name:      "t",
				Explode:   rapid.SampledFrom([]mapping.Path{{lines, each}, {lines, each}, nil}).Draw(t, "explode"),
				WhenEmpty: mapping.WhenEmpty(odd(t, "empty", 0, 3)),
				Columns:   rapid.SliceOfN(column, 1, 3).Draw(t, "columns"),
			}},
		}
		if err := m.Validate(); err == nil {
			valid++
		}
		m.Limits.QuarantineShare = 1
		var bad bytes.Buffer
		stats, err := sluice.Convert(t.Context(), io.Discard, strings.NewReader(`[{"a":1,"lines":[{"b":"2"},{}]},{"a":"x"}]`), m, &sluice.Options{Quarantine: &bad})
		if (err == nil) != (m.Validate() == nil) {
			t.Fatalf("Validate says %v, Convert %v (%+v)", m.Validate(), err, stats)
		}
	})
	if valid < all/10 {
		t.Errorf("only %d of %d mappings were valid", valid, all)
	}
}
