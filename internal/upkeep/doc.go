// Package upkeep looks after tables whose files objects share: it compares a table with
// its ledger, puts small files together, takes the rows of a person out, and makes a lost
// ledger anew. It reads rows; what needs none is in internal/maintain.
//
// What it changes, it commits as a batch is committed: on the head that it read.
package upkeep
