// Package sluice turns nested JSON into typed Parquet.
//
//	m, err := mapping.Preset("orders")
//	stats, err := sluice.Convert(ctx, dst, src, m, &sluice.Options{Quarantine: bad})
//
// The input is a JSON array, an array under a wrapper path, a single value,
// NDJSON or concatenated values; plain, gzip or zstd; recognised by its bytes.
// Each record (an order) becomes rows by the mapping's explode path. Numbers are
// read from their text into decimals and integers, never by way of a float.
//
// Memory does not grow with the input, only with its largest record. The bytes
// of the output depend on the input, the mapping, the codec, [Options.Metadata],
// the version of sluice, and the input's name if the mapping asks for provenance.
// They do not depend on the number of threads or the time.
//
// A record that does not fit the mapping is quarantined whole; an input that
// cannot be trusted is rejected whole with a [*RejectError]. Before Convert
// returns without an error it has checked that every record read was
// committed, quarantined or skipped, and counted.
package sluice
