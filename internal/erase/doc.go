// Package erase takes the rows of persons out of a lake: out of the files of its tables,
// the quarantine and, if wanted, the objects of the source; and says where they are yet.
//
// The source comes first: as long as it has the records, a run may bring the rows back.
// Each step looks for what is there and replaces it by compare-and-set, so after an error
// the same call goes on, and a second one finds nothing to do. What was asked for is kept
// nowhere, and no report or error has a value.
package erase
