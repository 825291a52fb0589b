// Package duckdblinked is a session of the DuckDB that a program contains. The program
// starts itself for each statement, so that a DuckDB that crashes, or needs too much
// memory, takes nothing else with it, and so that the limits of the operating system
// hold. cmd/sluice-duckdb has the program.
package duckdblinked

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strconv"

	"sluice/internal/query"
	"sluice/internal/query/process"
)

// Argument is the only argument of the process of a statement. The request comes from
// standard input.
const Argument = "duckdb-statement"

// Request is a statement for such a process.
type Request struct {
	Tables []query.Table
	Limits query.Limits
	SQL    string
	File   string // for the rows, in Parquet; empty: they go to standard output
}

// Session starts a process for each statement.
type Session struct {
	program string
	folder  string
	tables  []query.Table
	limits  query.Limits
}

var _ query.Session = (*Session)(nil)

// Engine is a program that answers to [Argument] with [Answer].
func Engine(program string) query.Engine {
	return func(folder string, tables []query.Table, limits query.Limits) query.Session {
		return &Session{program, folder, tables, limits}
	}
}

// Close does nothing: no process outlives its statement.
func (s *Session) Close() error { return nil }

// Query starts a statement.
func (s *Session) Query(ctx context.Context, sql string) (query.Rows, error) {
	p, err := s.start(ctx, sql, "")
	if err != nil {
		return nil, err
	}
	columns, err := p.Columns()
	if err != nil {
		return nil, p.End(err)
	}
	return p.Rows(columns), nil
}

// Export writes the rows of a statement to a Parquet file.
func (s *Session) Export(ctx context.Context, sql, file string) error {
	p, err := s.start(ctx, sql, file)
	if err != nil {
		return err
	}
	return p.End(io.EOF)
}

func (s *Session) start(ctx context.Context, sql, file string) (*process.Process, error) {
	if runtime.GOOS == "windows" {
		return nil, fmt.Errorf("%w (not on Windows)", query.ErrNoEngine)
	}
	if err := query.Check(sql); err != nil {
		return nil, err
	}
	request, err := json.Marshal(Request{s.tables, s.limits, sql, file})
	if err != nil {
		return nil, fmt.Errorf("ask DuckDB: %w", err)
	}
	output := file
	if file == "" {
		output = process.Stdout
	}
	p, err := process.Start(ctx, s.limits, s.folder, output, s.program, Argument)
	if err != nil {
		return nil, err
	}
	p.Write(string(request))
	return p, nil
}

// Answer is what the process of a statement does. run runs statements in an empty
// database in memory, and returns the first value of the result as text, if there is
// one.
func Answer(in io.Reader, run func(sql string) (string, error)) error {
	var r Request
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	output := r.File
	if output == "" {
		output = process.Stdout
	}
	for _, sql := range append(query.Statements(r.Tables, r.Limits, output), query.Lock...) {
		if _, err := run(sql); err != nil {
			return err
		}
	}
	// It has not seen a statement of the caller before the lock is known to hold.
	switch locked, err := run(query.Locked); {
	case err != nil:
		return err
	case locked != query.IsLocked:
		return query.ErrNotLocked
	}
	if r.File != "" {
		_, err := run(query.Export(r.SQL, r.File))
		return err
	}
	if _, err := run(query.CopyColumns(r.SQL, output)); err != nil {
		return err
	}
	columns, err := run(query.CountColumns(r.SQL))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(columns)
	if err != nil {
		return fmt.Errorf("count the columns: %w", err)
	}
	_, err = run(query.CopyRows(r.SQL, n, output))
	return err
}
