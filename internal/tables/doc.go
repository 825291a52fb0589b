// Package tables makes the rows of many source keys visible in one snapshot of an
// Iceberg table, each key exactly once, in every snapshot, whatever is repeated, late,
// lost, overwritten, deleted, crashed or compacted by others.
//
// The ledger is a part of the table: a snapshot brings rows, takes older rows out of
// sight, and names the root of the ledger, in one compare-and-set of the catalog. So
// there is no order between ledger and table to get wrong. A batch goes
//
//	Load ─> Look ─> (sources are read and converted) ─> Commit
//
// and Load comes before any source is read: a commit asserts the head, hence the
// entries that were read of each key, so what a key shows never goes back, and no
// commit can be applied twice. docs/tables.md explains the protocol.
package tables
