package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"sluice/schema"
)

// canonicalVersion changes when the same mapping text begins to mean another output.
const canonicalVersion = "# sluice mapping 1\n"

// Hash identifies the meaning of the mapping: the SHA-256, in lower case hex,
// of [Mapping.Canonical]. Comments, the order of keys, and whether a default
// is spelled out do not change it; what changes an output does.
func (m *Mapping) Hash() string {
	return hash(m.Canonical())
}

func hash(canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return hex.EncodeToString(sum[:])
}

// Canonical is the mapping in its one normal form: a mapping file with the
// line "# sluice mapping 1", every default spelled out, a fixed order of keys
// and JSON types, paths as [Path.String] writes them, sizes in bytes, and the
// tables as a list. The order of records, tables and columns is kept, as it
// decides the output.
func (m *Mapping) Canonical() string {
	var b strings.Builder
	b.WriteString(canonicalVersion + "records: [")
	for i, p := range m.Records {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(p.String()))
	}
	b.WriteString("]\n")
	if m.NoRecords != NoRecordsRejected { // older than this key are hashes that must stay
		fmt.Fprintf(&b, "no_records: %s\n", m.NoRecords)
	}
	fmt.Fprintf(&b, "unknown_fields: %s\nprovenance: %t\n", m.UnknownFields, m.Provenance)
	l := m.Limits
	fmt.Fprintf(&b, "limits: {record_bytes: %d, field_bytes: %d, record_rows: %d, depth: %d, decompressed_bytes: %d, decompression_ratio: %d, quarantine_share: %s, quarantine_bytes: %d}\ntables:\n",
		l.RecordBytes, l.FieldBytes, l.RecordRows, l.Depth, l.DecompressedBytes, l.DecompressionRatio, strconv.FormatFloat(l.QuarantineShare, 'f', -1, 64), l.QuarantineBytes)
	for _, t := range m.Tables {
		fmt.Fprintf(&b, "  - table: %q\n", t.Name)
		if len(t.Explode) > 0 {
			fmt.Fprintf(&b, "    explode: %q\n    when_empty: %s\n", t.Explode.String(), t.WhenEmpty)
		}
		b.WriteString("    columns:\n")
		for i := range t.Columns {
			t.Columns[i].canonical(&b)
		}
	}
	return b.String()
}

func (c *Column) canonical(b *strings.Builder) {
	fmt.Fprintf(b, "      - {name: %q, path: %q, type: %q", c.Name, c.Path.String(), c.Type.String())
	if c.Type.Kind != schema.JSON {
		fmt.Fprintf(b, ", from: [%s]", c.From)
	}
	fmt.Fprintf(b, ", required: %t, bloom: %t", c.Required, c.Bloom)
	if c.Unit != NoUnit {
		fmt.Fprintf(b, ", unit: %s", c.Unit)
	}
	if c.PII != "" {
		fmt.Fprintf(b, ", pii: %q", c.PII)
	}
	b.WriteString("}\n")
}
