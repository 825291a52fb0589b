package iceberg

import (
	"cmp"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"sluice/schema"
)

// ManifestContent says what the files of a manifest have.
type ManifestContent int32

const (
	DataManifest   ManifestContent = iota
	DeleteManifest                 // position and equality deletes
)

func (c ManifestContent) String() string {
	if c == DataManifest {
		return "data"
	}
	return "deletes"
}

// Manifest is a line of a snapshot's manifest list: a file with entries, and what is
// known of them.
type Manifest struct {
	Path          string          `avro:"manifest_path"`
	Bytes         int64           `avro:"manifest_length"`
	SpecID        int32           `avro:"partition_spec_id"`
	Content       ManifestContent `avro:"content"`
	Sequence      int64           `avro:"sequence_number"`
	MinSequence   int64           `avro:"min_sequence_number"` // of the live files
	AddedBy       int64           `avro:"added_snapshot_id"`
	AddedFiles    int32           `avro:"added_files_count"`
	ExistingFiles int32           `avro:"existing_files_count"`
	DeletedFiles  int32           `avro:"deleted_files_count"`
	AddedRows     int64           `avro:"added_rows_count"`
	ExistingRows  int64           `avro:"existing_rows_count"`
	DeletedRows   int64           `avro:"deleted_rows_count"`
	// Partitions are never nil in what is written: readers that are strict (Redshift
	// Spectrum) refuse a null.
	Partitions  []Summary `avro:"partitions"`
	KeyMetadata []byte    `avro:"key_metadata"`
}

// Live is the number of files that are live.
func (m *Manifest) Live() int { return int(m.AddedFiles) + int(m.ExistingFiles) }

// Summary is what a field of the partition has in the files of a manifest.
type Summary struct {
	HasNull bool   `avro:"contains_null"`
	HasNaN  *bool  `avro:"contains_nan"`
	Lower   []byte `avro:"lower_bound"`
	Upper   []byte `avro:"upper_bound"`
}

// writeManifest makes the bytes of a manifest and its line, without path and length.
// snapshot and sequence are those of the snapshot that is being made.
func writeManifest(m *Metadata, specID int32, content ManifestContent, snapshot, sequence int64, entries []Entry) ([]byte, Manifest, error) {
	line := Manifest{SpecID: specID, Content: content, Sequence: sequence, MinSequence: sequence, AddedBy: snapshot, Partitions: []Summary{}}
	spec := m.Spec(int(specID))
	if spec == nil {
		return nil, line, fmt.Errorf("the table has no partition spec %d", specID)
	}
	types, err := m.partitionTypes(spec)
	if err != nil {
		return nil, line, err
	}
	for i := range entries {
		e := &entries[i]
		switch e.Status {
		case Added:
			line.AddedFiles++
			line.AddedRows += e.File.Rows
			// Both are those of the snapshot, which a repeated commit may change.
			e.Sequence, e.FileSequence = nil, nil
		case Existing:
			line.ExistingFiles++
			line.ExistingRows += e.File.Rows
		case Deleted:
			line.DeletedFiles++
			line.DeletedRows += e.File.Rows
		}
		if e.Status == Existing {
			line.MinSequence = min(line.MinSequence, *e.Sequence)
		}
	}
	for i := range entries {
		// A file may have been written before the column of its partition was promoted.
		if entries[i].File.Partition, err = valuesOf(types, entries[i].File.Partition, func(t partitionType) string { return t.name }); err != nil {
			return nil, line, err
		}
	}
	for _, t := range types {
		line.Partitions = append(line.Partitions, summarize(t, entries))
	}
	rows, err := avroEntries(types, entries)
	if err != nil {
		return nil, line, err
	}
	current := m.CurrentSchema()
	file, err := writeRows(entrySchema(types), map[string]string{
		"schema": jsonText(current), "schema-id": strconv.Itoa(current.ID),
		"partition-spec": jsonText(nonNil(spec.Fields)), "partition-spec-id": strconv.Itoa(int(specID)),
		"format-version": "2", "content": content.String(),
	}, rows)
	return file, line, err
}

func summarize(t partitionType, entries []Entry) (s Summary) {
	var lower, upper any
	for i := range entries {
		v := entries[i].File.Partition[t.name]
		if v == nil {
			s.HasNull = true
			continue
		}
		if lower == nil || compareValues(v, lower) < 0 {
			lower = v
		}
		if upper == nil || compareValues(v, upper) > 0 {
			upper = v
		}
	}
	no := false
	s.HasNaN = &no
	if lower != nil {
		// The bound of an empty text is there, and empty: without a lower bound, readers
		// take all values for NULL.
		s.Lower, s.Upper = AppendValue([]byte{}, lower), AppendValue([]byte{}, upper)
	}
	return s
}

