package iceberg

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice/schema"
)

// FormatVersion is the version of the format that is written, and the only one that
// is changed.
const FormatVersion = 2

// Main is the branch that readers see.
const Main = "main"

// Metadata is one state of a table: Spec, Table Metadata Fields. It is not changed
// once it is made; [Change.Apply] makes the next one.
type Metadata struct {
	UUID          string
	Location      string // URI of the table's folder, without a slash at its end
	LastSequence  int64
	Updated       time.Time // in milliseconds
	LastColumnID  int
	Schemas       []Schema
	SchemaID      int // of the current one
	Specs         []PartitionSpec
	SpecID        int // of the current one
	LastPartition int // last ID of a partition field
	Properties    map[string]string
	Current       int64 // snapshot of main; -1: none
	Snapshots     []Snapshot
	Log           []LogEntry
	MetadataLog   []MetadataLogEntry
	Refs          map[string]Ref
	rest          members
}

// Snapshot is a state of the table's rows.
type Snapshot struct {
	ID       int64             `json:"snapshot-id"`
	Parent   *int64            `json:"parent-snapshot-id,omitempty"`
	Sequence int64             `json:"sequence-number"`
	Time     int64             `json:"timestamp-ms"`
	List     string            `json:"manifest-list"` // URI
	Summary  map[string]string `json:"summary"`
	SchemaID *int              `json:"schema-id,omitempty"`
	rest     members
}

// LogEntry says when a snapshot became the current one.
type LogEntry struct {
	Time int64 `json:"timestamp-ms"`
	ID   int64 `json:"snapshot-id"`
}

// MetadataLogEntry is an earlier metadata file.
type MetadataLogEntry struct {
	Time int64  `json:"timestamp-ms"`
	File string `json:"metadata-file"`
}

// Ref is a branch or a tag.
type Ref struct {
	ID   int64  `json:"snapshot-id"`
	Type string `json:"type"` // branch or tag
	rest members
}

type metadataJSON struct {
	Format        int                `json:"format-version"`
	UUID          string             `json:"table-uuid"`
	Location      string             `json:"location"`
	LastSequence  int64              `json:"last-sequence-number"`
	Updated       int64              `json:"last-updated-ms"`
	LastColumnID  int                `json:"last-column-id"`
	Schemas       []Schema           `json:"schemas"`
	SchemaID      int                `json:"current-schema-id"`
	Specs         []PartitionSpec    `json:"partition-specs"`
	SpecID        int                `json:"default-spec-id"`
	LastPartition int                `json:"last-partition-id"`
	Properties    map[string]string  `json:"properties"`
	Current       *int64             `json:"current-snapshot-id"`
	Snapshots     []Snapshot         `json:"snapshots"`
	Log           []LogEntry         `json:"snapshot-log"`
	MetadataLog   []MetadataLogEntry `json:"metadata-log"`
	Refs          map[string]Ref     `json:"refs"`
	SortOrders    json.RawMessage    `json:"sort-orders"`
	SortOrder     int                `json:"default-sort-order-id"`
}

var unsorted = json.RawMessage(`[{"order-id":0,"fields":[]}]`)

// New is the metadata of a table without rows.
func New(location string, columns []schema.Column, partition []PartitionField, properties map[string]string, now time.Time) (*Metadata, error) {
	s, last := NewSchema(columns)
	m := &Metadata{
		UUID: NewUUID(), Location: location, Updated: now.Truncate(time.Millisecond), LastColumnID: last, Schemas: []Schema{s},
		Specs: []PartitionSpec{{Fields: partition}}, LastPartition: 999, Properties: maps.Clone(properties), Current: -1,
	}
	for _, f := range partition {
		m.LastPartition = max(m.LastPartition, f.ID)
	}
	_, err := m.partitionTypes(&m.Specs[0])
	return m, err
}

// Parse reads a metadata file.
func Parse(data []byte) (*Metadata, error) {
	var f metadataJSON
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	if f.Format != FormatVersion {
		return nil, fmt.Errorf("the table has format version %d; sluice writes version %d", f.Format, FormatVersion)
	}
	m := &Metadata{
		UUID: f.UUID, Location: f.Location, LastSequence: f.LastSequence, Updated: time.UnixMilli(f.Updated).UTC(), LastColumnID: f.LastColumnID,
		Schemas: f.Schemas, SchemaID: f.SchemaID, Specs: f.Specs, SpecID: f.SpecID, LastPartition: f.LastPartition, Properties: f.Properties,
		Current: -1, Snapshots: f.Snapshots, Log: f.Log, MetadataLog: f.MetadataLog, Refs: f.Refs,
	}
	if f.Current != nil {
		m.Current = *f.Current
	}
	if m.CurrentSchema() == nil {
		return nil, fmt.Errorf("the table has no schema %d, which should be the current one", m.SchemaID)
	}
	if m.Spec(m.SpecID) == nil {
		return nil, fmt.Errorf("the table has no partition spec %d, which should be the current one", m.SpecID)
	}
	if m.Current >= 0 && m.Snapshot(m.Current) == nil {
		return nil, fmt.Errorf("the table has no snapshot %d, which should be the current one", m.Current)
	}
	return m, m.rest.read(data)
}

