// Package reason holds the codes that say why a record was quarantined or an
// object rejected. docs/reasons.md explains each. They are a contract: reports,
// quarantine files and metrics use the same words.
package reason

// Code is one reason. The zero value means that there is none.
type Code string

// Reasons to quarantine a record.
const (
	BadJSON            Code = "bad_json"
	TruncatedJSON      Code = "truncated_json"
	InvalidUTF8        Code = "invalid_utf8"
	InvalidUnicode     Code = "invalid_unicode"
	DuplicateKey       Code = "duplicate_key"
	NotObject          Code = "not_object"
	NotArray           Code = "not_array"
	MissingField       Code = "missing_field"
	NoRows             Code = "no_rows"
	ZipLength          Code = "zip_length"
	WrongType          Code = "wrong_type"
	BadEmbeddedJSON    Code = "bad_embedded_json"
	BadDecimal         Code = "bad_decimal"
	DecimalScale       Code = "decimal_scale"
	DecimalRange       Code = "decimal_range"
	UnknownMinorUnit   Code = "unknown_minor_unit"
	SeveralMatches     Code = "several_matches"
	NotInteger         Code = "not_integer"
	IntRange           Code = "int_range"
	BadDouble          Code = "bad_double"
	DoubleRange        Code = "double_range"
	BadBoolean         Code = "bad_boolean"
	BadDate            Code = "bad_date"
	BadTimestamp       Code = "bad_timestamp"
	TimestampPrecision Code = "timestamp_precision"
	AmbiguousTime      Code = "ambiguous_time"
	NoSuchTime         Code = "no_such_time"
	KeyMismatch        Code = "key_mismatch"
	NoDomain           Code = "no_domain"
	UnknownField       Code = "unknown_field"
	RecordTooLarge     Code = "record_too_large"
	FieldTooLarge      Code = "field_too_large"
	TooManyRows        Code = "too_many_rows"
)

// Reasons to reject an object. BadJSON, TruncatedJSON, DuplicateKey and
// KeyMismatch are used for objects too.
const (
	EmptyFile          Code = "empty_file"
	NotJSON            Code = "not_json"
	NotJSONBzip2       Code = "not_json_bzip2"
	NotJSONXz          Code = "not_json_xz"
	NotJSONZip         Code = "not_json_zip"
	NotJSONParquet     Code = "not_json_parquet"
	NotJSONAvro        Code = "not_json_avro"
	NotJSONORC         Code = "not_json_orc"
	NotRecords         Code = "not_records"
	EncodingUTF16      Code = "encoding_utf16"
	EncodingUTF32      Code = "encoding_utf32"
	TrailingData       Code = "trailing_data"
	DepthLimit         Code = "depth_limit"
	GzipTruncated      Code = "gzip_truncated"
	GzipChecksum       Code = "gzip_checksum"
	GzipCorrupt        Code = "gzip_corrupt"
	GzipTrailingData   Code = "gzip_trailing_data"
	ZstdTruncated      Code = "zstd_truncated"
	ZstdChecksum       Code = "zstd_checksum"
	ZstdCorrupt        Code = "zstd_corrupt"
	ZstdWindow         Code = "zstd_window"
	ZstdDictionary     Code = "zstd_dictionary"
	DecompressionLimit Code = "decompression_limit"
	DecompressionRatio Code = "decompression_ratio"
	QuarantineShare    Code = "quarantine_share"
	QuarantineBytes    Code = "quarantine_bytes"
	Drift              Code = "drift"
	BadQuarantineFile  Code = "bad_quarantine_file"
)
