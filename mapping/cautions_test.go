package mapping_test

import (
	"strings"
	"testing"

	"sluice/mapping"
)

// Of the types that can have a bloom filter, only integers can be declared with
// another width without any other error.
func TestCautions(t *testing.T) {
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
	got := m.Cautions()
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
		if got := m.Cautions(); len(got) > 0 {
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
