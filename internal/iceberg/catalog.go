package iceberg

import (
	"context"
	"errors"
)

// Catalog knows the current state of tables. Implementations are filecatalog (a
// folder or bucket is enough), gluecatalog and restcatalog; all pass one suite,
// catalogtest.
//
// Implementations MUST be safe for use by several goroutines and processes.
type Catalog interface {
	// Load returns the current state of a table, or an error that wraps ErrNoTable.
	// What it returns is at least as new as each commit that had landed when Load was
	// called.
	Load(ctx context.Context, name string) (*Table, error)

	// Create makes a table without snapshots. The error wraps ErrTableExists if there
	// is one of the name, which may be that of an earlier call whose reply was lost.
	Create(ctx context.Context, name string, first *Metadata) (*Table, error)

	// Commit makes a change of base the current state, and returns it, if the table
	// has the UUID of base and main is still the snapshot of base. Where the whole
	// metadata is compared, as in a folder, any other change in between makes it fail
	// too.
	//
	// Without an error the change has landed. With one, whatever it is, the change may
	// have landed, or may land later: Load says what is current. So a commit is never
	// tried again below this contract: a second try could find the first, and report a
	// conflict with itself.
	Commit(ctx context.Context, base *Table, c Change) (*Table, error)
}

// Table is a state of a table in a catalog.
type Table struct {
	Name     string // in the catalog
	File     string // URI of the metadata file
	Metadata *Metadata
	Version  string // of the catalog's own record, if it has one
}

// The errors of catalogs that callers distinguish.
var (
	ErrNoTable     = errors.New("no such table")
	ErrTableExists = errors.New("the table exists")
	// ErrConflict says that the table was not in the state of the base; see
	// [Catalog.Commit] for what it does not say.
	ErrConflict = errors.New("another commit was faster")
)