// mostJSON bounds the metadata files that are written: each commit writes one, and
// each reader reads one.
const mostJSON = 20 << 20

// JSON is the metadata file.
func (m *Metadata) JSON() ([]byte, error) {
	data, err := m.json()
	if len(data) > mostJSON {
		return nil, fmt.Errorf("the metadata file would have %d MB, with %d snapshots, of at most %d MB: let fewer snapshots stay", len(data)>>20, len(m.Snapshots), mostJSON>>20)
	}
	return data, err
}

func (m *Metadata) json() ([]byte, error) {
	f := metadataJSON{
		Format: FormatVersion, UUID: m.UUID, Location: m.Location, LastSequence: m.LastSequence, Updated: m.Updated.UnixMilli(), LastColumnID: m.LastColumnID,
		Schemas: m.Schemas, SchemaID: m.SchemaID, Specs: m.Specs, SpecID: m.SpecID, LastPartition: m.LastPartition, Properties: m.Properties,
		Snapshots: m.Snapshots, Log: m.Log, MetadataLog: m.MetadataLog, Refs: m.Refs, SortOrders: unsorted,
	}
	if m.Current >= 0 {
		f.Current = &m.Current
	}
	if kept, ok := m.rest["sort-orders"]; ok {
		f.SortOrders = kept
		if err := json.Unmarshal(m.rest["default-sort-order-id"], &f.SortOrder); err != nil {
			return nil, fmt.Errorf("default-sort-order-id: %w", err)
		}
	}
	// Some readers refuse a null here.
	f.Properties, f.Refs = orEmpty(f.Properties), orEmpty(f.Refs)
	f.Snapshots, f.Log, f.MetadataLog = nonNil(f.Snapshots), nonNil(f.Log), nonNil(f.MetadataLog)
	return m.rest.with(f)
}

func orEmpty[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

type snapshotJSON Snapshot

// MarshalJSON keeps members that are not known here.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	s.Summary = orEmpty(s.Summary)
	return s.rest.with(snapshotJSON(s))
}

// UnmarshalJSON is the reverse of MarshalJSON.
func (s *Snapshot) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, (*snapshotJSON)(s)); err != nil {
		return err
	}
	return s.rest.read(data)
}

type refJSON Ref

// MarshalJSON keeps members that are not known here: how long its snapshots stay.
func (r Ref) MarshalJSON() ([]byte, error) { return r.rest.with(refJSON(r)) }

// UnmarshalJSON is the reverse of MarshalJSON.
func (r *Ref) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, (*refJSON)(r)); err != nil {
		return err
	}
	return r.rest.read(data)
}

// CurrentSchema is the schema that the next files have.
func (m *Metadata) CurrentSchema() *Schema { return m.Schema(m.SchemaID) }

// Schema is the schema of an ID, or nil.
func (m *Metadata) Schema(id int) *Schema {
	i := slices.IndexFunc(m.Schemas, func(s Schema) bool { return s.ID == id })
	if i < 0 {
		return nil
	}
	return &m.Schemas[i]
}

// Spec is the partition spec of an ID, or nil.
func (m *Metadata) Spec(id int) *PartitionSpec {
	i := slices.IndexFunc(m.Specs, func(s PartitionSpec) bool { return s.ID == id })
	if i < 0 {
		return nil
	}
	return &m.Specs[i]
}

// Snapshot is the snapshot of an ID, or nil.
func (m *Metadata) Snapshot(id int64) *Snapshot {
	i := slices.IndexFunc(m.Snapshots, func(s Snapshot) bool { return s.ID == id })
	if i < 0 {
		return nil
	}
	return &m.Snapshots[i]
}

// Head is the snapshot of main, or nil if the table never had rows.
func (m *Metadata) Head() *Snapshot { return m.Snapshot(m.Current) }

// partitionTypes are the fields of a spec with the types of their values. The
// column of a field may be gone from the current schema.
func (m *Metadata) partitionTypes(spec *PartitionSpec) ([]partitionType, error) {
	types := make([]partitionType, len(spec.Fields))
	for i, f := range spec.Fields {
		source := m.CurrentSchema().FieldByID(f.SourceID)
		for k := 0; source == nil && k < len(m.Schemas); k++ {
			source = m.Schemas[k].FieldByID(f.SourceID)
		}
		if source == nil {
			return nil, fmt.Errorf("partition field %q is made of the column with ID %d, which the table does not have", f.Name, f.SourceID)
		}
		t, err := f.Transform.Result(source.Type)
		if err != nil {
			return nil, fmt.Errorf("partition field %q: %w", f.Name, err)
		}
		types[i] = partitionType{f.ID, f.Name, t}
	}
	return types, nil
}

// NewUUID is a random UUID (RFC 9562, version 4).
func NewUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func newSnapshotID() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:]) >> 1)
}
