package iceberg

import (
	"encoding/json"
	"slices"
)

// NameMapping is the property that says which names of columns in files without field
// IDs belong to which columns of the table: Spec, Column Projection.
const NameMapping = "schema.name-mapping.default"

// Properties are what a table of ours has from the start, for those who write to it
// beside us: https://iceberg.apache.org/docs/latest/configuration/. codec is the codec
// of Parquet pages, in Iceberg's words: zstd, snappy, gzip, uncompressed. Of the columns
// in whole, engines that write files again keep whole bounds, instead of cutting them
// to 16 characters.
//
// commit.retry.num-retries stays as it is. It concerns others only, and their compaction
// of a busy table would never get through if it gave up at its first conflict.
func Properties(s *Schema, codec string, whole ...string) map[string]string {
	p := map[string]string{NameMapping: s.NameMapping(), "write.parquet.compression-codec": codec}
	for _, column := range whole {
		if s.Field(column) != nil { // engines refuse a table that names one it does not have
			p["write.metadata.metrics.column."+column] = "full"
		}
	}
	return p
}

// mappedName is a column of a name mapping: Spec, Name Mapping Serialization.
type mappedName struct {
	ID     int          `json:"field-id"`
	Names  []string     `json:"names"`
	Fields []mappedName `json:"fields,omitempty"`
}

// NameMapping is the value of the property [NameMapping] for the columns of a schema.
// It has no columns within structs and maps, which only others add.
func (s *Schema) NameMapping() string {
	names := make([]mappedName, len(s.Fields))
	for i, f := range s.Fields {
		names[i] = mappedName{f.ID, []string{f.Name}, elementName(f.Type)}
	}
	text, _ := json.Marshal(names) // numbers and texts
	return string(text)
}

// NameMappingOf is the value of the property [NameMapping] once s is the current schema,
// and whether the table has the property. Names that others gave to columns stay.
func (m *Metadata) NameMappingOf(s *Schema) (value string, ok bool) {
	was, ok := m.Properties[NameMapping]
	if !ok {
		return "", false
	}
	var there []json.RawMessage
	var names []mappedName
	if json.Unmarshal([]byte(was), &there) != nil || json.Unmarshal([]byte(was), &names) != nil {
		return s.NameMapping(), true
	}
	for _, f := range s.Fields {
		if !slices.ContainsFunc(names, func(n mappedName) bool { return n.ID == f.ID }) {
			text, _ := json.Marshal(mappedName{f.ID, []string{f.Name}, elementName(f.Type)}) // numbers and texts
			there = append(there, text)
		}
	}
	text, err := json.Marshal(there)
	return string(text), err == nil
}

func elementName(t Type) []mappedName {
	if t.List == nil {
		return nil
	}
	return []mappedName{{t.List.ElementID, []string{"element"}, elementName(t.List.Element)}}
}
