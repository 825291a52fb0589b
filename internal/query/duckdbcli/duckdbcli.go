// Package duckdbcli is a session of the program duckdb. Each statement has a
// process of its own: it ends with its limits, at once when the caller wants, and
// leaves nothing to the next one.
package duckdbcli

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"runtime"

	"sluice/internal/query"
	"sluice/internal/query/process"
)

// program is the name of the program. PyPI has it as duckdb-cli.
const program = "duckdb"

// Find is the path of the program, or query.ErrNoEngine.
func Find() (string, error) {
	if runtime.GOOS == "windows" {
		return "", fmt.Errorf("%w (on Windows, sluice uses the program only within WSL)", query.ErrNoEngine)
	}
	name, err := exec.LookPath(program)
	if err != nil {
		return "", query.ErrNoEngine
	}
	return name, nil
}

// Engine is the program that Find has found.
func Engine(program string) query.Engine {
	return func(folder string, tables []query.Table, limits query.Limits) query.Session {
		return Open(program, folder, tables, limits)
	}
}

// Session starts a process for each statement.
type Session struct {
	program string
	folder  string
	tables  []query.Table
	limits  query.Limits
}

var _ query.Session = (*Session)(nil)

// Open makes a session of the program that Find has found. The names of files are
// from the folder.
func Open(program, folder string, tables []query.Table, limits query.Limits) *Session {
	return &Session{program, folder, tables, limits}
}

// Close does nothing: no process outlives its statement.
func (s *Session) Close() error { return nil }

// Query starts a statement.
func (s *Session) Query(ctx context.Context, sql string) (query.Rows, error) {
	if err := query.Check(sql); err != nil {
		return nil, err
	}
	p, err := s.start(ctx, process.Stdout)
	if err != nil {
		return nil, err
	}
	send(p, query.CopyColumns(sql, process.Stdout))
	columns, err := p.Columns()
	if err != nil {
		return nil, p.End(err)
	}
	send(p, query.CopyRows(sql, len(columns), process.Stdout))
	return p.Rows(columns), nil
}

// Export writes the rows of a statement to a Parquet file.
func (s *Session) Export(ctx context.Context, sql, file string) error {
	if err := query.Check(sql); err != nil {
		return err
	}
	p, err := s.start(ctx, file)
	if err != nil {
		return err
	}
	send(p, query.Export(sql, file))
	return p.End(io.EOF)
}

// start starts a process with the views, locked down. It has not seen a statement
// of the caller before the lock is known to hold.
func (s *Session) start(ctx context.Context, output string) (*process.Process, error) {
	p, err := process.Start(ctx, s.limits, s.folder, output, s.program, "-no-init", "-batch", "-bail")
	if err != nil {
		return nil, err
	}
	send(p, query.Statements(s.tables, s.limits, output)...)
	// Safe mode does what query.Lock does, and shuts the commands of the program,
	// such as .shell.
	p.Write(".safe_mode\n.mode list\n.headers off\n")
	send(p, query.Locked)
	line, err := p.Line()
	if err == nil && string(line) != query.IsLocked {
		err = query.ErrNotLocked
	}
	if err != nil {
		return nil, p.End(err)
	}
	return p, nil
}

// send gives the program statements.
func send(p *process.Process, statements ...string) {
	for _, s := range statements {
		p.Write(s + ";\n")
	}
}
