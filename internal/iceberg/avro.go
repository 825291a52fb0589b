package iceberg

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"sluice/schema"
)

// Avro schemas of manifests and their lists: Spec, Manifests and Manifest Lists,
// with the types of appendix A.

// avroField is a field of an Avro record. Optional ones are a union with null.
func avroField(id int, name, avroType string, optional bool) string {
	if optional {
		return fmt.Sprintf(`{"name":%q,"type":["null",%s],"default":null,"field-id":%d}`, name, avroType, id)
	}
	return fmt.Sprintf(`{"name":%q,"type":%s,"field-id":%d}`, name, avroType, id)
}

func required(id int, name, avroType string) string { return avroField(id, name, avroType, false) }
func optional(id int, name, avroType string) string { return avroField(id, name, avroType, true) }

func avroRecord(name string, fields ...string) string {
	return fmt.Sprintf(`{"type":"record","name":%q,"fields":[%s]}`, name, strings.Join(fields, ","))
}

func avroList(elementID int, items string) string {
	return fmt.Sprintf(`{"type":"array","items":%s,"element-id":%d}`, items, elementID)
}

// avroMap is a map with keys that are not text: an array of pairs.
func avroMap(keyID, valueID int, value string) string {
	pair := avroRecord(fmt.Sprintf("k%d_v%d", keyID, valueID), required(keyID, "key", `"int"`), required(valueID, "value", value))
	return fmt.Sprintf(`{"type":"array","logicalType":"map","items":%s}`, pair)
}

// entrySchema is the Avro schema of a manifest's entries. It depends on the types of
// the partition's values.
func entrySchema(fields []partitionType) string {
	partition := make([]string, len(fields))
	for i, f := range fields {
		partition[i] = optional(f.id, avroName(f.name), f.avro())
	}
	return strings.Replace(noPartitionSchema, noPartition, avroRecord("r102", partition...), 1)
}

// The schema of entries of a table that is not partitioned.
var (
	noPartition       = avroRecord("r102")
	noPartitionSchema = avroRecord("manifest_entry",
		required(0, "status", `"int"`),
		optional(1, "snapshot_id", `"long"`),
		optional(3, "sequence_number", `"long"`),
		optional(4, "file_sequence_number", `"long"`),
		required(2, "data_file", avroRecord("r2",
			required(134, "content", `"int"`),
			required(100, "file_path", `"string"`),
			required(101, "file_format", `"string"`),
			required(102, "partition", noPartition),
			required(103, "record_count", `"long"`),
			required(104, "file_size_in_bytes", `"long"`),
			optional(108, "column_sizes", avroMap(117, 118, `"long"`)),
			optional(109, "value_counts", avroMap(119, 120, `"long"`)),
			optional(110, "null_value_counts", avroMap(121, 122, `"long"`)),
			optional(137, "nan_value_counts", avroMap(138, 139, `"long"`)),
			optional(125, "lower_bounds", avroMap(126, 127, `"bytes"`)),
			optional(128, "upper_bounds", avroMap(129, 130, `"bytes"`)),
			optional(131, "key_metadata", `"bytes"`),
			optional(132, "split_offsets", avroList(133, `"long"`)),
			optional(135, "equality_ids", avroList(136, `"int"`)),
			optional(140, "sort_order_id", `"int"`),
			optional(143, "referenced_data_file", `"string"`))))
)

var listSchema = avroRecord("manifest_file",
	required(500, "manifest_path", `"string"`),
	required(501, "manifest_length", `"long"`),
	required(502, "partition_spec_id", `"int"`),
	required(517, "content", `"int"`),
	required(515, "sequence_number", `"long"`),
	required(516, "min_sequence_number", `"long"`),
	required(503, "added_snapshot_id", `"long"`),
	required(504, "added_files_count", `"int"`),
	required(505, "existing_files_count", `"int"`),
	required(506, "deleted_files_count", `"int"`),
	required(512, "added_rows_count", `"long"`),
	required(513, "existing_rows_count", `"long"`),
	required(514, "deleted_rows_count", `"long"`),
	optional(507, "partitions", avroList(508, avroRecord("r508",
		required(509, "contains_null", `"boolean"`),
		optional(518, "contains_nan", `"boolean"`),
		optional(510, "lower_bound", `"bytes"`),
		optional(511, "upper_bound", `"bytes"`)))),
	optional(519, "key_metadata", `"bytes"`))

// partitionType is a field of a partition, with the type of its values.
type partitionType struct {
	id   int
	name string
	Type
}

// avro is the Avro type of values: Spec, appendix A.
func (p partitionType) avro() string {
	if precision, scale, ok := p.Decimal(); ok {
		return fmt.Sprintf(`{"type":"fixed","name":"decimal_%d_%d_%d","size":%d,"logicalType":"decimal","precision":%d,"scale":%d}`,
			p.id, precision, scale, schema.DecimalBytes(precision), precision, scale)
	}
	switch p.Primitive {
	case Date:
		return `{"type":"int","logicalType":"date"}`
	case Timestamp:
		return `{"type":"long","logicalType":"timestamp-micros","adjust-to-utc":true}`
	case "timestamp":
		return `{"type":"long","logicalType":"timestamp-micros","adjust-to-utc":false}`
	}
	return strconv.Quote(p.Primitive)
}

// avroName makes a name one that Avro takes, in the way of the reference
// implementation (AvroSchemaUtil.makeCompatibleName).
func avroName(name string) string {
	var b strings.Builder
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		digit := r >= '0' && r <= '9'
		switch {
		case letter || digit && i > 0:
			b.WriteRune(r)
		case digit:
			b.WriteString("_" + string(r))
		default:
			fmt.Fprintf(&b, "_x%X", r)
		}
	}
	return b.String()
}

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // of our own types
	}
	return string(b)
}
