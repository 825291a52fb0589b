package mapping_test

import (
	"reflect"
	"testing"

	"sluice/mapping"
)

const plain = `
table: lines
explode: $.items[*]
columns:
  - {name: id, path: $.id, type: string}
  - {name: qty, path: "$.items[*].qty", type: int64}
  - {name: at, path: $.at, type: timestamp}
`

func hash(t *testing.T, text string) string {
	t.Helper()
	m, err := mapping.Parse("m.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m.Hash()
}

// The hash is in ledgers and Parquet metadata: if it changes, every object
// counts as "made with another mapping".
func TestHashIsStable(t *testing.T) {
	const want = "82c64bc66089094eeadeec2426763d37b06af9626a32191ee9b03c622d24fc63"
	if got := hash(t, plain); got != want {
		t.Errorf("hash %s, want %s; if the meaning changed on purpose, raise canonicalVersion", got, want)
	}
}

func TestHashIgnoresSpelling(t *testing.T) {
	for name, text := range map[string]string{
		"order of keys, comments, style": `
# lines of an order
columns:
  - type: string
    path: $.id   # the id
    name: id
  - {type: int64, name: "qty", path: '$["items"][*].qty'}
  - {name: at, path: $.at, type: timestamp}
explode: $.items[*]
table: lines
`,
		"defaults spelled out": plain + `
records: ["$[*]", "$"]
when_empty: quarantine
unknown_fields: count
provenance: false
limits: {record_bytes: 64MiB, field_bytes: 8388608, record_rows: 1048576, depth: 64, decompressed_bytes: 64GiB, decompression_ratio: 500, quarantine_share: 0.50}
`,
		"defaults of texts": `
table: lines
explode: $.items[*]
columns:
  - {name: id, path: $.id, type: string}
  - {name: qty, path: "$.items[*].qty", type: int64, symbol: false}
  - {name: at, path: $.at, type: timestamp}
`,
		"defaults of columns, one table in tables": `
tables:
  - table: lines
    explode: $.items[*]
    columns:
      - {name: id, path: $.id, type: string, from: [string], required: false, bloom: false}
      - {name: qty, path: "$.items[*].qty", type: int64, from: [integer, number, string]}
      - {name: at, path: $.at, type: timestamp, from: [string]}
`,
	} {
		if hash(t, text) != hash(t, plain) {
			t.Errorf("%s: the hash changed", name)
		}
	}
}

// The order of what is dropped decides nothing.
func TestHashOfDrop(t *testing.T) {
	if a, b := hash(t, plain+"drop: [$.a, $.b]"), hash(t, plain+"drop: [$.b, $.a]"); a != b {
		t.Error("another order of drop gives another hash")
	}
}

func TestHashSeesMeaning(t *testing.T) {
	base, err := mapping.Parse("m.yaml", []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{base.Hash(): "nothing"}
	changes := map[string]func(m *mapping.Mapping, t *mapping.Table, c *mapping.Column){
		"records": func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) { m.Records = m.Records[1:] },
		"no records": func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) {
			m.Records, m.NoRecords = m.Records[:1], mapping.NoRecordsAccepted
		},
		"unknown fields": func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) { m.UnknownFields = mapping.Refused },
		"on drift":       func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) { m.OnDrift = mapping.DriftHeld },
		"drop": func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) {
			m.Drop = []mapping.Path{{{Kind: mapping.Name, Name: "note"}}}
		},
		"provenance":       func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) { m.Provenance = true },
		"table":            func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.Name = "other" },
		"explode":          func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.Explode = t.Explode[1:] },
		"when empty":       func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.WhenEmpty = mapping.Skip },
		"order of columns": func(_ *mapping.Mapping, t *mapping.Table, c *mapping.Column) { *c, t.Columns[1] = t.Columns[1], *c },
		"fewer columns":    func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.Columns = t.Columns[1:] },
		"column name":      func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Name = "other" },
		"column path":      func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Path = c.Path[1:] },
		"column type":      func(_ *mapping.Mapping, t *mapping.Table, c *mapping.Column) { c.Type = t.Columns[1].Type },
		"from":             func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.From |= mapping.FromInteger },
		"unit":             func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.Columns[2].Unit = mapping.Seconds },
		"format":           func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.Columns[2].Format = mapping.RFC2822 },
		"zone":             func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.Columns[2].Zone = "Europe/Berlin" },
		"other zone":       func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.Columns[2].Zone = "Europe/Paris" },
		"ambiguous": func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) {
			t.Columns[2].Zone, t.Columns[2].Ambiguous = "Europe/Berlin", mapping.Later
		},
		"truncate": func(_ *mapping.Mapping, t *mapping.Table, _ *mapping.Column) { t.Columns[2].Truncate = true },
		"required": func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Required = true },
		"pii":      func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.PII = "name" },
		"transform": func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) {
			c.Transform = []mapping.Transform{mapping.Trim, mapping.Lower}
		},
		"other transform": func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) {
			c.Transform = []mapping.Transform{mapping.Lower, mapping.Trim}
		},
		"null values":    func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.NullValues = []string{"", "a"} },
		"one null value": func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.NullValues = []string{`", "a`} },
		"hash":           func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Hash = mapping.SHA256 },
		"hash to match":  func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Hash = mapping.SHA256Match },
		"keyed hash":     func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Hash = mapping.HMAC },
		"mask":           func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Mask = mapping.Domain },
		"bloom":          func(_ *mapping.Mapping, _ *mapping.Table, c *mapping.Column) { c.Bloom = true },
	}
	limits := reflect.TypeFor[mapping.Limits]()
	for i := range limits.NumField() {
		changes[limits.Field(i).Name] = func(m *mapping.Mapping, _ *mapping.Table, _ *mapping.Column) {
			if v := reflect.ValueOf(&m.Limits).Elem().Field(i); v.CanInt() {
				v.SetInt(v.Int() + 1)
			} else {
				v.SetFloat(v.Float() / 2)
			}
		}
	}
	for name, change := range changes {
		m, err := mapping.Parse("m.yaml", []byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		change(m, &m.Tables[0], &m.Tables[0].Columns[0])
		if other, ok := seen[m.Hash()]; ok {
			t.Errorf("a change of %s gives the hash of %s", name, other)
		}
		seen[m.Hash()] = name
	}
}
