// Package process runs each statement of SQL in a process of its own: it ends with its
// limits, at once when the caller wants, and leaves nothing to the next one. Which
// program that is, and how it is told what to do, is a matter of the implementations of
// [query.Session].
package process

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
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sluice/internal/query"
)

// Stdout is the file that a process writes columns and rows to, by COPY. Other ways of
// printing rows keep all of them in memory.
const Stdout = "/dev/stdout"

const (
	maxRow    = 256 << 20 // bytes of a row in JSON
	maxErrors = 64 << 10  // bytes of error texts that are kept
)

// Start starts a program in a folder. It writes no file but output, which may be
// [Stdout].
func Start(ctx context.Context, limits query.Limits, folder, output, program string, args ...string) (*Process, error) {
	within, cancel := context.WithTimeoutCause(ctx, limits.Timeout, query.ErrTimeout)
	cmd := command(within, limits, output == Stdout, program, args...)
	cmd.Dir = folder
	for _, name := range []string{"PATH", "HOME"} { // a script that starts the program may need them
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
	}
	p := &Process{ctx: within, cancel: cancel, cmd: cmd}
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
		return nil, fmt.Errorf("start %s: %w", filepath.Base(program), err)
	}
	return p, nil
}

// Process is the process of a statement.
type Process struct {
	ctx    context.Context
	cancel context.CancelFunc
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errors tail
	ended  bool
}

// Write gives the process a text. If it cannot, the process has ended, and says why
// when its end is asked for.
func (p *Process) Write(text string) { io.WriteString(p.in, text) } //nolint:errcheck // see above

// Line reads a line, without its end. It returns io.EOF where there is none.
func (p *Process) Line() ([]byte, error) {
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

// End ends the process and says why it ended. If err is io.EOF, the process is
// expected to end by itself, and what it says counts.
func (p *Process) End(err error) error {
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

// Columns are those that the process prints in a line, by [query.CopyColumns].
func (p *Process) Columns() (columns []query.Column, err error) {
	line, err := p.Line()
	if err != nil {
		return nil, err
	}
	var described struct{ V [][2]string }
	if err := json.Unmarshal(line, &described); err != nil {
		return nil, fmt.Errorf("read the columns that DuckDB describes: %w", err)
	}
	for _, c := range described.V {
		columns = append(columns, query.Column{Name: c[0], Type: c[1]})
	}
	return columns, nil
}

// Rows are those that the process prints from now on, by [query.CopyRows]. Nothing
// more is written to it.
func (p *Process) Rows(columns []query.Column) query.Rows {
	p.in.Close() // as of Write
	return &rows{process: p, columns: columns}
}

// rows are the rows that a process prints.
type rows struct {
	process *Process
	columns []query.Column
	err     error
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
		if err = r.process.End(err); err == nil {
			err = io.EOF
		}
		r.err = err
	}
	return row, err
}

func (r *rows) next() ([]*string, error) {
	line, err := r.process.Line()
	if err != nil {
		return nil, err
	}
	var row struct{ V []*string }
	if err := json.Unmarshal(line, &row); err != nil || len(row.V) != len(r.columns) {
		return nil, fmt.Errorf("read a row of DuckDB: it is no JSON of %d values", len(r.columns))
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
	_ = r.process.End(errClosed)
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
