package reason

// CompressedTwice is the detail of a NotJSON that is sound below another layer:
// what to do about it is not what to do about other NotJSON.
const CompressedTwice = "the object is compressed twice; one layer is taken off"

// Hint is what a person with the command can do about a rejected object.
func Hint(code Code, detail string) string {
	if detail == CompressedTwice {
		return "decompress the outer layer first: gunzip -c FILE | sluice convert - -o OUT (zstd -dc FILE, if that is zstd)"
	}
	return hints[code]
}

var hints = map[Code]string{
	EmptyFile:          "the input is empty; look at the program that wrote it. An input without records is written []",
	TruncatedJSON:      "the input ends too early, perhaps after a broken upload; fetch or export it again",
	BadJSON:            "the syntax is wrong at that byte and what follows cannot be trusted; export again, or write NDJSON, where one bad line harms no other",
	DuplicateKey:       "a key occurs twice outside the records; fix the program that wrote the document",
	KeyMismatch:        "key in the mapping does not describe the key of this object: change it, or keep such objects in another place. convert and mapping preview take the path of a file for its key, unless --source-key says another",
	NotJSON:            "the input does not begin like JSON; name the right file",
	NotJSONBzip2:       "decompress it first: bunzip2 -c FILE | sluice convert - -o OUT",
	NotJSONXz:          "decompress it first: xz -dc FILE | sluice convert - -o OUT",
	NotJSONZip:         "unpack it first: unzip -p FILE | sluice convert - -o OUT",
	NotJSONParquet:     "this is a Parquet file already",
	NotJSONAvro:        "this is an Avro file; export JSON instead",
	NotJSONORC:         "this is an ORC file; export JSON instead",
	NotRecords:         "no path under records: in the mapping leads to a record; set it to the path of your records",
	EncodingUTF16:      "JSON is UTF-8 (RFC 8259): iconv -f UTF-16 -t UTF-8 FILE | sluice convert - -o OUT",
	EncodingUTF32:      "JSON is UTF-8 (RFC 8259): iconv -f UTF-32 -t UTF-8 FILE | sluice convert - -o OUT",
	TrailingData:       "something follows the end of the document; look at that byte: two files may have been joined",
	DepthLimit:         "raise limits: depth in the mapping if such nesting is meant",
	GzipTruncated:      "the gzip file is incomplete; fetch it again",
	GzipChecksum:       "the gzip file was damaged; fetch it again",
	GzipCorrupt:        "the gzip file was damaged; fetch it again",
	GzipTrailingData:   "cut off what follows the gzip data, or compress the file again",
	ZstdTruncated:      "the zstd file is incomplete; fetch it again",
	ZstdChecksum:       "the zstd file was damaged; fetch it again",
	ZstdCorrupt:        "the zstd file was damaged; fetch it again",
	ZstdWindow:         "compress it again without --long and --ultra",
	ZstdDictionary:     "decompress it with its dictionary: zstd -dc -D DICTIONARY FILE | sluice convert - -o OUT; or compress without one",
	DecompressionLimit: "raise limits: decompressed_bytes in the mapping if the size is meant",
	DecompressionRatio: "raise limits: decompression_ratio in the mapping if you trust the input",
	QuarantineShare:    "with this many bad records the mapping probably does not fit: change it as sluice mapping preview says, or raise limits: quarantine_share",
	QuarantineBytes:    "with this much in quarantine the mapping probably does not fit: change it as sluice mapping preview says, or raise limits: quarantine_bytes",
	Drift:              "add the paths to the mapping, as columns or under drop, and run --changed-mapping; or take the object as it is: sluice run --accept-drift KEY",
	BadQuarantineFile:  "a quarantine file holds only entries, and only raw may be changed in an entry; look at that byte, and at the beginning",
}
