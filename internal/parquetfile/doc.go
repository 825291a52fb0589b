// Package parquetfile writes record batches as Parquet. With parquettype and
// parquetread, which reads such files back, it is the border to the Parquet
// library.
//
// An [Encoder] turns a batch into a [RowGroup]; a [Writer] puts row groups into
// a file, in order, and ends it with the page index and the footer. Several
// encoders can work at once. The bytes of a row group depend only on its batch
// and the codec (and for Snappy on the processor, since the library has a
// separate encoder for some architectures).
//
// The structures of the format (footer, page headers, page index, bloom filter
// headers), the bloom filters and the compression come from libraries. The
// pages (levels, dictionary indices, values, statistics) are made here, because
// a batch holds a value only once even if it stands in many rows, and our pages
// are written without repeating it for each row.
//
// # What is written
//
// Files use only what Athena, Trino, Spark, Redshift Spectrum, DuckDB, Arrow
// and Polars can all read: columns of single values and of lists, data pages of
// version 1, encodings PLAIN, RLE and RLE_DICTIONARY. "Spec" in the comments is
// https://parquet.apache.org/docs/file-format/ and parquet.thrift of
// github.com/apache/parquet-format.
package parquetfile
