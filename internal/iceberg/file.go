package iceberg

// Content says what a file has.
type Content int32

const (
	Data            Content = iota // rows
	PositionDeletes                // rows of data files, by their position, that do not count
	EqualityDeletes                // values whose rows do not count; only others write them
)

// DataFile is a file of a table, with what its readers may know without opening it:
// Spec, Manifests, data_file. Lists are nil if they are not known; their keys are
// field IDs. There is no distinct_counts, which is deprecated: pyiceberg 0.12 fails on
// a map that it does not know.
type DataFile struct {
	Content   Content        `avro:"content"`
	Path      string         `avro:"file_path"` // URI
	Format    string         `avro:"file_format"`
	Partition map[string]any `avro:"partition"` // by the name of the field; nil is NULL
	Rows      int64          `avro:"record_count"`
	Bytes     int64          `avro:"file_size_in_bytes"`

	ColumnBytes []Count `avro:"column_sizes"`
	Values      []Count `avro:"value_counts"` // NULLs too
	Nulls       []Count `avro:"null_value_counts"`
	NaNs        []Count `avro:"nan_value_counts"`
	Lower       []Bound `avro:"lower_bounds"`
	Upper       []Bound `avro:"upper_bounds"`

	KeyMetadata []byte  `avro:"key_metadata"`
	Splits      []int64 `avro:"split_offsets"` // where row groups begin
	EqualityIDs []int32 `avro:"equality_ids"`
	SortOrderID *int32  `avro:"sort_order_id"`
	// ReferencedFile is the only data file whose rows are deleted, if it is only one.
	ReferencedFile *string `avro:"referenced_data_file"`
}

// Count is a count of a column.
type Count struct {
	ID int32 `avro:"key"`
	N  int64 `avro:"value"`
}

// Bound is a bound of a column's values; see [AppendValue].
type Bound struct {
	ID    int32  `avro:"key"`
	Value []byte `avro:"value"`
}

// Status is what a snapshot did with a file.
type Status int32

const (
	Existing Status = iota
	Added
	Deleted
)

// Entry is a file of a manifest. What an added file inherits from its manifest is
// filled in when it is read.
type Entry struct {
	Status       Status   `avro:"status"`
	SnapshotID   *int64   `avro:"snapshot_id"`          // that added or deleted the file
	Sequence     *int64   `avro:"sequence_number"`      // of the data: deletes apply to files of lower ones
	FileSequence *int64   `avro:"file_sequence_number"` // of the snapshot that added the file
	File         DataFile `avro:"data_file"`
}

// The files of two readers: position deletes have these columns (Spec, Position
// Delete Files).
const (
	DeletePathID     = 2147483546 // file_path: URI of the data file
	DeletePositionID = 2147483545 // pos: of the row, from 0
)
