// Package upkeep looks after tables whose files objects share: it compares a table with
// its ledger, puts small files together, removes what nobody names any more, and makes a
// lost ledger anew. Nothing of it is needed for a right result, but the last.
//
// What it changes, it commits as a batch is committed: on the head that it read.
package upkeep
