// Package tablefiles puts the rows of many source objects into few data files of an
// Iceberg table: a file for each partition that has rows, which ends at a target size.
//
// Rows come in finished batches, as an object was converted. Those of a partition are
// copied into one batch, until that is large enough for a row group. So a small object
// costs a copy of its values, and no file, row group or dictionary of its own.
//
// A file is visible in the store when it ends, and counts for no reader before a
// snapshot names it.
package tablefiles
