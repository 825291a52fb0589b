// Package query is SQL over the tables of a lake, as a contract: a session has
// one view for each table and reads nothing else. Implementations are duckdbcli,
// which starts the program duckdb, and duckdblinked, which starts the program
// itself, that contains DuckDB; both pass one suite, querytest.
//
// SQL is code that others may have written, and DuckDB has no borders between
// what it may read. So a session is locked down before it sees a statement: see
// [Statements].
package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/schema"
)

// Session runs statements over the views of its tables.
//
// Implementations MUST be safe for use by several goroutines. A statement MUST
// read nothing but the files of the tables, and MUST NOT write: neither files, nor
// views, nor settings, nor what a later statement could see. It has no network and
// loads no extension. Only a single SELECT, or what DuckDB takes in its place
// (FROM, VALUES, WITH, DESCRIBE, SHOW, SUMMARIZE), is a statement; anything else
// is an [*Error].
type Session interface {
	// Query starts a statement. ctx also governs the reading of the rows: when it
	// ends, or [Limits].Timeout is over, the work of the statement ends soon.
	Query(ctx context.Context, sql string) (Rows, error)

	// Export writes the rows of a statement to a new Parquet file, typed as they
	// are. The file is the caller's, also after an error.
	Export(ctx context.Context, sql, file string) error

	// Close ends the session. Rows that are open are closed first, by the caller.
	io.Closer
}

// Engine makes sessions. The names of files are from the folder.
type Engine func(folder string, tables []Table, limits Limits) Session

// Version says which DuckDB an engine is, as in "duckdb 1.5.6".
func (e Engine) Version(ctx context.Context) (string, error) {
	s := e("", nil, Limits{Memory: 256 << 20, Threads: 1, Timeout: 10 * time.Second})
	defer s.Close()
	rows, err := s.Query(ctx, "SELECT version()")
	if err != nil {
		return "", fmt.Errorf("ask DuckDB for its version: %w", err)
	}
	defer rows.Close()
	row, err := rows.Next()
	if err != nil {
		return "", fmt.Errorf("ask DuckDB for its version: %w", err)
	}
	return "duckdb " + strings.TrimPrefix(*row[0], "v"), nil
}

// Rows are the rows of a statement. They are for one goroutine. Close them: the
// statement holds memory until then.
type Rows interface {
	// Columns are the columns of the result, whose names differ.
	Columns() []Column

	// Next returns the next row: the text of each value, nil for NULL. It
	// returns io.EOF after the last one. Rows come as they are found: they are
	// not all in memory.
	Next() ([]*string, error)

	io.Closer
}

// Column is a column of a result.
type Column struct {
	Name string
	Type string // as DuckDB writes it: BIGINT, DECIMAL(18,4), VARCHAR[]
}

// Table is a table and its files: one view.
type Table struct {
	// Schema names the columns that the view has whatever the files have. Others
	// come after them.
	Schema schema.Schema
	Files  []File
	// Absent says why the files are not there. A statement that reads the table fails
	// with it; it has the columns of Schema. Empty: they are there.
	Absent string
}

// File is a Parquet file of a table.
type File struct {
	Name string // absolute, or from the folder of the session
	// Columns is equal for files that have the same columns. If it is empty, this
	// is not known.
	Columns string
	// Names are those that the columns of the schema have in the file, in their order, empty
	// where it lacks one. The view has no others of the file. Nil: they have their own names.
	// Files with the same columns have the same.
	Names []string
	// Masked are rows that the view does not have, in order, without overlaps.
	Masked []Range
	// Constants are values of all rows, by the name of a column that the file may lack.
	// The view has them in its place.
	Constants map[string]string
}

// Range are rows of a file, counted from 0: from From on, before To.
type Range struct{ From, To int64 }

// Limits bound what a statement may use.
type Limits struct {
	Memory  int64 // bytes
	Threads int
	Timeout time.Duration
	File    int64 // bytes of a file that Export writes; 0: any number
}

// Error is what DuckDB says against a statement. It may quote the statement and
// values of the data.
type Error struct{ Text string }

func (e *Error) Error() string { return e.Text }

// The reasons for the end of a statement that is not its own fault.
var (
	// ErrTimeout says that Limits.Timeout is over.
	ErrTimeout = errors.New("the time limit is over")

	// ErrDied says that the process of the statement ended without a word, as
	// when it needs more memory than it may have.
	ErrDied = errors.New("the query used more memory than it may, or DuckDB crashed")

	// ErrNotLocked says that a DuckDB does not lock itself down, so that it may not
	// see a statement.
	ErrNotLocked = errors.New("DuckDB could not be locked down; is it older than 1.4?")

	// ErrNoEngine says that this program contains no DuckDB, and finds none.
	ErrNoEngine = errors.New("there is no DuckDB: install the program duckdb (pip install duckdb-cli, brew install duckdb, or https://duckdb.org/install) and have it on the PATH")
)

// Number reports whether the values of a column are numbers.
func (c Column) Number() bool {
	kind, _, _ := strings.Cut(c.Type, "(")
	switch kind {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
		"DECIMAL", "FLOAT", "DOUBLE", "BIGNUM":
		return !strings.HasSuffix(c.Type, "]")
	}
	return false
}

// Text reports whether the values of a column are text, which may hold anything.
func (c Column) Text() bool {
	return !c.Number() && c.Type != "BOOLEAN" && !strings.HasPrefix(c.Type, "TIME") && c.Type != "DATE"
}
