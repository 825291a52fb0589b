// Package catalog is the contract of a catalog, which makes committed files visible
// to query engines, and the rules by which a table may change.
//
// The catalog is separate from the data. Files are committed and accounted for
// without it, so a failure here never fails an object. Nor is a failure forgotten:
// FollowUp does what could not be done before. docs/catalog.md says the same for
// users.
package catalog

import (
	"context"
	"slices"

	"sluice/schema"
)

// Catalog makes tables known to query engines. Implementations are gluecrawler
// (a crawler looks at the files), gluecatalog (the tables are written directly),
// dircatalog (JSON files beside a local lake) and None.
//
// Implementations MUST be safe for use by several goroutines and processes, and
// MUST return soon after ctx ends. An error text MUST NOT hold a value of the data.
type Catalog interface {
	// Refresh makes tables known after commits to them. It is idempotent.
	//
	// It MUST be called once per batch, after the ledger was written and before
	// the events are acknowledged, with the tables of every object of the batch
	// that was committed or found already committed: the worker that committed it
	// may have died before its own Refresh.
	//
	// If one table fails, the others MUST be refreshed all the same. After an
	// error the data are still committed and the objects have not failed; the
	// error is for metrics and logs. If Result.Pending is false after an error,
	// FollowUp will not repair it: the caller MUST call Refresh again, for example
	// by not acknowledging the events.
	Refresh(ctx context.Context, tables []Table) (Result, error)

	// FollowUp does what an earlier Refresh, perhaps in another process, could not
	// do, or what nobody did because the caller of Refresh died. It takes all
	// configured tables. It MUST be called on a schedule, with Written set for
	// tables that are known to have files, and should be called when an event says
	// that a crawler ended. If nothing is left to do it changes nothing. It is
	// idempotent.
	FollowUp(ctx context.Context, tables []Table) (Result, error)
}

// Table is a table as it should be known.
type Table struct {
	Database string // lower-case
	Schema   schema.Schema
	// Location is the folder of the table's files: s3://bucket/prefix/, or for a
	// local lake the path from the folder that the catalog is in, so that the lake
	// can be moved.
	Location    string
	MappingHash string // SHA-256 of the mapping, lower-case hex
	// Written says that a file with these columns is known to exist. If it is
	// false, there may be no file, or only files of an older mapping.
	Written bool
}

// Written returns the tables with Written set.
func Written(tables []Table) []Table {
	all := slices.Clone(tables)
	for i := range all {
		all[i].Written = true
	}
	return all
}

// Name is the table's name with its database: sales.order_lines.
func (t Table) Name() string { return t.Database + "." + t.Schema.Table }

// Result says what was done.
type Result struct {
	Created []string // tables made known, by Name
	Updated []string // tables that got columns or comments
	Started bool     // a crawl was started
	Pending bool     // something is left that FollowUp will do
}

// None does nothing: query engines find the files themselves.
type None struct{}

var _ Catalog = None{}

// Refresh does nothing.
func (None) Refresh(context.Context, []Table) (Result, error) { return Result{}, nil }

// FollowUp does nothing.
func (None) FollowUp(context.Context, []Table) (Result, error) { return Result{}, nil }
