// Package iceberg reads and writes the metadata of Apache Iceberg tables of
// format version 2: table metadata, snapshots, manifest lists and manifests. "Spec"
// in the comments is https://iceberg.apache.org/spec/.
//
// Only what a writer of snapshots needs is here. Data files are made elsewhere;
// here they are names, counts and bounds. A [Catalog] makes a new state of a table
// the current one. What other engines have written is kept as it is: members of the
// metadata that this package does not know, entries of manifests that are written
// again.
//
// The commit is ours, and no library's, since it must be known whether it landed:
// ARCHITECTURE.md explains why, and what the libraries do instead.
package iceberg
