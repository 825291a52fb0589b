package mapping_test

import (
	"strings"
	"testing"

	"sluice/mapping"
)

// Of the types that can have a bloom filter, only integers can be declared with
// another width without any other error.
func TestWidthCautions(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte(`
table: t
columns:
  - {name: a, path: $.a, type: int32, bloom: true}
  - {name: b, path: $.b, type: int64, bloom: true}
  - {name: c, path: $.c, type: int32}
  - {name: d, path: $.d, type: string, bloom: true}
  - {name: e, path: $.e, type: "decimal(9,2)", bloom: true}
  - {name: f, path: $.f, type: date, bloom: true}
  - {name: g, path: $.g, type: timestamp, bloom: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	got := m.WidthCautions()
	for i, want := range []string{"column a: bloom on int32: if the table declares the column as bigint", "column b: bloom on int64: if the table declares the column as int,"} {
		if len(got) != 2 || !strings.Contains(got[i], want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	for _, name := range mapping.Presets() {
		m, err := mapping.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := append(m.Cautions(), m.WidthCautions()...); len(got) > 0 {
			t.Errorf("preset %s: %q", name, got)
		}
	}
}

// The hash of an empty text would join all rows without one.
func TestCautionsOfHashes(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte(`
table: t
columns:
  - {name: a, path: $.a, type: string, hash: sha256}
  - {name: b, path: $.b, type: string, hash: hmac, null_values: ["-"]}
  - {name: c, path: $.c, type: string, hash: sha256, null_values: [""]}
  - {name: d, path: $.d, type: string, hash: sha256_match}
  - {name: e, path: $.e, type: string, hash: sha256, required: true}
  - {name: f, path: $.f, type: string, hash: sha256, from: [integer]}
`))
	if err != nil {
		t.Fatal(err)
	}
	got := m.Cautions()
	for i, want := range []string{"column a: hash: sha256: \"\" has a hash, too", "column b: hash: hmac: "} {
		if len(got) != 2 || !strings.Contains(got[i], want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
}

// What is sure: no row, or amounts and texts that surely do not fit or match.
func TestCautions(t *testing.T) {
	const lines = "table: t\nexplode: $.l[*]\ncolumns: [{name: a, path: $.a, type: string}]\n"
	const levels = "table: t\nexplode: $.l[*].m[*]\ncolumns: [{name: a, path: $.a, type: string}]\n"
	column := func(rest string) string { return "table: t\ncolumns: [{name: a, path: $.a, " + rest + "}]\n" }
	where := func(conditions ...string) string {
		return lines + "where: [" + strings.Join(conditions, ", ") + "]\n"
	}
	for _, c := range []struct {
		mapping string
		want    string // empty: no caution
	}{
		{where(`{path: $.a, equals: a}`, `{path: $.a, not_equals: a}`), "where: no value at $.a fulfils"},
		{where(`{path: $.a, equals: a}`, `{path: $.a, not_equals: b}`), ""},
		{where(`{path: $.a, equals: a}`, `{path: $.b, not_equals: a}`), ""},
		{where(`{path: $.a, is: "null"}`, `{path: $.a, equals: a}`), "where: no value at $.a fulfils"},
		{where(`{path: $.a, is: null}`, `{path: "$['a']", is: not_null}`), "where: no value at $.a fulfils"},
		{where(`{path: $.a, is: null}`, `{path: $.a, not_in: [a, b]}`), ""},
		{where(`{path: $.a, is: not_null}`, `{path: $.a, not_in: [a, b]}`), ""},
		{where(`{path: $.a, is: not_null}`, `{path: $.a, equals: a}`), ""},
		{where(`{path: $.a, in: [a, b]}`, `{path: $.a, in: [c, d]}`), "where: no value at $.a fulfils"},
		{where(`{path: $.a, in: [a, b]}`, `{path: $.a, in: [c, b]}`), ""},
		{where(`{path: $.a, in: [a, b]}`, `{path: $.a, in: [c, b]}`, `{path: $.a, not_equals: b}`), "where: no value at $.a fulfils"},
		{where(`{path: $.a, equals: 7}`, `{path: $.a, not_equals: 70e-1}`), "where: no value at $.a fulfils"},
		{where(`{path: $.a, equals: -0.0}`, `{path: $.a, in: [0e5, 1]}`), ""},
		{where(`{path: $.a, equals: 7}`, `{path: $.a, not_equals: "7"}`), ""},
		{where(`{path: $.a, equals: 7}`, `{path: $.a, equals: -7}`), "where: no value at $.a fulfils"},
		{where(`{path: $.a, equals: 1e99999999999999999999}`, `{path: $.a, not_equals: 10e99999999999999999998}`), ""},
		{where(`{path: $.a, equals: true}`, `{path: $.a, equals: "true"}`), "where: no value at $.a fulfils"},

		{where(`{path: "$.l[*].k", equals: a}`) + "when_empty: keep\n", "when_empty: keep keeps no row: it would have no value at $.l[*].k"},
		{where(`{path: "$.l[*]", is: not_null}`) + "when_empty: keep\n", "when_empty: keep keeps no row"},
		{where(`{path: "$.l[*].k", not_equals: a}`) + "when_empty: keep\n", ""},
		{where(`{path: "$.l[*].k", is: null}`) + "when_empty: keep\n", ""},
		{where(`{path: $.a, equals: a}`) + "when_empty: keep\n", ""},
		{where(`{path: "$.l[*].k", equals: a}`) + "when_empty: skip\n", ""},
		{levels + "where: [{path: \"$.l[*].k\", equals: a}]\nwhen_empty: keep\n", ""}, // an element without $.m may have it
		{levels + "where: [{path: \"$.l[*].m[*].k\", equals: a}]\nwhen_empty: keep\n", "when_empty: keep keeps no row"},

		{column(`type: "decimal(18,2)", minor_units: 3`), "minor_units: amounts may have 3 digits after the point, and decimal(18,2) holds 2: all that are no multiple of 10 units"},
		{column(`type: "decimal(18,3)", minor_units: 3`), ""},
		{column(`type: "decimal(18,4)", minor_units: {currency: $.c}`), ""},
		{column(`type: "decimal(18,2)", minor_units: {currency: $.c, except: {ISK: 2, XYZ: 4}}`), "minor_units: amounts may have 4 digits"},

		{column("type: string, mask: domain"), "mask: domain: blanks after an address stay"},
		{column("type: string, mask: domain, transform: [lower]"), "mask: domain: blanks"},
		{column("type: string, mask: domain, transform: [lower, trim]"), ""},
		{column("type: string, mask: domain, from: [integer]"), ""},
	} {
		m, err := mapping.Parse("m.yaml", []byte(c.mapping))
		if err != nil {
			t.Fatalf("%s%v", c.mapping, err)
		}
		got := m.Cautions()
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s%q, want %q", c.mapping, got, c.want)
		}
	}
}
