package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"sluice/schema"
)

// canonicalVersion changes when the same mapping text comes to mean a different
// output.
const canonicalVersion = "# sluice mapping 1\n"

// Hash identifies the meaning of the mapping: the SHA-256, in lower case hex,
// of [Mapping.Canonical] and, if a column has the hash [HMAC], of a fingerprint
// of the key. Comments, the order of keys, and whether a default is
// spelled out do not change it; anything that changes an output does.
func (m *Mapping) Hash() string {
	return digest(m.Canonical() + m.keyLine())
}

func digest(canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return hex.EncodeToString(sum[:])
}

// Canonical is the mapping in its one normal form: a mapping file with the
// line "# sluice mapping 1", every default spelled out, a fixed order of keys
// and JSON types, paths as [Path.String] writes them, sizes in bytes, and the
// tables as a list. The order of records, tables and columns is kept, as it
// decides the output.
func (m *Mapping) Canonical() string {
	b := append(make([]byte, 0, 4<<10), canonicalVersion+"records: ["...)
	for i, p := range m.Records {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendQuote(b, p.String())
	}
	b = append(b, "]\n"...)
	if m.NoRecords != NoRecordsRejected { // hashes older than this key must stay the same
		b = fmt.Appendf(b, "no_records: %s\n", m.NoRecords)
	}
	b = appendKey(b, m.Key)
	if m.Envelope != NoEnvelope {
		b = fmt.Appendf(b, "envelope: %s\n", m.Envelope)
	}
	b = fmt.Appendf(b, "unknown_fields: %s\n", m.UnknownFields)
	if m.OnDrift != DriftReported {
		b = fmt.Appendf(b, "on_drift: %s\n", m.OnDrift)
	}
	b = appendPaths(b, "drop", m.Drop)
	b = fmt.Appendf(appendPaths(b, "parse_json", m.ParseJSON), "provenance: %t\n", m.Provenance)
	b = append(m.Limits.appendCanonical(b), "tables:\n"...)
	for _, t := range m.Tables {
		b = fmt.Appendf(b, "  - table: %q\n", t.Name)
		switch {
		case len(t.Zip) > 0:
			b = fmt.Appendf(t.appendZip(b), "    when_empty: %s\n", t.WhenEmpty)
		case len(t.Explode) > 0:
			b = fmt.Appendf(b, "    explode: %q\n    when_empty: %s\n", t.Explode.String(), t.WhenEmpty)
		}
		b = append(t.appendWhere(b), "    columns:\n"...)
		for i := range t.Columns {
			b = t.Columns[i].appendCanonical(b)
		}
	}
	return string(b)
}

// appendCanonical runs for each column of each object that is converted.
func (c *Column) appendCanonical(b []byte) []byte {
	b = strconv.AppendQuote(append(b, "      - {name: "...), c.Name)
	b = c.appendSource(b)
	b = strconv.AppendQuote(append(b, ", type: "...), c.Type.String())
	if c.Type.Kind != schema.JSON && c.Const == nil && !c.Empty && c.Key == "" {
		b = append(append(append(b, ", from: ["...), c.From.String()...), ']')
	}
	b = strconv.AppendBool(append(b, ", required: "...), c.Required)
	b = strconv.AppendBool(append(b, ", bloom: "...), c.Bloom)
	if c.Unit != NoUnit {
		b = append(append(b, ", unit: "...), c.Unit.String()...)
	}
	b = c.Times.appendCanonical(b)
	b = c.MinorUnits.appendCanonical(b)
	if c.PII != "" {
		b = strconv.AppendQuote(append(b, ", pii: "...), c.PII)
	}
	b = c.appendNumbers(c.appendTexts(b))
	if c.MemberName {
		b = append(b, ", member_name: true"...)
	}
	return append(c.appendOnError(b), "}\n"...)
}
