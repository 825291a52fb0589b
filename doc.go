// Package sluice turns nested JSON into typed Parquet.
//
//	m, err := mapping.Preset("orders")
//	stats, err := sluice.Convert(ctx, dst, src, m, &sluice.Options{Quarantine: bad})
//
// The input is a JSON array, an array under a wrapper path, a single value,
// NDJSON or concatenated values; plain, gzip or zstd; recognised by its bytes.
// Each record (an order) gives rows by the mapping's explode path. Numbers go
// from their text to decimals and integers; no float lies on the way.
//
// Memory does not grow with the input, only with its largest record. The bytes
// of the output depend on the input, its name where the mapping asks for
// provenance, the mapping, the codec, [Options.Metadata] and the version of
// sluice, not on the number of threads or the time.
//
// A record that does not fit the mapping is quarantined whole; an input that
// cannot be trusted is rejected whole with a [*RejectError]. Before Convert
// returns without an error it has checked that every record read was
// committed, quarantined or skipped, and counted.
package sluice
