package sluice

import "sluice/internal/reason"

// Reason is the code that says why a record was quarantined or an object
// rejected. docs/reasons.md explains each; the words are a contract.
type Reason = reason.Code

// Reasons to quarantine a record.
const (
	ReasonBadJSON            = reason.BadJSON
	ReasonTruncatedJSON      = reason.TruncatedJSON
	ReasonInvalidUTF8        = reason.InvalidUTF8
	ReasonInvalidUnicode     = reason.InvalidUnicode
	ReasonDuplicateKey       = reason.DuplicateKey
	ReasonNotObject          = reason.NotObject
	ReasonNotArray           = reason.NotArray
	ReasonMissingField       = reason.MissingField
	ReasonNoRows             = reason.NoRows
	ReasonWrongType          = reason.WrongType
	ReasonBadDecimal         = reason.BadDecimal
	ReasonDecimalScale       = reason.DecimalScale
	ReasonDecimalRange       = reason.DecimalRange
	ReasonUnknownMinorUnit   = reason.UnknownMinorUnit
	ReasonNotInteger         = reason.NotInteger
	ReasonIntRange           = reason.IntRange
	ReasonBadDouble          = reason.BadDouble
	ReasonDoubleRange        = reason.DoubleRange
	ReasonBadBoolean         = reason.BadBoolean
	ReasonBadDate            = reason.BadDate
	ReasonBadTimestamp       = reason.BadTimestamp
	ReasonTimestampPrecision = reason.TimestampPrecision
	ReasonAmbiguousTime      = reason.AmbiguousTime
	ReasonNoSuchTime         = reason.NoSuchTime
	ReasonNoDomain           = reason.NoDomain
	ReasonUnknownField       = reason.UnknownField
	ReasonRecordTooLarge     = reason.RecordTooLarge
	ReasonFieldTooLarge      = reason.FieldTooLarge
	ReasonTooManyRows        = reason.TooManyRows
)

// Reasons to reject an object. ReasonBadJSON, ReasonTruncatedJSON and
// ReasonDuplicateKey are used for objects too.
const (
	ReasonEmptyFile          = reason.EmptyFile
	ReasonNotJSON            = reason.NotJSON
	ReasonNotJSONBzip2       = reason.NotJSONBzip2
	ReasonNotJSONXz          = reason.NotJSONXz
	ReasonNotJSONZip         = reason.NotJSONZip
	ReasonNotJSONParquet     = reason.NotJSONParquet
	ReasonNotJSONAvro        = reason.NotJSONAvro
	ReasonNotJSONORC         = reason.NotJSONORC
	ReasonNotRecords         = reason.NotRecords
	ReasonEncodingUTF16      = reason.EncodingUTF16
	ReasonEncodingUTF32      = reason.EncodingUTF32
	ReasonTrailingData       = reason.TrailingData
	ReasonDepthLimit         = reason.DepthLimit
	ReasonGzipTruncated      = reason.GzipTruncated
	ReasonGzipChecksum       = reason.GzipChecksum
	ReasonGzipCorrupt        = reason.GzipCorrupt
	ReasonGzipTrailingData   = reason.GzipTrailingData
	ReasonZstdTruncated      = reason.ZstdTruncated
	ReasonZstdChecksum       = reason.ZstdChecksum
	ReasonZstdCorrupt        = reason.ZstdCorrupt
	ReasonZstdWindow         = reason.ZstdWindow
	ReasonZstdDictionary     = reason.ZstdDictionary
	ReasonDecompressionLimit = reason.DecompressionLimit
	ReasonDecompressionRatio = reason.DecompressionRatio
	ReasonQuarantineShare    = reason.QuarantineShare
	ReasonQuarantineBytes    = reason.QuarantineBytes
	ReasonBadQuarantineFile  = reason.BadQuarantineFile
)