// avroEntries are entries with partitions as the Avro schema has them.
func avroEntries(types []partitionType, entries []Entry) ([]Entry, error) {
	written := make([]Entry, len(entries))
	for i, e := range entries {
		partition := make(map[string]any, len(types))
		for _, t := range types {
			v := e.File.Partition[t.name]
			if precision, _, ok := t.Decimal(); ok && v != nil {
				b, size := v.([]byte), schema.DecimalBytes(precision)
				if len(b) > size { // truncate may give more digits than its column has
					return nil, fmt.Errorf("partition field %q has a value of %d bytes, and %s has %d", t.name, len(b), t.Primitive, size)
				}
				v = fill(b, size)
			}
			partition[avroName(t.name)] = v
		}
		e.File.Partition = partition
		written[i] = e
	}
	return written, nil
}

// fill is a two's complement of size bytes.
func fill(b []byte, size int) []byte {
	full := make([]byte, size)
	if len(b) > 0 && b[0] >= 0x80 {
		for i := range full {
			full[i] = 0xff
		}
	}
	copy(full[size-len(b):], b)
	return full
}

// readManifest calls fn with each live entry of a manifest, with all that it
// inherits.
func readManifest(m *Metadata, line *Manifest, file []byte, fn func(*Entry) error) error {
	spec := m.Spec(int(line.SpecID))
	if spec == nil {
		return fmt.Errorf("the table has no partition spec %d", line.SpecID)
	}
	types, err := m.partitionTypes(spec)
	if err != nil {
		return err
	}
	return readRows(file, func(e *Entry) error {
		if e.Status == Deleted {
			return nil
		}
		if e.Status == Added {
			e.Sequence, e.FileSequence = cmp.Or(e.Sequence, &line.Sequence), cmp.Or(e.FileSequence, &line.Sequence)
		}
		e.SnapshotID = cmp.Or(e.SnapshotID, &line.AddedBy)
		if e.Sequence == nil {
			return fmt.Errorf("an existing file has no sequence number")
		}
		e.File.Partition, err = valuesOf(types, e.File.Partition, func(t partitionType) string { return avroName(t.name) })
		if err != nil {
			return err
		}
		return fn(e)
	})
}

// valuesOf are the values of a partition in our form, by the names of the fields; they
// stand in partition by the names that as gives.
func valuesOf(types []partitionType, partition map[string]any, as func(partitionType) string) (map[string]any, error) {
	values := make(map[string]any, len(types))
	for _, t := range types {
		v, err := t.value(partition[as(t)])
		if err != nil {
			return nil, err
		}
		values[t.name] = v
	}
	return values, nil
}

// value is a value as the Avro library has read it, or as a file has it whose column has
// been promoted since, in our form.
func (p partitionType) value(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, float64, string:
		return v, nil
	case float32:
		return float64(v), nil
	case int32:
		if p.Primitive == Long || p.Primitive == Timestamp || p.Primitive == "timestamp" {
			return int64(v), nil
		}
		return v, nil
	case int64:
		return v, nil
	case []byte:
		return Minimal(v), nil
	case time.Time:
		if p.Primitive == Date {
			return int32(floor(v.Unix(), 86400) / 86400), nil
		}
		return v.UnixMicro(), nil
	case *big.Rat:
		_, scale, _ := p.Decimal()
		n := new(big.Rat).Mul(v, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
		if n.IsInt() {
			return unsigned(n.Num()), nil
		}
	}
	return nil, fmt.Errorf("partition field %q has a value of the type %T, and not %s", p.name, v, p.Primitive)
}

// writeList makes the bytes of a manifest list.
func writeList(snapshot, sequence int64, parent *int64, lines []Manifest) ([]byte, error) {
	header := map[string]string{
		"snapshot-id": strconv.FormatInt(snapshot, 10), "parent-snapshot-id": "null",
		"sequence-number": strconv.FormatInt(sequence, 10), "format-version": "2",
	}
	if parent != nil {
		header["parent-snapshot-id"] = strconv.FormatInt(*parent, 10)
	}
	for i := range lines {
		if lines[i].Partitions == nil {
			lines[i].Partitions = []Summary{}
		}
	}
	return writeRows(listSchema, header, lines)
}

// oldCounts are names that counts had before version 2 of the format got those of
// [Manifest]; some writers still have them.
type oldCounts struct {
	Manifest
	Added    int32 `avro:"added_data_files_count"`
	Existing int32 `avro:"existing_data_files_count"`
	Deleted  int32 `avro:"deleted_data_files_count"`
}

// readList reads a manifest list.
func readList(file []byte) ([]Manifest, error) {
	var lines []Manifest
	err := readRows(file, func(l *oldCounts) error {
		m := l.Manifest
		m.AddedFiles, m.ExistingFiles, m.DeletedFiles = cmp.Or(m.AddedFiles, l.Added), cmp.Or(m.ExistingFiles, l.Existing), cmp.Or(m.DeletedFiles, l.Deleted)
		lines = append(lines, m)
		return nil
	})
	return lines, err
}
