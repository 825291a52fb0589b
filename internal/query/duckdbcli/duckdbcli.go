// Package duckdbcli is a session of the program duckdb. Each statement has a
// process of its own: it ends with its limits, at once when the caller wants, and
// leaves nothing to the next one.
package duckdbcli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"sluice/internal/query"
)

// program is the name of the program. PyPI has it as duckdb-cli.
const program = "duckdb"

// stdout is written by COPY. Other ways of printing rows keep all of them in
// memory, so that the next statement could ask for them.
const stdout = "/dev/stdout"

const (
	maxRow    = 256 << 20 // bytes of a row in JSON
	maxErrors = 64 << 10  // bytes of error texts that are kept
)

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
	return query.Engine{
		Version: func(ctx context.Context) (string, error) { return version(ctx, program) },
		Open: func(folder string, tables []query.Table, limits query.Limits) query.Session {
			return Open(program, folder, tables, limits)
		},
	}
}

// version is the version that a program says it has: "v1.5.6 (Variegata) 0123456789".
func version(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	text, err := exec.CommandContext(ctx, name, "-no-init", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", program, err)
	}
	word, _, _ := strings.Cut(string(text), " ")
	return program + " " + strings.TrimPrefix(strings.TrimSpace(word), "v"), nil
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
	p, err := s.start(ctx, stdout)
	if err != nil {
		return nil, err
	}
	r := &rows{process: p}
	if err := r.begin(sql); err != nil {
		return nil, p.end(err)
	}
	return r, nil
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
	p.send(query.Export(sql, file))
	return p.end(io.EOF)
}

// start starts a process with the views, locked down. It has not seen a statement
// of the caller before the lock is known to hold.
func (s *Session) start(ctx context.Context, output string) (*process, error) {
	within, cancel := context.WithTimeoutCause(ctx, s.limits.Timeout, query.ErrTimeout)
	cmd := command(within, s.limits, output == stdout, s.program, "-no-init", "-batch", "-bail")
	cmd.Dir = s.folder
	for _, name := range []string{"PATH", "HOME"} { // a script that starts the program may need them
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
	}
	p := &process{ctx: within, cancel: cancel, cmd: cmd}
	cmd.Stderr = &p.errors
	in, err := cmd.StdinPipe()
	if err == nil {
		p.in = in
		var out io.ReadCloser
		if out, err = cmd.StdoutPipe(); err == nil {
			p.out = bufio.NewReaderSize(out, 64<<10)
			err = cmd.Start()
		}
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	p.send(query.Statements(s.tables, s.limits, output)...)
	// Safe mode does what query.Lock does, and shuts the commands of the program,
	// such as .shell.
	p.command(".safe_mode", ".mode list", ".headers off")
	p.send(query.Locked)
	line, err := p.line()
	if err == nil && string(line) != query.IsLocked {
		err = errors.New("DuckDB could not be locked down; is the program older than 1.4?")
	}
	if err != nil {
		return nil, p.end(err)
	}
	return p, nil
}

// process is the process of a statement.
type process struct {
	ctx    context.Context
	cancel context.CancelFunc
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errors tail
	ended  bool
}

// send gives the process statements. If it cannot, the process has ended, and says
// why when its end is asked for.
func (p *process) send(statements ...string) {
	for _, s := range statements {
		p.command(s + ";")
	}
}

func (p *process) command(lines ...string) {
	for _, l := range lines {
		io.WriteString(p.in, l+"\n") //nolint:errcheck // see send
	}
}

// line reads a line, without its end. It returns io.EOF where there is none.
func (p *process) line() ([]byte, error) {
	line, err := p.out.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return bytes.TrimSuffix(line, []byte("\n")), err
	}
	long := slices.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) && len(long) < maxRow {
		line, err = p.out.ReadSlice('\n')
		long = append(long, line...)
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("a row has more than %d MiB", maxRow>>20)
	}
	return bytes.TrimSuffix(long, []byte("\n")), err
}

// end ends the process and says why it ended. If err is io.EOF, the process is
// expected to end by itself, and what it says counts.
func (p *process) end(err error) error {
	if p.ended {
		return err
	}
	p.ended = true
	defer p.cancel()
	p.in.Close()
	if !errors.Is(err, io.EOF) {
		p.cancel()
	}
	_, _ = io.Copy(io.Discard, p.out) // Wait needs it read
	failed := p.cmd.Wait()
	switch {
	case !errors.Is(err, io.EOF):
		return err
	case p.ctx.Err() != nil:
		return context.Cause(p.ctx)
	case failed != nil:
		return query.Message(p.errors.String())
	}
	return nil
}

// rows are the rows that a process prints.
type rows struct {
	process *process
	columns []query.Column
	err     error
}

// begin asks for the columns of a statement, and then for its rows.
func (r *rows) begin(sql string) error {
	p := r.process
	p.send("COPY (SELECT list([column_name, column_type]) AS v FROM (" + query.Describe(sql) + ")) TO '" + stdout + "' (FORMAT json)")
	line, err := p.line()
	if err != nil {
		return err
	}
	var described struct{ V [][2]string }
	if err := json.Unmarshal(line, &described); err != nil {
		return fmt.Errorf("read the columns that %s describes: %w", program, err)
	}
	for _, c := range described.V {
		r.columns = append(r.columns, query.Column{Name: c[0], Type: c[1]})
	}
	values, from := query.Texts(sql, len(r.columns))
	p.send("COPY (SELECT [" + values + "] AS v FROM " + from + ") TO '" + stdout + "' (FORMAT json)")
	return p.in.Close()
}

// Columns are the columns of the result.
func (r *rows) Columns() []query.Column { return r.columns }

// Next returns the next row.
func (r *rows) Next() ([]*string, error) {
	if r.err != nil {
		return nil, r.err
	}
	row, err := r.next()
	if err != nil {
		if err = r.process.end(err); err == nil {
			err = io.EOF
		}
		r.err = err
	}
	return row, err
}

func (r *rows) next() ([]*string, error) {
	line, err := r.process.line()
	if err != nil {
		return nil, err
	}
	var row struct{ V []*string }
	if err := json.Unmarshal(line, &row); err != nil || len(row.V) != len(r.columns) {
		return nil, fmt.Errorf("read a row of %s: it is no JSON of %d values", program, len(r.columns))
	}
	for i, v := range row.V {
		row.V[i] = query.Value(v, r.columns[i])
	}
	return row.V, nil
}

// Close ends the statement.
func (r *rows) Close() error {
	if r.err == nil {
		r.err = errClosed
	}
	_ = r.process.end(errClosed)
	return nil
}

var errClosed = errors.New("the rows are closed")

// tail keeps the beginning of what is written to it.
type tail struct{ strings.Builder }

// Write drops what is too much.
func (t *tail) Write(b []byte) (int, error) {
	if left := maxErrors - t.Len(); left > 0 {
		t.Builder.Write(b[:min(left, len(b))])
	}
	return len(b), nil
}

// patience is how long a process may take to end after it was killed.
const patience = 5 * time.Second
