package cli

import (
	"errors"
	"io/fs"
	"syscall"

	"sluice"
	"sluice/internal/catalog"
	"sluice/internal/ledger"
	"sluice/internal/reason"
)

// rejectHints say what a person can do about a rejected input.
var rejectHints = map[reason.Code]string{
	reason.EmptyFile:          "the input is empty; look at the program that wrote it. An input without records is written []",
	reason.TruncatedJSON:      "the input ends too early, perhaps after a broken upload; fetch or export it again",
	reason.BadJSON:            "the syntax is wrong at that byte and what follows cannot be trusted; export again, or write NDJSON, where one bad line harms no other",
	reason.DuplicateKey:       "a key occurs twice outside the records; fix the program that wrote the document",
	reason.NotJSON:            "the input does not begin like JSON; name the right file",
	reason.NotJSONBzip2:       "decompress it first: bunzip2 -c FILE | sluice convert - -o OUT",
	reason.NotJSONXz:          "decompress it first: xz -dc FILE | sluice convert - -o OUT",
	reason.NotJSONZip:         "unpack it first: unzip -p FILE | sluice convert - -o OUT",
	reason.NotJSONParquet:     "this is a Parquet file already",
	reason.NotJSONAvro:        "this is an Avro file; export JSON instead",
	reason.NotJSONORC:         "this is an ORC file; export JSON instead",
	reason.NotRecords:         "no path under records: in the mapping leads to a record; set it to the path of your records",
	reason.EncodingUTF16:      "JSON is UTF-8 (RFC 8259): iconv -f UTF-16 -t UTF-8 FILE | sluice convert - -o OUT",
	reason.EncodingUTF32:      "JSON is UTF-8 (RFC 8259): iconv -f UTF-32 -t UTF-8 FILE | sluice convert - -o OUT",
	reason.TrailingData:       "something follows the end of the document; look at that byte: two files may have been joined",
	reason.DepthLimit:         "raise limits: depth in the mapping if such nesting is meant",
	reason.GzipTruncated:      "the gzip file is incomplete; fetch it again",
	reason.GzipChecksum:       "the gzip file was damaged; fetch it again",
	reason.GzipCorrupt:        "the gzip file was damaged; fetch it again",
	reason.GzipTrailingData:   "cut off what follows the gzip data, or compress the file again",
	reason.ZstdTruncated:      "the zstd file is incomplete; fetch it again",
	reason.ZstdChecksum:       "the zstd file was damaged; fetch it again",
	reason.ZstdCorrupt:        "the zstd file was damaged; fetch it again",
	reason.ZstdWindow:         "compress it again without --long and --ultra",
	reason.ZstdDictionary:     "decompress it with its dictionary: zstd -dc -D DICTIONARY FILE | sluice convert - -o OUT; or compress without one",
	reason.DecompressionLimit: "raise limits: decompressed_bytes in the mapping if the size is meant",
	reason.DecompressionRatio: "raise limits: decompression_ratio in the mapping if you trust the input",
	reason.QuarantineShare:    "with this many bad records the mapping probably does not fit: see sluice mapping preview, or raise limits: quarantine_share",
	reason.QuarantineBytes:    "with this much in quarantine the mapping probably does not fit: see sluice mapping preview, or raise limits: quarantine_bytes",
	reason.BadQuarantineFile:  "a quarantine file holds only entries, and only raw may be changed in an entry; look at that byte, and at the beginning",
}

// twiceHint is for an input that was compressed twice.
const twiceHint = "decompress the outer layer first: gunzip -c FILE | sluice convert - -o OUT (zstd -dc FILE, if that is zstd)"

// hint is what a person can do about an error; empty if nothing is known.
func hint(err error) string {
	var reject *sluice.RejectError
	var object *rejectedError
	switch {
	case errors.As(err, &object):
		return rejectHints[object.reason]
	case errors.As(err, &reject) && reject.Detail == reason.CompressedTwice:
		return twiceHint
	case errors.As(err, &reject):
		return rejectHints[reject.Reason]
	case errors.As(err, new(*reportError)):
		return "only the report is missing: the work itself is done"
	case errors.As(err, new(*catalog.RefusedError)):
		return "the rows are published, but queries may fail or lack columns until the mapping or the table is changed; see docs/catalog.md#glue"
	case errors.Is(err, ledger.ErrDamaged):
		return "sluice run makes it again, unless its object is gone from the source: see docs/ledger.md#care"
	case errors.Is(err, errNoQuarantine):
		return "name a file with --quarantine FILE"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full"
	case errors.Is(err, syscall.EROFS):
		return "the disk is mounted read-only"
	case errors.Is(err, fs.ErrPermission):
		return "look at the owner and the permissions of the file and its folder"
	}
	return ""
}
