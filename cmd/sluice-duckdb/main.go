// Command sluice-duckdb is the command sluice with DuckDB in it: query and serve need
// no other program. It is a module of its own, since DuckDB needs cgo and libraries of
// 570 MB, which nobody else should download.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"

	"github.com/duckdb/duckdb-go/v2"

	"sluice/internal/cli"
	"sluice/internal/query/duckdblinked"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == duckdblinked.Argument {
		os.Exit(statement(os.Stdin, os.Stderr))
	}
	program, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sluice: find this program:", err)
		os.Exit(1)
	}
	os.Exit(cli.Process(duckdblinked.Engine(program)))
}

// statement is the process of a statement. DuckDB writes rows to standard output.
func statement(in io.Reader, errw io.Writer) int {
	if err := answer(in); err != nil {
		fmt.Fprintln(errw, err)
		return 1
	}
	return 0
}

func answer(in io.Reader) error {
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return err
	}
	defer connector.Close()
	db := sql.OpenDB(connector)
	defer db.Close()
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	defer conn.Close()
	return duckdblinked.Answer(in, func(text string) (string, error) { return first(conn, text) })
}

// first runs a statement, and returns the first value of its result.
func first(conn *sql.Conn, text string) (string, error) {
	rows, err := conn.QueryContext(context.Background(), text)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var value any
	if rows.Next() {
		if err := rows.Scan(&value); err != nil {
			return "", err
		}
	}
	return fmt.Sprint(value), rows.Err()
}
