// Package parquetfile writes record batches as Parquet. With parquettype and
// parquetread, which reads such files back, it is the border to the Parquet
// library.
//
// An [Encoder] turns a batch into a [RowGroup]; a [Writer] puts row groups
// into a file, in order, and ends it with the page index and the footer.
// Several encoders can work side by side; the bytes of a row group depend on
// its batch and the codec only (and for Snappy on the processor's architecture,
// since the library has an encoder of its own for some).
//
// The structures of the format (footer, page headers, page index, bloom
// filter headers), the bloom filters and the compression come from
// libraries. The pages (levels, dictionary indices, values, statistics) are
// made here, because a batch holds a value that stands in many rows only once
// and the pages can be written without spreading it over the rows again.
//
// # What is written
//
// Files are kept to what Athena, Trino, Spark, Redshift Spectrum, DuckDB,
// Arrow and Polars all read: flat schema, data pages of version 1, encodings
// PLAIN, RLE and RLE_DICTIONARY, codecs ZSTD and SNAPPY. "Spec" in the comments
// is https://parquet.apache.org/docs/file-format/ and parquet.thrift of
// github.com/apache/parquet-format.
package parquetfile
